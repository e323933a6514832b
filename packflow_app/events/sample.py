"""Choose the few events that stand for all: every shape, every conflict of types, every extreme, and a spread.

One function serves sample events and golden events. It reads the events once, in bounded memory, and the same events
always give the same choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packflow_app.events.reading import RawEvent

SAMPLE_EVENTS = 200
SAMPLE_BYTES = 1024 * 1024
_MOST_SHAPES = 1000
_MOST_PATHS = 5000


def representative(
    events: Iterable[RawEvent], limit: int = SAMPLE_EVENTS, max_bytes: int = SAMPLE_BYTES
) -> list[RawEvent]:
    """At most ``limit`` of the events and ``max_bytes`` of their lines, in their own order.

    Three fifths of the places go to covering every path with every type and every combination of them, one fifth to
    the smallest and largest numbers and lengths of each path, the rest to events spread evenly over the input.
    """
    source = (event for event in events if len(event.raw) < max_bytes)
    first = list(islice(source, limit))
    following = next(source, None)
    if following is None and sum(len(event.raw) + 1 for event in first) <= max_bytes:
        return first  # there is nothing to choose
    survey = _Survey(limit)
    for event in chain(first, [following] if following is not None else [], source):
        survey.add(event)
    chosen = _Choice(limit, max_bytes)
    chosen.take(survey.coverage(), limit * 3 // 5)
    chosen.take(survey.extremes(), limit * 4 // 5)
    chosen.take(survey.spread, limit)
    chosen.take(survey.coverage(), limit)
    return [chosen.events[position] for position in sorted(chosen.events)]


@dataclass
class _Choice:
    limit: int
    max_bytes: int
    events: dict[int, RawEvent] = field(default_factory=dict)
    bytes: int = 0

    def take(self, candidates: Iterable[RawEvent], up_to: int) -> None:
        for event in candidates:
            if len(self.events) >= min(up_to, self.limit):
                return
            size = len(event.raw) + 1
            if event.position not in self.events and self.bytes + size <= self.max_bytes:
                self.events[event.position] = event
                self.bytes += size


class _Path:
    """One path of the events: the types seen there, and the extremes of its numbers and lengths."""

    __slots__ = ("children", "items", "kinds", "lengths", "numbers")

    def __init__(self) -> None:
        self.kinds: dict[type, int] = {}
        self.children: dict[str, _Path] = {}
        self.items: _Path | None = None
        self.numbers: _Bound | None = None
        self.lengths: _Bound | None = None


@dataclass(slots=True)
class _Bound:
    """The least and the greatest number (or length) at a path, with the events that have them."""

    least: float
    greatest: float
    least_event: RawEvent
    greatest_event: RawEvent

    def widen(self, value: float, event: RawEvent) -> None:
        if value < self.least:
            self.least, self.least_event = value, event
        elif value > self.greatest:
            self.greatest, self.greatest_event = value, event


class _Survey:
    """What one pass over the events found; every collection is bounded."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.shapes: dict[frozenset[int], RawEvent] = {}
        self.tokens: set[int] = set()  # one for each path with each type
        self.spread: list[RawEvent] = []
        self._root = _Path()
        self._paths = 0
        self._bounds: list[_Bound] = []
        self._seen = 0
        self._stride = 1

    def add(self, event: RawEvent) -> None:
        tokens = frozenset(self._tokens(event))
        if tokens not in self.shapes and (len(self.shapes) < _MOST_SHAPES or not tokens <= self.tokens):
            self.shapes[tokens] = event
            self.tokens |= tokens
        if self._seen % self._stride == 0:
            self.spread.append(event)
            if len(self.spread) > 2 * self.limit:
                self.spread = self.spread[::2]
                self._stride *= 2
        self._seen += 1

    def coverage(self) -> Iterator[RawEvent]:
        """Events in the order in which they cover most of what is not covered yet; then the remaining shapes."""
        uncovered = set(self.tokens)
        left = dict(self.shapes)
        while uncovered and left:
            best = max(left, key=lambda tokens: (len(tokens & uncovered), -left[tokens].position))
            uncovered -= best
            yield left.pop(best)
        yield from left.values()

    def extremes(self) -> Iterator[RawEvent]:
        """The events that hold the least and the greatest of each path, in the order the paths appeared."""
        for bound in self._bounds:
            yield bound.least_event
            yield bound.greatest_event

    def _tokens(self, event: RawEvent) -> list[int]:
        tokens: list[int] = []
        waiting: list[tuple[_Path, Any]] = [(self._root, event.value)]
        while waiting:
            path, value = waiting.pop()
            kind = type(value)
            token = path.kinds.get(kind)
            if token is None:
                token = path.kinds[kind] = self._paths = self._paths + 1
            tokens.append(token)
            if kind is dict:
                self._open(path, value, waiting)
                continue
            if kind is list:
                path.items = path.items or _Path()
                waiting += [(path.items, item) for item in value]
            self._bound(path, value, event)
        return tokens

    def _open(self, path: _Path, mapping: dict[str, Any], waiting: list[tuple[_Path, Any]]) -> None:
        children = path.children
        for key, item in mapping.items():
            child = children.get(key)
            if child is None:
                if self._paths >= _MOST_PATHS:  # keys that are data: no more of them are told apart
                    continue
                child = children[key] = _Path()
            waiting.append((child, item))

    def _bound(self, path: _Path, value: Any, event: RawEvent) -> None:  # noqa: ANN401 - any JSON value
        kind = type(value)
        if kind is int or kind is float:
            if path.numbers is not None:
                path.numbers.widen(value, event)
            else:
                path.numbers = self._new_bound(value, event)
        elif kind is str or kind is list:
            if path.lengths is not None:
                path.lengths.widen(len(value), event)
            else:
                path.lengths = self._new_bound(len(value), event)

    def _new_bound(self, value: float, event: RawEvent) -> _Bound:
        bound = _Bound(value, value, event, event)
        self._bounds.append(bound)
        return bound
