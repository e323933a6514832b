"""Backend configurations as pydantic models, for projects that require pydantic.

``from packflow_runtime.pydantic import BackendConfig`` gives validators, ``Field`` and ``model_dump``, as the
configuration of packflow 0.4 did. Values come as text from packflow.yaml; pydantic's lax mode gives them their types.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from .config import InputFormats
from .errors import InferenceBackendInitializationError


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
        try:
            super().__init__(**values)
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


def _config_error(cls: type[BaseModel], error: ValidationError) -> InferenceBackendInitializationError:
    found = [f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors()]
    return InferenceBackendInitializationError(
        f"backend_config: {'; '.join(found)}.",
        code="config-invalid",
        hint=f"{cls.__name__} takes: {', '.join(cls.model_fields)}.",
    )


__all__ = ["BackendConfig", "InputFormats"]
