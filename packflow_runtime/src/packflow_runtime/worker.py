"""The process that holds the user's model, in the project's own Python: driven by frames, owned by a supervisor."""

from __future__ import annotations

import os
import platform
import signal
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .checking import changed_path
from .codec import choose_codec
from .errors import InferenceBackendError, PackflowError
from .jsonlines import Limits
from .lines import Lines
from .loading import guard_process, load_backend, load_project
from .outcomes import CallObserver, EventRunner, Line
from .pickle_guard import refusal_in
from .progress import Phase, Progress
from .project import project_config_from_data
from .protocol import EVENTS_PER_FRAME, read_frame, write_frame
from .stdio import take_standard_streams
from .tracing import trace_event
from .typed import with_plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .backend import InferenceBackend, StepTimes
    from .codec import Codec
    from .input_schema import InputSchema
    from .jsonlines import Event
    from .model_findings import ModelWatch

_TOLD = EVENTS_PER_FRAME
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Serve frames until the other side closes the pipe.

    ``arguments`` holds the descriptor of the progress record, and ``die-with-parent`` where nobody else would end a
    child whose parent was killed.
    """
    progress = Progress(int(arguments[0]))
    if "die-with-parent" in arguments:
        _die_with_parent()
    source, sink = take_standard_streams()
    session = _Session(progress)
    while frame := read_frame(lambda size: os.read(source, size)):
        header, lines = frame
        reply, outcomes = session.answer(header, lines)
        progress.enter(Phase.IDLE)
        try:
            write_frame(sink, reply, outcomes)
        except BrokenPipeError:  # whoever asked was killed, and nobody is left to tell
            break
    session.close()
    return 0


class _Session:
    """One loaded project and the requests made of it."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.backend: InferenceBackend | None = None
        self.watch: ModelWatch | None = None
        self.codec = choose_codec("stdlib")
        self.schema: InputSchema | None = None

    def answer(self, header: dict[str, Any], lines: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        if header["op"] == "load":
            return self._load(header), []
        if header["op"] == "look":
            return self._look(header), []
        if self.backend is None:
            error = PackflowError("No project is loaded.", hint="Load one before anything is asked of it.")
            return {"op": "failed", "error": error_data(error)}, []
        if header["op"] == "trace":
            return self._trace(self.backend, header, lines), []
        if header["op"] == "findings" and self.watch is not None:
            return {"op": "found", **self.watch.findings(header["files"])}, []
        return self._run(self.backend, header, lines)

    def _run(
        self, backend: InferenceBackend, header: dict[str, Any], lines: list[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Run batches of the sizes in ``batches``; with ``watch_inputs`` also say which events were changed.

        ``failed_batches`` counts the calls that failed though each of their events succeeds.
        """
        watch = _Watch(self.progress, self.codec if header.get("watch_inputs") else None)
        runner = EventRunner(backend, self.codec, watch, schema=self.schema)
        encoded: list[bytes] = []
        codes: list[tuple[int, str]] = []
        start = lost = 0
        for size in header["batches"]:
            stop = start + size
            outcomes = runner.run(Lines(header["numbers"][start:stop], lines[start:stop]))
            encoded += outcomes.encoded
            codes += [(start + index, code) for index, code in outcomes.codes.items()]
            failing = {header["numbers"][start + index] for index in outcomes.codes}
            lost += sum(failing.isdisjoint(numbers) for numbers in watch.failed_batches)
            watch.failed_batches.clear()
            start = stop
        reply = {
            "op": "ran",
            "calls": watch.calls,
            "failed_batches": lost,
            "failures": watch.failures,
            "codes": codes,
            "changed": watch.changed,
        }
        return reply, encoded

    def _trace(self, backend: InferenceBackend, header: dict[str, Any], lines: list[bytes]) -> dict[str, Any]:
        """Run one batch and say what each step gave for the event at ``index``."""
        self.progress.enter(Phase.CALLING, header["numbers"][0])
        events, _ = self.codec.decode(lines)
        return {"op": "traced", "steps": trace_event(backend, events, header["index"])}

    def _load(self, header: dict[str, Any]) -> dict[str, Any]:
        self.progress.enter(Phase.LOADING)
        started = perf_counter_ns()
        try:
            self.codec = choose_codec(header.get("codec", "stdlib"), Limits(**header.get("limits", {})))
            if "trusted" in header:  # a dry run; a stream in children has no reason to look
                from .model_findings import ModelWatch  # noqa: PLC0415 - only then

                self.watch = ModelWatch(header["project"], header["trusted"], record_imports=header["record_imports"])
            if header.get("allowlist") is not None:
                guard_process(header["allowlist"])
            if header.get("input_schema") is not None:
                from .input_schema import InputSchema  # noqa: PLC0415 - only with --strict-input

                self.schema = InputSchema(header["input_schema"])
            sys.dont_write_bytecode = True  # a dry run writes nothing into the project
            backend = _load_backend(header)
        except PackflowError as error:
            told = self.watch.explained(error) if self.watch is not None else refusal_in(error) or error
            return {"op": "failed", "error": error_data(told)}
        self.backend = backend
        return {
            "op": "loaded",
            "load_ns": perf_counter_ns() - started,
            "initialize_ns": backend.initialize_ns,
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "backend": f"{type(backend).__module__}:{type(backend).__qualname__}",
            "stateful": bool(backend.stateful),
            "on_error": str(getattr(backend.config, "on_error", "isolate")),
        }

    def _look(self, header: dict[str, Any]) -> dict[str, Any]:
        """Open a model file that no project holds yet, under the same guard as a dry run's."""
        from .model_findings import ModelWatch  # noqa: PLC0415 - only where a project is made
        from .model_look import look_at_model  # noqa: PLC0415

        self.progress.enter(Phase.LOADING)
        watch = ModelWatch(header["project"], header["trusted"], record_imports=False)
        sys.dont_write_bytecode = True
        sys.path.append(header["project"])  # where classes of the user's own may already be
        try:
            return {"op": "looked", "model": look_at_model(header["path"], header["loader"])}
        except PackflowError as error:
            return {"op": "failed", "error": error_data(watch.explained(error))}

    def close(self) -> None:
        if self.backend is not None:
            self.progress.enter(Phase.CALLING)
            self.backend.close()


class _Watch(CallObserver):
    """Tells the supervisor which call is in hand, and remembers how long each took."""

    def __init__(self, progress: Progress, codec: Codec | None = None) -> None:
        self.progress = progress
        self.codec = codec  # to decode events again, where it is asked whether they were changed
        self.calls: list[list[int]] = []
        self.changed: list[tuple[int, str]] = []
        self.failed_batches: list[Sequence[int]] = []
        self.failures: list[dict[str, Any]] = []

    def call_started(self, lines: Lines) -> None:
        self.progress.enter(Phase.CALLING, lines.numbers[0])

    def call_finished(self, lines: Lines, events: list[Event], times: StepTimes) -> None:
        self.calls.append([len(lines), *times])
        if self.codec is not None and len(self.changed) < _TOLD:
            before, _ = self.codec.decode(lines.raws)
            if len(events) != len(before):  # the list itself was changed
                self.changed.append((lines.numbers[0], ""))
                return
            for number, old, new in zip(lines.numbers, before, events, strict=True):
                path = changed_path(old, new, "")
                if path is not None:
                    self.changed.append((number, path))

    def batch_failed(self, lines: Lines) -> None:
        self.failed_batches.append(lines.numbers)

    def event_failed(self, line: Line, error: InferenceBackendError) -> None:
        if len(self.failures) < _TOLD:
            self.failures.append({"event": line.number, **error_data(error)})


def _load_backend(header: dict[str, Any]) -> InferenceBackend:
    """Load what the header names: a project, or an archive's extracted one with the manifest's configuration."""
    project, overrides = Path(header["project"]), with_plain_text(header.get("overrides", {}), header.get("plain", []))
    if header.get("config") is None:
        return load_project(project, overrides)
    config = project_config_from_data(header["config"])
    return load_backend(project, config, overrides, bytecode_dir=header.get("bytecode_dir"))


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends (Linux); elsewhere a closed pipe ends it when idle."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where it is used

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def error_data(error: PackflowError) -> dict[str, Any]:
    """An error as plain data, for another process to show."""
    original = error.original if isinstance(error, InferenceBackendError) else None
    data = {
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
        "hint": error.hint,
        "file": error.file,
        "line": error.line,
        "exit_code": int(error.exit_code),
        "step": error.step if isinstance(error, InferenceBackendError) else "",
        "type": type(original or error).__name__,
    }
    return {key: _clean(value) if isinstance(value, str) else value for key, value in data.items()}


def _clean(text: str) -> str:
    return text[:4000].encode("utf-8", "backslashreplace").decode("utf-8")
