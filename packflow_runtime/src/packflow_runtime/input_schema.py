"""Whether an event keeps the schema that an archive ships, for those who want no other ones: ``run --strict-input``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ExitCode, PackflowError
from .manifest import INPUT_SCHEMA_NAME
from .native import child_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from .target import Target

    Check = Callable[[str, Any], "str | None"]

CODE = "input-schema"
"""The code of the error record of an event that breaks the schema."""
_KINDS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
_NAMES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


class InputSchema:
    """A JSON schema, as far as it tells types, fields and items.

    Its keywords ``type``, ``properties``, ``required``, ``items`` and ``additionalProperties`` count. ``1.0`` is an
    integer, as JSON Schema has it. Fields that the schema does not name are allowed unless it says otherwise.
    """

    def __init__(self, schema: Any) -> None:  # noqa: ANN401 - a schema may be true or false as well
        self._check = _compiled(schema)

    def fault(self, event: dict[str, Any]) -> str | None:
        """The first thing about an event that breaks the schema, with its path; None where nothing does."""
        return self._check("", event)


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
        return lambda path, _value: f"{path or 'the event'} is not in the schema"
    if not isinstance(schema, dict):
        return lambda _path, _value: None
    named = schema.get("type")
    names: list[str] | None = [named] if isinstance(named, str) else named
    expected = " or ".join(names or ())
    kinds = None if names is None else frozenset(kind for name in names for kind in _KINDS.get(name, ()))
    members = {key: _compiled(part) for key, part in schema.get("properties", {}).items()}
    required = tuple(schema.get("required", ()))
    others = _compiled(schema["additionalProperties"]) if "additionalProperties" in schema else None
    items = _compiled(schema["items"]) if "items" in schema else None

    def check(path: str, value: Any) -> str | None:  # noqa: ANN401 - any JSON value
        kind = type(value)
        if kinds is not None and kind not in kinds and not (kind is float and int in kinds and value.is_integer()):
            return f"{path or 'the event'} is {_NAMES.get(kind, 'object')}, and the schema says {expected}"
        if kind is dict:
            missing = next((key for key in required if key not in value), None)
            if missing is not None:
                return f"{child_path(path, missing)} is missing"
            return _first_fault(path, value, members, others)
        if kind is list and items is not None:
            return next((fault for item in value if (fault := items(f"{path}[]", item)) is not None), None)
        return None

    return check


def _first_fault(path: str, value: dict[str, Any], members: dict[str, Check], others: Check | None) -> str | None:
    for key, member in value.items():
        check = members.get(key, others)
        fault = check(child_path(path, key), member) if check is not None else None
        if fault is not None:
            return fault
    return None
