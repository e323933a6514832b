"""Drive a worker: start it under a supervisor, send it events, and turn any death of it into one clear error."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.deaths import CODES, describe_end, describe_ending, load_error, next_step
from packflow_app.dryrun.log_tail import LogTail
from packflow_app.errors import CancelledError, ModelFailedError, NotFoundError
from packflow_app.runtime import EVENTS_PER_FRAME, PROGRESS_SIZE, read_frame, runtime_import_path, write_frame

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from typing_extensions import Self

    from packflow_app.dryrun.models import Model
    from packflow_app.environments.interpreters import Interpreter

_TICK = 0.05
_SUPERVISOR_SECONDS = 15.0
_FRAME_SECONDS = 0.05
_MOST_FRAME_EVENTS = 1024
_MOST_FRAME_BYTES = 4 << 20
_START = (
    "import sys; sys.path[:1] = [sys.argv.pop(1)]; "
    "from packflow_runtime.{module} import main; sys.exit(main(sys.argv[1:]))"
)


@dataclass(frozen=True)
class WorkerLimits:
    """Seconds per backend call, seconds for import and ``initialize``, bytes of resident memory (None: no bound)."""

    timeout: float = 30.0
    init_timeout: float = 120.0
    memory: int | None = None


@dataclass(frozen=True)
class Loaded:
    """What a worker said once the backend stood: times in seconds."""

    python: str
    backend: str
    stateful: bool
    load_seconds: float
    initialize_seconds: float


@dataclass(frozen=True)
class Answer:
    """What a worker gave for one frame.

    Outcomes as encoded lines, for each call its events and the nanoseconds of each step, how many calls failed though
    each of their events succeeded, the events that failed alone, and, where it was asked for, the events whose input
    the model changed with the path.
    """

    outcomes: list[bytes]
    calls: list[list[int]]
    failed_batches: int
    failures: list[dict[str, Any]]
    changed: list[tuple[int, str]]


@dataclass(frozen=True)
class Findings:
    """What a model did beside answering, as the runtime's ``model_findings`` tells it.

    The pickles it opened with the globals each asks for, the globals that were resolved, its record of imports (see
    ``import_report``), None where none was kept, and the files of the project that were read (see ``opened_files``).
    """

    pickles: list[dict[str, Any]]
    resolved: list[str]
    imports: dict[str, Any] | None
    opened: list[str]


class Worker:
    """A worker process for one model; a context manager that leaves no process behind.

    ``hash_seed`` decides the order of sets, so that two workers can differ in it and one run is like the next.
    Pickles may resolve what is reviewed, the project's own, or ``trusted``. Every
    method raises ModelFailedError when the model raised at load or the process died, NotFoundError when it could not be
    started, CancelledError once ``cancel`` is set.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        model: Model,
        limits: WorkerLimits,
        cancel: threading.Event,
        hash_seed: int = 1,
        trusted: frozenset[str] = frozenset(),
        *,
        record_imports: bool = False,
    ) -> None:
        self.limits = limits
        self._trusted = trusted
        self._record_imports = record_imports
        self._hash_seed = hash_seed
        self.peak_memory = 0
        self._model = model
        self._project_dir = model.folder
        self._interpreter = interpreter
        self._cancel = cancel
        self._log = LogTail()
        self._status: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        # Neither the project nor the user's folder: a model that opens files by a relative path fails here already.
        self._empty = tempfile.TemporaryDirectory(prefix="packflow-dry-run-")
        control, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as progress, theirs:
            progress.truncate(PROGRESS_SIZE)
            options = {
                "control": theirs.fileno(),
                "progress": progress.fileno(),
                "timeout": self.limits.timeout,
                "init_timeout": self.limits.init_timeout,
                "memory": self.limits.memory,
                "folder": self._empty.name,
            }
            self._process = subprocess.Popen(
                [*_python(sys.executable, "supervisor"), json.dumps(options), *self._worker_command(progress.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno(), progress.fileno()],
                start_new_session=True,
                cwd=self._empty.name,
                env=_environment(self._hash_seed, self._empty.name),
                bufsize=0,
            )
        self._control = control
        assert self._process.stderr is not None  # noqa: S101 - it was asked for
        self._log.drain(self._process.stderr.fileno())
        return self

    def _worker_command(self, progress: int) -> list[str]:
        return [*_python(str(self._interpreter.path), "worker", "-X", "faulthandler"), str(progress)]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        assert self._process.stdin is not None  # noqa: S101
        try:
            if kind is None:
                self._process.stdin.close()  # the worker's end of work
                self._finish()
                self._raise_if_dead()
        finally:
            self._control.close()  # the supervisor kills what is left
            self._wait_for_supervisor()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()
            self._empty.cleanup()

    @property
    def log(self) -> str:
        """The last of what the model printed, on either stream."""
        return self._log.text()

    def load(self) -> Loaded:
        """Import and build the model's backend."""
        request = {
            "op": "load",
            "project": str(self._project_dir),
            "config": self._model.config,
            "trusted": sorted(self._trusted),
            "record_imports": self._record_imports,
        }
        header, _ = self._ask(request, [])
        return Loaded(
            python=header["python"],
            backend=header["backend"],
            stateful=header["stateful"],
            load_seconds=header["load_ns"] / 1e9,
            initialize_seconds=header["initialize_ns"] / 1e9,
        )

    def look(self, path: Path, loader: str) -> dict[str, Any]:
        """Open a model file, with one of the runtime's loaders, and say what it takes and gives."""
        request = {"op": "look", "project": str(self._project_dir), "trusted": sorted(self._trusted)}
        header, _ = self._ask({**request, "path": str(path), "loader": loader}, [])
        found: dict[str, Any] = header["model"]
        return found

    def run(self, lines: Sequence[bytes], batch_size: int) -> Iterator[Answer]:
        """Run the backend on the lines in batches of ``batch_size``; one answer a frame, line numbers from 1."""
        starts = range(0, len(lines), batch_size)
        return self.run_batches(lines, [range(start, min(start + batch_size, len(lines))) for start in starts])

    def run_batches(
        self, lines: Sequence[bytes], batches: Sequence[Sequence[int]], *, watch_inputs: bool = False
    ) -> Iterator[Answer]:
        """Run the backend on batches of these lines, each given by indices; answers hold as many as fit a frame."""
        frames = _Frames(lines, batches)
        for frame in frames:
            started = time.monotonic()
            indices = [index for batch in frame for index in batch]
            request = {
                "op": "run",
                "numbers": [index + 1 for index in indices],
                "batches": [len(batch) for batch in frame],
                "watch_inputs": watch_inputs,
            }
            header, outcomes = self._ask(request, [lines[index] for index in indices])
            changed = [(number, path) for number, path in header["changed"]]
            frames.took(time.monotonic() - started)
            yield Answer(outcomes, header["calls"], header["failed_batches"], header["failures"], changed)

    def findings(self, files: Sequence[str]) -> Findings:
        """What the model did so far; ``files`` are its Python files, to look through for imports that did not run."""
        header, _ = self._ask({"op": "findings", "files": list(files)}, [])
        return Findings(header["pickles"], header["resolved"], header["imports"], header["opened"])

    def trace(self, lines: Sequence[bytes], batch: Sequence[int], index: int) -> list[tuple[str, Any]]:
        """Run one batch and give what each step made of the line at ``index``: ``{"value": ...}``, None if unknown."""
        request = {"op": "trace", "numbers": [item + 1 for item in batch], "index": list(batch).index(index)}
        header, _ = self._ask(request, [lines[item] for item in batch])
        return [(step, value) for step, value in header["steps"]]

    def _ask(self, request: dict[str, Any], lines: Sequence[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        assert self._process.stdin is not None  # noqa: S101
        try:
            write_frame(self._process.stdin.fileno(), request, lines)
        except BrokenPipeError:
            self._finish()
            self._raise_if_dead()
        answer = read_frame(self._read)
        if answer is None:
            self._finish()
            self._raise_if_dead()
            raise self._failure("The model's process ended without an answer.", {})
        if answer[0]["op"] == "failed":
            raise load_error(answer[0]["error"], self.log)
        return answer

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101
        descriptor = self._process.stdout.fileno()
        while not select.select([descriptor], [], [], _TICK)[0]:
            if self._cancel.is_set():
                raise CancelledError("The dry run was stopped.", hint="Run it again when you are ready.")
        return os.read(descriptor, size)

    def _finish(self) -> None:
        """Read how the worker ended from the supervisor."""
        if self._status is not None:
            return
        self._control.settimeout(self.limits.timeout + _SUPERVISOR_SECONDS)
        received = b""
        try:
            while not received.endswith(b"\n") and (piece := self._control.recv(4096)):
                received += piece
        except OSError:
            received = b""
        self._status = json.loads(received) if received else {"outcome": "lost"}
        self.peak_memory = self._status.get("peak_memory", 0)

    def _raise_if_dead(self) -> None:
        status = self._status or {"outcome": "lost"}
        if status["outcome"] == "exited" and status["code"] == 0:
            return
        self._log.join()
        if status["outcome"] == "not-started":
            raise NotFoundError(
                f"{self._interpreter.path} could not be started: {status['reason']}.",
                code="python-broken",
                hint="Choose a working Python with --python.",
            )
        raise self._failure(describe_end(status, self.limits), status)

    def _failure(self, title: str, status: dict[str, Any]) -> ModelFailedError:
        place = re.findall(r'File "([^"]+)", line (\d+)', self.log) if status.get("outcome") == "signalled" else []
        inside = [(Path(file), int(line)) for file, line in place if Path(file).is_relative_to(self._project_dir)]
        error = ModelFailedError(
            title,
            code=CODES.get(status.get("outcome", ""), "model-died"),
            hint=next_step(status),
            file=str(inside[0][0].relative_to(self._project_dir)) if inside else None,
            line=inside[0][1] if inside else None,
        )
        error.log = self.log
        if status:
            error.event = status.get("event") or None
            error.ending = describe_ending(status, self.limits)
        return error

    def _wait_for_supervisor(self) -> None:
        try:
            self._process.wait(_SUPERVISOR_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.join()


class _Frames:
    """Successive batches, as many at a time as the worker answers in about a twentieth of a second.

    A round trip costs a tenth of a millisecond, which a model of a microsecond an event would feel with few events a
    frame; with many, a slow one would leave its watcher without news.
    """

    def __init__(self, lines: Sequence[bytes], batches: Sequence[Sequence[int]]) -> None:
        self._lines = lines
        self._batches = batches
        self._events = EVENTS_PER_FRAME

    def __iter__(self) -> Iterator[list[Sequence[int]]]:
        frame: list[Sequence[int]] = []
        events = size = 0
        for batch in self._batches:
            added = sum(len(self._lines[index]) for index in batch)
            if frame and (events + len(batch) > self._events or size + added > _MOST_FRAME_BYTES):
                yield frame
                frame, events, size = [], 0, 0
            frame.append(batch)
            events += len(batch)
            size += added
        if frame:
            yield frame

    def took(self, seconds: float) -> None:
        """Take note of how long the last frame was away."""
        if seconds < _FRAME_SECONDS / 2:
            self._events = min(2 * self._events, _MOST_FRAME_EVENTS)
        elif seconds > 2 * _FRAME_SECONDS:
            self._events = max(self._events // 2, 1)


def _python(executable: str, module: str, *options: str) -> list[str]:
    # As isolated as with -I, which would also ignore the hash seed: the environment is clean, the current folder empty.
    # A json.py in the project cannot stand in for the real one; the runtime's path leaks to no child of the model.
    return [executable, "-s", "-X", "utf8", *options, "-c", _START.format(module=module), str(runtime_import_path())]


def _environment(hash_seed: int, work_dir: str) -> dict[str, str]:
    """The user's environment without what would change a Python; writable folders of the model go with the worker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONHASHSEED": str(hash_seed), "PACKFLOW_WORK_DIR": str(Path(work_dir, "work"))}
