"""How paths and counts are worded."""

from __future__ import annotations

import shlex
from pathlib import Path


def shown_path(path: Path) -> str:
    """``path`` relative to the current folder where it lies below it, quoted so that a shell can take it."""
    absolute = path.absolute()
    here = Path.cwd()
    return shlex.quote(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))


def counted(number: int, noun: str) -> str:
    """Such as 1 field, 2 fields, 53,615 fields."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
