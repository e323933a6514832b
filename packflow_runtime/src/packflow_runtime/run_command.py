"""The command ``run``: from its options to a stream and an exit code."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .backend import InferenceBackend, wrapped_error
from .codec import choose_codec
from .compression import PlainReader
from .errors import ExitCode, PackflowError
from .jsonlines import Limits, encode
from .reporting import print_error, print_notice
from .stdio import require_input, require_output, take_standard_streams
from .stream import StreamSettings, StreamSummary, run_stream

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from .checkpoints import Checkpoints
    from .dead_letters import DeadLetters
    from .http_status import HttpStatus
    from .metrics import Metrics
    from .output_file import OutputFile
    from .stream_metrics import StreamMetrics
    from .supervised import ChildModels

    Load = Callable[[dict[str, Any]], InferenceBackend]
    LoadChildren = Callable[[dict[str, Any], argparse.Namespace], ChildModels]


def run_command(
    load: Load, load_children: LoadChildren, model_digest: Callable[[], str], options: argparse.Namespace
) -> int:
    """Run the backend that ``load(overrides)`` builds as ``options`` say; returns the exit code.

    ``load_children(overrides, options)`` builds it in processes of its own, where the options ask for that;
    ``model_digest()`` tells one model from another, for checkpoints.
    """
    try:
        with ExitStack() as resources:
            if options.supervise or options.workers > 1:
                return _Command(options, resources, model_digest).run(
                    lambda overrides: load_children(overrides, options)
                )
            return _Command(options, resources, model_digest).run(load)
    except PackflowError as error:
        return print_error(error)
    except KeyboardInterrupt:  # while the model was loaded: a stream ends by itself
        print_notice("interrupted")
        return ExitCode.INTERRUPTED


class _Command:
    """One run; what it opens is closed with ``resources``, the last one first."""

    def __init__(self, options: argparse.Namespace, resources: ExitStack, model_digest: Callable[[], str]) -> None:
        self.options = options
        self.resources = resources
        self.model_digest = model_digest

    def run(self, load: Callable[[dict[str, Any]], InferenceBackend | ChildModels]) -> int:
        """Everything that can fail without the model is done before the model is loaded."""
        options = self.options
        codec = choose_codec(options.codec, Limits(options.max_line_bytes, options.max_depth))
        self.overrides = overrides = self._overrides()
        self._check_output()
        self._check_resume()
        descriptor = self._open_events()
        source, sink = take_standard_streams()
        descriptor = source if descriptor is None else descriptor
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        reader = PlainReader(lambda size: os.read(descriptor, size))
        if is_file:  # a pipe may have nothing to look at yet
            reader.open()
        letters = self._open_dead_letters()
        metrics = self._metrics()
        http = self._serve(metrics)
        settings = StreamSettings(options.batch_size, is_file, codec, letters, options.max_errors, metrics)
        backend = load(overrides)
        try:
            code = self._stream(backend, reader, sink, settings, http)
        except PackflowError as error:
            code = print_error(error)
        except KeyboardInterrupt:  # raised by the model itself
            print_notice("interrupted")
            code = ExitCode.INTERRUPTED
        finally:
            closed = _close(backend)
        return code or closed

    def _stream(
        self,
        backend: InferenceBackend | ChildModels,
        reader: PlainReader,
        sink: int,
        settings: StreamSettings,
        http: HttpStatus | None,
    ) -> int:
        from .config_overrides import describe_config  # noqa: PLC0415 - needs the user's code

        configuration = describe_config(backend) if isinstance(backend, InferenceBackend) else None
        if configuration is not None:
            print_notice(configuration)
        output = self._open_output()
        checkpoints = self._open_checkpoints(backend, output, settings)
        settings = replace(settings, checkpoints=checkpoints)
        if http is not None:
            http.backend = backend
        model_metrics = backend.call_metrics if isinstance(backend, InferenceBackend) else None
        try:
            with self._reports(settings.metrics, model_metrics):
                summary = run_stream(backend, reader.read, sink if output is None else output.descriptor, settings)
            if output is not None and summary.complete:
                if checkpoints is not None:
                    checkpoints.complete()
                output.finish()
                if checkpoints is not None:
                    checkpoints.remove()
        finally:
            if http is not None:
                http.ending = True
            if output is not None and output.partial is not None:
                print_notice(f"the outcomes so far are in {output.partial}")
        print_notice(summary.describe())
        if summary.too_many_errors:
            print_error(self._too_many_errors(summary))
        return summary.exit_code

    def _overrides(self) -> dict[str, Any]:
        from .config_overrides import read_overrides  # noqa: PLC0415 - needs the user's code

        return read_overrides(self.options.config, self.options.assignments, os.environ, print_notice)

    def _check_output(self) -> None:
        if self.options.output is None:
            require_output("Redirect it, or name a file with -o OUT.")
            return
        from .output_file import check_output_path  # noqa: PLC0415 - only with -o

        check_output_path(self.options.output, self.options.events)

    def _open_output(self) -> OutputFile | None:
        if self.options.output is None:
            return None
        from .output_file import OutputFile  # noqa: PLC0415 - only with -o

        path, resume, is_named = self.options.output, self.options.resume, False
        if resume:
            from .checkpoints import has_its_name  # noqa: PLC0415 - only with --resume

            is_named = has_its_name(
                path, path.with_name(f"{path.name}.checkpoint"), path.with_name(f"{path.name}.partial")
            )
        return self.resources.enter_context(OutputFile(path, keep=resume, is_named=is_named))

    def _check_resume(self) -> None:
        options = self.options
        if not options.resume:
            return
        missing = [flag for flag, value in (("EVENTS", options.events), ("-o OUT", options.output)) if value is None]
        if missing or not options.events.is_file():
            raise PackflowError(
                f"--resume goes from a file to a file: {' and '.join(missing)} missing."
                if missing
                else "--resume needs an events file that can be read again.",
                code="usage",
                exit_code=ExitCode.USAGE,
                hint="Write: run EVENTS -o OUT --resume.",
            )

    def _open_checkpoints(
        self, backend: InferenceBackend | ChildModels, output: OutputFile | None, settings: StreamSettings
    ) -> Checkpoints | None:
        """The checkpoints of a run with --resume; a stateful backend gets its state back."""
        if not self.options.resume or output is None:
            return None
        import hashlib  # noqa: PLC0415 - only with --resume

        from .checkpoints import Checkpoints, input_identity  # noqa: PLC0415 - only with --resume
        from .outcomes import BackendState  # noqa: PLC0415 - needs the user's code

        state = BackendState.of(backend) if isinstance(backend, InferenceBackend) else None
        if state is None and isinstance(backend, InferenceBackend) and backend.stateful:
            raise PackflowError(
                "The model is stateful and has no snapshot() and restore(value), so a run cannot be resumed.",
                code="stateful",
                exit_code=ExitCode.USAGE,
                hint="Add both to the backend, or run without --resume.",
            )
        checkpoints = Checkpoints(
            self.options.output.with_name(f"{self.options.output.name}.checkpoint"),
            {
                "model": self.model_digest(),
                "config": hashlib.sha256(encode(self.overrides)).hexdigest(),
                "batch size": settings.batch_size,
                "codec": settings.codec.name,
                "events": input_identity(self.options.events),
            },
            {"output": output.descriptor},
            interval=self.options.checkpoint_every,
            state=state,
            letters=settings.dead_letters,
        )
        if checkpoints.resumed is not None:
            print_notice(f"going on after line {checkpoints.resumed.line:,}")
            if state is not None:
                state.restore(checkpoints.resumed.state)
        return checkpoints

    def _open_events(self) -> int | None:
        """The descriptor of the events file; None for standard input."""
        path: Path | None = self.options.events
        if path is None:
            require_input()
            return None
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            self.resources.callback(os.close, descriptor)
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise IsADirectoryError(21, "it is a folder")
        except OSError as error:
            raise PackflowError(
                f"The events file {path} cannot be opened: {error.strerror}.",
                code="events-not-found",
                exit_code=ExitCode.NOT_FOUND,
                hint="Name an existing file, or pipe events into standard input.",
            ) from None
        return descriptor

    def _open_dead_letters(self) -> DeadLetters | None:
        path: Path | None = self.options.dead_letters
        if path is None:
            return None
        from .dead_letters import DeadLetters  # noqa: PLC0415 - only with --dead-letters

        letters = self.resources.enter_context(DeadLetters(path))
        if letters.found_bytes:
            print_notice(f"dead letters are appended to the {letters.found_bytes:,} bytes in {path}")
        return letters

    def _metrics(self) -> StreamMetrics | None:
        if not (self.options.progress or self.options.metrics_every or self.options.http):
            return None
        from .stream_metrics import StreamMetrics  # noqa: PLC0415 - only where someone looks

        return StreamMetrics()

    def _serve(self, metrics: StreamMetrics | None) -> HttpStatus | None:
        if self.options.http is None or metrics is None:
            return None
        from .http_status import HttpStatus  # noqa: PLC0415 - http.server is slow to import

        http = self.resources.enter_context(HttpStatus(self.options.http, metrics))
        print_notice(f"{http.url} serves /healthz, /readyz and /metrics")
        return http

    def _reports(self, metrics: StreamMetrics | None, model: Metrics | None) -> ExitStack:
        reports = ExitStack()
        if metrics is not None:
            from .live_reports import metrics_report, progress_report  # noqa: PLC0415 - only where someone looks

            if self.options.progress:
                reports.enter_context(progress_report(metrics))
            if self.options.metrics_every:
                reports.enter_context(metrics_report(metrics, self.options.metrics_every, model))
        return reports

    def _too_many_errors(self, summary: StreamSummary) -> PackflowError:
        where = "" if summary.complete else "The run stopped there; all outcomes so far are written."
        return PackflowError(
            f"{summary.failed:,} of {summary.events:,} events failed, more than --max-errors "
            f"{self.options.max_errors.text} allows.",
            detail=where,
            code="too-many-errors",
            exit_code=ExitCode.CHECK_FAILED,
            hint="Look at the failed events, for example with --dead-letters FILE.",
        )


def _close(backend: InferenceBackend | ChildModels) -> int:
    """Close the backend; what it raises is printed and gives an exit code."""
    if not isinstance(backend, InferenceBackend):
        backend.close()
        return ExitCode.OK
    try:
        backend.close()
    except KeyboardInterrupt:
        print_notice("interrupted")
        return ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - the user's code, which may raise anything
        return print_error(wrapped_error("close", error, backend.project_dir))
    return ExitCode.OK
