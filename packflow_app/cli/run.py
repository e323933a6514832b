"""``packflow run``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Annotated, NoReturn

import typer

from packflow_app.actions.run import PreparedRun, RunOptions, prepare_run
from packflow_app.cli.options import terminal_of
from packflow_app.errors import UsageError
from packflow_app.result import sentence_of
from packflow_app.runtime import RUN_DESCRIPTION, ExitCode, add_run_command

CONTEXT = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
"""Every word goes to the runtime's own parser, so that no option is known twice."""


def command(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="ARCHIVE|PROJECT [EVENTS] [OPTIONS]")] = None,
) -> int:
    given = words or []
    if not {"-h", "--help"}.isdisjoint(given):
        terminal_of(context, as_json=False).text(_help())
        return ExitCode.OK
    terminal = terminal_of(context, as_json="--json" in given)
    own, rest = _own_parser().parse_known_args(given)
    told = run_parser().parse_args(given)
    if told.json and told.output is None:
        raise UsageError(
            "--json needs -o OUT: the outcomes would stand where the JSON object goes.",
            hint="Write: packflow run ARCHIVE EVENTS -o OUT --json",
        )
    return _become(prepare_run(RunOptions(told.target, rest, terminal.command, own.python)))


class _Parser(argparse.ArgumentParser):
    """One whose errors are Packflow's."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", hint="packflow run --help shows what it takes.")


def _own_parser() -> argparse.ArgumentParser:
    """What this command takes beside the runtime's options."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help="the Python to run the model in: a path, a command or a version "
        "(default: the project's environment, or one that fits)",
    )
    parser.add_argument("--no-input", action="store_true", help="ask nothing, as always")
    return parser


def run_parser() -> argparse.ArgumentParser:
    """All that `packflow run` takes: the runtime's options and this command's own."""
    parser = _Parser(
        prog="packflow run",
        usage=argparse.SUPPRESS,
        description=RUN_DESCRIPTION,
        parents=[_own_parser()],
        allow_abbrev=False,
        epilog="It runs in its own Python: a project's environment, or the one that `python model.zip install` made.",
    )
    add_run_command(parser)
    parser.add_argument("--cache", metavar="DIR", help="keep extracted copies in DIR (default: $PACKFLOW_CACHE)")
    return parser


def _help() -> str:
    """The help, with the heading that every command has."""
    heading = f"Usage: packflow run [OPTIONS] ARCHIVE|PROJECT [EVENTS]\n\n{sentence_of('run')}\n"
    return f"{heading}\n{run_parser().format_help().rstrip()}"


def _become(prepared: PreparedRun) -> int:
    """Start the program in the place of this process, so that pipes, signals and exit codes are its own."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if os.name == "posix":
        os.execve(prepared.command[0], prepared.command, prepared.environment)  # noqa: S606 - the model's own Python
    return subprocess.run(prepared.command, env=prepared.environment, check=False).returncode
