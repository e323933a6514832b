"""Random access to the events of any file: event N of gigabytes in milliseconds, and the next invalid one.

What is indexed is lines: how many newlines lie before every 64 KiB, eight bytes each. A file of anything but plain JSON
lines is copied to a temporary one first, in which line N holds what stands at position N.
"""

from __future__ import annotations

import json
import os
import tempfile
from array import array
from bisect import bisect_left
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from packflow_app.errors import CancelledError, NotFoundError
from packflow_app.events.decoding import BlockDecoder, assembled
from packflow_app.events.file_ranges import FileRange, newline_counts
from packflow_app.events.profile import EventBlock, InvalidLine
from packflow_app.events.reading import line_blocks, open_events
from packflow_app.runtime import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from threading import Event as Cancellation

    from packflow_app.events.reading import EventReader
    from packflow_app.runtime import BadLineError, Limits

_STEP = 64 * 1024


class EventIndex:
    """Access by position to a file that does not change; may be used by several threads at once.

    What it gives of a file that became shorter meanwhile is an error: NotFoundError.

    ``positions`` is the last position there is: lines of JSON lines and of tables, items of arrays, rows of Parquet.
    """

    def __init__(self, file: BinaryIO, decoder: BlockDecoder, cancelled: Cancellation | None = None) -> None:
        self._descriptor = file.fileno()
        self._size = os.fstat(self._descriptor).st_size
        self._decoder = decoder
        self._newlines_before = array("Q", [0])
        for count in newline_counts(self._descriptor, 0, self._size, _STEP):
            stop_if(cancelled)
            self._newlines_before.append(self._newlines_before[-1] + count)
        ends_within_a_line = self._size > 0 and os.pread(self._descriptor, 1, self._size - 1) != b"\n"
        self.positions = self._newlines_before[-1] + ends_within_a_line

    def blocks(self, first: int = 1) -> Iterator[EventBlock]:
        """Yield everything from position ``first`` on."""
        if first > self.positions:
            return
        start = self._offset(max(1, first))
        part = FileRange(self._descriptor, start, self._size)
        yield from line_blocks(part, self._decoder, max(1, first) - 1 - part.blank_lines)

    def page(self, first: int, count: int) -> EventBlock:
        """What stands at ``count`` positions from ``first`` on: events and findings; other lines are blank."""
        stop = first + count
        page = EventBlock([], [], [])
        for block in self.blocks(first):
            kept = bisect_left(block.positions, stop)
            page.positions += block.positions[:kept]
            page.raws += block.raws[:kept]
            page.events += block.events[:kept]
            page.invalid += [one for one in block.invalid if one.position < stop]
            page.offset = block.offset
            if max([*block.positions[-1:], *(one.position for one in block.invalid)], default=0) >= stop - 1:
                break
        return page

    def line(self, position: int, most: int = _STEP) -> bytes:
        """The bytes at a position, or the first of them; empty for what is no line of the file, such as a row."""
        if not 1 <= position <= self.positions or isinstance(self._decoder, _CopyDecoder):
            return b""
        piece = os.pread(self._descriptor, most, self._offset(position))
        return piece.partition(b"\n")[0]

    def _offset(self, position: int) -> int:
        """Where a line begins."""
        if position == 1:
            return 0
        step = bisect_left(self._newlines_before, position - 1) - 1
        piece = os.pread(self._descriptor, _STEP, step * _STEP)
        place = -1
        for _ in range(position - 1 - self._newlines_before[step]):
            place = piece.find(b"\n", place + 1)
            if place < 0:
                raise NotFoundError(
                    "The file of events was changed while it was open.",
                    code="events-changed",
                    hint="Open it again, when whatever writes it is done.",
                )
        return step * _STEP + place + 1


@contextmanager
def open_index(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    limits: Limits = DEFAULT_LIMITS,
    cancelled: Cancellation | None = None,
) -> Iterator[EventIndex]:
    """Index a file, for as long as the context lasts; raises as ``open_events`` does, and CancelledError.

    A copy, where one is needed, takes as much room in the temporary folder as the events have unpacked.
    """
    with open_events(path, format=format, limits=limits) as events:
        if events.format == "ndjson" and not events.is_packed and path.is_file():
            with path.open("rb", buffering=0) as file:
                yield EventIndex(file, BlockDecoder(limits), cancelled)
            return
        with tempfile.TemporaryFile(prefix="packflow-") as copy:
            _copy(events, copy, cancelled)
            copy.flush()
            yield EventIndex(copy, _CopyDecoder(limits), cancelled)


def stop_if(cancelled: Cancellation | None) -> None:
    """Raise CancelledError where ``cancelled`` is set."""
    if cancelled is not None and cancelled.is_set():
        raise CancelledError("Reading the events was stopped.")


class _CopyDecoder(BlockDecoder):
    """Reads copies, in which a finding is an array of its code, message and column, and no event is."""

    def block(
        self, positions: Sequence[int], raws: list[bytes], offset: int, known: Mapping[int, BadLineError] | None = None
    ) -> EventBlock:
        events, faults = self.decode(raws)
        block = assembled(positions, raws, events, faults, offset, known or {})
        block.invalid = [InvalidLine(positions[index], *json.loads(raws[index])) for index in faults]
        return block


def _copy(events: EventReader, copy: BinaryIO, cancelled: Cancellation | None) -> None:
    """Write what stands at position N on line N."""
    written = 0
    for block in events:
        stop_if(cancelled)
        lines = dict(zip(block.positions, block.raws, strict=True))
        lines |= {one.position: json.dumps([one.code, one.message, one.column]).encode() for one in block.invalid}
        for position in sorted(lines):
            copy.write(b"\n" * (position - written - 1) + lines[position] + b"\n")
            written = position
