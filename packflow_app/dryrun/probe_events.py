"""Probes: sample events with one thing wrong, of the kinds that real streams bring sooner or later.

They are made from what the samples hold: every path gets the values that its own values are not. The same samples give
the same probes, those first that tell most.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.runtime import child_path, decode_event, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packflow_app.runtime import Event

Keys = tuple[str | int, ...]

KINDS = (
    "empty-event",
    "all-null",
    "extra-field",
    "deep-nesting",
    "missing",
    "null",
    "wrong-type",
    "number-as-text",
    "empty",
    "extreme",
    "non-ascii",
    "long-text",
)
"""Every kind of probe; the first four are about a whole event, the others about one path of it."""

_MOST_PATHS = 200
_DEEPEST = 12
_NESTING = 100
_LONG = 20_000
_SHOWN = 60
_STRANGERS = (("text", "unexpected"), ("number", 7), ("true or false", True), ("list", [1]), ("object", {"a": 1}))
_NON_ASCII = "Grüße 防火墙 🔥 \u202e\u0000\t"


@dataclass(frozen=True)
class Probe:
    """A sample event (``base``, an index) with one thing wrong: ``kind``, at ``path``, which then holds ``value``.

    ``value`` is shortened JSON, empty where there is none. ``line`` is the event.
    """

    kind: str
    path: str
    value: str
    base: int
    line: bytes


@dataclass
class _Place:
    """What the samples hold at a path: the first event with it, in how many it is, its values' kinds."""

    base: int
    count: int = 0
    seen: set[str] = field(default_factory=set)

    def note(self, index: int, value: object) -> None:
        kind = _kind_of(value)
        if self.seen == {"null"} and kind != "null":
            self.base = index
        self.seen.add(kind)
        self.count += 1


def probes_of(lines: Sequence[bytes]) -> list[Probe]:
    """Probes from these events, which are valid JSON lines: whole events first, then paths that most events have.

    What is missing comes before null and wrong types, and those before what only some paths get, so that a bound on
    their number leaves out the least.
    """
    events = [decode_event(line) for line in lines]
    places = _places(events)
    probes = [probe for probe in _whole(events) if probe is not None]
    for kinds in (("missing",), ("null", "wrong-type"), KINDS[7:]):
        probes += [probe for keys, place in places for probe in _at(events[place.base], keys, place, kinds)]
    return probes


def _places(events: Sequence[Event]) -> list[tuple[Keys, _Place]]:
    """The paths of the events, through objects and the first items of lists; those in most events first."""
    found: dict[Keys, _Place] = {}
    for index, event in enumerate(events):
        waiting: list[tuple[Keys, Any]] = [((), event)]
        while waiting:
            keys, value = waiting.pop(0)
            if keys:
                place = found.get(keys)
                if place is None:
                    if len(found) >= _MOST_PATHS:
                        continue
                    place = found[keys] = _Place(index)
                place.note(index, value)
            if len(keys) < _DEEPEST:
                waiting += [((*keys, key), member) for key, member in _members(value)]
    order = {keys: number for number, keys in enumerate(found)}
    return sorted(found.items(), key=lambda item: (-item[1].count, len(item[0]), order[item[0]]))


def _members(value: object) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(0, value[0])] if isinstance(value, list) and value else []


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    kinds: dict[type, str] = {str: "text", list: "list", dict: "object"}
    return kinds.get(type(value), "number")


def _whole(events: Sequence[Event]) -> Iterator[Probe | None]:
    base = events[0]
    yield _probe("empty-event", "", None, {})
    yield _probe("all-null", "", None, dict.fromkeys(base))
    yield _probe("extra-field", "packflow_probe", "unexpected", {**base, "packflow_probe": "unexpected"})
    nested: Any = 1
    for _ in range(_NESTING):
        nested = [nested]
    yield _probe("deep-nesting", "packflow_probe", nested, {**base, "packflow_probe": nested})


def _at(event: Event, keys: Keys, place: _Place, kinds: Sequence[str]) -> Iterator[Probe]:
    """The probes of these kinds at one path of an event."""
    path = _spelled(keys)
    if "missing" in kinds and (probe := _probe("missing", path, None, _without(event, keys), place.base)):
        yield probe
    for kind, value in _values(_value_at(event, keys), place.seen):
        if kind in kinds and (probe := _probe(kind, path, value, _with(event, keys, value), place.base, shown=True)):
            yield probe


def _values(value: object, seen: set[str]) -> Iterator[tuple[str, Any]]:
    """What to put in place of a value: each kind of probe with its stand-in."""
    if "null" not in seen:
        yield "null", None
    stranger = next((value for kind, value in _STRANGERS if kind not in seen), None)
    if stranger is not None:
        yield "wrong-type", stranger
    kind = _kind_of(value)
    if kind == "number":
        yield "number-as-text", str(value)
        yield from [("extreme", extreme) for extreme in (0, -1, 10**30, -1.7e308) if extreme != value]
    elif kind == "text":
        yield from (("empty", ""), ("non-ascii", _NON_ASCII), ("long-text", "x" * _LONG))
    elif kind in ("list", "object") and value:
        yield "empty", [] if kind == "list" else {}


def _probe(kind: str, path: str, value: object, event: Event, base: int = 0, *, shown: bool = False) -> Probe | None:
    """None where the event cannot be written, such as one with half of a surrogate pair."""
    try:
        line = encode(event)
    except ValueError:
        return None
    text = json.dumps(value, ensure_ascii=False) if shown or value is not None else ""
    return Probe(kind, path, text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…", base, line)


def _spelled(keys: Keys) -> str:
    path = ""
    for key in keys:
        path = f"{path}[]" if isinstance(key, int) else child_path(path, key)
    return path


def _value_at(value: Any, keys: Keys) -> Any:  # noqa: ANN401 - JSON
    for key in keys:
        value = value[key]
    return value


def _with(event: Event, keys: Keys, value: object) -> Event:
    copy = deepcopy(event)
    _value_at(copy, keys[:-1])[keys[-1]] = value
    return copy


def _without(event: Event, keys: Keys) -> Event:
    copy = deepcopy(event)
    del _value_at(copy, keys[:-1])[keys[-1]]
    return copy


__all__ = ["KINDS", "Probe", "probes_of"]
