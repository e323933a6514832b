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
    lines = [f"error: {error.title}"]
    if error.detail:
        lines += [f"  {line}" for line in error.detail.splitlines()]
    if error.where:
        lines.append(f"  at {error.where}")
    if error.hint:
        lines.append(f"  next: {error.hint}")
    print_line("\n".join(lines))
    return int(error.exit_code)


def print_notice(text: str) -> None:
    """Print one line that is neither data nor an error."""
    print_line(f"packflow: {text}")


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
