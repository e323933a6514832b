"""The schema of events: which fields there are, of which types, which may be missing and which may be null.

As JSON Schema (draft 2020-12) it is what an archive ships and what the runtime's drift counters count against. It holds
types alone: no value, range or example of anybody's data leaves with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.events.event_paths import ANY_KEY, ITEMS
from packflow_app.events.profile import TYPES

if TYPE_CHECKING:
    from packflow_app.events.profile import EventsProfile, PathProfile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class SchemaField:
    """One path: ``types`` without null, in the order of ``TYPES``; none of them where only null was seen.

    ``required``: every object that could hold it does. ``nullable``: null was seen. They are independent: a field may
    be always there and null, or never null and missing at times.
    """

    path: str
    keys: tuple[str, ...]
    types: tuple[str, ...]
    required: bool
    nullable: bool


@dataclass(frozen=True)
class EventSchema:
    """The fields of events, a parent before its members."""

    fields: tuple[SchemaField, ...]

    def as_json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema; keys that are data become ``additionalProperties``."""
        root: dict[str, Any] = {"$schema": DIALECT, "type": "object"}
        places: dict[tuple[str, ...], dict[str, Any]] = {(): root}
        for one in self.fields:
            places[one.keys] = _placed(places[one.keys[:-1]], one)
        return root


def schema_of(profile: EventsProfile) -> EventSchema:
    """The schema of the events that a profile is of."""
    return EventSchema(tuple(_field(path) for path in profile.paths))


def _field(path: PathProfile) -> SchemaField:
    names = {seen.name for seen in path.types}
    if "number" in names:
        names.discard("integer")  # which is one
    types = tuple(name for name in TYPES if name in names and name != "null")
    return SchemaField(path.path, path.keys, types, required=not path.is_optional, nullable="null" in names)


def _placed(parent: dict[str, Any], one: SchemaField) -> dict[str, Any]:
    """Put a field into its parent's schema; returns its own."""
    names = [*one.types, *(["null"] if one.nullable else [])]
    schema: dict[str, Any] = {"type": names[0] if len(names) == 1 else names}
    key = one.keys[-1]
    if key == ITEMS and "array" in parent["type"]:
        parent["items"] = schema
    elif key == ANY_KEY:
        parent["additionalProperties"] = schema
    else:
        parent.setdefault("properties", {})[key] = schema
        if one.required:
            parent.setdefault("required", []).append(key)
    return schema
