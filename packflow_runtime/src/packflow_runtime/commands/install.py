"""``install``: an environment with what the model requires."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..reporting import printable
from ..stdio import require_output

if TYPE_CHECKING:
    import argparse

    from ..installing import Installed
    from ..target import Target

NEEDS_COPY = False
TAKES_PROJECT = False
DESCRIPTION = """\
Makes an environment with what the model requires, from the lock in the archive, with every hash checked, by venv and
pip. It goes to the cache, where `run`, `replay` and `compare` find it. Indexes are those that pip is configured for."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``install``."""
    parser.add_argument(
        "--wheelhouse", type=Path, metavar="DIR", help="install from this folder of wheels alone; no index is asked"
    )
    parser.add_argument(
        "--python", metavar="PYTHON", help="the Python to make it of: a path or a command (default: this one)"
    )
    parser.add_argument("--into", type=Path, metavar="DIR", help="make it in this new folder instead of the cache")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def answer(target: Target, options: argparse.Namespace) -> int:
    """Make it, and say how to use it."""
    manifest = target.manifest
    assert manifest is not None  # noqa: S101 - an archive has one
    require_output("Run it again with standard output open.")
    if not manifest.requirements and options.into is None:
        _tell(None, [f"{manifest.name} requires nothing beside Python: there is nothing to install."], options)
        return ExitCode.OK
    from ..installing import install  # noqa: PLC0415 - not needed to say how

    done = install(target, wheelhouse=options.wheelhouse, python=options.python, into=options.into)
    state = "is there already" if done.unchanged else "is ready"
    packages = "1 package" if done.packages == 1 else f"{done.packages} packages"
    lines = [f"the environment {state}: Python {done.version}, {packages}, in {done.folder}"]
    python = None if options.into is None else done.python
    lines.append(f"  next: {target.command('run', python=python)} < events.ndjson")
    _tell(done, lines, options)
    return ExitCode.OK


def _tell(done: Installed | None, lines: list[str], options: argparse.Namespace) -> None:
    if options.json:
        from ..envelope import envelope  # noqa: PLC0415 - only with --json

        data = {"environment": None} if done is None else {"environment": done.folder, **asdict(done)}
        sys.stdout.buffer.write(envelope("install", data))
        sys.stdout.flush()
        return
    for line in lines:
        print(printable(line))  # noqa: T201
