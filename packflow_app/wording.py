"""How paths, counts, sizes, times and foreign text are worded, wherever they are shown."""

from __future__ import annotations

import shlex
from pathlib import Path

from packflow_app.placing import absolute as whole

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SPANS = ((60, "s"), (3600, "min"), (86_400, "h"), (float("inf"), "d"))

ENVIRONMENT_STEPS = {
    "wait": "waiting",
    "python": "looking for the Python",
    "create": "making the environment",
    "install": "installing the requirements",
    "runtime": "installing the runtime",
    "lock": "resolving the requirements",
    "wheels": "fetching wheels",
    "replay": "replaying the golden events",
}
"""What is being done to an environment, by its step."""


def shown_path(path: Path) -> str:
    """``path`` relative to the current folder where it lies below it, quoted so that a shell can take it."""
    absolute = whole(path)
    here = Path.cwd()
    return shlex.quote(str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute))


def home_path(path: Path) -> str:
    """``path`` for eyes alone: the home folder is ``~``."""
    home = Path.home()
    if path == home:
        return "~"
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def counted(number: int, noun: str) -> str:
    """Such as 1 field, 2 fields, 53,615 fields."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def sized(size: int) -> str:
    """Bytes in the unit that leaves three or four digits: 812 B, 4.2 KiB, 1.8 GiB."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:,.0f} {_UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {_UNITS[unit]}"


def ago(seconds: float) -> str:
    """How long ago, in one number: now, 12 s, 3 min, 1 h, 4 d."""
    if seconds < 2:
        return "now"
    lower = 1
    for upper, unit in _SPANS:
        if seconds < upper:
            return f"{seconds / lower:.0f} {unit}"
        lower = int(upper)
    raise AssertionError(seconds)  # not a number


def visible(text: str) -> str:
    """``text`` with terminal escapes and other control characters spelled out."""
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in text)
