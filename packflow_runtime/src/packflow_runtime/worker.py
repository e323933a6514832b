"""The process that holds the user's model, in the project's own Python: driven by frames, owned by a supervisor."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .errors import InferenceBackendError, PackflowError
from .loading import load_project
from .outcomes import CallObserver, Line, run_lines
from .progress import Phase, Progress
from .protocol import read_frame, write_frame
from .stdio import take_standard_streams

if TYPE_CHECKING:
    from .backend import InferenceBackend, StepTimes

_FAILURES_TOLD = 20


def main(arguments: list[str]) -> int:
    """Serve frames until the app closes the pipe; ``arguments`` holds the descriptor of the progress record."""
    progress = Progress(int(arguments[0]))
    source, sink = take_standard_streams()
    sys.dont_write_bytecode = True  # a dry run writes nothing into the project
    session = _Session(progress)
    while frame := read_frame(lambda size: os.read(source, size)):
        header, lines = frame
        reply, outcomes = session.answer(header, lines)
        progress.enter(Phase.IDLE)
        write_frame(sink, reply, outcomes)
    session.close()
    return 0


class _Session:
    """One loaded project and the requests made of it."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.backend: InferenceBackend | None = None

    def answer(self, header: dict[str, Any], lines: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        if header["op"] == "load":
            return self._load(header), []
        if self.backend is None:
            return {"op": "failed", "error": _error_data(PackflowError("No project is loaded."))}, []
        watch = _Watch(self.progress)
        numbered = [Line(header["first"] + index, raw) for index, raw in enumerate(lines)]
        size = header["batch_size"]
        outcomes = []
        for start in range(0, len(numbered), size):
            outcomes += run_lines(self.backend, numbered[start : start + size], observer=watch)
        reply = {
            "op": "ran",
            "calls": watch.calls,
            "failed_batches": watch.failed_batches,
            "failures": watch.failures,
        }
        return reply, [item.encoded for item in outcomes]

    def _load(self, header: dict[str, Any]) -> dict[str, Any]:
        self.progress.enter(Phase.LOADING)
        started = perf_counter_ns()
        try:
            backend = load_project(Path(header["project"]), header.get("overrides"))
        except PackflowError as error:
            return {"op": "failed", "error": _error_data(error)}
        self.backend = backend
        return {
            "op": "loaded",
            "load_ns": perf_counter_ns() - started,
            "initialize_ns": backend.initialize_ns,
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "backend": f"{type(backend).__module__}:{type(backend).__qualname__}",
            "stateful": bool(backend.stateful),
        }

    def close(self) -> None:
        if self.backend is not None:
            self.progress.enter(Phase.CALLING)
            self.backend.close()


class _Watch(CallObserver):
    """Tells the supervisor which call is in hand, and remembers how long each took."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.calls: list[list[int]] = []
        self.failed_batches = 0
        self.failures: list[dict[str, Any]] = []

    def call_started(self, lines: list[Line]) -> None:
        self.progress.enter(Phase.CALLING, lines[0].number)

    def call_finished(self, lines: list[Line], times: StepTimes) -> None:
        self.calls.append([len(lines), *times])

    def batch_failed(self, lines: list[Line]) -> None:
        del lines
        self.failed_batches += 1

    def event_failed(self, line: Line, error: InferenceBackendError) -> None:
        if len(self.failures) < _FAILURES_TOLD:
            self.failures.append({"event": line.number, **_error_data(error)})


def _error_data(error: PackflowError) -> dict[str, Any]:
    original = error.original if isinstance(error, InferenceBackendError) else None
    data = {
        "code": error.code,
        "title": error.title,
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
