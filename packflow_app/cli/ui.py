"""``packflow ui``: hands over to the terminal app, which this face does not know; whoever starts both brings it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from packflow_app.errors import UsageError

OPEN_APP = "packflow.open_app"
"""Where the context keeps what opens the app: ``open_app(screen, theme, plain, debug, port)`` gives an exit code."""
_PORT = 8000


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
    serve: Annotated[
        bool, typer.Option("--serve", help="For a browser on this machine instead, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, metavar="N", help=f"Where --serve listens (default: {_PORT}); 0 takes a free port."
        ),
    ] = None,
) -> int:
    if port is not None and not serve:
        raise UsageError("--port is for --serve.", hint="Add --serve, or leave --port out.")
    if plain and serve:
        raise UsageError("A browser shows the app itself, no menu of plain text.", hint="Leave out --plain or --serve.")
    served = (_PORT if port is None else port) if serve else None
    open_app: Callable[[str, str | None, bool, bool, int | None], Any] = context.meta[OPEN_APP]
    return int(open_app(screen, theme, plain, "--debug" in sys.argv, served))
