"""What was seen at one path of the events, gathered by column: a loop over values would take many times longer."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

from packflow_app.events.counters import ItemCounts, TypeCount
from packflow_app.events.event_paths import ITEMS
from packflow_app.events.map_keys import are_map_keys, look_again_at
from packflow_app.events.value_counts import ValueBudget, ValueCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Where = Callable[[int], int]
    """Gives the position in the file of the event that holds the value at an index of a column."""
    Groups = dict[tuple[str, ...], Sequence[int]]
    """Indices of objects by their keys."""

MOST_PATHS = 5000
MOST_DEPTH = 64
LARGEST_64_BIT = 2**63 - 1
_MOST_LEFT_OUT = 100_000


class Bounds:
    """What all paths share: how many there may be, and which were left out for that."""

    def __init__(self) -> None:
        self.paths = 0
        self.values = ValueBudget()
        self.left_out: set[tuple[int, str]] = set()
        self.block_start = 0  # the first position of the block at hand

    def admit(self, parent: PathStatistics, key: str) -> bool:
        """Whether there is room for one more path under ``parent``."""
        if self.paths >= MOST_PATHS or parent.depth >= MOST_DEPTH:
            if len(self.left_out) < _MOST_LEFT_OUT:
                self.left_out.add((id(parent), key))
            return False
        self.paths += 1
        self.values.share_among(self.paths)
        return True


class PathStatistics:
    """One path: its values by type, its members by key, its items. ``folded`` holds the members whose keys are data."""

    def __init__(self, bounds: Bounds, depth: int = 0) -> None:
        self.depth = depth
        self.present = 0
        self.types: dict[type, TypeCount] = {}
        self.members: dict[str, PathStatistics] = {}
        self.folded: PathStatistics | None = None
        self.folded_keys: ValueCounts | None = None
        self.items: PathStatistics | None = None
        self.item_counts: ItemCounts | None = None
        self.texts: ValueCounts | None = None
        self.numbers: ValueCounts | None = None
        self.truths = [0, 0]  # how many are false, how many true
        self.beyond_64_bits = 0
        self.first_beyond: int | None = None
        self._bounds = bounds
        self._look_again_at = look_again_at(0)

    @property
    def objects(self) -> int:
        """How many of the values are objects."""
        return self.types[dict].count if dict in self.types else 0

    def add_events(self, events: Sequence[dict[str, Any]], where: Where, groups: Groups) -> None:
        """Take up whole events, as ``grouped`` groups them."""
        self.present += len(events)
        self.types.setdefault(dict, TypeCount(0, where(0))).count += len(events)
        self._add_objects(events, where, groups)

    def add(self, column: Sequence[Any], where: Where) -> None:
        """Take up the values of some events, in order, which may be none."""
        if not column:
            return
        self.present += len(column)
        kinds = set(map(type, column))
        if len(kinds) == 1:
            self._add(kinds.pop(), column, where)
            return
        for kind in kinds:
            chosen = [index for index, value in enumerate(column) if type(value) is kind]
            self._add(kind, [column[index] for index in chosen], through(chosen, where))

    def _add(self, kind: type, values: Sequence[Any], where: Where) -> None:
        """Take up values of one type."""
        seen = self.types.get(kind)
        if seen is None:
            self.types[kind] = TypeCount(len(values), where(0))
        else:
            seen.count += len(values)
            if seen.first > self._bounds.block_start:  # first seen in this block, where groups come out of order
                seen.first = min(seen.first, where(0))
        if kind is dict:
            self._add_objects(values, where)
        elif kind is list:
            self._add_arrays(values, where)
        elif kind is bool:
            true = sum(values)
            self.truths[True] += true
            self.truths[False] += len(values) - true
        elif kind is not type(None):
            self._add_values(kind, values, where)

    def _add_values(self, kind: type, values: Sequence[Any], where: Where) -> None:
        """Count strings or numbers."""
        if kind is str:
            if self.texts is None:
                self.texts = ValueCounts(self._bounds.values, are_texts=True)
            self.texts.add(values)
            return
        if self.numbers is None:
            self.numbers = ValueCounts(self._bounds.values, are_texts=False)
        if (self.numbers.add(values) or self.beyond_64_bits) and kind is int:
            self._look_for_large(values, where)

    def _add_objects(self, objects: Sequence[dict[str, Any]], where: Where, groups: Groups | None = None) -> None:
        """Take up the members of objects, all that have the same keys at once."""
        if self.folded is not None:
            self._add_folded(objects, where)
            return
        groups = grouped(objects) if groups is None else groups
        if 4 * len(groups) > len(objects) + 4:
            self._add_by_key(objects, where)
        else:
            for keys, chosen in groups.items():
                if len(chosen) == len(objects):
                    columns, place = zip(*map(dict.values, objects), strict=True), where
                else:
                    columns = zip(*[objects[index].values() for index in chosen], strict=True)
                    place = through(chosen, where)
                for key, column in zip(keys, columns, strict=bool(keys)):
                    member = self._member(key)
                    if member is not None:
                        member.add(column, place)
        if len(self.members) >= self._look_again_at:
            if are_map_keys(self):
                self._fold()
            else:
                self._look_again_at = look_again_at(len(self.members))

    def fold_data_keys(self) -> None:
        """Fold what turned out to be maps, from the deepest up, now that all was seen."""
        for member in list(self.below()):
            member.fold_data_keys()
        if self.folded is None and are_map_keys(self, is_all=True):
            self._fold()

    def below(self) -> Iterator[PathStatistics]:
        """Its members and its items."""
        yield from self.members.values()
        if self.folded is not None:
            yield self.folded
        if self.items is not None:
            yield self.items

    def _add_by_key(self, objects: Sequence[dict[str, Any]], where: Where) -> None:
        """Where hardly two objects have the same keys, one column for each key is quicker."""
        columns: dict[str, tuple[list[Any], list[int]]] = {}
        for index, mapping in enumerate(objects):
            for key, value in mapping.items():
                column = columns.get(key)
                if column is None:
                    column = columns[key] = ([], [])
                column[0].append(value)
                column[1].append(index)
        for key, (values, chosen) in columns.items():
            member = self._member(key)
            if member is not None:
                member.add(values, through(chosen, where))

    def _add_arrays(self, arrays: Sequence[list[Any]], where: Where) -> None:
        if self.item_counts is None:
            self.item_counts = ItemCounts()
        lengths = list(map(len, arrays))
        self.item_counts.add(lengths)
        if self.items is None and any(lengths) and self._bounds.admit(self, ITEMS):
            self.items = PathStatistics(self._bounds, self.depth + 1)
        if self.items is not None:
            self.items.add(list(chain.from_iterable(arrays)), within(lengths, where))

    def _add_folded(self, objects: Sequence[dict[str, Any]], where: Where) -> None:
        assert self.folded is not None  # noqa: S101 - the caller looked
        assert self.folded_keys is not None  # noqa: S101 - as above
        keys = list(chain.from_iterable(objects))
        if keys:
            self.folded_keys.add(keys)
            values = list(chain.from_iterable(map(dict.values, objects)))
            self.folded.add(values, within(list(map(len, objects)), where))

    def _member(self, key: str) -> PathStatistics | None:
        member = self.members.get(key)
        if member is None and self._bounds.admit(self, key):
            member = self.members[key] = PathStatistics(self._bounds, self.depth + 1)
        return member

    def _look_for_large(self, values: Sequence[int], where: Where) -> None:
        if max(values) <= LARGEST_64_BIT and min(values) >= -LARGEST_64_BIT - 1:
            return
        large = [index for index, value in enumerate(values) if not -LARGEST_64_BIT - 1 <= value <= LARGEST_64_BIT]
        self.beyond_64_bits += len(large)
        first = where(large[0])
        self.first_beyond = first if self.first_beyond is None else min(first, self.first_beyond)

    def _fold(self) -> None:
        """Put all members together, under one key that stands for any."""
        self.folded = PathStatistics(self._bounds, self.depth + 1)
        self.folded_keys = ValueCounts(self._bounds.values, are_texts=True)
        self.folded_keys.add(list(self.members))
        self._bounds.paths += 1
        for member in self.members.values():
            self.folded.merge(member)
        self.members = {}

    def merge(self, other: PathStatistics) -> None:
        """Take up what was seen at another path, which is not used again."""
        self.present += other.present
        for kind, seen in other.types.items():
            mine = self.types.setdefault(kind, TypeCount(0, seen.first))
            mine.count += seen.count
            mine.first = min(mine.first, seen.first)
        self.texts = _merged(self.texts, other.texts)
        self.numbers = _merged(self.numbers, other.numbers)
        self.truths = [mine + more for mine, more in zip(self.truths, other.truths, strict=True)]
        self.beyond_64_bits += other.beyond_64_bits
        firsts = [first for first in (self.first_beyond, other.first_beyond) if first is not None]
        self.first_beyond = min(firsts, default=None)
        if other.item_counts is not None:
            self.item_counts = self.item_counts or ItemCounts()
            self.item_counts.add_all(other.item_counts)
        if other.items is not None:
            self.items = self._united(self.items, other.items)
        for key, member in other.members.items():
            self.members[key] = self._united(self.members.get(key), member)
        if other.folded is not None:
            self.folded = self._united(self.folded, other.folded)
            self.folded_keys = _merged(self.folded_keys, other.folded_keys)
        self._bounds.paths -= 1

    def _united(self, mine: PathStatistics | None, other: PathStatistics) -> PathStatistics:
        if mine is None:
            other.depth = self.depth + 1
            return other
        mine.merge(other)
        return mine


def grouped(objects: Sequence[dict[str, Any]]) -> Groups:
    """The indices of the objects by their keys, in the order in which these appear."""
    keys = list(map(tuple, objects))
    if keys.count(keys[0]) == len(keys):
        return {keys[0]: range(len(keys))}
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, key in enumerate(keys):
        group = groups.get(key)
        if group is None:
            groups[key] = [index]
        else:
            group.append(index)
    return dict(groups)


def through(chosen: Sequence[int], where: Where) -> Where:
    """Positions of a selection."""
    return lambda index: where(chosen[index])


def within(lengths: list[int], where: Where) -> Where:
    """Positions of what arrays of these lengths hold, end to end."""
    return lambda index: where(bisect_right(list(accumulate(lengths)), index))


def _merged(mine: ValueCounts | None, other: ValueCounts | None) -> ValueCounts | None:
    if mine is None or other is None:
        return mine or other
    mine.merge(other)
    return mine
