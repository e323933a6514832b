"""The one writer of standard output and standard error: data on one, everything else on the other."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from packflow_app.errors import NotWritableError
from packflow_app.result import Problem, Result
from packflow_app.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.runtime import PackflowError

_PROGRESS_SECONDS = 2.0
_WORDS = re.compile(r"[A-Za-z ,]*")
_WORD = re.compile(r"\S+\s*")
_NARROWEST = 20
_LOG_LINES = 12
_WIDE = 200


__all__ = ["Terminal", "bar", "columns", "discard_output", "visible"]


class _Console(Console):
    """A console whose reader may go away: the command goes on to its end, and its exit code is the one it earned."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class Terminal:
    """Shows results and errors to a person, or as one JSON object to a program (``as_json``)."""

    def __init__(
        self,
        *,
        color: str = "auto",
        quiet: bool = False,
        as_json: bool = False,
        plain: bool = False,
        command: list[str],
    ) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        self.quiet = quiet
        self.as_json = as_json
        self.plain = plain
        self.command = command
        options: dict[str, Any] = {"highlight": False, "emoji": False, "soft_wrap": True}
        if color == "always":  # a flag outranks NO_COLOR and TERM
            options |= {"force_terminal": True, "no_color": False, "color_system": "standard"}
        elif color == "never" or plain or os.environ.get("NO_COLOR"):
            options |= {"no_color": True, "color_system": None}
        self.out = _Console(**options)
        self.err = _Console(stderr=True, **options)
        self._live = sys.stderr.isatty()
        self._progress_due = 0.0 if self._live else time.monotonic() + _PROGRESS_SECONDS
        self._progress_width = 0
        self._progress_of = ""

    @property
    def width(self) -> int:
        """Columns of a line; wide where no one looks at a window."""
        return self.out.width if self.out.is_terminal or "COLUMNS" in os.environ else _WIDE

    def emit(self, result: Result) -> int:
        """Print the JSON envelope where it was asked for; returns the exit code either way."""
        if self.as_json:
            escaped = sys.stdout.encoding.lower() != "utf-8"  # an escape of another kind would not be JSON
            answer = result.envelope(self.command)
            text = json.dumps(answer, ensure_ascii=escaped, allow_nan=False, indent=2, default=str)
            try:
                with _standard_output():
                    sys.stdout.write(text + "\n")
                    sys.stdout.flush()
            except BrokenPipeError:  # nobody reads it; the exit code still tells
                discard_output()
        else:
            for warning in result.warnings:
                self.problem(warning, "warning", "yellow")
            for error in result.errors:
                self.problem(error, "error", "red")
        return int(result.exit_code)

    def fail(self, error: PackflowError) -> int:
        """Show an error that ended the command; returns its exit code."""
        log = getattr(error, "log", "")
        if log and not self.as_json:
            self.log(log)
        if error.code == "output-lost":
            self.as_json = False
        result = Result({"log": log} if log else {}, errors=[Problem.of(error)], exit_code=error.exit_code)
        try:
            return self.emit(result)
        except (BrokenPipeError, SystemExit):  # nobody reads it; the exit code still tells
            discard_output()
            return int(error.exit_code)

    def problem(self, problem: Problem, label: str, style: str) -> None:
        """Title, place and next step, on standard error."""
        self.end_progress()
        self.err.print(f"[bold {style}]{label}:[/] {escape(visible(problem.message))}")
        if problem.file is not None:
            line = f":{problem.line}" if problem.line is not None else ""
            self.err.print(f"  at {escape(visible(problem.file))}{line}")
        if problem.hint:
            first, *others = problem.hint.split("\n")
            self.err.print(f"  [bold]next:[/] {escape(visible(first))}")
            for line in others:  # of code that is to be run
                self.err.print(f"  {escape(visible(line))}".rstrip())

    def log(self, text: str) -> None:
        """The last lines that the model printed, on standard error."""
        lines = text.rstrip().splitlines()
        self.end_progress()
        self.err.print("[dim]the model printed last:[/]")
        for line in lines[-_LOG_LINES:]:
            self.err.print(f"  [dim]│[/] {escape(visible(line))}")

    def say(self, text: str = "") -> None:
        """One line of the command's result, with rich markup; nothing under --json."""
        if not self.as_json:
            self.end_progress()
            with _standard_output():
                self.out.print(visible(text))

    def prose(self, text: str) -> None:
        """A line in words: one that is longer than the terminal is wide is folded between them, and indented.

        Not for what is to be copied: a command stays one line, which the terminal itself breaks where it ends.
        """
        if self.as_json:
            return
        line = Text.from_markup(visible(text))
        indent = len(line.plain) - len(line.plain.lstrip())
        if line.cell_len <= self.width:
            self.say(text)
            return
        line.rstrip()
        words = line[indent:]
        folded = words.divide(_breaks(words.plain, max(self.width - indent - 2, _NARROWEST)))
        self.end_progress()
        with _standard_output():
            for number, piece in enumerate(folded):
                piece.rstrip()
                self.out.print(Text(" " * (indent + 2 * bool(number))).append_text(piece))

    def text(self, text: str) -> None:
        """Data as it is, on standard output."""
        self.end_progress()
        with _standard_output():
            sys.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """What was done beside the result, on standard error; nothing under --json or -q."""
        if not self.as_json and not self.quiet:
            self.end_progress()
            self.err.print(visible(text), markup=False)

    def show(self, table: Table) -> None:
        """A table of the command's result; nothing under --json."""
        if not self.as_json:
            self.end_progress()
            with _standard_output():
                self.out.print(table)

    def progress(self, text: str) -> None:
        """What is being done now: one changing line on a terminal, a line every few seconds in a log.

        On a terminal what is begun is shown at once, how far it is ten times a second: the last word may stay for long.
        """
        if self.quiet or self.as_json:
            return
        begun, self._progress_of = _phase(text) != self._progress_of, _phase(text)
        if time.monotonic() < self._progress_due and not (begun and self._live):
            return
        if self._live:
            self._progress_due = time.monotonic() + 0.1
            self.end_progress()
            self._progress_width = len(text) + 2
            sys.stderr.write(f"  {text}")
            sys.stderr.flush()
        else:
            self._progress_due = time.monotonic() + _PROGRESS_SECONDS
            self.err.print(f"  {text}", markup=False)

    def end_progress(self) -> None:
        """Remove the changing line, with blanks: an escape code is not for every terminal."""
        if self._progress_width:
            sys.stderr.write(f"\r{' ' * self._progress_width}\r")
            self._progress_width = 0
            sys.stderr.flush()


def _breaks(text: str, width: int) -> list[int]:
    """Where to begin a new line so that none is wider, as far as words allow: those are never taken apart."""
    places, column = [], 0
    for word in _WORD.finditer(text):
        if column and column + len(word[0].rstrip()) > width:
            places.append(word.start())
            column = 0
        column += len(word[0])
    return places


def _phase(text: str) -> str:
    """What a line of progress is about: the words that it begins with."""
    words = _WORDS.match(text)
    return words[0] if words is not None else ""


@contextmanager
def _standard_output() -> Iterator[None]:
    """Turn a standard output that takes no more (a full disk) into an error; a closed pipe ends the command."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise output_lost(error) from error


def output_lost(error: OSError) -> NotWritableError:
    """The error for a standard output that takes nothing."""
    is_closed = error.errno == errno.EBADF
    return NotWritableError(
        f"Standard output cannot be written: {'it is closed' if is_closed else error.strerror}.",
        code="output-lost",
        hint=f"{'Run it with standard output open' if is_closed else 'Make room'}, or send it elsewhere; what the "
        "command wrote to files is in place.",
    )


def check_standard_output() -> None:
    """Raise NotWritableError where standard output is closed, before work is done whose result would be lost."""
    with _standard_output():
        os.write(sys.stdout.fileno(), b"")


def discard_output() -> None:
    """Send what is still buffered nowhere, so that the end of the process does not fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def columns(*headers: str, right: int = 0) -> Table:
    """A table without lines; the last ``right`` columns are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, header in enumerate(headers):
        table.add_column(header, justify="right" if index >= len(headers) - right else "left", no_wrap=True)
    return table


def bar(share: float, width: int) -> str:
    """A bar of at most ``width`` columns, an eighth of a column at a time; of ``#`` where the output has no blocks."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if sys.stdout.encoding.lower().replace("-", "") != "utf8":
        return "#" * max(1, eighths // 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
