"""File descriptors that the user's code cannot reach by accident: prints never mix with data."""

from __future__ import annotations

import os
import sys


def take_standard_streams() -> tuple[int, int]:
    """Return private copies of descriptors 0 and 1, then point 0 at nothing and 1 at standard error.

    Whatever the user's code prints, from Python or from C, lands in the log; whatever it reads is empty. Call it before
    any user code is imported.
    """
    sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; raises OSError as ``os.write`` does."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
