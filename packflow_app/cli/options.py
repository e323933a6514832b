"""Options that several commands have, and the terminal they all write to."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from packflow_app.cli.terminal import Terminal
from packflow_app.errors import UsageError

_LEAST_SECONDS = 0.1
_MOST_SECONDS = 1_000_000

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")]
NoInputOption = Annotated[bool, typer.Option("--no-input", help="Ask nothing; what is missing is an error.")]
YesOption = Annotated[bool, typer.Option("-y", "--yes", help="Ask nothing, take the default.")]
PythonOption = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PYTHON",
        help="The Python to run the model in (default: as `packflow env info` lists).",
    ),
]


def terminal_of(context: typer.Context, *, as_json: bool) -> Terminal:
    """The terminal as the options before the command want it."""
    return Terminal(as_json=as_json, **context.obj)


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
