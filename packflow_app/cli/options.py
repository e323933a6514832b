"""Options that several commands have, and the terminal they all write to."""

from __future__ import annotations

from typing import Annotated

import typer

from packflow_app.cli.terminal import Terminal

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
TrustModelOption = Annotated[bool, typer.Option("--trust-model", help="Yes, open the pickle: I trust who made it.")]
TrustPickleOption = Annotated[
    list[str] | None,
    typer.Option("--trust-pickle", metavar="NAME", help="Also let its pickles use this global (repeatable)."),
]


def terminal_of(context: typer.Context, *, as_json: bool) -> Terminal:
    """The terminal as the options before the command want it."""
    return Terminal(as_json=as_json, **context.obj)
