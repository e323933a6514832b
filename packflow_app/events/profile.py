"""What a file of events holds: the profile, as values that faces show and that a schema is made from.

Paths are spelled as the equality rule spells them (``user.name``, ``ips[]``, ``id."orig.h"``). Where the keys of an
object are data rather than names (an address, a counter's label), its members are folded into one path with the key
``*``: ``counters.*``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
"""JSON types as JSON Schema names them; ``number`` is one that is not written as a whole number."""

PATTERNS = ("timestamp", "ip", "uuid", "number")
"""What strings may turn out to be: a date with a time, an IP address, a UUID, a number in a string."""


@dataclass(frozen=True)
class InvalidLine:
    """A line (or item) of the file that is no event: where, from 1, its column where that is known, and why.

    ``code`` is stable: ``not-json``, ``not-utf8``, ``not-an-object``, ``line-too-long``, ``too-deep``, …
    """

    position: int
    code: str
    message: str
    column: int | None = None


@dataclass(frozen=True)
class TypeSeen:
    """A JSON type at a path: how many values have it, and the position of the first event that does."""

    name: str
    count: int
    first: int


@dataclass(frozen=True)
class Numbers:
    """The numbers at a path; ``mean`` is None where their sum is beyond what a float holds.

    ``beyond_64_bits`` counts integers that need more than 64 bits with their sign, ``first_beyond`` is the first's
    position.
    """

    count: int
    least: float | int
    greatest: float | int
    mean: float | None
    beyond_64_bits: int = 0
    first_beyond: int | None = None


@dataclass(frozen=True)
class Strings:
    """The strings at a path, lengths in characters.

    ``patterns`` counts those of each of ``PATTERNS`` that occurs, among the ``looked_at`` strings that were looked at:
    all of them unless there are thousands of different ones.
    """

    count: int
    shortest: int
    longest: int
    mean_length: float
    patterns: dict[str, int]
    looked_at: int

    @property
    def pattern(self) -> str | None:
        """The one pattern that all of them have, of those looked at."""
        return next((name for name, count in self.patterns.items() if count == self.looked_at), None)


@dataclass(frozen=True)
class Items:
    """The arrays at a path: the fewest, the most and the mean number of items."""

    count: int
    fewest: int
    most: int
    mean: float


@dataclass(frozen=True)
class ValueSeen:
    """A scalar value and how often it occurs; ``value`` is JSON, shortened where it is long."""

    value: str
    count: int


@dataclass(frozen=True)
class PathProfile:
    """Everything at one path. ``keys`` are its parts from the top: a key, ``[]`` for items, ``*`` for folded keys.

    ``present`` values were seen, null among them, in ``parents`` objects (or arrays) that could hold one: a path is
    optional where ``present < parents``, for items ``parents`` is the number of items. ``types`` has the commonest type
    first. ``distinct`` counts different scalar values, about where ``distinct_is_exact`` is False; ``top`` has the most
    frequent ones. ``map_keys`` is how many different keys were folded, where the last part is ``*``.
    """

    path: str
    keys: tuple[str, ...]
    present: int
    parents: int
    types: tuple[TypeSeen, ...]
    numbers: Numbers | None = None
    strings: Strings | None = None
    items: Items | None = None
    distinct: int = 0
    distinct_is_exact: bool = True
    top: tuple[ValueSeen, ...] = ()
    map_keys: int | None = None

    @property
    def nulls(self) -> int:
        """How many of the values are null."""
        return next((seen.count for seen in self.types if seen.name == "null"), 0)

    @property
    def is_optional(self) -> bool:
        """Whether some parent lacks it."""
        return self.present < self.parents

    @property
    def conflict(self) -> tuple[TypeSeen, ...]:
        """Its types, where they are more than one beside null; whole and other numbers are no conflict."""
        kinds = {"number" if seen.name == "integer" else seen.name for seen in self.types} - {"null"}
        return self.types if len(kinds) > 1 else ()


@dataclass(frozen=True)
class Shape:
    """Events with the same keys at the top: how many, and the first."""

    keys: tuple[str, ...]
    count: int
    first: int


@dataclass(frozen=True)
class Sampling:
    """What part of the file was read: ``ranges`` of bytes (of the unpacked file) out of ``size``."""

    size: int
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class EventsProfile:
    """A file of events; ``invalid`` are the first of ``invalid_count`` lines that are none, counted by code as well.

    ``paths`` are in the order of the events, a parent before its members; ``paths_left_out`` counts those beyond the
    bound. ``shapes`` has the commonest first, the first of ``shape_count``. ``sampling`` is None where all was read.
    """

    format: str
    bytes: int
    events: int
    invalid_count: int
    invalid: tuple[InvalidLine, ...]
    invalid_codes: dict[str, int]
    paths: tuple[PathProfile, ...]
    shapes: tuple[Shape, ...]
    shape_count: int
    paths_left_out: int = 0
    sampling: Sampling | None = None
    notes: tuple[str, ...] = ()

    def path(self, name: str) -> PathProfile:
        """The profile of a path by its spelling; raises KeyError."""
        found: dict[str, PathProfile] = {one.path: one for one in self.paths}
        return found[name]

    @property
    def conflicts(self) -> tuple[PathProfile, ...]:
        """The paths whose values have types that do not go together."""
        return tuple(one for one in self.paths if one.conflict)


@dataclass
class EventBlock:
    """Some consecutive events of a file: their positions (line or item, from 1), their bytes, and their values.

    ``invalid`` are the lines among them that are no events. ``offset`` is how far the file was read, in bytes of the
    file as it lies on the disk, for a progress bar.
    """

    positions: list[int]
    raws: list[bytes]
    events: list[dict[str, Any]]
    invalid: list[InvalidLine] = field(default_factory=list)
    offset: int = 0


__all__ = [
    "PATTERNS",
    "TYPES",
    "EventBlock",
    "EventsProfile",
    "InvalidLine",
    "Items",
    "Numbers",
    "PathProfile",
    "Sampling",
    "Shape",
    "Strings",
    "TypeSeen",
    "ValueSeen",
]
