"""``packflow ui``: hands over to the terminal app, which this face does not know; whoever starts both brings it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

OPEN_APP = "packflow.open_app"
"""Where the context keeps what opens the app: ``open_app(screen, theme, plain, debug)`` gives an exit code."""


def command(
    context: typer.Context,
    screen: Annotated[
        str,
        typer.Argument(metavar="SCREEN", help="home, events, dry-run, validate, export or archive, or its number."),
    ] = "home",
    *,
    theme: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="dark, light, ansi (the terminal's own colours) or none."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="A numbered menu of plain text instead.")] = False,
) -> int:
    open_app: Callable[[str, str | None, bool, bool], Any] = context.meta[OPEN_APP]
    return int(open_app(screen, theme, plain, "--debug" in sys.argv))
