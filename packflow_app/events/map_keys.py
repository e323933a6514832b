"""Tell the keys of an object that are data (addresses, counters' labels) from keys that are names of fields."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from packflow_app.events.patterns import pattern_of

if TYPE_CHECKING:
    from packflow_app.events.path_statistics import PathStatistics

_MANY = 64
_TOO_MANY = 1000
_FEWEST = 5
_SPARSE = 0.1
_ALIKE = 0.95
_HEXADECIMAL = re.compile(r"(?=.*[0-9])[0-9a-fA-F]{12,}").fullmatch


def look_again_at(members: int) -> int:
    """At how many members it is worth asking again."""
    return max(_MANY, 2 * members)


def are_map_keys(statistics: PathStatistics, *, is_all: bool = False) -> bool:
    """Whether the keys seen are data.

    They are where all of them look like data of one kind: numbers, addresses, times, UUIDs, long hexadecimal numbers;
    where there are at least 64 of them, each object has few of these, and their values have the same types; and where
    there are a thousand. Few keys are judged only once all events were seen (``is_all``).
    """
    members = statistics.members
    if len(members) >= _TOO_MANY:
        return True
    if len(members) < (_FEWEST if is_all else _MANY):
        return False
    if len({_kind(key) for key in members}) == 1 and _kind(next(iter(members))):
        return True
    if len(members) < _MANY:
        return False
    present = sum(member.present for member in members.values())
    if present > _SPARSE * len(members) * statistics.objects:
        return False
    kinds = Counter(frozenset(member.types.keys() - {type(None)}) for member in members.values())
    return max(kinds.values()) >= _ALIKE * len(members)


def _kind(key: str) -> str:
    return pattern_of(key) or ("hexadecimal" if _HEXADECIMAL(key) else "")
