"""A file of events, open for looking: rows by number, filtered or not, with what is odd about each. No screens."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.events.index import open_index, stop_if
from packflow_app.events.profile import EventBlock
from packflow_app.events.profiling import Profiler
from packflow_app.events.query import EventFilter
from packflow_app.events.reading import open_events
from packflow_app.events.search import (
    EventProblem,
    OddValues,
    containing,
    matching_positions,
    next_problem,
    previous_problem,
)
from packflow_app.tui.json_text import members

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.events.index import EventIndex
    from packflow_app.events.profile import PathProfile

_KNOWN = 5000
_FIRST_PAGE = 64


@dataclass(frozen=True)
class Row:
    """A position of the file: an event (its text and the members at its top), or why it is none; blank has neither.

    ``odd`` says what is odd about an event; ``column`` is where a line that is none goes wrong.
    """

    position: int
    text: str = ""
    cells: dict[str, str] = field(default_factory=dict)
    invalid: str = ""
    column: int | None = None
    odd: str = ""


@dataclass(frozen=True)
class Page:
    """Rows from number ``first`` on."""

    first: int
    rows: list[Row]


@dataclass(frozen=True)
class FilterProgressed:
    """How far a search is, in positions, and how many events it found."""

    done: int
    total: int
    found: int


@dataclass(frozen=True)
class ProblemProgressed:
    """How many positions were looked at for a problem, of those there are in that direction."""

    done: int
    total: int


class OpenedEvents:
    """One file, indexed; used by one thread at a time for each of its methods. ``close`` ends it."""

    def __init__(self, path: Path, format: str | None = None) -> None:  # noqa: A002 - as the option is called
        self.path = path
        self._format = format
        self.odd = OddValues([])
        self.paths: tuple[PathProfile, ...] = ()
        self._stack = ExitStack()
        self._index: EventIndex | None = None

    @property
    def index(self) -> EventIndex:
        """The index, once ``open`` returned."""
        assert self._index is not None  # noqa: S101 - see above
        return self._index

    @property
    def is_open(self) -> bool:
        """Whether ``open`` returned."""
        return self._index is not None

    def open(self, report: Callable[[Any], None], cancel: threading.Event) -> OpenedEvents:
        """Index the file; raises what ``open_index`` does. ``report`` is given the first page, which needs no index."""
        with open_events(self.path, format=self._format) as events:
            for block in events:
                last = max([*block.positions[-1:], *(one.position for one in block.invalid)], default=0)
                report(Page(0, self._rows(block, range(1, min(last, _FIRST_PAGE) + 1))))
                break
        self._index = self._stack.enter_context(open_index(self.path, format=self._format, cancelled=cancel))
        return self

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()

    def know(self, paths: tuple[PathProfile, ...]) -> None:
        """Take up a profile: which types are odd, and what a filter may name."""
        self.paths, self.odd = paths, OddValues(paths)

    def page(self, first: int, count: int, chosen: array[int] | None) -> Page:
        """Rows by their numbers, from 0: positions in order, or those that were chosen."""
        if chosen is None:
            block = self.index.page(first + 1, count)
            return Page(first, self._rows(block, range(first + 1, min(first + count, self.index.positions) + 1)))
        rows = []
        for position in chosen[first : first + count]:
            rows += self._rows(self.index.page(position, 1), [position])
        return Page(first, rows)

    def _rows(self, block: EventBlock, positions: Any) -> list[Row]:  # noqa: ANN401 - a range or a list
        events = {
            position: Row(position, text, members(text), odd=self.odd.reason(event))
            for position, raw, event in zip(block.positions, block.raws, block.events, strict=True)
            for text in [raw.decode("utf-8", "replace")]
        }
        invalid = {
            one.position: Row(
                one.position, self._line(one.position).decode("utf-8", "replace"), {}, one.message, one.column
            )
            for one in block.invalid
        }
        return [events.get(at) or invalid.get(at) or Row(at) for at in positions]

    def _line(self, position: int) -> bytes:
        return self._index.line(position) if self._index is not None else b""

    def filtered(
        self, expression: str, *, is_sql: bool, report: Callable[[Any], None], cancel: threading.Event
    ) -> array[int]:
        """The positions of the events that a text or an SQL expression chooses; raises UsageError for a wrong one."""
        choose = EventFilter(self.paths or self._known(), expression).matching if is_sql else containing(expression)
        found = array("Q")
        for last, positions in matching_positions(self.index, choose, cancel):
            found.extend(positions)
            report(FilterProgressed(last, self.index.positions, len(found)))
        return found

    def _known(self) -> tuple[PathProfile, ...]:
        """The paths of the first events, while there is no profile."""
        profiler = Profiler()
        profiler.add(self.index.page(1, _KNOWN))
        return profiler.profile("", 0).paths

    def problem(
        self,
        at: int,
        step: int,
        chosen: array[int] | None,
        report: Callable[[Any], None],
        cancel: threading.Event,
    ) -> tuple[EventProblem, int] | None:
        """The next problem after a position (``step`` 1) or before it (-1), and its row's number; None without one.

        Among chosen events only those that are chosen count.
        """
        start = at

        def tell(position: int) -> None:
            total = self.index.positions - start if step > 0 else start
            report(ProblemProgressed(abs(position - start), total))

        while True:
            stop_if(cancel)
            find = next_problem if step > 0 else previous_problem
            found = find(self.index, at, self.odd, cancel, tell)
            if found is None:
                return None
            if chosen is None:
                return found, found.position - 1
            place = bisect_left(chosen, found.position)
            if place < len(chosen) and chosen[place] == found.position:
                return found, place
            at = found.position
