"""Events of JSON values on any lines: the items of arrays, and objects one after another, as they stream by.

Values are cut apart by guessing and checking. What stood between two values is looked for between all; a JSON object
is never the beginning of a longer one, so where a piece decodes, the guess was right. Only pieces that do not decode
are scanned bracket by bracket. Commas and white space between values are passed over, however many there are. After a
value that is broken, reading goes on where the next one begins, if that can be told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packflow_app.events.decoding import BlockDecoder, assembled
from packflow_app.events.json_extent import JsonExtent
from packflow_app.events.profile import EventBlock, InvalidLine
from packflow_app.runtime import DEFAULT_LIMITS, BadLineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.events.source import EventSource
    from packflow_app.runtime import Limits

_BETWEEN = re.compile(rb"[ \t\r\n,]*")
_BARE = re.compile(rb'[\]}]|[^,\[\]{}"\n]+')
_SEPARATOR = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*,?[ \t\r\n]*\{")
_BEFORE_CLOSE = re.compile(rb"[ \t\r\n]*\}$")
_BREAKS_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class JsonValues:
    """Reads blocks of events from ``source``; positions are places among the values, from 1."""

    def __init__(self, source: EventSource, limits: Limits = DEFAULT_LIMITS) -> None:
        self._source = source
        self._decoder = BlockDecoder(limits)
        self._most = limits.max_line_bytes
        self._buffer = b""
        self._at = 0  # all before it is done
        self._ended = False
        self._count = 0
        self._in_array = False
        self._is_open = False  # the value at hand has begun
        self._extent = JsonExtent()
        self._dropped = 0  # bytes of a value over the limit
        self._separator = b""
        self._last_end = -1

    def blocks(self) -> Iterator[EventBlock]:
        """Yield blocks; the last has a finding where the file ends too early."""
        while not self._ended:
            piece = self._source.read()
            self._ended = not piece
            first = not self._count and not self._buffer and not self._in_array
            self._buffer = self._buffer[self._at :] + (piece.removeprefix(_BYTE_ORDER_MARK) if first else piece)
            self._last_end -= self._at
            self._at = 0
            yield from self._taken()
        damage = self._source.damage
        if damage is None and self._in_array:
            damage = ("truncated", "the file ends before its array does")
        if damage is not None:
            yield EventBlock([], [], [], [InvalidLine(self._count + 1, *damage)], self._source.offset)

    def _taken(self) -> Iterator[EventBlock]:
        """Blocks of the values that the buffer holds whole."""
        if self._is_open or not self._separator:
            yield from self._scanned(most=2)
        guessed = None if self._is_open else self._guessed()
        if guessed is not None:
            yield guessed
        if guessed is None or self._ended:
            yield from self._scanned()

    def _guessed(self) -> EventBlock | None:
        """The values before the last separator, cut at all of them; None where that is not right."""
        start = _end_of_match(_BETWEEN, self._buffer, self._at)
        separator = self._separator
        stop = self._buffer.rfind(separator, start) if separator and self._buffer[start : start + 1] == b"{" else -1
        if stop < 0:
            return None
        tail = separator[: separator.index(b"}") + 1]
        parts = self._buffer[start:stop].split(separator)
        pieces = [parts[0] + tail, *(b"{" + part + tail for part in parts[1:])]
        values, left = _balanced(pieces, separator[len(tail) : -1])
        if not values:
            return None
        events, faults = self._decoder.decode(values)
        if any(separator in values[index] or JsonExtent().end(values[index]) != len(values[index]) for index in faults):
            return None
        positions = range(self._count + 1, self._count + 1 + len(values))
        self._count += len(values)
        self._at = stop + len(separator) - 1 if not left else stop + len(tail) - left
        self._last_end = -1
        return assembled(positions, _on_one_line(values), events, faults, self._source.offset, {})

    def _scanned(self, most: int | None = None) -> Iterator[EventBlock]:
        """A block of the values that are found one by one, at most ``most`` of them."""
        values: list[bytes] = []
        known: dict[int, BadLineError] = {}
        first = self._count + 1
        while (most is None or len(values) < most) and (value := self._next(known)) is not None:
            values.append(value)
            self._count += 1
        if values:
            positions = range(first, self._count + 1)
            block = self._decoder.block(positions, values, self._source.offset, known)
            block.raws = _on_one_line(block.raws)
            yield block

    def _next(self, known: dict[int, BadLineError]) -> bytes | None:
        """The next value, or None where the buffer has no more whole ones."""
        while not self._is_open:
            self._at = _end_of_match(_BETWEEN, self._buffer, self._at)
            byte = self._buffer[self._at : self._at + 1]
            if not byte:
                return None
            if byte == (b"]" if self._in_array else b"["):
                self._in_array = not self._in_array
                self._at += 1
            elif byte in b'{["':
                self._learn(self._at)
                self._is_open, self._extent = True, JsonExtent()
            else:
                return self._bare()
        end = self._extent.end(self._buffer, self._at)
        if end < 0 or self._may_be_two(end):
            size = self._dropped + len(self._buffer) - self._at
            if end < 0 and not self._ended and size <= self._most:
                return None
            place = self._resynchronised()
            if end < 0 and place < 0 and self._source.damage is not None:
                self._at, self._is_open = len(self._buffer), False  # the finding at the end speaks of it
                return None
            if end < 0 and place < 0 and not self._ended:
                self._drop()
                return None
            end = place if place >= 0 else end
        if self._dropped:
            known[self._count + 1] = BadLineError("line-too-long", f"the value is longer than {self._most:,} bytes")
        return self._closed(end if end >= 0 else len(self._buffer))

    def _drop(self) -> None:
        """Let go of what was scanned of a value over the limit, so that memory stays bounded."""
        scanned = self._extent.forget()
        self._dropped += scanned
        self._at += scanned

    def _closed(self, end: int) -> bytes:
        value = self._buffer[self._at : end]
        self._at = self._last_end = end
        self._is_open, self._dropped = False, 0
        return value

    def _bare(self) -> bytes | None:
        """A number, a word or anything else that is no value, up to where one may begin."""
        found = _BARE.match(self._buffer, self._at)
        assert found is not None  # noqa: S101 - it matches whatever opens no value
        if found.end() == len(self._buffer) and not self._ended and found.end() - self._at <= self._most:
            return None
        return self._closed(found.end()).rstrip()

    def _learn(self, start: int) -> None:
        """Remember what stands between two objects, white space before the brace that closes included."""
        if self._last_end < 0 or self._buffer[start : start + 1] != b"{":
            return
        before = _BEFORE_CLOSE.search(self._buffer, max(0, self._last_end - 200), self._last_end)
        if before is not None:
            self._separator = self._buffer[before.start() : start + 1]

    def _may_be_two(self, end: int) -> bool:
        """Whether the value holds a separator that stands on several lines, which only broken ones do."""
        if b"\n" not in self._separator or self._buffer.find(self._separator, self._at, end) < 0:
            return False
        return bool(self._decoder.decode([self._buffer[self._at : end]])[1])

    def _resynchronised(self) -> int:
        """Where a broken value may end: before the first object that decodes between two separators; else -1."""
        pattern = re.compile(re.escape(self._separator)) if self._separator else _SEPARATOR
        found = pattern.search(self._buffer, self._at)
        while found is not None:
            following = pattern.search(self._buffer, found.end())
            stop = following.start() + following[0].index(b"}") + 1 if following else len(self._buffer)
            candidate = self._buffer[found.end() - 1 : stop].rstrip(b" \t\r\n]")
            if not self._decoder.decode([candidate])[1]:
                return found.start() + found[0].index(b"}") + 1
            found = following
        return -1


def _balanced(pieces: list[bytes], between: bytes) -> tuple[list[bytes], int]:
    """Join pieces until as many braces close as open, and the bytes at the end that do not balance."""
    values: list[bytes] = []
    waiting: list[bytes] = []
    depth = 0
    for piece in pieces:
        depth += piece.count(b"{") - piece.count(b"}")
        if waiting or depth:
            waiting.append(piece)
            if depth == 0:
                values.append(between.join(waiting))
                waiting = []
        else:
            values.append(piece)
    return values, len(between.join(waiting))


def _on_one_line(raws: list[bytes]) -> list[bytes]:
    """Line breaks as spaces: in JSON they only stand between tokens."""
    return [raw.translate(_BREAKS_TO_SPACES) if b"\n" in raw or b"\r" in raw else raw for raw in raws]


def _end_of_match(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found is not None else start
