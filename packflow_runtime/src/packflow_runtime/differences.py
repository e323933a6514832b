"""What two runs of a model differ in, and the verdict on them, as values and as strict JSON that stays short.

How it is found, and when two values are equal, stands in ``equality``, as does how paths are spelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import isfinite, isnan
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .equality import Rule

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

_SHOWN_CHARACTERS, _SHOWN_ITEMS, _SHOWN_DEPTH, _SHOWN_BITS = 200, 8, 3, 1024


@dataclass(frozen=True)
class Mismatch:
    """One place where two outcomes part.

    ``kind`` is value, type, missing (only on the left), extra (only on the right), length, error (an error
    record against an output) or count (a side has run out of events). For length and count, ``left`` and
    ``right`` are the two lengths; a side that has nothing is None. ``difference`` is ``|left - right|`` of
    two floats, else None; None for NaN too, which is at no distance from a number.
    """

    event: int
    path: str
    kind: str
    left: JSON
    right: JSON
    difference: float | None = None

    def as_json(self) -> dict[str, JSON]:
        """Return strict JSON: NaN and infinities as strings, long values shortened."""
        shown = {name: _shown(value) for name, value in vars(self).items() if name != "path"}
        return {"event": self.event, "path": self.path, **shown}


@dataclass(frozen=True)
class FieldDifference:
    """How often one path differs: in how many events (ties apart), by how much at most, and the first time."""

    path: str
    events: int
    largest: float | None
    first: Mismatch

    def as_json(self) -> dict[str, JSON]:
        """Return strict JSON types under the names of the fields."""
        largest = json_number(self.largest)
        return {"path": self.path, "events": self.events, "largest": largest, "first": self.first.as_json()}


@dataclass(frozen=True)
class Comparison:
    """The verdict on two runs: ``equal`` holds when no event differs, ties apart.

    ``events`` counts those of the longer run; each that the shorter one lacks differs. ``values`` counts
    the scalars that met a scalar, ``not_bit_equal`` those of them that changed at all (-0.0 against 0.0
    too). ``largest`` is the largest difference of two floats, in tolerance or not; None when there was
    none. ``mismatches`` and ``tied`` hold the first mismatch of each of the first 20 such events;
    ``fields`` every path that differs, the most frequent first; ``tolerances`` the relative tolerance of each path that
    held a float.
    """

    equal: bool
    events: int
    differing: int
    ties: int
    values: int
    not_bit_equal: int
    largest: Mismatch | None
    first: Mismatch | None
    mismatches: tuple[Mismatch, ...]
    tied: tuple[Mismatch, ...]
    fields: tuple[FieldDifference, ...]
    rule: Rule
    tolerances: dict[str, float]

    def as_json(self) -> dict[str, JSON]:
        """Return strict JSON types under the names of the fields."""
        return {
            **vars(self),
            "largest": self.largest.as_json() if self.largest else None,
            "first": self.first.as_json() if self.first else None,
            "mismatches": [mismatch.as_json() for mismatch in self.mismatches],
            "tied": [mismatch.as_json() for mismatch in self.tied],
            "fields": [field.as_json() for field in self.fields],
            "rule": self.rule.as_json(),
            "tolerances": {**self.tolerances},
        }


def _shown(value: JSON, depth: int = _SHOWN_DEPTH) -> JSON:
    """Return a value as a report shows it: strict JSON, and short whatever it was."""
    if not isinstance(value, (list, dict)):
        return _shown_scalar(value)
    if not depth:
        return f"(a list of {len(value):,})" if isinstance(value, list) else f"(an object of {len(value):,})"
    rest = len(value) - _SHOWN_ITEMS
    if isinstance(value, list):
        items = [_shown(item, depth - 1) for item in value[:_SHOWN_ITEMS]]
        return [*items, f"… ({rest:,} more)"] if rest > 0 else items
    members = {str(_shown(key)): _shown(value[key], depth - 1) for key in islice(value, _SHOWN_ITEMS)}
    return {**members, "…": f"({rest:,} more)"} if rest > 0 else members


def json_number(value: float | None) -> float | str | None:
    """Return a float as strict JSON has it: NaN and infinities, which JSON lacks, by their names."""
    if value is None or isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shown_scalar(value: JSON) -> JSON:
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:  # Python refuses to print the largest
        return f"(an integer of {value.bit_length():,} bits)"
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"{value[:_SHOWN_CHARACTERS]}… ({len(value) - _SHOWN_CHARACTERS:,} characters more)"
    return value
