"""The command ``run``: from its options to a stream and an exit code."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .backend import InferenceBackend
from .codec import choose_codec
from .compression import PlainReader
from .errors import ExitCode, PackflowError
from .jsonlines import Limits
from .model_command import ModelCommand
from .reporting import print_notice
from .stdio import require_input, require_output, take_standard_streams, write_all
from .stream import StreamSettings, StreamSummary, run_stream

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from .dead_letters import DeadLetters
    from .http_status import HttpStatus
    from .output_file import OutputFile
    from .stream_metrics import StreamMetrics
    from .supervised import ChildModels
    from .target import Target


def run_command(target: Target, options: argparse.Namespace) -> int:
    """Run the target's model as ``options`` say; returns the exit code."""
    resources = ExitStack()
    command = _Command(target, options, resources)
    try:
        with resources:
            code = command.run()
    except PackflowError as error:
        code = command.fail(error)
    except KeyboardInterrupt:  # while the model was loaded: a stream ends by itself
        print_notice("interrupted")
        code = ExitCode.INTERRUPTED
    if options.json:
        command.tell(code)
    return code


class _Command(ModelCommand):
    """One run."""

    def __init__(self, target: Target, options: argparse.Namespace, resources: ExitStack) -> None:
        super().__init__(target, options, resources)
        self.summary: StreamSummary | None = None
        self.sink: int | None = None

    def run(self) -> int:
        """Everything that can fail without the model is done before the model is loaded."""
        options = self.options
        codec = choose_codec(options.codec, Limits(options.max_line_bytes, options.max_depth))
        self.overrides = overrides = self.overridden()
        self._check_output()
        if options.resume:
            from .resuming import check_resume  # noqa: PLC0415 - only with --resume

            check_resume(options)
        schema = self.schema()
        descriptor = self._open_events()
        source, sink = take_standard_streams()
        self.sink = sink
        descriptor = source if descriptor is None else descriptor
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        reader = PlainReader(lambda size: os.read(descriptor, size))
        if is_file:  # a pipe may have nothing to look at yet
            reader.open()
        letters = self._open_dead_letters()
        metrics = self.stream_metrics()
        http = self.http_status(metrics)
        settings = StreamSettings(
            self._lines_a_call(), is_file, codec, letters, options.max_errors, metrics, input_schema=schema
        )
        backend = self.load(overrides)
        try:
            code = self._stream(backend, reader, sink, settings, http)
        except PackflowError as error:
            code = self.fail(error)
        except KeyboardInterrupt:  # raised by the model itself
            print_notice("interrupted")
            code = ExitCode.INTERRUPTED
        finally:
            closed = self.close(backend)
        return code or closed

    def tell(self, code: int) -> None:
        """Tell a program how the run went: one object on the standard output, which the run has not used."""
        from .envelope import envelope, problem_of  # noqa: PLC0415 - only with --json

        data = self.summary.as_json() if self.summary is not None else {}
        data["output"] = None if self.options.output is None else str(self.options.output)
        text = envelope("run", data, [problem_of(error) for error in self.errors], ok=code == ExitCode.OK)
        if self.sink is not None or sys.stdout is not None:
            with suppress(BrokenPipeError):
                write_all(1 if self.sink is None else self.sink, text)

    def loaded(self, overrides: dict[str, Any]) -> InferenceBackend | ChildModels:
        """The model, in the engine's processes or as any command has it; raises PackflowError."""
        if self.options.engine != "local":
            from .engines.running import load_in_engine  # noqa: PLC0415 - only where it is asked for

            return load_in_engine(self.target, overrides, self.options)
        return super().loaded(overrides)

    def stream_metrics(self) -> StreamMetrics | None:
        """Counts, where someone looks."""
        if self.options.engine != "local" and sys.stderr is not None and sys.stderr.isatty():
            self.options.progress = True  # an engine is slow to start, and a person waits
        return super().stream_metrics()

    def _lines_a_call(self) -> int:
        """How many lines go together to what runs the model."""
        if self.options.engine == "local":
            return int(self.options.batch_size)
        from .engines.running import BATCHES_A_CALL  # noqa: PLC0415 - only where it is asked for

        return int(self.options.batch_size * BATCHES_A_CALL[self.options.engine])

    def _stream(
        self,
        backend: InferenceBackend | ChildModels,
        reader: PlainReader,
        sink: int,
        settings: StreamSettings,
        http: HttpStatus | None,
    ) -> int:
        self.tell_configuration(backend)
        output = self._open_output()
        checkpoints = None
        if self.options.resume and output is not None:
            from .resuming import open_checkpoints  # noqa: PLC0415 - only with --resume

            checkpoints = open_checkpoints(self.target, backend, output, settings, self.options, self.overrides)
        settings = replace(settings, checkpoints=checkpoints)
        if http is not None:
            http.backend = backend
        model_metrics = backend.call_metrics if isinstance(backend, InferenceBackend) else None
        try:
            with self.reports(settings.metrics, model_metrics):
                self.summary = summary = run_stream(
                    backend, reader.read, sink if output is None else output.descriptor, settings
                )
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
            self.fail(self.too_many_errors(summary))
        return summary.exit_code

    def _check_output(self) -> None:
        if self.options.output is None:
            if self.options.json:
                raise PackflowError(
                    "--json needs -o OUT: the outcomes would stand where the JSON object goes.",
                    code="usage",
                    exit_code=ExitCode.USAGE,
                    hint="Write: run EVENTS -o OUT --json.",
                )
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
