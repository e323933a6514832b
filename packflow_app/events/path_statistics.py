"""What was seen at one path of the events, gathered by column: a loop over values would take many times longer."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from packflow_app.events.columns import are_texts, columns_of, grouped, of_types, through, within
from packflow_app.events.counters import LARGEST_64_BIT, SMALLEST_64_BIT, ItemCounts, LargeIntegers, TypeCount
from packflow_app.events.event_paths import ITEMS
from packflow_app.events.few_values import FEW, few_counts
from packflow_app.events.map_keys import are_map_keys, look_again_at
from packflow_app.events.value_counts import ValueBudget, ValueCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packflow_app.events.columns import Groups, Where

MOST_PATHS = 5000
MOST_DEPTH = 64
_FAMILIES = ((str,), (int, float), (bool,), (list,), (dict,))  # types whose values are taken up together
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
        self.large = LargeIntegers()
        self._bounds = bounds
        self._may_be_few = True
        self._newest_type = 0  # the start of the block in which the last type came up
        self._few: list[str | None] = []
        self._usual_keys: tuple[str, ...] = ()
        self._look_again_at = look_again_at(0)

    @property
    def objects(self) -> int:
        """How many of the values are objects."""
        return self.types[dict].count if dict in self.types else 0

    def add_events(self, events: Sequence[dict[str, Any]], where: Where) -> Groups:
        """Take up whole events; returns which of them have which keys, unless the keys are data."""
        self.present += len(events)
        self._count_type(dict, len(events), 0, where)
        return self._add_objects(events, where)

    def add(self, column: Sequence[Any], where: Where) -> None:
        """Take up the values of some events, in order, which may be none."""
        if not column:
            return
        self.present += len(column)
        few = few_counts(column, self._few) if self._few else None
        if few is None:
            self._add_by_type(column, where)
            if self._may_be_few and self._newest_type < self._bounds.block_start:
                self._look_for_few()
            return
        for value, count in few.items():
            self.types[type(value)].count += count
            if value is not None and self.texts is not None:
                self.texts.add_known(value, count)

    def _look_for_few(self) -> None:
        """Prepare to count a few strings and null at a glance, unless there are more or others.

        Not in the block in which either came first: an earlier one may come yet.
        """
        values: list[str | None] | None = [] if self.texts is None else self.texts.commonest_of(FEW)
        if values is not None and type(None) in self.types:
            values.append(None)
        self._few = values if values and self.types.keys() <= {str, type(None)} else []
        self._may_be_few = bool(self._few)

    def _add_by_type(self, column: Sequence[Any], where: Where) -> None:
        """Take up values of any types."""
        kinds = {str} if self.texts is not None and are_texts(column) else set(map(type, column))
        if len(kinds) == 1:
            kind = next(iter(kinds))
            self._count_type(kind, len(column), 0, where)
            self._add_values(kind, column, where)
            return
        types = list(map(type, column))
        for kind in kinds:
            self._count_type(kind, types.count(kind), types.index(kind), where)
        for family in _FAMILIES:
            if not kinds.isdisjoint(family):
                values = [value for value, kind in zip(column, types, strict=True) if kind in family]
                self._add_values(family[0], values, of_types(types, family, where))

    def _count_type(self, kind: type, count: int, first: int, where: Where) -> None:
        """Count values of one type, the first of them at this index."""
        seen = self.types.get(kind)
        if seen is None:
            self.types[kind] = TypeCount(count, where(first))
            self._newest_type = self._bounds.block_start
        else:
            seen.count += count
            if seen.first > self._bounds.block_start:  # first seen in this block, where groups come out of order
                seen.first = min(seen.first, where(first))

    def _add_values(self, kind: type, values: Sequence[Any], where: Where) -> None:
        """Take up values of one type; for ``int``, floats may be among them."""
        if kind is str:
            if self.texts is None:
                self.texts = ValueCounts(self._bounds.values, are_texts=True)
            self.texts.add(values)
        elif kind is int or kind is float:
            if self.numbers is None:
                self.numbers = ValueCounts(self._bounds.values, are_texts=False)
            may_be_new = self.numbers.add(values)
            are_small = self.numbers.are_within(SMALLEST_64_BIT, LARGEST_64_BIT)
            if kind is int and not are_small and (may_be_new or self.large.count):
                self.large.add(values, where)
        elif kind is bool:
            true = sum(values)
            self.truths[True] += true
            self.truths[False] += len(values) - true
        elif kind is list:
            self._add_arrays(values, where)
        elif kind is dict:
            self._add_objects(values, where)

    def _add_objects(self, objects: Sequence[dict[str, Any]], where: Where) -> Groups:
        """Take up the members of objects, all that have the same keys at once; returns these groups."""
        if self.folded is not None:
            self._add_folded(objects, where)
            return {}
        columns = columns_of(objects, self._usual_keys)
        if columns is not None:
            self._add_columns(self._usual_keys, columns, where)
            return {self._usual_keys: range(len(objects))}
        groups = grouped(objects)
        if 4 * len(groups) > len(objects) + 4:
            self._add_by_key(objects, where)
        elif len(groups) == 1:
            self._usual_keys = next(iter(groups))
            self._add_columns(self._usual_keys, zip(*map(dict.values, objects), strict=True), where)
        else:
            for keys, chosen in groups.items():
                chosen_columns = zip(*[objects[index].values() for index in chosen], strict=True)
                self._add_columns(keys, chosen_columns, through(chosen, where))
        if len(self.members) >= self._look_again_at:
            if are_map_keys(self):
                self._fold()
            else:
                self._look_again_at = look_again_at(len(self.members))
        return groups

    def _add_columns(self, keys: tuple[str, ...], columns: Iterable[Sequence[Any]], where: Where) -> None:
        for key, column in zip(keys, columns, strict=bool(keys)):
            member = self._member(key)
            if member is not None:
                member.add(column, where)

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

    def _fold(self) -> None:
        """Put all members together, under one key that stands for any."""
        self.folded = PathStatistics(self._bounds, self.depth + 1)
        self.folded_keys = ValueCounts(self._bounds.values, are_texts=True)
        self.folded_keys.add(list(self.members))
        self._bounds.paths += 1
        for member in self.members.values():
            self.folded.merge(member)
        self.members = {}
        self._usual_keys = ()

    def merge(self, other: PathStatistics) -> None:
        """Take up what was seen at another path, which is not used again."""
        self._few, self._may_be_few, self._newest_type, self._usual_keys = [], True, self._bounds.block_start, ()
        self.present += other.present
        for kind, seen in other.types.items():
            mine = self.types.setdefault(kind, TypeCount(0, seen.first))
            mine.count += seen.count
            mine.first = min(mine.first, seen.first)
        self.texts = _merged(self.texts, other.texts)
        self.numbers = _merged(self.numbers, other.numbers)
        self.truths = [mine + more for mine, more in zip(self.truths, other.truths, strict=True)]
        self.large.add_all(other.large)
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


def _merged(mine: ValueCounts | None, other: ValueCounts | None) -> ValueCounts | None:
    if mine is None or other is None:
        return mine or other
    mine.merge(other)
    return mine
