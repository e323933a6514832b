"""What a second sample of events has that the first has not: what a new feed of data changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.events.profile import EventsProfile, PathProfile

CHANGES = {
    "removed": "is gone",
    "added": "is new",
    "new-type": "has a type it had not",
    "lost-type": "has no longer a type it had",
    "now-null": "is null at times",
    "now-optional": "is missing at times",
    "now-required": "is always there",
    "presence": "is there more or less often",
    "range": "has numbers outside the range it had",
    "values": "has values it had not",
}
"""Kinds of change, as ``inspect A B`` words them; those that may break a model are ``BREAKING``."""

BREAKING = ("removed", "new-type", "now-null", "now-optional")
_PRESENCE_MOVED = 0.1
_FEW_VALUES = 5


@dataclass(frozen=True)
class FieldChange:
    """One change at a path; ``before`` and ``after`` are short texts for people, empty where there is nothing."""

    path: str
    kind: str
    before: str
    after: str

    @property
    def is_breaking(self) -> bool:
        """Whether a model that was made for the first sample may fail on it."""
        return self.kind in BREAKING


def compare_profiles(before: EventsProfile, after: EventsProfile) -> tuple[FieldChange, ...]:
    """All changes, those that may break a model first, each in the order of the fields.

    Members of a field that is gone or new are not listed beside it.
    """
    old = {path.path: path for path in before.paths}
    new = {path.path: path for path in after.paths}
    changes = list(_one_sided(before, new, "removed")) + list(_one_sided(after, old, "added"))
    for path in before.paths:
        if path.path in new:
            changes += _changes(path, new[path.path])
    return tuple(sorted(changes, key=lambda change: (not change.is_breaking, list(CHANGES).index(change.kind))))


def _one_sided(profile: EventsProfile, other: dict[str, PathProfile], kind: str) -> Iterator[FieldChange]:
    """The fields of a profile that the other lacks, without those inside one that it lacks as well."""
    lacking: set[tuple[str, ...]] = set()
    for path in profile.paths:
        if path.path in other:
            continue
        lacking.add(path.keys)
        if path.keys[:-1] not in lacking:
            told = f"{_types(path)} in {_share(path)}"
            yield FieldChange(path.path, kind, *((told, "") if kind == "removed" else ("", told)))


def _changes(before: PathProfile, after: PathProfile) -> Iterator[FieldChange]:
    had, has = _kinds(before), _kinds(after)
    for kind, names in (("new-type", has - had), ("lost-type", had - has)):
        if names and had and has:
            yield FieldChange(before.path, kind, _types(before), _types(after))
    if after.nulls and not before.nulls:
        yield FieldChange(before.path, "now-null", "never", f"{after.nulls:,} of {after.present:,}")
    shares = _share(before), _share(after)
    if before.is_optional != after.is_optional:
        yield FieldChange(before.path, "now-optional" if after.is_optional else "now-required", *shares)
    elif abs(before.present / before.parents - after.present / after.parents) > _PRESENCE_MOVED:
        yield FieldChange(before.path, "presence", *shares)
    if before.numbers is not None and after.numbers is not None:
        wider = after.numbers.least < before.numbers.least or after.numbers.greatest > before.numbers.greatest
        if wider:
            yield FieldChange(before.path, "range", _range(before), _range(after))
    if max(before.distinct, after.distinct) <= _FEW_VALUES and before.strings is not None:
        known = {seen.value for seen in before.top}
        fresh = [seen.value for seen in after.top if seen.value not in known]
        if fresh:
            yield FieldChange(before.path, "values", ", ".join(sorted(known)), ", ".join(sorted(fresh)))


def _kinds(path: PathProfile) -> set[str]:
    """Its types but null; a number that is whole in one sample need not be so in the other."""
    return {"number" if seen.name == "integer" else seen.name for seen in path.types} - {"null"}


def _types(path: PathProfile) -> str:
    return ", ".join(seen.name for seen in path.types)


def _share(path: PathProfile) -> str:
    return f"{path.present:,} of {path.parents:,}"


def _range(path: PathProfile) -> str:
    assert path.numbers is not None  # noqa: S101 - the caller looked
    return f"{path.numbers.least:g} … {path.numbers.greatest:g}" if _is_short(path) else "beyond floats"


def _is_short(path: PathProfile) -> bool:
    assert path.numbers is not None  # noqa: S101 - the caller looked
    return max(abs(path.numbers.least), abs(path.numbers.greatest)) < 10**300
