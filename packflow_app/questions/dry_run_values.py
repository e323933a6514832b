"""What is typed for a dry run, read and checked; the errors name the flags that take the same."""

from __future__ import annotations

import math
import re

from packflow_app.errors import UsageError

_LEAST_SECONDS = 0.1
_MOST_SECONDS = 1_000_000
_SHORT = 40


def read_batch_sizes(text: str) -> list[int]:
    """The sizes that ``--batch-size`` gives, with commas between them; raises UsageError."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch("[0-9]{1,7}", part) and 1 <= int(part) <= 1_000_000 for part in parts):
        raise UsageError(
            f"--batch-size {_shown(text)} is not a list of whole numbers from 1 to 1,000,000.",
            hint="Write for example --batch-size 1,8,64.",
        )
    return [int(part) for part in parts]


def read_limit(text: str) -> int:
    """How many events ``--limit`` gives; raises UsageError."""
    if not re.fullmatch("[0-9]{1,9}", text.strip()) or not int(text):
        raise UsageError(f"--limit {_shown(text)} is not a number of events.", hint="Write for example --limit 200.")
    return int(text)


def read_tolerance(option: str, text: str) -> float:
    """The tolerance that an option gives; raises UsageError."""
    tolerance = _number(text)
    if tolerance is None:
        raise UsageError(f"{option} {_shown(text)} is not a tolerance.", hint=f"Write for example {option} 1e-6.")
    check_tolerance(option, tolerance)
    return tolerance


def read_seconds(option: str, text: str) -> float:
    """The seconds that an option gives; raises UsageError."""
    seconds = _number(text)
    if seconds is None:
        raise UsageError(f"{option} {_shown(text)} is not a number of seconds.", hint=f"Write for example {option} 30.")
    check_seconds(option, seconds)
    return seconds


def check_tolerance(option: str, tolerance: float | None) -> None:
    """Raise UsageError for what is no tolerance."""
    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise UsageError(f"{option} {tolerance} is not a tolerance.", hint=f"Write for example {option} 1e-6.")


def check_seconds(option: str, seconds: float) -> None:
    """Raise UsageError for what is no time to wait."""
    if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:  # Typer's own bounds let a NaN through
        raise UsageError(
            f"{option} {seconds} is not a number of seconds from {_LEAST_SECONDS} to {_MOST_SECONDS:,}.",
            hint=f"Write for example {option} 30.",
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…")
