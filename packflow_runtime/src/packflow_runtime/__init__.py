"""Run inference backends on streams of events: the only dependency inside a Packflow archive.

The names below are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take the name for true; importing typing itself would cost milliseconds
if TYPE_CHECKING:
    from .backend import InferenceBackend
    from .config import BackendConfig, ConfigSection, InputFormats
    from .errors import (
        InferenceBackendError,
        InferenceBackendInitializationError,
        InferenceBackendLoadError,
        InferenceBackendRuntimeError,
        InferenceBackendValidationError,
        PackflowError,
        PreprocessorInitError,
        PreprocessorRuntimeError,
        UnknownPreprocessorError,
    )
    from .loading import load
    from .native import ensure_native_types, ensure_valid_output
    from .records import (
        check_delimiter_collisions,
        flatten_dict,
        flatten_records,
        get_nested_field,
        get_nested_field_direct,
        records_to_ndarray,
        set_nested_field_direct,
    )

__version__ = "0.1.0"

_HOMES = {
    "BackendConfig": ("config", "BackendConfig"),
    "ConfigSection": ("config", "ConfigSection"),
    "InferenceBackend": ("backend", "InferenceBackend"),
    "InferenceBackendError": ("errors", "InferenceBackendError"),
    "InferenceBackendInitializationError": ("errors", "InferenceBackendInitializationError"),
    "InferenceBackendLoadError": ("errors", "InferenceBackendLoadError"),
    "InferenceBackendRuntimeError": ("errors", "InferenceBackendRuntimeError"),
    "InferenceBackendValidationError": ("errors", "InferenceBackendValidationError"),
    "InputFormats": ("config", "InputFormats"),
    "PackflowError": ("errors", "PackflowError"),
    "PreprocessorInitError": ("errors", "PreprocessorInitError"),
    "PreprocessorRuntimeError": ("errors", "PreprocessorRuntimeError"),
    "UnknownPreprocessorError": ("errors", "UnknownPreprocessorError"),
    "check_delimiter_collisions": ("records", "check_delimiter_collisions"),
    "ensure_native_types": ("native", "ensure_native_types"),
    "ensure_valid_output": ("native", "ensure_valid_output"),
    "flatten_dict": ("records", "flatten_dict"),
    "flatten_records": ("records", "flatten_records"),
    "get_nested_field": ("records", "get_nested_field"),
    "get_nested_field_direct": ("records", "get_nested_field_direct"),
    "load": ("loading", "load"),
    "records_to_ndarray": ("records", "records_to_ndarray"),
    "set_nested_field_direct": ("records", "set_nested_field_direct"),
}

__all__ = [
    "BackendConfig",
    "ConfigSection",
    "InferenceBackend",
    "InferenceBackendError",
    "InferenceBackendInitializationError",
    "InferenceBackendLoadError",
    "InferenceBackendRuntimeError",
    "InferenceBackendValidationError",
    "InputFormats",
    "PackflowError",
    "PreprocessorInitError",
    "PreprocessorRuntimeError",
    "UnknownPreprocessorError",
    "__version__",
    "check_delimiter_collisions",
    "ensure_native_types",
    "ensure_valid_output",
    "flatten_dict",
    "flatten_records",
    "get_nested_field",
    "get_nested_field_direct",
    "load",
    "records_to_ndarray",
    "set_nested_field_direct",
]


if not TYPE_CHECKING:  # which know every name from above, and any other for a mistake

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415

        module, attribute = _HOMES[name]
        value = getattr(import_module(f".{module}", __name__), attribute)
        globals()[name] = value
        return value
