"""``packflow serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from packflow_app.actions.run import RunOptions, prepare_run
from packflow_app.cli.handing_over import CONTEXT, RuntimeParser, become, help_text, own_parser, whole_parser
from packflow_app.cli.options import terminal_of
from packflow_app.runtime import SERVE_DESCRIPTION, ExitCode, add_serve_command

__all__ = ["CONTEXT", "command"]

TAKES = "ARCHIVE|PROJECT --source ADDRESS --sink ADDRESS"


def command(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="ARCHIVE|PROJECT [OPTIONS]")] = None,
) -> int:
    given = words or []
    if not {"-h", "--help"}.isdisjoint(given):
        terminal_of(context, as_json=False).text(help_text("serve", TAKES, serve_parser()))
        return ExitCode.OK
    terminal = terminal_of(context, as_json="--json" in given)
    own, rest = own_parser("serve").parse_known_args(given)
    told = serve_parser().parse_args(given)
    return become(prepare_run(RunOptions(told.target, rest, terminal.command, own.python, "serve")))


def serve_parser() -> RuntimeParser:
    """All that `packflow serve` takes: the runtime's options and this command's own."""
    parser = whole_parser("serve", SERVE_DESCRIPTION)
    parser.add_argument("target", type=Path, metavar="ARCHIVE|PROJECT")
    add_serve_command(parser)
    return parser
