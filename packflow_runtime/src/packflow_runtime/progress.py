"""A few bytes of shared memory in which a worker says what it is doing, so that a hang or a death has a name."""

from __future__ import annotations

import mmap
import struct
import time
from enum import IntEnum
from typing import NamedTuple

_RECORD = struct.Struct("<qqq")
SIZE = _RECORD.size


class Phase(IntEnum):
    """What the worker is doing: waiting for work, importing and initializing, or in a backend call."""

    IDLE = 0
    LOADING = 1
    CALLING = 2


class Activity(NamedTuple):
    """The phase, since when (``time.monotonic_ns``), and the first line number of the call in hand."""

    phase: Phase
    since_ns: int
    line: int


class Progress:
    """The shared record, mapped from a file descriptor of ``SIZE`` bytes; one process writes, one reads."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, SIZE)

    def enter(self, phase: Phase, line: int = 0) -> None:
        """Say that ``phase`` begins now."""
        _RECORD.pack_into(self._memory, 0, phase, time.monotonic_ns(), line)

    def read(self) -> Activity:
        """What the worker said last."""
        phase, since, line = _RECORD.unpack_from(self._memory)
        return Activity(Phase(phase), since, line)
