"""Read any file of events, losslessly: JSON in all its forms, CSV, TSV and Parquet, plain or packed, told by content.

Raw events are never encoded again: they are the bytes of the file, where line breaks between the tokens of a
pretty-printed event become spaces. Rows of tables become JSON, see ``delimited`` and ``parquet``. What is no event is a
finding with its place, and reading goes on after it; memory stays flat however large the file is.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from packflow_app.events.decoding import BlockDecoder
from packflow_app.events.formats import checked_format, refuse_foreign, told_format
from packflow_app.events.profile import EventBlock, InvalidLine
from packflow_app.events.source import EventSource, unreadable
from packflow_app.runtime import DEFAULT_LIMITS, Event, LineReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.events.file_ranges import FileRange
    from packflow_app.runtime import Limits


@dataclass(frozen=True)
class RawEvent:
    """One event: where it stands in its file (line, item or row, from 1), its bytes as one line, its value."""

    position: int
    raw: bytes
    value: Event


class EventReader:
    """A file of events that is open, to be read once.

    ``format`` is one of ``formats.FORMATS``; ``is_packed`` tells whether it is gzip or zstd. Iterating gives blocks.
    """

    def __init__(self, source: EventSource, path: Path | None, format: str | None, limits: Limits) -> None:  # noqa: A002 - the option's name
        self._source = source
        self._path = path
        self._limits = limits
        head = self._look(asked=format)
        self.is_packed = source.is_packed
        self.format = format or told_format(head, ended=True) or "ndjson"

    def _look(self, asked: str | None) -> bytes:
        """The first bytes: as many as tell the format."""
        head = b""
        while (more := self._source.peek()) is not None:
            head = more
            if asked or told_format(head, ended=False) is not None:
                break
        if asked is None:
            refuse_foreign(head, self._source.name)
        return head

    def __iter__(self) -> Iterator[EventBlock]:
        if self.format == "ndjson":
            return line_blocks(self._source, BlockDecoder(self._limits))
        if self.format == "json":
            from packflow_app.events.json_values import JsonValues  # noqa: PLC0415 - lines need none of it

            return JsonValues(self._source, self._limits).blocks()
        if self.format == "parquet":
            from packflow_app.events.parquet import parquet_blocks  # noqa: PLC0415 - as above

            return parquet_blocks(self._source, None if self.is_packed else self._path, self._limits)
        from packflow_app.events.delimited import DelimitedRows  # noqa: PLC0415 - as above

        return DelimitedRows(self._source, self.format, self._limits).blocks()


@contextmanager
def open_events(
    source: Path | BinaryIO,
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[EventReader]:
    """Open a file, or read one that is open, such as standard input; it need not be seekable.

    ``format`` overrides what the content tells. Raises NotFoundError for what cannot be opened, read or unpacked and
    for a file of another kind, UsageError for a format there is not.
    """
    asked = checked_format(format) if format is not None else None
    if not isinstance(source, Path):
        yield EventReader(EventSource(source, "standard input"), None, asked, limits)
        return
    try:
        file = source.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(source, error) from None
    with closing(file):
        # Of a pipe there is no second look: only a file can be opened again by its name.
        yield EventReader(EventSource(file, str(source)), source if source.is_file() else None, asked, limits)


def read_blocks(
    source: Path | BinaryIO,
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[EventBlock]:
    """Yield all events and findings of a file in order; raises as ``open_events`` does.

    A compressed file that is cut off or damaged gives what came before, then a finding ``truncated`` or ``damaged``.
    """
    with open_events(source, format=format, limits=limits) as events:
        yield from events


def line_blocks(source: EventSource | FileRange, decoder: BlockDecoder, lines_before: int = 0) -> Iterator[EventBlock]:
    """Yield blocks of JSON lines; positions are lines, ``lines_before`` of which were passed over."""
    last = 0
    for lines in LineReader(source.read, decoder.limits).blocks():
        if source.damage is not None:  # all that can come now is the line in which the file breaks off
            break
        if not lines.raws:
            continue
        last = lines.numbers[-1]
        numbers = [number + lines_before for number in lines.numbers] if lines_before else lines.numbers
        known = {number + lines_before: fault for number, fault in lines.faults.items()}
        yield decoder.block(numbers, lines.raws, source.offset, known)
    if source.damage is not None:
        yield EventBlock([], [], [], [InvalidLine(lines_before + last + 1, *source.damage)], source.offset)
