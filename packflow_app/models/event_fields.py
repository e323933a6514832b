"""The fields of events that may be features, found by how people write their paths."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from packflow_app.events.event_paths import ANY_KEY, ITEMS

if TYPE_CHECKING:
    from packflow_app.events.profile import EventsProfile, PathProfile

ANSWERS = frozenset({"label", "labels", "target", "targets", "y", "class", "ground_truth"})
"""Names of fields that hold what a model is to say, and that are therefore never taken for what it is told."""

NUMBERS = frozenset({"integer", "number", "boolean", "null"})
"""Types of fields that an array of numbers takes."""

_CLOSEST = 3


class EventFields:
    """The scalar fields of the events, by how people write their paths."""

    def __init__(self, profile: EventsProfile) -> None:
        self.events = profile.events
        self._paths = [one for one in profile.paths if _is_scalar(one)]
        self._by_name: dict[str, list[PathProfile]] = {}
        for one in self._paths:
            for name in {".".join(one.keys), one.path}:
                self._by_name.setdefault(name, []).append(one)

    def named(self, name: str) -> list[PathProfile]:
        """The fields of exactly this path; more than one where a key with dots says the same as a nested path."""
        return self._by_name.get(name, [])

    def similar(self, name: str) -> list[PathProfile]:
        """Those whose path has the same letters and digits."""
        return [one for one in self._paths if _normal(".".join(one.keys)) == _normal(name)]

    def ending(self, name: str) -> list[PathProfile]:
        """Those whose last part has the same letters and digits."""
        return [one for one in self._paths if _normal(one.keys[-1]) == _normal(name)]

    def numeric(self) -> list[str]:
        """Fields that hold numbers, but for those named as answers are: what an ordered list may be made of."""
        return [".".join(one.keys) for one in self._paths if is_numeric(one) and one.keys[-1].lower() not in ANSWERS]

    def scalars(self) -> list[PathProfile]:
        """All of them, in the order in which the events show them."""
        return self._paths

    def closest(self, name: str) -> list[str]:
        """The few names most like ``name``."""
        names = {".".join(one.keys): _normal(".".join(one.keys)) for one in self._paths}
        found = difflib.get_close_matches(_normal(name), names.values(), _CLOSEST, 0.5)
        by_last = {full: _normal(full.rpartition(".")[2]) for full in names}
        found += difflib.get_close_matches(_normal(name), by_last.values(), _CLOSEST, 0.5)
        listed = [full for full in names if names[full] in found or by_last[full] in found]
        return listed[:_CLOSEST]


def _is_scalar(path: PathProfile) -> bool:
    types = {seen.name for seen in path.types} - {"null"}
    return not {ITEMS, ANY_KEY} & {*path.keys} and not types <= {"object", "array"}


def is_numeric(path: PathProfile) -> bool:
    """Whether a field holds numbers (or true and false) alone, null apart."""
    types = {seen.name for seen in path.types}
    return types <= NUMBERS and types != {"null"}


def _normal(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
