"""Go on where a run from file to file was killed: the output is the same as if it had never stopped.

After a batch the outputs are made durable and one small JSON file says how far the run is: the last line, the size of
each output, the counts, and a stateful backend's snapshot. A run that starts with such a file cuts the outputs to those
sizes and continues after that line. Batches begin at the same events as before, so that a deterministic backend gives
the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .errors import ExitCode, PackflowError
from .stdio import not_writable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .dead_letters import DeadLetters
    from .lines import Lines
    from .outcomes import BackendState

_VERSION = 1
_HEAD = 1 << 16


@dataclass(frozen=True)
class RunState:
    """How far a run is: the last line whose outcome is written, events, errors by code, and the backend's snapshot."""

    line: int
    events: int
    errors: dict[str, int]
    snapshot: Any = None

    @property
    def state(self) -> bytes:
        """The snapshot as the JSON text it was made of."""
        return json.dumps(self.snapshot).encode()


class Checkpoints:
    """The checkpoint of one run.

    ``identity`` holds all that decides the output's bytes; a checkpoint of another run is refused with what differs.
    ``outputs`` names the descriptors that are written to; they must be seekable. ``letters`` are appended to a file
    that may hold those of earlier runs, which stay. ``interval`` is seconds between checkpoints, 0 for one after each
    batch; ``state`` is a stateful backend's.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        outputs: Mapping[str, int],
        *,
        interval: float = 1.0,
        state: BackendState | None = None,
        letters: DeadLetters | None = None,
    ) -> None:
        self.path = path
        self._identity = dict(identity)
        self._fresh = dict(outputs)
        self._outputs = {**outputs, **({"dead letters": letters.descriptor} if letters is not None else {})}
        self._interval = interval
        self._state = state
        self._due = 0.0
        self._last = RunState(0, 0, {})
        self.resumed = self._resume()
        if self.resumed is not None:
            self._last = self.resumed
        if self.resumed is None and letters is not None:  # so that a kill before the next checkpoint is seen, too
            self._write(RunState(0, 0, {}, self._snapshot()))

    def batch_done(self, line: int, events: int, errors: Mapping[str, int]) -> None:
        """Write a checkpoint if one is due; raises PackflowError when it cannot be written."""
        self._last = RunState(line, events, dict(errors))
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + self._interval
        self._write(RunState(line, events, dict(errors), self._snapshot()))

    def complete(self) -> None:
        """All is written, and the output about to get its name: a kill before ``remove`` leaves nothing to do again."""
        last = self._last
        self._write(RunState(last.line, last.events, last.errors, self._snapshot()), is_complete=True)

    def _snapshot(self) -> Any:  # noqa: ANN401 - a JSON value
        return json.loads(self._state.snapshot()) if self._state is not None else None

    def _write(self, state: RunState, *, is_complete: bool = False) -> None:
        try:
            for descriptor in self._outputs.values():
                os.fsync(descriptor)
            sizes = {name: os.fstat(descriptor).st_size for name, descriptor in self._outputs.items()}
            content = {"version": _VERSION, "identity": self._identity, "outputs": sizes, "progress": asdict(state)}
            content["complete"] = is_complete
            _write_durably(self.path, json.dumps(content).encode() + b"\n")
        except OSError as error:
            raise not_writable(f"The checkpoint {self.path}", error) from error

    def remove(self) -> None:
        """The run is complete: nothing is left to resume."""
        self.path.unlink(missing_ok=True)

    def _resume(self) -> RunState | None:
        saved = _read(self.path)
        if saved is None:
            for descriptor in self._fresh.values():
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
            return None
        differing = [key for key, value in self._identity.items() if saved["identity"].get(key) != value]
        if differing or set(saved["outputs"]) != set(self._outputs):
            verb = "differs" if len(differing) == 1 else "differ"
            raise PackflowError(
                f"{self.path} is the checkpoint of another run: {', '.join(differing or ['the outputs'])} {verb}.",
                code="checkpoint-differs",
                exit_code=ExitCode.USAGE,
                file=str(self.path),
                hint="Run as before to continue it, or remove the file to start anew.",
            )
        for name, descriptor in self._outputs.items():
            size = saved["outputs"][name]
            if os.fstat(descriptor).st_size < size:
                raise PackflowError(
                    f"The {name} is shorter than its checkpoint {self.path} says.",
                    code="checkpoint-differs",
                    exit_code=ExitCode.USAGE,
                    file=str(self.path),
                    hint="Remove the checkpoint to start anew.",
                )
            os.ftruncate(descriptor, size)
            os.lseek(descriptor, size, os.SEEK_SET)
        return RunState(**saved["progress"])


def has_its_name(output: Path, checkpoint: Path, partial: Path) -> bool:
    """Whether a run was killed after it gave its output its name and before it removed its checkpoint."""
    if partial.exists() or not output.is_file():
        return False
    saved = _read(checkpoint)
    return saved is not None and saved.get("complete") is True and output.stat().st_size == saved["outputs"]["output"]


def after_line(blocks: Iterator[Lines], line: int) -> Iterator[Lines]:
    """The lines after the one with this number."""
    for block in blocks:
        if not len(block) or block.numbers[-1] <= line:
            continue
        start = next(index for index, number in enumerate(block.numbers) if number > line)
        yield block.part(start, len(block))


def input_identity(path: Path) -> dict[str, Any]:
    """What tells one input file from another: its size, modification time, and the SHA-256 of its first 64 KiB."""
    status = path.stat()
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD)).hexdigest()
    return {"size": status.st_size, "modified_ns": status.st_mtime_ns, "head": head}


def _read(path: Path) -> dict[str, Any] | None:
    """The checkpoint at ``path``, or None where there is none; raises PackflowError for what is not one."""
    try:
        saved = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        saved = None
    if not _is_checkpoint(saved):
        raise PackflowError(
            f"{path} is no checkpoint that can be read.",
            code="checkpoint-invalid",
            exit_code=ExitCode.USAGE,
            file=str(path),
            hint="Remove it to start anew.",
        )
    result: dict[str, Any] = saved
    return result


def _is_checkpoint(saved: Any) -> bool:  # noqa: ANN401 - any JSON
    if not isinstance(saved, dict) or saved.get("version") != _VERSION:
        return False
    identity, outputs, progress = (saved.get(key) for key in ("identity", "outputs", "progress"))
    return (
        isinstance(identity, dict)
        and isinstance(outputs, dict)
        and all(isinstance(size, int) and size >= 0 for size in outputs.values())
        and isinstance(progress, dict)
        and set(progress) == {"line", "events", "errors", "snapshot"}
    )


def _write_durably(path: Path, content: bytes) -> None:
    work = path.with_name(f"{path.name}.new")
    with work.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(work, path)
