"""A real pseudo-terminal with a program in it: keys go in, the screen that a person would see comes out."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pyte

if TYPE_CHECKING:
    from typing_extensions import Self

ENTER = "\r"
ESCAPE = "\x1b"
TAB = "\t"
RIGHT = "\x1b[C"
DOWN = "\x1b[B"
CTRL_C = "\x03"
CTRL_D = "\x04"
CTRL_U = "\x15"
SECONDS = 120.0
_APART = 0.15
"""Seconds between two keys: an escape right before a letter would be another key."""
_NOT_INHERITED = ("NO_COLOR", "PACKFLOW_THEME", "COLUMNS", "LINES")


class Screen(pyte.Screen):
    """Answers what the program asks of its terminal, such as where the cursor is."""

    answer: Any = None

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """``packflow`` with these words in a terminal of this size; ``raw`` is all that it wrote.

    ``is_mute``: the terminal answers no question of the program; a test may.
    """

    def __init__(
        self,
        *words: str,
        folder: Path,
        columns: int = 80,
        rows: int = 24,
        command: str = sys.executable,
        is_mute: bool = False,
        **variables: str,
    ) -> None:
        known = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        own = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
        state = {"XDG_STATE_HOME": str(folder.parent / ".state")}
        arguments = ["-m", "packflow_app", *words] if command == sys.executable else list(words)
        self.started = time.monotonic()
        self.child = pexpect.spawn(
            command,
            arguments,
            cwd=str(folder),
            env={**known, **own, **state, **variables},
            dimensions=(rows, columns),
            encoding="utf-8",
            codec_errors="replace",
            timeout=5,
        )
        self.raw = ""
        self.screen = Screen(columns, rows)
        self.screen.answer = (lambda _data: None) if is_mute else self.child.send
        self._stream = pyte.Stream(self.screen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.close(force=True)

    @property
    def text(self) -> str:
        """The screen as it is, without the blanks at the ends of its lines."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def press(self, *keys: str) -> None:
        """Type keys, one after the other."""
        for key in keys:
            self.child.send(key)
            end = time.monotonic() + _APART
            while (left := end - time.monotonic()) > 0 and self.read(left):
                pass

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what was written; False once the program has ended."""
        try:
            new = self.child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += new
        self._stream.feed(new)
        return True

    def wait_for(self, wanted: str, seconds: float = SECONDS) -> str:
        """Read until the screen shows ``wanted``; gives the screen."""
        end = time.monotonic() + seconds
        while wanted not in self.text:
            if not self.read() and wanted not in self.text:
                raise AssertionError(f"{wanted!r} was not shown before the end:\n{self.text}")
            if time.monotonic() > end:
                raise AssertionError(f"{wanted!r} is not shown:\n{self.text}")
        return self.text

    def answer(self, wanted: str, keys: str, seconds: float = SECONDS) -> str:
        """Wait for a question and press keys; gives the screen before they were pressed."""
        shown = self.wait_for(wanted, seconds)
        self.press(keys)
        return shown

    def end(self, seconds: float = SECONDS) -> int:
        """Wait for the end of the program; gives its exit code."""
        end = time.monotonic() + seconds
        while self.read():
            if time.monotonic() > end:
                raise AssertionError(f"it does not end:\n{self.text}")
        self.child.wait()
        return self.child.exitstatus if self.child.exitstatus is not None else 128 + (self.child.signalstatus or 0)
