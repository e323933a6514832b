"""How far the events that arrive have moved from the schema the model was shipped with."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, NamedTuple

from .exposition import family
from .json_types import KINDS, NAMES
from .native import child_path


class _Place(NamedTuple):
    """What the schema says of one path: the Python types it may hold (None: any), its members and its items."""

    path: str
    kinds: frozenset[type] | None
    members: tuple[tuple[str, bool, _Place], ...]
    items: _Place | None


class DriftCounters:
    """Counts, per path, required fields that are missing and values of a type the schema does not name.

    ``schema`` is a JSON schema; of its keywords ``type``, ``properties``, ``required`` and ``items`` count, others say
    nothing here. ``1.0`` is an integer, as JSON Schema has it. Fields the schema does not know are passed over. Paths
    are spelled as ``equality`` spells them. Threads may share one instance: only an event that drifts takes a lock.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._root = _place(schema, "")
        self._missing: Counter[str] = Counter()
        self._new_types: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def observe(self, event: dict[str, Any]) -> None:
        """Look at one event; it is not changed."""
        self._look(self._root, event)

    def observe_all(self, events: list[dict[str, Any]]) -> None:
        """Look at each of these events."""
        for event in events:
            self._look(self._root, event)

    def snapshot(self) -> dict[str, Any]:
        """``{"missing": {path: events}, "new_types": {path: {type: values}}}``, JSON types in sorted order."""
        with self._lock:
            missing, new_types = dict(sorted(self._missing.items())), sorted(self._new_types.items())
        types: dict[str, dict[str, int]] = {}
        for (path, name), count in new_types:
            types.setdefault(path, {})[name] = count
        return {"missing": missing, "new_types": types}

    def prometheus(self) -> str:
        """The same in the Prometheus text format."""
        seen = self.snapshot()
        missing = [("", {"path": path}, count) for path, count in seen["missing"].items()]
        new_types = [
            ("", {"path": path, "type": name}, count)
            for path, names in seen["new_types"].items()
            for name, count in names.items()
        ]
        return family(
            "packflow_input_missing_total", "counter", "Events without a field that the schema requires.", missing
        ) + family("packflow_input_new_type_total", "counter", "Values of a type the schema does not name.", new_types)

    def _look(self, place: _Place, value: Any) -> None:  # noqa: ANN401 - any JSON value
        kind = type(value)
        if place.kinds is not None and kind not in place.kinds and not _is_whole(value, place.kinds):
            with self._lock:
                self._new_types[place.path, NAMES.get(kind, "object")] += 1
            return
        if kind is dict:
            for key, required, member in place.members:
                if key in value:
                    self._look(member, value[key])
                elif required:
                    with self._lock:
                        self._missing[member.path] += 1
        elif kind is list and place.items is not None:
            for item in value:
                self._look(place.items, item)


def _is_whole(value: object, kinds: frozenset[type]) -> bool:
    return type(value) is float and int in kinds and value.is_integer()


def _place(schema: Any, path: str) -> _Place:  # noqa: ANN401 - a schema, which may be true as well
    if not isinstance(schema, dict):
        return _Place(path, None, (), None)
    named = schema.get("type")
    names = [named] if isinstance(named, str) else named
    kinds = None if names is None else frozenset(kind for name in names for kind in KINDS.get(name, ()))
    properties, required = schema.get("properties", {}), schema.get("required", ())
    known = {**properties, **{key: {} for key in required if key not in properties}}
    members = tuple((key, key in required, _place(part, child_path(path, key))) for key, part in known.items())
    items = _place(schema["items"], f"{path}[]") if "items" in schema else None
    return _Place(path, kinds, members, items)
