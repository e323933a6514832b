"""A backend's configuration: plain annotated classes, checked when the backend is built."""

from __future__ import annotations

import copy
import enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .errors import InferenceBackendInitializationError
from .typed import TypeMismatchError, coerce

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING: Any = object()


class InputFormats(str, enum.Enum):
    """What ``transform_inputs`` is given: the events untouched, prepared records, an array, or a data frame."""

    PASSTHROUGH = "passthrough"
    RECORDS = "records"
    NUMPY = "numpy"
    PANDAS = "pandas"

    def __str__(self) -> str:
        return str(self.value)


class ConfigSection:
    """A group of values, declared as annotated class attributes; also the base of a nested part of a configuration.

    Values come as text from packflow.yaml or typed from Python; the annotation decides. An unknown key, a missing
    required one or a value that does not fit raises InferenceBackendInitializationError naming the key. Defaults are
    copied, so that instances never share a list. Nested classes, ``list[...]``, ``dict[...]``, ``Literal``, unions and
    enums are understood.
    """

    _fields: ClassVar[dict[str, Any]] = {}

    def __init__(self, /, **values: object) -> None:
        self._assign(values, "")

    @classmethod
    def from_data(cls, data: dict[str, Any], path: str = "") -> ConfigSection:
        """Build from a mapping; ``path`` prefixes the keys in errors."""
        config = cls.__new__(cls)
        config._assign(data, path)  # noqa: SLF001 - the class's own
        return config

    def as_dict(self) -> dict[str, Any]:
        """The values in force as a plain dict, nested configurations included; a class's own keys come first."""
        return {name: _plain(getattr(self, name)) for name in self._annotations()}

    def own_values(self) -> dict[str, Any]:
        """The values in force, without the keys that every backend has where they are at their defaults."""
        return {name: _plain(value, own=True) for name, value in self._own()}

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._own())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _own(self) -> Iterator[tuple[str, Any]]:
        values = ((name, getattr(self, name)) for name in self._annotations())
        common = _BASE if isinstance(self, BackendConfig) else {}
        return ((name, value) for name, value in values if name not in common or value != common[name])

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.as_dict() == self.as_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def _annotations(cls) -> dict[str, Any]:
        if "_fields" not in cls.__dict__:
            import typing  # noqa: PLC0415 - only a configured backend pays for it

            hints = typing.get_type_hints(cls)
            fields = {
                name: hint
                for name, hint in hints.items()
                if not name.startswith("_") and typing.get_origin(hint) is not typing.ClassVar
            }
            # A class's own keys come before those that every backend has: hints and reports show them in this order.
            cls._fields = {name: fields[name] for name in sorted(fields, key=lambda name: name in _BASE)}
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


class BackendConfig(ConfigSection):
    """The configuration of a backend: its own values beside those that every backend has.

    For example::

        class Config(BackendConfig):
            threshold: float = 0.5
            labels: list[str]          # no default: required

    ``input_format``, ``rename_fields``, ``feature_names``, ``flatten_nested_inputs``, ``flatten_lists``,
    ``nested_field_delimiter``, ``ignore_delimiter_collisions``, ``missing`` and ``dtype`` say what is done to events
    before ``transform_inputs`` (see ``preprocessing``). ``nan`` says what becomes of NaN and infinities in outputs: an
    error, null, or their names as strings. ``output_keys`` declares the keys of every output, which ``check_io`` looks
    for. ``on_error`` says what a stream does with events the model fails on: give each its own error record, or end
    with the first. ``verbose`` logs the times of each call of ``backend(...)`` at DEBUG. A class that gives one of
    these names another meaning has its own.
    """

    verbose: bool = False
    input_format: InputFormats = InputFormats.RECORDS
    rename_fields: dict[str, str] = {}  # noqa: RUF012 - defaults are copied
    feature_names: list[str] = []  # noqa: RUF012 - defaults are copied
    flatten_nested_inputs: bool = False
    flatten_lists: bool = False
    nested_field_delimiter: str = "."
    ignore_delimiter_collisions: bool = False
    output_keys: list[str] = []  # noqa: RUF012 - defaults are copied
    missing: Literal["omit", "null", "error"] = "omit"
    dtype: str = "float64"
    nan: Literal["error", "null", "string"] = "error"
    on_error: Literal["isolate", "raise"] = "isolate"


_BASE: dict[str, Any] = {name: getattr(BackendConfig, name) for name in BackendConfig.__annotations__}


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


def _plain(value: object, *, own: bool = False) -> Any:  # noqa: ANN401 - any configuration value
    if isinstance(value, ConfigSection):
        return value.own_values() if own else value.as_dict()
    if isinstance(value, InputFormats):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(item, own=own) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, own=own) for item in value]
    return value


def _config_error(
    cls: type[ConfigSection], path: str, message: str, fields: dict[str, Any]
) -> InferenceBackendInitializationError:
    known = ", ".join(fields) or "none"
    return InferenceBackendInitializationError(
        f"backend_config: {path} {message}.",
        code="config-invalid",
        hint=f"{cls.__name__} takes: {known}.",
    )
