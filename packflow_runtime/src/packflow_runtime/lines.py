"""From bytes as they arrive to lines and batches of lines: split at newlines only, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .errors import PackflowError
from .jsonlines import DEFAULT_LIMITS, BadLineError, Limits, is_blank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHUNK = 64 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One event as it arrived: its line number from 1 and its bytes, or why the reader could not keep them."""

    number: int
    raw: bytes
    fault: BadLineError | None = None


@dataclass(frozen=True)
class Lines:
    """Several lines in columns: line i has ``numbers[i]`` and ``raws[i]``; ``faults`` is by line number."""

    numbers: Sequence[int]
    raws: list[bytes]
    faults: dict[int, BadLineError] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.raws)

    def __add__(self, other: Lines) -> Lines:
        return Lines([*self.numbers, *other.numbers], self.raws + other.raws, {**self.faults, **other.faults})

    def part(self, start: int, stop: int) -> Lines:
        """Lines ``start`` to ``stop``, which is excluded."""
        return Lines(self.numbers[start:stop], self.raws[start:stop], self.faults)

    def chosen(self, indices: Sequence[int]) -> Lines:
        """Those at ``indices``, which ascend."""
        if len(indices) == len(self.raws):
            return self
        return Lines([self.numbers[i] for i in indices], [self.raws[i] for i in indices], self.faults)

    def line(self, index: int) -> Line:
        """One of them by itself."""
        number = self.numbers[index]
        return Line(number, self.raws[index], self.faults.get(number))

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Lines:
        """The same lines in columns."""
        faults = {line.number: line.fault for line in lines if line.fault is not None}
        return cls([line.number for line in lines], [line.raw for line in lines], faults)


class LineReader:
    """Splits what arrives at newlines only, in bounded memory; blank lines count as lines, not as events.

    ``read(n)`` returns up to n bytes, and none at the end. A line longer than the limit is dropped as it arrives and
    given as a faulty line.
    """

    def __init__(self, read: Callable[[int], bytes], limits: Limits = DEFAULT_LIMITS) -> None:
        self._read = read
        self._limits = limits
        self._number = 0
        self._pending: list[bytes] = []  # pieces of a line whose end has not arrived
        self._pending_size = 0
        self._pending_is_blank = True

    def arrivals(self) -> Iterator[list[Line]]:
        """Yield the lines that each read completed; at the end, a last line without a newline."""
        for lines in self.blocks():
            yield [lines.line(index) for index in range(len(lines))]

    def blocks(self) -> Iterator[Lines]:
        """Yield what ``arrivals`` yields, in columns."""
        while chunk := self._read(CHUNK):
            raws: list[bytes] = chunk.split(b"\n")
            self._hold(raws[0])
            if len(raws) > 1:
                last = raws.pop()
                yield self._lines(self._release(), raws[1:])
                self._hold(last)
        if self._pending_size:
            lines = self._lines(self._release(), [])
            if lines.raws:
                yield lines

    def _hold(self, piece: bytes) -> None:
        if self._pending_size <= self._limits.max_line_bytes:
            self._pending.append(piece)
        self._pending_size += len(piece)
        self._pending_is_blank = self._pending_is_blank and is_blank(piece)

    def _release(self) -> bytes | None:
        """The held line, or None where it grew over the limit; of white space any length is a blank line."""
        if self._pending_size <= self._limits.max_line_bytes:
            raw: bytes | None = b"".join(self._pending)
        else:
            raw = b"" if self._pending_is_blank else None
        self._pending, self._pending_size, self._pending_is_blank = [], 0, True
        return raw

    def _lines(self, first: bytes | None, others: list[bytes]) -> Lines:
        numbers = range(self._number + 1, self._number + 2 + len(others))
        self._number = numbers[-1]
        if first is not None and numbers[0] == 1:
            first = first.removeprefix(_BYTE_ORDER_MARK)  # it opens many files made on Windows
        raws = [first or b"", *others]
        faults = {numbers[0]: self._too_long()} if first is None else {}
        if self._limits.max_line_bytes < CHUNK:  # only then such a line can arrive whole
            faults |= self._drop_too_long(numbers, raws)
        if min(raws)[:1] > b" ":  # none can be blank: space and tab, CR and the empty line sort before all JSON
            return Lines(numbers, raws)
        kept = [
            (number, raw) for number, raw in zip(numbers, raws, strict=True) if number in faults or not is_blank(raw)
        ]
        return Lines([number for number, _ in kept], [raw for _, raw in kept], faults)

    def _drop_too_long(self, numbers: Sequence[int], raws: list[bytes]) -> dict[int, BadLineError]:
        """Treat lines over the limit as those that arrive in pieces, so that it does not matter how they arrive."""
        faults = {}
        for index, raw in enumerate(raws):
            if len(raw) > self._limits.max_line_bytes and not is_blank(raw):
                raws[index] = b""
                faults[numbers[index]] = self._too_long()
        return faults

    def _too_long(self) -> BadLineError:
        return BadLineError("line-too-long", f"the line is longer than {self._limits.max_line_bytes:,} bytes")


def batches(blocks: Iterator[Lines], size: int, *, fill: bool) -> Iterator[Lines]:
    """Yield batches of at most ``size`` lines: what has arrived, or with ``fill`` full ones, but for the last.

    Where the input breaks off with a PackflowError, the whole lines before that are a batch.
    """
    waiting = Lines((), [])
    try:
        for block in blocks:
            waiting = waiting + block if waiting.raws else block
            usable = len(waiting) - len(waiting) % size if fill else len(waiting)
            for start in range(0, usable, size):
                yield waiting.part(start, min(start + size, usable))
            waiting = waiting.part(usable, len(waiting))
    except PackflowError:
        if waiting.raws:
            yield waiting
        raise
    if waiting.raws:
        yield waiting
