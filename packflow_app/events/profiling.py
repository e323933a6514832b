"""From blocks of events to their profile: one pass, in memory that is bounded by what the events are like."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from packflow_app.events.event_paths import ANY_KEY, ITEMS, TYPE_NAMES
from packflow_app.events.path_statistics import Bounds, PathStatistics
from packflow_app.events.profile import (
    TYPES,
    EventsProfile,
    Items,
    Numbers,
    PathProfile,
    Shape,
    Strings,
    TypeSeen,
    ValueSeen,
)
from packflow_app.events.value_counts import TOP
from packflow_app.runtime import child_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packflow_app.events.profile import EventBlock, InvalidLine, Sampling
    from packflow_app.events.value_counts import ValueCounts
    from packflow_app.runtime import Event

INVALID_KEPT = 1000
SHAPES_KEPT = 100
_MOST_SHAPES = 10_000
_EVENTS_AT_A_TIME = 512


class Profiler:
    """Takes blocks of events, in order, and tells what they hold."""

    def __init__(self) -> None:
        self.events = 0
        self.invalid_count = 0
        self._invalid: list[InvalidLine] = []
        self._invalid_codes: Counter[str] = Counter()
        self._bounds = Bounds()
        self._root = PathStatistics(self._bounds)
        self._shapes: dict[tuple[str, ...], list[int]] = {}
        self._other_shapes = 0
        self._waiting: list[Event] = []
        self._positions: list[int] = []

    def add(self, block: EventBlock) -> None:
        """Take up a block."""
        if block.invalid:
            self.invalid_count += len(block.invalid)
            self._invalid += block.invalid[: INVALID_KEPT - len(self._invalid)]
            self._invalid_codes.update(one.code for one in block.invalid)
        self.events += len(block.events)
        self._waiting += block.events
        self._positions += block.positions
        if len(self._waiting) >= _EVENTS_AT_A_TIME:
            self._take()

    def profile(
        self,
        format_name: str,
        size: int,
        *,
        sampling: Sampling | None = None,
        notes: Sequence[str] = (),
    ) -> EventsProfile:
        """What all blocks held; nothing is to be added after. ``size`` is the file's in bytes, 0 where unknown."""
        self._take()
        self._root.fold_data_keys()
        shapes = self._merged_shapes()
        return EventsProfile(
            format=format_name,
            bytes=size,
            events=self.events,
            invalid_count=self.invalid_count,
            invalid=tuple(self._invalid),
            invalid_codes=dict(self._invalid_codes.most_common()),
            paths=tuple(_members(self._root, "", ())),
            shapes=tuple(shapes[:SHAPES_KEPT]),
            shape_count=len(shapes) + self._other_shapes,
            paths_left_out=len(self._bounds.left_out),
            sampling=sampling,
            notes=tuple(notes),
        )

    def _take(self) -> None:
        events, positions = self._waiting, self._positions
        if not events:
            return
        self._waiting, self._positions = [], []
        self._bounds.block_start = positions[0]
        for keys, chosen in self._root.add_events(events, positions.__getitem__).items():
            shape = self._shapes.get(keys)
            if shape is not None:
                shape[0] += len(chosen)
            elif len(self._shapes) < _MOST_SHAPES:
                self._shapes[keys] = [len(chosen), positions[chosen[0]]]
            else:
                self._other_shapes += 1

    def _merged_shapes(self) -> list[Shape]:
        """The shapes, whatever the order of their keys, the commonest first."""
        if self._root.folded is not None:
            return []
        merged: dict[frozenset[str], Shape] = {}
        for keys, (count, first) in self._shapes.items():
            same = merged.get(frozenset(keys))
            if same is None:
                merged[frozenset(keys)] = Shape(keys, count, first)
            else:
                earlier = same if same.first < first else Shape(keys, count, first)
                merged[frozenset(keys)] = Shape(earlier.keys, same.count + count, earlier.first)
        return sorted(merged.values(), key=lambda shape: (-shape.count, shape.first))


def _members(parent: PathStatistics, path: str, keys: tuple[str, ...]) -> Iterator[PathProfile]:
    """The profiles of all below a path, each before its own members."""
    for key, member in parent.members.items():
        yield from _with_members(member, child_path(path, key), (*keys, key), parent.objects)
    if parent.folded is not None and parent.folded_keys is not None:
        folded = f"{path}.{ANY_KEY}" if path else ANY_KEY
        count = parent.folded.present
        yield from _with_members(parent.folded, folded, (*keys, ANY_KEY), count, parent.folded_keys.distinct)
    if parent.items is not None:
        yield from _with_members(parent.items, f"{path}{ITEMS}", (*keys, ITEMS), parent.items.present)


def _with_members(
    statistics: PathStatistics, path: str, keys: tuple[str, ...], parents: int, map_keys: int | None = None
) -> Iterator[PathProfile]:
    yield _profile(statistics, path, keys, parents, map_keys)
    yield from _members(statistics, path, keys)


def _profile(
    statistics: PathStatistics, path: str, keys: tuple[str, ...], parents: int, map_keys: int | None
) -> PathProfile:
    texts, numbers, items = statistics.texts, statistics.numbers, statistics.item_counts
    counts = [one for one in (texts, numbers) if one is not None]
    truths = [ValueSeen(name, count) for name, count in zip(("false", "true"), statistics.truths, strict=True) if count]
    top = truths + [seen for one in counts for seen in one.top()]
    types = [TypeSeen(TYPE_NAMES[kind], seen.count, seen.first) for kind, seen in statistics.types.items()]
    return PathProfile(
        path=path,
        keys=keys,
        present=statistics.present,
        parents=parents,
        types=tuple(sorted(types, key=lambda seen: (-seen.count, TYPES.index(seen.name)))),
        numbers=_numbers(statistics, numbers) if numbers is not None else None,
        strings=_strings(texts) if texts is not None else None,
        items=Items(items.arrays, items.fewest or 0, items.most, items.total / items.arrays) if items else None,
        distinct=sum(one.distinct for one in counts) + len(truths),
        distinct_is_exact=all(one.is_exact for one in counts),
        top=tuple(sorted(top, key=lambda seen: -seen.count)[:TOP]),
        map_keys=map_keys,
    )


def _numbers(statistics: PathStatistics, counts: ValueCounts) -> Numbers:
    least, greatest, mean = counts.sizes()
    return Numbers(counts.count, least, greatest, mean, statistics.large.count, statistics.large.first)


def _strings(counts: ValueCounts) -> Strings:
    shortest, longest, mean = counts.sizes()
    patterns = counts.patterns()
    return Strings(counts.count, shortest, longest, mean, patterns, counts.patterns_looked_at)
