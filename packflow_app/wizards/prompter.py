"""Who asks one question on a terminal, and which one does it here."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.questions.question import Question

Style = Literal["", "bold", "bad"]
_INCAPABLE = ("", "dumb", "unknown")


class Page(Protocol):
    """Where lines are written: standard error, by its one writer."""

    @property
    def width(self) -> int:
        """Columns of a line."""

    @property
    def color(self) -> bool:
        """Whether colours are wanted."""

    def clear(self) -> None:
        """Remove a line that tells how far something is: a question is written where it stands."""

    def line(self, text: str = "", style: Style = "") -> None:
        """Write one line."""

    def answered(self, question: str, answer: str) -> None:
        """Write a question with its answer, which stay."""

    def fragment(self, text: str) -> None:
        """Write the beginning of a line that a person ends."""


class Prompter(Protocol):
    """Asks one question at a time; ``erases``: nothing of a question that was answered stays on the screen."""

    erases: bool

    def forget_typed(self) -> None:
        """Drop what was typed while nothing was asked: it is no answer to a question that could not be seen."""

    def introduce(self, question: Question) -> None:
        """Show what is to be read before the question, once."""

    def ask(self, question: Question, default: str, shown: Callable[[], None]) -> str:
        """The answer: text, or a choice's value. ``shown`` is called once the question can be seen.

        Raises EOFError at the end of input and KeyboardInterrupt.
        """


def prompter_for(page: Page, *, plain: bool) -> Prompter:
    """One with lists to move in where the terminal can do that; else one of numbered lists."""
    if plain or not is_capable():
        from packflow_app.wizards.plain_prompter import PlainPrompter  # noqa: PLC0415 - the other one is not wanted

        return PlainPrompter(page)
    from packflow_app.wizards.questionary_prompter import QuestionaryPrompter  # noqa: PLC0415 - takes 0.3 s

    return QuestionaryPrompter(page)


def drop_pending_input() -> None:
    """Drop what the terminal holds and nobody has read."""
    try:
        import termios  # noqa: PLC0415 - not everywhere
    except ImportError:
        return
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def is_capable() -> bool:
    """Whether the terminal moves its cursor and shows what is not ASCII."""
    encoding = (sys.stderr.encoding or "").lower().replace("-", "")
    return os.environ.get("TERM", "") not in _INCAPABLE and encoding == "utf8"


def read_line() -> str:
    """The next line of standard input, "" at its end. Ctrl-C at a terminal ends the wait, however it is delivered.

    The kernel may hand the signal to another thread, such as one that starts a process, or deliver it just before the
    read: neither interrupts the read. The descriptor of ``signal.set_wakeup_fd`` is written in every case.
    """
    try:
        import select  # noqa: PLC0415 - where a line is asked for
        import termios  # noqa: F401, PLC0415 - where there is none, select takes only sockets
    except ImportError:
        return sys.stdin.readline()
    if not sys.stdin.isatty() or threading.current_thread() is not threading.main_thread():
        return sys.stdin.readline()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        select.select([sys.stdin, woken], [], [])  # the handler of a signal runs right after
    finally:
        signal.set_wakeup_fd(before)
        os.close(woken)
        os.close(wake)
    return sys.stdin.readline()
