"""A real pseudo-terminal for tests: a program runs in it, keys are typed, and the screen is read as eyes would."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyte

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KEYS = {"enter": "\r", "escape": "\x1b", "tab": "\t", "right": "\x1b[C", "down": "\x1b[B", "ctrl+c": "\x03"}
PATIENCE = 120.0


class Terminal:
    """A program and its screen; ``output`` is every byte it wrote."""

    def __init__(self, process: int, descriptor: int, columns: int, lines: int) -> None:
        self.process = process
        self.descriptor = descriptor
        self.output = b""
        self.code: int | None = None
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)

    def read(self, seconds: float = 0.1) -> None:
        """Take up what the program writes meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.descriptor], [], [], left)[0]:
                return
            try:
                piece = os.read(self.descriptor, 1 << 16)
            except OSError:
                piece = b""
            if not piece:
                time.sleep(0.02)
                return
            self.output += piece
            self._stream.feed(piece)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def wait_for(self, text: str, seconds: float = PATIENCE) -> str:
        """Read until the text is on the screen."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < deadline, f"{text!r} did not come:\n{self.text}"
            self.read(0.1)
        return self.text

    def press(self, *keys: str) -> None:
        """Type keys: by name, or a text as it is."""
        for key in keys:
            os.write(self.descriptor, KEYS.get(key, key).encode())
            self.read(0.15)

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end(self, seconds: float = PATIENCE) -> int:
        """Wait for the program's end; its exit code."""
        deadline = time.monotonic() + seconds
        while self.code is None:
            assert time.monotonic() < deadline, f"it goes on:\n{self.text}"
            self.read(0.05)
            self._reap(os.WNOHANG)
        self.read(0.1)
        return self.code

    def _reap(self, flags: int) -> None:
        done, status = os.waitpid(self.process, flags)
        if done:
            self.code = os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)
            self._reap(0)
        os.close(self.descriptor)


@contextlib.contextmanager
def packflow_in_terminal(
    *arguments: str, folder: Path, variables: Mapping[str, str] | None = None, size: tuple[int, int] = (120, 36)
) -> Iterator[Terminal]:
    """``packflow`` in a terminal of this size, in this folder."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "PACKFLOW_THEME", "COLUMNS", "LINES")
    }
    environment = {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(variables or {})}
    environment.setdefault("XDG_STATE_HOME", str(folder.parent / ".state"))
    with run_in_terminal([sys.executable, "-m", "packflow_app", *arguments], folder, environment, size) as terminal:
        yield terminal


@contextlib.contextmanager
def run_in_terminal(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], size: tuple[int, int]
) -> Iterator[Terminal]:
    columns, lines = size
    process, descriptor = pty.fork()
    if process == 0:  # pragma: no cover - the program itself
        try:
            os.chdir(folder)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execvpe(command[0], list(command), dict(environment))
        finally:
            os._exit(127)
    terminal = Terminal(process, descriptor, columns, lines)
    try:
        yield terminal
    finally:
        terminal.close()
