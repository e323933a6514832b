"""Paths into events as profiles spell them: keys from the top, ``[]`` for any item of an array, ``*`` for any key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ITEMS = "[]"
ANY_KEY = "*"
TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_MOST_LEFT_OUT = 100_000


def json_type(value: object) -> str:
    """The name of a decoded value's type in JSON Schema."""
    return TYPE_NAMES[type(value)]


def values_at(value: Any, keys: tuple[str, ...]) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """The values at a path, given as a profile gives it: ``[]`` stands for all items, ``*`` for all keys."""
    if not keys:
        yield value
        return
    key, rest = keys[0], keys[1:]
    inner: Iterable[Any] = ()
    if type(value) is list and key == ITEMS:
        inner = value
    elif type(value) is dict:
        inner = [value[key]] if key in value else value.values() if key == ANY_KEY else ()
    for one in inner:
        yield from values_at(one, rest)
