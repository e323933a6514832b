"""Whether an event keeps the schema that an archive ships, for those who want no other ones: ``run --strict-input``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ExitCode, PackflowError
from .json_types import KINDS, NAMES
from .manifest import INPUT_SCHEMA_NAME
from .native import child_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from .target import Target

    Check = Callable[[Any], "Fault | None"]

CODE = "input-schema"
"""The code of the error record of an event that breaks the schema."""
_ITEM = None
"""Stands for a place in a list among the keys that lead to a fault."""


class Fault:
    """What is wrong with a value, and the keys that lead to it, innermost first: paths are made for faults alone."""

    __slots__ = ("keys", "words")

    def __init__(self, words: str, *keys: str | None) -> None:
        self.words = words
        self.keys: list[str | None] = [*keys]

    def below(self, key: str | None) -> Fault:
        """The same fault as the value around it has it."""
        self.keys.append(key)
        return self

    def __str__(self) -> str:
        path = ""
        for key in reversed(self.keys):
            path = f"{path}[]" if key is _ITEM else child_path(path, key)
        return f"{path or 'the event'} {self.words}"


class InputSchema:
    """A JSON schema, as far as it tells types, fields and items.

    Its keywords ``type``, ``properties``, ``required``, ``items`` and ``additionalProperties`` count. ``1.0`` is an
    integer, as JSON Schema has it. Fields that the schema does not name are allowed unless it says otherwise.
    """

    def __init__(self, schema: Any) -> None:  # noqa: ANN401 - a schema may be true or false as well
        self._check = _compiled(schema)

    def fault(self, event: dict[str, Any]) -> str | None:
        """The first thing about an event that breaks the schema, with its path; None where nothing does."""
        found = self._check(event)
        return None if found is None else str(found)


def shipped_schema(target: Target) -> dict[str, Any]:
    """The schema that came with an archive; raises PackflowError where there is none."""
    content = target.read(INPUT_SCHEMA_NAME)
    if content is None:
        what = "archive" if target.manifest is not None else "project's folder"
        raise PackflowError(
            f"The {what} has no schema of its events, which --strict-input goes by.",
            code="schema-missing",
            exit_code=ExitCode.NOT_FOUND,
            hint="Run it without --strict-input, or export the project again: `packflow export` ships the schema.",
        )
    import json  # noqa: PLC0415 - only with --strict-input

    schema: dict[str, Any] = json.loads(content)
    return schema


def _compiled(schema: Any) -> Check:  # noqa: ANN401 - as above
    if schema is False:
        return lambda _value: Fault("is not in the schema")
    if not isinstance(schema, dict):
        return lambda _value: None
    checked_type = _type_check(schema.get("type"))
    members = {key: _compiled(part) for key, part in schema.get("properties", {}).items()}
    required = tuple(schema.get("required", ()))
    others = _compiled(schema["additionalProperties"]) if "additionalProperties" in schema else None
    items = _compiled(schema["items"]) if "items" in schema else None
    if not members and not required and others is None and items is None:
        return checked_type

    def check(value: Any) -> Fault | None:  # noqa: ANN401 - any JSON value
        found = checked_type(value)
        if found is not None:
            return found
        if type(value) is dict:
            return _fault_of_object(value, required, members, others)
        if type(value) is list and items is not None:
            faults = (fault.below(_ITEM) for item in value if (fault := items(item)) is not None)
            return next(faults, None)
        return None

    return check


def _fault_of_object(
    value: dict[str, Any], required: tuple[str, ...], members: dict[str, Check], others: Check | None
) -> Fault | None:
    for key in required:
        if key not in value:
            return Fault("is missing", key)
    for key, member in value.items():
        check = members.get(key, others)
        if check is not None and (found := check(member)) is not None:
            return found.below(key)
    return None


def _type_check(named: str | list[str] | None) -> Check:
    if named is None:
        return lambda _value: None
    names = [named] if isinstance(named, str) else named
    kinds = frozenset(kind for name in names for kind in KINDS.get(name, ()))
    expected = " or ".join(names)

    def check(value: Any) -> Fault | None:  # noqa: ANN401 - any JSON value
        kind = type(value)
        if kind in kinds or (kind is float and int in kinds and value.is_integer()):
            return None
        return Fault(f"is {NAMES.get(kind, 'object')}, and the schema says {expected}")

    return check
