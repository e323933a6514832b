"""Go through the events of an index: to those that a text or an expression chooses, from one problem to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.events.event_paths import json_type, values_at
from packflow_app.events.index import stop_if

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from threading import Event as Cancellation

    from packflow_app.events.index import EventIndex
    from packflow_app.events.profile import EventBlock, PathProfile

_BACK = 2048


@dataclass(frozen=True)
class EventProblem:
    """A position at which something is odd, and what: a line that is no event, or a value of a rare type."""

    position: int
    reason: str


class OddValues:
    """The values that a profile calls a conflict: those of any type but the path's commonest."""

    def __init__(self, paths: Iterable[PathProfile]) -> None:
        self._rare = [
            (path.path, path.keys, frozenset(seen.name for seen in path.conflict[1:]) - {"null"})
            for path in paths
            if path.conflict
        ]

    def reason(self, event: dict[str, object]) -> str:
        """What is odd about an event; empty where nothing is."""
        for path, keys, types in self._rare:
            for value in values_at(event, keys):
                if (found := json_type(value)) in types:
                    return f"{path} is {found} here"
        return ""


def next_problem(
    index: EventIndex,
    after: int,
    odd: OddValues,
    cancelled: Cancellation | None = None,
    report: Callable[[int], None] = lambda _position: None,
) -> EventProblem | None:
    """The first problem after a position, or None; raises CancelledError when ``cancelled`` is set.

    ``report`` is told the positions up to which there was none.
    """
    for block in index.blocks(after + 1):
        stop_if(cancelled)
        if block.positions:
            report(block.positions[0])
        found = min(_problems(block, odd), key=lambda one: one.position, default=None)
        if found is not None:
            return found
    return None


def previous_problem(
    index: EventIndex,
    before: int,
    odd: OddValues,
    cancelled: Cancellation | None = None,
    report: Callable[[int], None] = lambda _position: None,
) -> EventProblem | None:
    """The last problem before a position, or None; as ``next_problem``."""
    stop = before
    while stop > 1:
        stop_if(cancelled)
        report(stop)
        first = max(1, stop - _BACK)
        page = index.page(first, stop - first)
        found = max(_problems(page, odd), key=lambda one: one.position, default=None)
        if found is not None:
            return found
        stop = first
    return None


def _problems(block: EventBlock, odd: OddValues) -> Iterator[EventProblem]:
    for one in block.invalid:
        yield EventProblem(one.position, one.message)
    for position, event in zip(block.positions, block.events, strict=True):
        if reason := odd.reason(event):
            yield EventProblem(position, reason)


def matching_positions(
    index: EventIndex,
    choose: Callable[[Sequence[bytes]], Iterable[int]],
    cancelled: Cancellation | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Yield, block by block, the last position that was looked at and the positions that ``choose`` takes.

    ``choose`` gets the events' bytes and gives the indices of those it wants, as ``EventFilter.matching`` does. Raises
    CancelledError when ``cancelled`` is set, and what ``choose`` raises.
    """
    for block in index.blocks():
        stop_if(cancelled)
        if block.positions:
            yield block.positions[-1], [block.positions[place] for place in choose(block.raws)]


def containing(text: str) -> Callable[[Sequence[bytes]], list[int]]:
    """Choose the events whose line has ``text`` in it, whatever its case."""
    needle = text.casefold()
    if text.isascii():
        sought = needle.encode()
        return lambda raws: [place for place, raw in enumerate(raws) if sought in raw.lower()]
    return lambda raws: [place for place, raw in enumerate(raws) if needle in raw.decode("utf-8", "replace").casefold()]
