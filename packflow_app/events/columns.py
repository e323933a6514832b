"""From objects to columns of values, grouped by their keys, and where in the file a value of a column stands.

What looks at every value or key runs in C: a loop over them would take many times longer.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    Where = Callable[[int], int]
    """Gives the position in the file of the event that holds the value at an index of a column."""
    Groups = dict[tuple[str, ...], Sequence[int]]
    """Indices of objects by their keys."""


def are_texts(values: Sequence[Any]) -> bool:
    """Whether all are strings; joining them is quicker than looking at the type of each."""
    try:
        "".join(values)
    except TypeError:
        return False
    return True


def columns_of(values: Sequence[Any], keys: tuple[str, ...]) -> Sequence[Sequence[Any]] | None:
    """The members of objects by key, where all values are objects with exactly these keys in any order; else None."""
    if not keys:
        return None
    try:
        if set(map(len, values)) != {len(keys)}:
            return None
        rows = map(itemgetter(*keys), values)  # of what is no object, nothing can be had by a string
        return list(zip(*rows, strict=True)) if len(keys) > 1 else [list(rows)]
    except (KeyError, TypeError):
        return None


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


def of_types(types: Sequence[type], kinds: Collection[type], where: Where) -> Where:
    """Positions of the values of some types; these are sought only once a position is asked for, which is seldom."""
    chosen: list[int] = []

    def position(index: int) -> int:
        if not chosen:
            chosen.extend(place for place, kind in enumerate(types) if kind in kinds)
        return where(chosen[index])

    return position


def within(lengths: list[int], where: Where) -> Where:
    """Positions of what arrays of these lengths hold, end to end."""
    ends: list[int] = []

    def position(index: int) -> int:
        if not ends:
            ends.extend(accumulate(lengths))
        return where(bisect_right(ends, index))

    return position
