"""One command at a time changes a project: its folder itself is locked, so that nothing is left of the lock."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def changing(folder: Path, command: str) -> Iterator[None]:
    """Hold the project in ``folder`` for the time of the block; ``command`` is who, for whoever comes second.

    Raises CheckFailedError where another process holds it: waiting would end in changes to files that were looked at
    before. Where the system has no such locks (Windows, some network file systems) nothing is held.
    """
    descriptor = _opened(folder)
    try:
        if descriptor is not None and not lock_taken(descriptor):
            raise CheckFailedError(
                f"Another packflow is changing the project in {folder} now.",
                code="project-busy",
                file=str(folder),
                hint=f"Wait until it has ended, then run `packflow {command}` again.",
            )
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _opened(folder: Path) -> int | None:
    """None where there is no such folder, which is told elsewhere, or where folders cannot be opened."""
    try:
        return os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None


def lock_taken(descriptor: int) -> bool:
    """Whether the lock on an open file or folder is ours now; systems and file systems without locks go without."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
