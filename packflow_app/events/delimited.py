"""Events of CSV and TSV: each row an event, its line known, its numbers spelled as they are in the file.

A column holds numbers (or true and false) where every value in the first rows is one; in such a column what is
written as JSON writes numbers is one, anything else a string, so that ``N/A`` among numbers shows. All other columns
are strings: ``007`` and ``1e5`` among codes stay what they are. An empty field is null. The raw event is the row as
JSON, with the file's own text of each value.
"""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from packflow_app.events.decoding import BlockDecoder
from packflow_app.events.formats import DELIMITERS, sniffed_delimiter
from packflow_app.events.profile import EventBlock, InvalidLine
from packflow_app.runtime import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packflow_app.events.source import EventSource
    from packflow_app.runtime import Limits

_ROWS_LOOKED_AT = 1000
_ROWS_A_BLOCK = 512
_LINES_LOOKED_AT = 20
_NUMBER = re.compile(r" *-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? *").fullmatch
_TRUTH = re.compile(r" *(?:true|false) *").fullmatch
_ENCODED = json.JSONEncoder(ensure_ascii=False).encode


class _Row(NamedTuple):
    """A row from line ``first`` to line ``last``: its fields, or why they cannot be told."""

    first: int
    last: int
    fields: list[str]
    fault: str | None = None


class DelimitedRows:
    """Reads blocks of events from ``source``, whose first row names the columns; positions are lines, from 1."""

    def __init__(self, source: EventSource, format: str, limits: Limits = DEFAULT_LIMITS) -> None:  # noqa: A002 - as elsewhere
        self._source = source
        self._format = format
        self._decoder = BlockDecoder(limits)
        self._lines = 0
        csv.field_size_limit(limits.max_line_bytes)  # of the process; the default refuses long fields

    def blocks(self) -> Iterator[EventBlock]:
        """Yield blocks; a row with too few or too many fields is a finding, as is where a packed file breaks off."""
        rows = self._rows()
        first = list(islice(rows, _ROWS_LOOKED_AT))
        header = next((row for row in first if row.fault is None), None)
        if header is not None:
            first.remove(header)
        writers = _writers(header.fields if header else [], [row.fields for row in first])
        every = chain(first, rows)
        while part := list(islice(every, _ROWS_A_BLOCK)):
            yield self._block(part, writers)
        if self._source.damage is not None:
            invalid = [InvalidLine(self._lines + 1, *self._source.damage)]
            yield EventBlock([], [], [], invalid, self._source.offset)

    def _block(self, rows: list[_Row], writers: Sequence[Callable[[str], str]]) -> EventBlock:
        positions: list[int] = []
        raws: list[bytes] = []
        invalid: list[InvalidLine] = []
        for row in rows:
            if row.fault is not None or len(row.fields) != len(writers):
                invalid.append(_broken(row, len(writers)))
                continue
            text = ",".join([write(field) for write, field in zip(writers, row.fields, strict=True)])
            try:
                raws.append(f"{{{text}}}".encode())
            except UnicodeEncodeError:
                invalid.append(InvalidLine(row.first, "not-utf8", "the row holds bytes that are not UTF-8"))
            else:
                positions.append(row.first)
        block = self._decoder.block(positions, raws, self._source.offset)
        block.invalid = sorted(block.invalid + invalid, key=lambda one: one.position)
        return block

    def _rows(self) -> Iterator[_Row]:
        """The rows that are not blank; after one that cannot be read, the line that follows its first is the next."""
        lines = _Lines(self._text_lines())
        shown = [line.encode("utf-8", "replace") for line in lines.peek(_LINES_LOOKED_AT) if line.strip()]
        mark = sniffed_delimiter(shown, DELIMITERS[self._format]) if shown else None
        reader = csv.reader(lines, delimiter=mark or DELIMITERS[self._format][0], strict=True)
        while True:
            first = lines.number + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                lines.go_back(to=first)
                yield _Row(first, first, [], str(error))
            else:
                if fields:
                    yield _Row(first, lines.number, fields)
                lines.forget()

    def _text_lines(self) -> Iterator[str]:
        """Lines with their ends; what is not UTF-8 is kept as lone surrogates, by which its row is known."""
        left = b""
        is_too_long = False
        while piece := self._source.read():
            *whole, left = (left + piece).split(b"\n")
            if is_too_long and whole:
                del whole[0]
                is_too_long = False
            for raw in whole:
                yield self._text(raw) + "\n"
            if len(left) > self._decoder.limits.max_line_bytes:
                if not is_too_long:
                    yield self._text(left) + "\n"  # too long as an event too, and so a finding; its rest is dropped
                is_too_long, left = True, b""
        if left and not is_too_long and self._source.damage is None:
            yield self._text(left)

    def _text(self, raw: bytes) -> str:
        self._lines += 1
        return raw.decode("utf-8-sig" if self._lines == 1 else "utf-8", "surrogateescape")


class _Lines:
    """Lines one by one, ``number`` of them so far; keeps those since ``forget`` to give them again."""

    def __init__(self, source: Iterator[str]) -> None:
        self.number = 0
        self._source = source
        self._kept: list[str] = []
        self._again: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self.number += 1
        self._kept.append(line)
        return line

    def peek(self, count: int) -> list[str]:
        """The next lines, which come again."""
        self._again.extend(islice(self._source, count - len(self._again)))
        return list(self._again)

    def forget(self) -> None:
        """What was given is done with."""
        self._kept.clear()

    def go_back(self, to: int) -> None:
        """Go on after line ``to``, which is among those kept."""
        back = self.number - to
        self._again.extendleft(reversed(self._kept[len(self._kept) - back :]))
        self.number = to
        self._kept.clear()


def _broken(row: _Row, expected: int) -> InvalidLine:
    lines = f", up to line {row.last:,}" if row.last > row.first else ""
    if row.fault is not None:
        return InvalidLine(row.first, "not-csv", f"the row cannot be read{lines}: {row.fault}")
    fields = "1 field" if len(row.fields) == 1 else f"{len(row.fields):,} fields"
    return InvalidLine(row.first, "ragged-row", f"the row has {fields}{lines}, the header names {expected:,}")


def _writers(names: list[str], rows: list[list[str]]) -> list[Callable[[str], str]]:
    """For each column a function from a field's text to its member of the JSON object, key included."""
    columns = [[row[index] for row in rows if len(row) == len(names) and row[index]] for index in range(len(names))]
    return [_writer(name, _literal(values)) for name, values in zip(_distinct(names), columns, strict=True)]


def _literal(values: list[str]) -> Callable[[str], object] | None:
    """The test for values that JSON writes bare, where all of these pass it; None for a column of strings."""
    return next((test for test in (_NUMBER, _TRUTH) if values and all(map(test, values))), None)


def _writer(name: str, literal: Callable[[str], object] | None) -> Callable[[str], str]:
    key = f"{_ENCODED(name)}:"

    def write(field: str) -> str:
        if not field:
            return f"{key}null"
        return key + (field if literal is not None and literal(field) else _ENCODED(field))

    return write


def _distinct(names: list[str]) -> list[str]:
    """The names, with a number where one is empty or there a second time, so that no column hides another."""
    found: list[str] = []
    for index, name in enumerate(names, 1):
        wanted = name or f"column_{index}"
        while wanted in found:
            wanted = f"{wanted}_{index}"
        found.append(wanted)
    return found
