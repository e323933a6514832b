"""Commands that are the runtime's: they go on there, in the model's own Python, in the place of this process."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import textwrap
from typing import Any, NoReturn

from packflow_app.actions.run import PreparedRun
from packflow_app.errors import UsageError
from packflow_app.result import sentence_of

_WIDTH = 78
CONTEXT: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}
"""Every word goes to the runtime's own parser, so that no option is known twice."""


class RuntimeParser(argparse.ArgumentParser):
    """One whose errors are Packflow's."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        hint = f"packflow {self.prog.split()[-1]} --help shows what it takes."
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", hint=hint)


def own_parser(command: str) -> RuntimeParser:
    """What such a command takes beside the runtime's options."""
    parser = RuntimeParser(prog=f"packflow {command}", add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help="the Python to run the model in: a path, a command or a version "
        "(default: the project's environment, or one that fits)",
    )
    parser.add_argument("--no-input", action="store_true", help="ask nothing, as always")
    return parser


def whole_parser(command: str, description: str) -> RuntimeParser:
    """A parser with those options, to which the runtime adds its own."""
    parser = RuntimeParser(
        prog=f"packflow {command}",
        usage=argparse.SUPPRESS,
        description=description,
        parents=[own_parser(command)],
        allow_abbrev=False,
        epilog="It runs in its own Python: a project's environment, or the one that `python model.zip install` made.",
    )
    parser.add_argument("--cache", metavar="DIR", help="keep extracted copies in DIR (default: $PACKFLOW_CACHE)")
    return parser


def help_text(command: str, takes: str, parser: RuntimeParser) -> str:
    """The help, with the heading and the ending that every command has."""
    from packflow_app.cli.help_pages import PAGES  # noqa: PLC0415 - only where help is asked for

    page = PAGES[command]
    usage, when = f"Usage: packflow {command} [OPTIONS] {takes}", textwrap.fill(page.when, _WIDTH)
    heading = f"{usage}\n\n{sentence_of(command)}\n\n{when}\n"
    epilog = page.epilog().replace("\b\n", "")
    return f"{heading}\n{parser.format_help().rstrip()}\n\n{epilog}"


def become(prepared: PreparedRun) -> int:
    """Start the program in the place of this process, so that pipes, signals and exit codes are its own."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if os.name == "posix":
        os.execve(prepared.command[0], prepared.command, prepared.environment)  # noqa: S606 - the model's own Python
    return subprocess.run(prepared.command, env=prepared.environment, check=False).returncode
