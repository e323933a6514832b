"""Run the programs that make environments: their lines become progress, and none of them outlives its caller."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal

from packflow_app.errors import CancelledError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Step = Literal["wait", "python", "create", "install", "runtime", "lock", "replay", "wheels"]

_KEPT_LINES = 200
_TICK = 0.05
_GRACE = 0.5
# What would lead a tool elsewhere than to the environment it is given.
_MISLEADING = (
    "CONDA_PREFIX",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "PYTHONHOME",
    "PYTHONPATH",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)


@dataclass(frozen=True)
class EnvironmentProgressed:
    """Work on an environment got on: which step, and what the tool at work said, where it said something."""

    step: Step
    text: str = ""


class ToolFailedError(Exception):
    """A program ended with another exit code than 0; ``lines`` are the last that it wrote."""

    def __init__(self, lines: Sequence[str], exit_code: int = 1) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Toolbox:
    """How programs are run for one project: where, who hears of progress, and what stops them.

    ``held`` is the descriptor of the environment's lock. Programs inherit it, so that one that outlives a killed
    Packflow keeps the next one waiting until it has ended.
    """

    folder: Path
    report: Callable[[EnvironmentProgressed], None] = lambda _progress: None
    cancel: threading.Event = field(default_factory=threading.Event)
    held: int | None = None

    def within(self, folder: Path) -> Toolbox:
        """The same for another folder."""
        return replace(self, folder=folder)

    def run(
        self,
        step: Step,
        command: Sequence[str],
        environment: dict[str, str] | None = None,
        *,
        output: Path | None = None,
    ) -> list[str]:
        """Run ``command`` in the project's folder; returns its last lines, standard error among them.

        With ``output`` its standard output goes to that file instead. Raises ToolFailedError, NotFoundError when it
        cannot be started, CancelledError once ``cancel`` is set.
        """
        self.report(EnvironmentProgressed(step))
        try:
            with nullcontext(subprocess.PIPE) if output is None else output.open("wb") as sink:
                process = subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=_environment(environment or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT if output is None else subprocess.PIPE,
                    start_new_session=True,
                    pass_fds=() if self.held is None or os.name == "nt" else (self.held,),
                )
        except OSError as error:
            raise NotFoundError(
                f"{command[0]} could not be started: {error.strerror}.",
                code="installer-broken",
                hint="Install it again, or take the other installer: --installer uv or --installer pip.",
            ) from None
        try:
            lines = self._follow(process, step)
        finally:
            _end(process)
        if process.returncode:
            raise ToolFailedError(lines, process.returncode)
        return lines

    def _follow(self, process: subprocess.Popen[bytes], step: Step) -> list[str]:
        """Hand on what the process says until it has ended; returns its last lines."""
        said: SimpleQueue[str | None] = SimpleQueue()
        threading.Thread(target=_read, args=(process, said), name="tool-output", daemon=True).start()
        lines: deque[str] = deque(maxlen=_KEPT_LINES)
        while True:
            check_cancelled(self.cancel)
            try:
                line = said.get(timeout=_TICK)
            except Empty:
                if process.poll() is not None:  # and a child of it keeps the pipe open
                    return list(lines)
                continue
            if line is None:
                break
            lines.append(line)
            self.report(EnvironmentProgressed(step, line))
        while process.poll() is None:
            check_cancelled(self.cancel)
            time.sleep(_TICK)
        return list(lines)


def _read(process: subprocess.Popen[bytes], said: SimpleQueue[str | None]) -> None:
    stream = process.stdout or process.stderr
    assert stream is not None  # noqa: S101 - one of them was asked for
    with stream:
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip()
            if line:
                said.put(line)
    said.put(None)


def check_cancelled(cancel: threading.Event) -> None:
    """Raise CancelledError once ``cancel`` is set."""
    if cancel.is_set():
        raise CancelledError("Work on the environment was stopped.", hint="Run it again when you are ready.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, with its children, which are all of its session."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    if os.name == "nt":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _environment(changes: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return {**inherited, "NO_COLOR": "1", **changes}
