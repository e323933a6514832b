"""Parts of a file of JSON lines: from one line to another, read by place and so by several threads at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packflow_app.events.source import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTED_AT_A_TIME = 1024 * 1024


class FileRange:
    """The bytes of an open file from ``start`` to ``stop``, both at the start of a line.

    They begin with an empty line unless they begin the file: only a file has a byte order mark, a line has none.
    """

    damage: tuple[str, str] | None = None

    def __init__(self, descriptor: int, start: int, stop: int) -> None:
        self.offset = start
        self.blank_lines = 1 if start else 0
        self._descriptor = descriptor
        self._stop = stop
        self._has_begun = False

    def read(self, size: int = CHUNK) -> bytes:
        """Some bytes, at most ``size``, none at the end."""
        piece = os.pread(self._descriptor, min(size, self._stop - self.offset), self.offset)
        if self.blank_lines and not self._has_begun:
            self._has_begun = True
            piece = b"\n" + piece
            self.offset -= 1
        self.offset += len(piece)
        return piece


def line_start(descriptor: int, offset: int, size: int) -> int:
    """The first place from ``offset`` on where a line begins, or the end of the file."""
    if offset <= 0:
        return 0
    at = offset - 1
    while at < size:
        piece = os.pread(descriptor, CHUNK, at)
        place = piece.find(b"\n")
        if place >= 0:
            return at + place + 1
        at += len(piece) or size
    return size


def newline_counts(descriptor: int, start: int, stop: int, step: int = COUNTED_AT_A_TIME) -> Iterator[int]:
    """How many newlines each ``step`` bytes have.

    More than a step is read at once: each reading lets other threads have their turn, and waits for its own again.
    """
    size = max(step, COUNTED_AT_A_TIME // step * step)
    for at in range(start, stop, size):
        piece = os.pread(descriptor, min(size, stop - at), at)
        for place in range(0, min(size, stop - at), step):
            yield piece.count(b"\n", place, place + step)
