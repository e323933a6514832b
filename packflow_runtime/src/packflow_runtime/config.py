"""A backend's configuration: plain annotated classes, checked when the backend is built."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from .errors import InferenceBackendInitializationError
from .typed import TypeMismatchError, coerce

_MISSING: Any = object()


class BackendConfig:
    """The values a backend takes, declared as annotated class attributes.

    For example::

        class Config(BackendConfig):
            threshold: float = 0.5
            labels: list[str]          # no default: required

    Values come as text from packflow.yaml or typed from Python; the annotation decides. An unknown key, a missing
    required one or a value that does not fit raises InferenceBackendInitializationError naming the key. Defaults are
    copied, so that instances never share a list. Nested classes, ``list[...]``, ``dict[...]``, ``Literal``, unions and
    enums are understood.
    """

    _fields: ClassVar[dict[str, Any]] = {}

    def __init__(self, /, **values: object) -> None:
        self._assign(values, "")

    @classmethod
    def from_data(cls, data: dict[str, Any], path: str = "") -> BackendConfig:
        """Build from a mapping; ``path`` prefixes the keys in errors."""
        config = cls.__new__(cls)
        config._assign(data, path)  # noqa: SLF001 - the class's own
        return config

    def as_dict(self) -> dict[str, Any]:
        """The values in force as a plain dict, nested configurations included."""
        return {name: _plain(getattr(self, name)) for name in self._annotations()}

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._annotations())
        return f"{type(self).__name__}({values})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.as_dict() == self.as_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def _annotations(cls) -> dict[str, Any]:
        if "_fields" not in cls.__dict__:
            import typing  # noqa: PLC0415 - only a configured backend pays for it

            hints = typing.get_type_hints(cls)
            cls._fields = {
                name: hint
                for name, hint in hints.items()
                if not name.startswith("_") and typing.get_origin(hint) is not typing.ClassVar
            }
        return cls._fields

    def _assign(self, values: dict[str, Any], path: str) -> None:
        fields = self._annotations()
        prefix = f"{path}." if path else ""
        for key in values:
            if key not in fields:
                raise _config_error(type(self), f"{prefix}{key}", f"is not a key of {type(self).__name__}", fields)
        for name, annotation in fields.items():
            value = values.get(name, _MISSING)
            if value is _MISSING:
                value = getattr(type(self), name, _MISSING)
                if value is _MISSING:
                    raise _config_error(type(self), f"{prefix}{name}", "is required and was not given", fields)
                setattr(self, name, copy.deepcopy(value))
                continue
            try:
                setattr(self, name, coerce(value, annotation, f"{prefix}{name}"))
            except TypeMismatchError as error:
                raise _config_error(type(self), error.path, str(error), fields) from None


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Merge mappings deeply, later ones winning; lists and scalars are replaced whole."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, dict) and isinstance(result.get(key), dict):
                result[key] = merged(result[key], value)
            else:
                result[key] = value
    return result


def _plain(value: object) -> Any:  # noqa: ANN401 - any configuration value
    if isinstance(value, BackendConfig):
        return value.as_dict()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _config_error(
    cls: type[BackendConfig], path: str, message: str, fields: dict[str, Any]
) -> InferenceBackendInitializationError:
    known = ", ".join(fields) or "none"
    return InferenceBackendInitializationError(
        f"backend_config: {path} {message}.",
        code="config-invalid",
        hint=f"{cls.__name__} takes: {known}.",
    )
