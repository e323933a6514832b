"""The model in a child process: a crash or a hang costs one event, not the stream.

When the child dies or does not answer in time it is started again, and the batch it had is retried one event at a time;
an event that the child dies of alone becomes an error record of code ``model-died`` or ``model-timeout``.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .errors import ExitCode, InferenceBackendError, PackflowError
from .jsonlines import DEFAULT_LIMITS, Limits, encode
from .outcomes import BatchOutcomes, error_record
from .progress import SIZE, Phase, Progress
from .protocol import read_frame, write_frame
from .typed import plain_places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .lines import Lines

_TICK = 0.05
# An archive's checked copy stays as it is: what is compiled of its runtime is kept elsewhere, as by the parent.
_START = (
    "import sys; place, kept = sys.argv[1:3]; del sys.argv[1:3]; sys.path[:] = [place, *filter(None, sys.path)]; "
    "writes, sys.dont_write_bytecode = sys.dont_write_bytecode, bool(kept) or sys.dont_write_bytecode; "
    "from packflow_runtime.finders import TreeFinder; sys.dont_write_bytecode = writes; "
    "kept and TreeFinder(place, 'packflow_runtime'.__eq__, kept).install(); "
    "from packflow_runtime.worker import main; sys.path.remove(place); sys.exit(main(sys.argv[1:]))"
)


@dataclass(frozen=True)
class ModelSource:
    """What a child needs to load the model.

    ``config`` is an archive's configuration as its manifest holds it, and ``allowlist`` what its pickles may resolve;
    None reads packflow.yaml in ``project_dir``. ``python`` is the interpreter of the child, by default this one.
    """

    project_dir: Path
    config: dict[str, Any] | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    bytecode_dir: str | None = None
    codec: str = "stdlib"
    limits: Limits = DEFAULT_LIMITS
    allowlist: list[str] | None = None
    input_schema: dict[str, Any] | None = None
    python: str | None = None


class ChildDiedError(Exception):
    """The child ended, or was ended because it did not answer in time."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ModelChild:
    """One child process with the model loaded; used by one thread at a time.

    ``timeout`` is seconds per call of the model, ``init_timeout`` seconds for import and ``initialize``.
    """

    def __init__(self, source: ModelSource, *, timeout: float = 30.0, init_timeout: float = 120.0) -> None:
        self._source = source
        self._limits = {Phase.CALLING: timeout, Phase.LOADING: init_timeout}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """Start the process and load the model; returns what the worker says of it. Raises PackflowError."""
        with tempfile.TemporaryFile() as record:
            record.truncate(SIZE)
            self._progress = Progress(record.fileno())
            self._process = subprocess.Popen(
                [
                    self._source.python or sys.executable,
                    *_flags(),
                    "-c",
                    _START,
                    *_runtime_place(),
                    str(record.fileno()),
                    "die-with-parent",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[record.fileno()],
                start_new_session=True,  # Ctrl-C is the parent's to hear
                bufsize=0,
            )
        source = self._source
        request = {
            "op": "load",
            "project": str(source.project_dir),
            "config": source.config,
            "overrides": source.overrides,
            "plain": plain_places(source.overrides),
            "bytecode_dir": source.bytecode_dir,
            "codec": source.codec,
            "limits": asdict(source.limits),
            "allowlist": source.allowlist,
            "input_schema": source.input_schema,
        }
        try:
            answer, _ = self._ask(request, [])
        except ChildDiedError as death:
            raise InferenceBackendError(
                f"The model's process could not load it: {death}.", code=death.code, hint="Run it without --supervise."
            ) from None
        if answer["op"] == "failed":
            self.stop()
            raise load_error(answer["error"])
        return answer

    def run(self, numbers: Sequence[int], raws: Sequence[bytes]) -> BatchOutcomes:
        """Run the model on one batch of lines; raises ChildDiedError."""
        request = {"op": "run", "numbers": list(numbers), "batches": [len(raws)]}
        answer, encoded = self._ask(request, raws)
        return BatchOutcomes(encoded, dict(answer["codes"]))

    def stop(self) -> None:
        """End the process: politely where it is idle, at once otherwise."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        if self._progress.read().phase is Phase.IDLE:
            try:
                process.wait(self._limits[Phase.CALLING])
            except subprocess.TimeoutExpired:
                pass
            else:
                return
        _kill(process)

    def _ask(self, request: dict[str, Any], raws: Sequence[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ChildDiedError("model-died", "it is not running")
        try:
            write_frame(process.stdin.fileno(), request, raws)
        except BrokenPipeError:
            answer = None
        else:
            answer = read_frame(self._read)
        if answer is None:
            raise self._death()
        return answer

    def _read(self, size: int) -> bytes:
        assert self._process is not None  # noqa: S101 - asked only of a running child
        assert self._process.stdout is not None  # noqa: S101
        descriptor = self._process.stdout.fileno()
        while not select.select([descriptor], [], [], _TICK)[0]:
            activity = self._progress.read()
            limit = self._limits.get(activity.phase)
            if limit is not None and time.monotonic_ns() - activity.since_ns > limit * 1e9:
                _kill(self._process)
                self._process = None
                raise ChildDiedError("model-timeout", f"it did not answer within {limit:g} s")
        return os.read(descriptor, size)

    def _death(self) -> ChildDiedError:
        process, self._process = self._process, None
        assert process is not None  # noqa: S101 - it was asked something
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            code = process.wait(1.0)
        except subprocess.TimeoutExpired:
            _kill(process)
            return ChildDiedError("model-died", "it closed its pipe")
        return ChildDiedError("model-died", _describe_exit(code))


class Child(Protocol):
    """A process with the model loaded, which may die: a child of this one, or one that an engine started."""

    def start(self) -> dict[str, Any]:
        """Start it and load the model; tells its ``stateful`` and ``on_error``. Raises PackflowError."""

    def run(self, numbers: Sequence[int], raws: Sequence[bytes]) -> BatchOutcomes:
        """One outcome per line; raises ChildDiedError where the process is gone, PackflowError for good."""

    def stop(self) -> None:
        """End it, where it runs."""


class SupervisedModel:
    """Outcomes of batches from a child that is started again when it dies."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.restarts = 0
        self.on_error = "isolate"

    def start(self) -> None:
        """Load the model for the first time; raises PackflowError, also for a backend with state to lose."""
        model = self._child.start()
        self.on_error = model["on_error"]
        if model["stateful"]:
            self._child.stop()
            raise PackflowError(
                "The model is stateful: a child that is started again would have forgotten its state.",
                code="stateful",
                exit_code=ExitCode.USAGE,
                hint="Run it without --supervise and --workers.",
            )

    def run(self, lines: Lines) -> BatchOutcomes:
        """One outcome per line, in order; raises PackflowError when the model cannot be loaded again."""
        found = BatchOutcomes([b""] * len(lines), {})
        good = [index for index, number in enumerate(lines.numbers) if number not in lines.faults]
        for index, number in enumerate(lines.numbers):
            fault = lines.faults.get(number)
            if fault is not None:
                _fail(found, index, number, fault.code, "decode", fault)
        if good:
            try:
                self._run_together(lines, good, found)
            except ChildDiedError:
                self._restart()
                for index in good:
                    self._run_alone(lines, index, found)
        return found

    def close(self) -> None:
        """End the child."""
        self._child.stop()

    def _run_together(self, lines: Lines, indices: list[int], found: BatchOutcomes) -> None:
        numbers = [lines.numbers[index] for index in indices]
        outcomes = self._child.run(numbers, [lines.raws[index] for index in indices])
        for place, index in enumerate(indices):
            found.encoded[index] = outcomes.encoded[place]
            if place in outcomes.codes:
                found.codes[index] = outcomes.codes[place]

    def _run_alone(self, lines: Lines, index: int, found: BatchOutcomes) -> None:
        try:
            self._run_together(lines, [index], found)
        except ChildDiedError as death:
            self._restart()
            _fail(found, index, lines.numbers[index], death.code, "process", death)

    def _restart(self) -> None:
        self.restarts += 1
        self._child.start()


class ChildModels:
    """The model in one or several child processes, in the place of a backend.

    Each is started again when it dies. ``release`` is called once they have ended. Raises PackflowError when the model
    cannot be loaded.
    """

    def __init__(self, children: Sequence[Child], release: Callable[[], object] = lambda: None) -> None:
        self.runners = [SupervisedModel(child) for child in children]
        self._release = release
        try:
            for runner in self.runners:
                runner.start()
        except BaseException:
            self.close()
            raise

    @property
    def on_error(self) -> str:
        """What the model's configuration says of events that it fails on: ``isolate`` or ``raise``."""
        return self.runners[0].on_error

    def ready(self) -> bool:
        """Children that were started are ready, and are started again when they are not."""
        return True

    def close(self) -> None:
        """End all children."""
        for runner in self.runners:
            runner.close()
        self._release()


def _fail(found: BatchOutcomes, index: int, number: int, code: str, step: str, error: Exception) -> None:
    """Give the line an error record for its outcome."""
    message = f"the model's process died of this event: {error}" if step == "process" else str(error)
    found.encoded[index] = encode(error_record(number, code, step, type(error).__name__, message))
    found.codes[index] = code


def _runtime_place() -> tuple[str, str]:
    """The folder (or zip) that this very runtime was imported from; where its bytecode is kept, if not beside it."""
    return str(Path(__file__).parent.parent), getattr(__spec__.loader, "bytecode_dir", None) or ""


def _flags() -> list[str]:
    """This interpreter's flags that decide what a child can import, and what importing writes."""
    flags = ["-X", "utf8", "-X", "faulthandler"]
    if sys.flags.isolated:
        flags.append("-I")
    if sys.flags.no_site:
        flags.append("-S")
    if sys.dont_write_bytecode:  # by whoever started this process, or since an unzipped archive stays as it is
        flags.append("-B")
    return flags


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever is in its session, and reap it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None and not stream.closed:
            stream.close()
    process.wait()


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"it ended itself with exit code {code}"
    try:
        return f"it was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was killed by signal {-code}"


def load_error(error: dict[str, Any]) -> PackflowError:
    """What another process told of an error, as ``worker.error_data`` has it."""
    return PackflowError(
        error["title"],
        code=error["code"],
        exit_code=ExitCode(error["exit_code"]),
        hint=error["hint"],
        file=error["file"],
        line=error["line"],
    )
