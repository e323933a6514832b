"""How the runtime's command line shows an error: what happened, where, and one next step, on standard error."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import PackflowError

_line_is_open = False  # whether the last line on the terminal is one that print_changing() may replace


def print_error(error: PackflowError) -> int:
    """Print ``error`` and return its exit code."""
    lines = [f"error: {printable(error.title)}"]
    lines += [f"  {printable(line)}" for line in error.detail.splitlines()]
    if error.where:
        lines.append(f"  at {printable(error.where)}")
    for number, line in enumerate(error.hint.splitlines()):
        lines.append(f"  {'next:' if not number else '     '} {printable(line)}")
    print_line("\n".join(lines))
    return int(error.exit_code)


def printable(text: str) -> str:
    """Text from somewhere else as a terminal may show it: in one line, and without escapes."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def print_notice(text: str) -> None:
    """Print one line that is neither data nor an error."""
    print_line(f"packflow: {printable(text)}")


def print_line(text: str) -> None:
    """Print a line as it is."""
    global _line_is_open  # noqa: PLW0603 - there is one terminal
    _write(("\n" if _line_is_open else "") + text + "\n")
    _line_is_open = False


def print_changing(text: str) -> None:
    """Print a notice in place of the one that this function printed last; for terminals."""
    global _line_is_open  # noqa: PLW0603 - there is one terminal
    _write(f"\r\x1b[Kpackflow: {text}")
    _line_is_open = True


def _write(text: str) -> None:
    """Write to standard error; one that is closed or gone is no reason for a stream to end."""
    if sys.stderr is None:
        return
    encoding = sys.stderr.encoding or "utf-8"
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()
