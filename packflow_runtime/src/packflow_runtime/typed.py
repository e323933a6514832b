"""Give text its type: one set of rules for packflow.yaml, JSON configuration files and ``--set key=value``.

packflow.yaml keeps every scalar as text, so that ``3.10`` and ``no`` survive; the annotation that a value meets decides
what it becomes. Values that already have the right type (from JSON or Python) pass unchanged.
"""

from __future__ import annotations

import contextlib
import enum
import math
import os
import re
import types
import typing
from typing import Any

from .errors import InferenceBackendInitializationError

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class TypeMismatchError(Exception):
    """A value that does not fit: ``path`` is the dotted key, the message names the value and what was expected."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


class PlainText(str):
    """Text of packflow.yaml or a command line, which is a number or a boolean where no annotation says otherwise."""

    __slots__ = ()


def plain_text(data: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The same data with every text in it as PlainText."""
    if isinstance(data, dict):
        return {key: plain_text(item) for key, item in data.items()}
    if isinstance(data, list):
        return [plain_text(item) for item in data]
    return PlainText(data) if isinstance(data, str) else data


def plain_places(data: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:  # noqa: ANN401 - any JSON value
    """Where PlainText stands in nested dicts, for a way through JSON, which loses it."""
    if isinstance(data, dict):
        return [found for key, item in data.items() for found in plain_places(item, (*place, key))]
    return [place] if type(data) is PlainText else []


def with_plain_text(data: dict[str, Any], places: list[list[str]]) -> dict[str, Any]:
    """The same data with PlainText at the places that ``plain_places`` found."""
    result = dict(data)
    for place in places:
        key, *rest = place
        result[key] = with_plain_text(result[key], [rest]) if rest else PlainText(result[key])
    return result


def resolved(value: Any) -> Any:  # noqa: ANN401 - any value
    """What a value is at a place without a type: PlainText that spells a number or a boolean as it, others as text.

    Only the one spelling that such a value is written back as counts, so that ``3.10`` and ``012`` stay text.
    """
    if type(value) is dict:
        return {key: resolved(item) for key, item in value.items()}
    if type(value) is list:
        return [resolved(item) for item in value]
    if type(value) is not PlainText:
        return value
    text = str(value)
    if text in ("true", "false"):
        return text == "true"
    for kind, form in ((int, _INTEGER), (float, _NUMBER)):
        if form.match(text) and len(text) <= 4300 and repr(kind(text)) == text:
            return kind(text)
    return text


def coerce(value: object, annotation: Any, path: str) -> Any:  # noqa: ANN401, C901, PLR0911 - any annotation, any value
    """Return ``value`` as the annotated type; raises TypeMismatchError naming ``path``.

    Understands str, int, float, bool, None, Any, Optional and unions, Literal, enums, list, tuple, dict, Path and
    classes with a ``from_data(mapping, path)`` constructor.
    """
    if annotation is Any or annotation is object:
        return resolved(value)
    simple = _SIMPLE.get(annotation)
    if simple is not None:
        return simple(value, path)
    origin = typing.get_origin(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return _coerce_union(value, typing.get_args(annotation), path)
    if origin is typing.Literal:
        return _coerce_choice(value, [(choice, choice) for choice in typing.get_args(annotation)], path)
    if origin in (list, tuple) or annotation in (list, tuple):
        return _coerce_list(value, annotation, path)
    if origin is dict or annotation is dict:
        return _coerce_dict(value, annotation, path)
    if origin is None and isinstance(annotation, type):
        if isinstance(value, annotation):
            return value
        if issubclass(annotation, enum.Enum):
            return _coerce_enum(value, annotation, path)
        if hasattr(annotation, "from_data"):
            return annotation.from_data(_mapping(value, path), path)
        if issubclass(annotation, os.PathLike):
            path_type: Any = annotation
            return path_type(_coerce_str(value, path))
    raise TypeMismatchError(path, f"has the annotation {annotation!r}, which is not supported in a configuration")


def _coerce_str(value: object, path: str) -> str:
    if isinstance(value, str):
        return str(value) if type(value) is PlainText else value
    raise _mismatch(path, value, "text" if value is not None else "text (quote it if you mean the word)")


def _coerce_bool(value: object, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise _mismatch(path, value, "true or false")


def _coerce_int(value: object, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.match(value) and len(value) <= 4300:
        return int(value)
    raise _mismatch(path, value, "a whole number")


def _coerce_float(value: object, path: str) -> float:
    if isinstance(value, float):
        return float(value)
    if (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and _NUMBER.match(value)):
        with contextlib.suppress(OverflowError):
            number = float(value)
            if math.isfinite(number):
                return number
    raise _mismatch(path, value, "a number")


def _coerce_none(value: object, path: str) -> None:
    if value is not None:
        raise _mismatch(path, value, "null")


_SIMPLE: dict[Any, Any] = {
    str: _coerce_str,
    bool: _coerce_bool,
    int: _coerce_int,
    float: _coerce_float,
    None: _coerce_none,
    type(None): _coerce_none,
}


def _coerce_union(value: object, choices: tuple[Any, ...], path: str) -> Any:  # noqa: ANN401
    if value is None and type(None) in choices:
        return None
    candidates = [choice for choice in choices if choice is not type(None)]
    # Text fits `str` always, so it is tried last: `int | str` gives 5 for `5` and text for `five`.
    candidates.sort(key=lambda choice: choice is str)
    failures: list[TypeMismatchError | InferenceBackendInitializationError] = []
    for choice in candidates:
        try:
            return coerce(value, choice, path)
        except (TypeMismatchError, InferenceBackendInitializationError) as failure:
            failures.append(failure)
    # What failed at a key further in says more than that nothing fits, unless several came as far.
    inside = [failure for failure in failures if getattr(failure, "path", None) != path]
    if len(inside) == 1 or len(failures) == 1:
        raise (inside or failures)[0]
    raise _mismatch(path, value, " or ".join(_spell(choice) for choice in choices))


def _coerce_choice(value: object, choices: list[tuple[Any, Any]], path: str) -> Any:  # noqa: ANN401
    """What stands beside the choice that ``value`` is, or that its text spells: ``true`` and ``null`` are words too."""
    for choice, result in choices:
        if type(value) is type(choice) and value == choice:
            return result
    word = "null" if value is None else value
    if isinstance(word, str):
        for choice, result in choices:
            if word == str(choice) or (isinstance(choice, bool) and _BOOLEANS.get(word) is choice):
                return result
    raise _mismatch(path, value, "one of " + ", ".join(_word(choice) for choice, _ in choices))


def _word(choice: object) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _coerce_enum(value: object, annotation: type[enum.Enum], path: str) -> enum.Enum:
    member: enum.Enum = _coerce_choice(value, [(member.value, member) for member in annotation], path)
    return member


def _coerce_list(value: object, annotation: Any, path: str) -> Any:  # noqa: ANN401
    if not isinstance(value, (list, tuple)):
        raise _mismatch(path, value, "a list")
    arguments = typing.get_args(annotation)
    container = tuple if tuple in (annotation, typing.get_origin(annotation)) else list
    if container is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            raise TypeMismatchError(path, f"has {len(value)} items; expected {len(arguments)}")
        pairs = zip(value, arguments, strict=True)
        return tuple(coerce(item, kind, f"{path}[{i}]") for i, (item, kind) in enumerate(pairs))
    item_type = arguments[0] if arguments else Any
    return container(coerce(item, item_type, f"{path}[{i}]") for i, item in enumerate(value))


def _coerce_dict(value: object, annotation: Any, path: str) -> dict[Any, Any]:  # noqa: ANN401
    key_type, item_type = typing.get_args(annotation) or (Any, Any)
    mapping = _mapping(value, path)
    return {
        coerce(key, key_type, f"{path}.{key}"): coerce(item, item_type, f"{path}.{key}")
        for key, item in mapping.items()
    }


def _mapping(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(path, value, "a mapping of keys to values")
    return value


def _mismatch(path: str, value: object, expected: str) -> TypeMismatchError:
    shown = "empty" if value is None else repr(value)
    return TypeMismatchError(path, f"is {shown if len(shown) <= 60 else shown[:57] + '…'}; expected {expected}")


def _spell(annotation: Any) -> str:  # noqa: ANN401
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
    return names.get(annotation) or str(getattr(annotation, "__name__", annotation))
