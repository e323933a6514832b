"""Read the parts of a huge file that stand for it: its start, its end, and pieces spread evenly between."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from packflow_app.events.decoding import BlockDecoder
from packflow_app.events.file_ranges import FileRange, line_start, newline_counts
from packflow_app.events.profile import Sampling
from packflow_app.events.reading import line_blocks, open_events
from packflow_app.runtime import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packflow_app.events.profile import EventBlock
    from packflow_app.runtime import Limits

HEAD = SPREAD = 64 * 1024 * 1024
TAIL = 16 * 1024 * 1024
_PIECES = 64


class SampledLines:
    """Blocks of parts of a file of plain JSON lines; iterate them once.

    The lines between the parts are counted, at gigabytes a second, so that positions are those of the whole file.
    """

    def __init__(self, descriptor: int, sampling: Sampling, limits: Limits) -> None:
        self.format = "ndjson"
        self.is_packed = False
        self.sampling = sampling
        self._descriptor = descriptor
        self._limits = limits

    def __iter__(self) -> Iterator[EventBlock]:
        decoder = BlockDecoder(self._limits)
        lines = done = 0
        for start, stop in self.sampling.ranges:
            lines += sum(newline_counts(self._descriptor, done, start))
            part = FileRange(self._descriptor, start, stop)
            yield from line_blocks(part, decoder, lines - part.blank_lines)
            lines += sum(newline_counts(self._descriptor, start, stop))
            done = stop


@contextmanager
def open_sample(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    limits: Limits = DEFAULT_LIMITS,
    head: int = HEAD,
    spread: int = SPREAD,
    tail: int = TAIL,
) -> Iterator[SampledLines | None]:
    """The sample of a file, of about so many bytes in its three parts; None where the file is to be read whole.

    That is so where it is not larger, and where it cannot be entered in the middle: packed, a pipe, not JSON lines.
    """
    if not path.is_file():  # what a look takes from a pipe is gone for whoever reads it then
        yield None
        return
    with open_events(path, format=format, limits=limits) as events:
        enterable = events.format == "ndjson" and not events.is_packed
    if not enterable or path.stat().st_size <= head + spread + tail:
        yield None
        return
    with path.open("rb", buffering=0) as file:
        size = path.stat().st_size
        sampling = Sampling(size, _ranges(file.fileno(), size, head, spread, tail))
        yield SampledLines(file.fileno(), sampling, limits)


def _ranges(descriptor: int, size: int, head: int, spread: int, tail: int) -> tuple[tuple[int, int], ...]:
    """Parts from line to line, which do not overlap."""
    piece = max(1, spread // _PIECES)
    room = size - head - tail
    wanted = [(0, head)]
    wanted += [(head + room * n // _PIECES, head + room * n // _PIECES + piece) for n in range(_PIECES)]
    wanted.append((size - tail, size))
    ranges: list[tuple[int, int]] = []
    done = 0
    for first, last in wanted:
        start = max(done, line_start(descriptor, first, size))
        stop = line_start(descriptor, last, size) if last < size else size
        if start < stop:
            ranges.append((start, stop))
            done = stop
    return tuple(ranges)
