"""Backend configurations as pydantic models, for projects that require pydantic.

``from packflow_runtime.pydantic import BackendConfig`` gives validators, ``Field`` and ``model_dump``, as the
configuration of packflow 0.4 did. Values come as text from packflow.yaml; pydantic's lax mode gives them their types.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from .config import InputFormats
from .errors import InferenceBackendInitializationError
from .typed import resolved


class BackendConfig(BaseModel):
    """The keys of the plain ``BackendConfig``, and what a subclass adds; unknown keys are refused.

    Raises InferenceBackendInitializationError, which names every key that does not fit, where pydantic would raise
    ValidationError.
    """

    model_config = ConfigDict(extra="forbid")

    verbose: bool = False
    input_format: InputFormats = InputFormats.RECORDS
    rename_fields: dict[str, str] = {}
    feature_names: list[str] = []
    flatten_nested_inputs: bool = False
    flatten_lists: bool = False
    nested_field_delimiter: str = "."
    ignore_delimiter_collisions: bool = False
    output_keys: list[str] = []
    missing: Literal["omit", "null", "error"] = "omit"
    dtype: str = "float64"
    nan: Literal["error", "null", "string"] = "error"
    on_error: Literal["isolate", "raise"] = "isolate"

    def __init__(self, /, **values: Any) -> None:  # noqa: ANN401 - pydantic decides
        fields = type(self).model_fields
        given = {
            name: _typed(item, fields[name].annotation if name in fields else Any) for name, item in values.items()
        }
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _config_error(type(self), error) from error

    def as_dict(self) -> dict[str, Any]:
        """The values in force as a plain dict."""
        return self.model_dump()

    def own_values(self) -> dict[str, Any]:
        """The values in force, without the keys that every backend has where they are at their defaults."""
        common = BackendConfig.model_fields
        values = self.model_dump(mode="json")
        defaults = BackendConfig().model_dump(mode="json")
        return {key: value for key, value in values.items() if key not in common or value != defaults[key]}


def _typed(value: Any, annotation: Any) -> Any:  # noqa: ANN401 - any value, any annotation
    """The value, its text resolved where the annotation leaves the type open; pydantic would keep it as text."""
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is Any or origin is object:
        return resolved(value)
    if origin in (Union, types.UnionType, Annotated):
        for choice in arguments:
            value = _typed(value, choice)
    elif isinstance(value, dict) and isinstance(origin, type) and issubclass(origin, (dict, BaseModel)):
        fields = origin.model_fields if issubclass(origin, BaseModel) else {}
        of_items = arguments[1] if arguments else Any
        return {key: _typed(item, fields[key].annotation if key in fields else of_items) for key, item in value.items()}
    elif isinstance(value, list) and origin in (list, tuple, set, frozenset):
        return [_typed(item, arguments[0] if arguments else Any) for item in value]
    return value


def _config_error(cls: type[BaseModel], error: ValidationError) -> InferenceBackendInitializationError:
    found = [f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors()]
    return InferenceBackendInitializationError(
        f"backend_config: {'; '.join(found)}.",
        code="config-invalid",
        hint=f"{cls.__name__} takes: {', '.join(cls.model_fields)}.",
    )


__all__ = ["BackendConfig", "InputFormats"]
