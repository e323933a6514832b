"""``run``: the model on a stream of events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..environment_start import add_environment_option, enter_environment
from ..run_options import RUN_HELP, add_run_options

if TYPE_CHECKING:
    import argparse

    from ..target import Target

NEEDS_COPY = True
TAKES_PROJECT = True
DESCRIPTION = RUN_HELP


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``run``."""
    add_run_options(parser)
    add_environment_option(parser)


def add_options_outside(parser: argparse.ArgumentParser) -> None:
    """The options, and what is run: for who starts the runtime on an archive or a project."""
    parser.add_argument("target", type=Path, metavar="ARCHIVE|PROJECT")
    add_options(parser)


def answer(target: Target, options: argparse.Namespace) -> int:
    """Run it in the environment that ``install`` made, where there is one."""
    enter_environment(target, options)
    from ..run_command import run_command  # noqa: PLC0415 - not needed to say how to run

    target.check_python()
    return run_command(target, options)
