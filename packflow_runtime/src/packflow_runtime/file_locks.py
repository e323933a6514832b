"""Locks on files between processes: they end with the process that holds them, however it ends.

Where the system has no such locks (Windows, some network file systems) nothing is locked: callers must stay correct
without, and gain only that work is not done twice and that what is in use is not removed.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TICK = 0.02
_SOON = 2.0


class HeldError(Exception):
    """Another process holds the lock."""


@contextlib.contextmanager
def exclusive(path: str, *, wait: bool = True, waiting: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Hold the lock file ``path``, made for the time of the block; gives its descriptor, for children to inherit.

    ``waiting()`` is called once where another process holds it for long. Raises HeldError instead of waiting with
    ``wait=False``, and OSError where the file cannot be made.
    """
    patience = Patience(waiting)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            if not try_lock(descriptor):
                if not wait:
                    raise HeldError(path)
                patience.pause()
            elif _is_still(descriptor, path):  # the last holder has not removed it in the meantime
                try:
                    yield descriptor
                finally:
                    with contextlib.suppress(OSError):
                        os.unlink(path)
                return
        finally:
            os.close(descriptor)


class Patience:
    """Short pauses; after a while ``waiting()`` is called, once."""

    def __init__(self, waiting: Callable[[], None]) -> None:
        self._waiting = waiting
        self._due = time.monotonic() + _SOON
        self._said = False

    def pause(self) -> None:
        """Wait for a moment."""
        if not self._said and time.monotonic() > self._due:
            self._said = True
            self._waiting()
        time.sleep(_TICK)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed everywhere; False where another process holds it."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _is_still(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
