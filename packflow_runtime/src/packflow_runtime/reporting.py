"""How the runtime's command line shows an error: what happened, where, and one next step, on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import PackflowError


def print_error(error: PackflowError) -> int:
    """Print ``error`` and return its exit code."""
    lines = [f"error: {error.title}"]
    if error.detail:
        lines += [f"  {line}" for line in error.detail.splitlines()]
    if error.where:
        lines.append(f"  at {error.where}")
    if error.hint:
        lines.append(f"  next: {error.hint}")
    _print("\n".join(lines))
    return int(error.exit_code)


def print_notice(text: str) -> None:
    """Print one line that is neither data nor an error."""
    _print(f"packflow: {text}")


def _print(text: str) -> None:
    encoding = sys.stderr.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)  # noqa: T201
