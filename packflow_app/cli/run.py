"""``packflow run``."""

from __future__ import annotations

from typing import Annotated

import typer

from packflow_app.actions.run import RunOptions, prepare_run
from packflow_app.cli.handing_over import CONTEXT, RuntimeParser, become, help_text, own_parser, whole_parser
from packflow_app.cli.options import terminal_of
from packflow_app.cli.terminal import check_standard_output
from packflow_app.errors import UsageError
from packflow_app.runtime import RUN_DESCRIPTION, ExitCode, add_run_command

__all__ = ["CONTEXT", "command"]

TAKES = "ARCHIVE|PROJECT [EVENTS]"


def command(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="ARCHIVE|PROJECT [EVENTS] [OPTIONS]")] = None,
) -> int:
    given = words or []
    if not {"-h", "--help"}.isdisjoint(given):
        terminal_of(context, as_json=False).text(help_text("run", TAKES, run_parser()))
        return ExitCode.OK
    terminal = terminal_of(context, as_json="--json" in given)
    own, rest = own_parser("run").parse_known_args(given)
    told = run_parser().parse_args(given)
    if told.json and told.output is None:
        raise UsageError(
            "--json needs -o OUT: the outcomes would stand where the JSON object goes.",
            hint="Write: packflow run ARCHIVE EVENTS -o OUT --json",
        )
    if told.output is None:
        check_standard_output()
    return become(prepare_run(RunOptions(told.target, rest, terminal.command, own.python)))


def run_parser() -> RuntimeParser:
    """All that `packflow run` takes: the runtime's options and this command's own."""
    parser = whole_parser("run", RUN_DESCRIPTION)
    add_run_command(parser)
    return parser
