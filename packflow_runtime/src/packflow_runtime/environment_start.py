"""How a command that loads the model starts: what it uses is held, and it goes on in the environment of ``install``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .cached_copies import STAMPS
from .reporting import print_notice

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .target import Target


def add_environment_option(parser: argparse.ArgumentParser) -> None:
    """The option of commands that load the model."""
    parser.add_argument(
        "--no-environment", action="store_true", help="use this Python as it is, not the environment of `install`"
    )


def enter_environment(target: Target, options: argparse.Namespace) -> None:
    """Start this very command again in the environment of ``install``; returns where there is none, or in it.

    What is used is noted, and kept from being cleaned away meanwhile.
    """
    if target.manifest is None:
        return
    hold_copy(target)
    if options.no_environment or not target.restart or not target.manifest.requirements:
        return
    from .environments import MARK, find_environment  # noqa: PLC0415 - many archives require nothing

    found = find_environment(target.manifest)
    if found is None:
        return
    mark = hold(os.path.join(found.folder, MARK))
    if os.path.realpath(sys.prefix) == os.path.realpath(found.folder):
        return
    here = ".".join(map(str, sys.version_info[:3]))
    if found.version != here:
        print_notice(f"going on in the environment of `install`, which is of Python {found.version}")
    _start_again(found.python, target.restart, mark)


def _start_again(python: str, restart: Sequence[str], held: int | None) -> None:
    """Become the same command in another Python; what is ``held`` stays so."""
    if held is not None:
        os.set_inheritable(held, True)
    command = [python, *_interpreter_options(), *restart, *sys.argv[1:]]
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if os.name == "posix":
        os.execv(python, command)  # noqa: S606 - the environment's own Python
    import subprocess  # noqa: PLC0415 - only where a process cannot become another

    sys.exit(subprocess.call(command))


def runtime_start() -> tuple[str, ...]:
    """What starts this very runtime from outside of an archive, wherever it was imported from."""
    return "-c", _START, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


_START = (
    "import sys; place = sys.argv.pop(1); sys.path[:] = [place, *filter(None, sys.path)]; "
    "from packflow_runtime.cli import main; sys.path.remove(place); sys.exit(main())"
)


def _interpreter_options() -> list[str]:
    """This interpreter's own options; the one that would hide an environment's packages is left out."""
    flags = sys.flags
    options = ["-I"] if flags.isolated else [*(["-E"] * flags.ignore_environment), *(["-s"] * flags.no_user_site)]
    options += ["-B"] * bool(flags.dont_write_bytecode) + ["-O"] * flags.optimize
    options += [f"-W{word}" for word in sys.warnoptions]
    return options + [f"-X{name}" if value is True else f"-X{name}={value}" for name, value in sys._xoptions.items()]  # noqa: SLF001 - documented


def hold_copy(target: Target) -> None:
    """Note that an archive's copy in the cache is used, and keep it there while this process lives."""
    if target.bytecode_dir is not None:  # it is in the cache
        hold(os.path.join(os.path.dirname(str(target.folder)), STAMPS))


def hold(file: str) -> int | None:
    """Note that what stands beside ``file`` is used now, and keep it from being cleaned away while this process lives.

    Returns the descriptor that does so; None where it cannot be done, as in a cache that is only there to be read.
    """
    from .file_locks import try_lock  # noqa: PLC0415 - `info` does without it

    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return None
    try_lock(descriptor, shared=True)
    try:
        os.utime(file)
    except OSError:
        return descriptor
    return descriptor
