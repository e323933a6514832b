"""Run inference backends on streams of events: the only dependency inside a Packflow archive.

The names below are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backend import InferenceBackend
    from .config import BackendConfig
    from .errors import (
        InferenceBackendError,
        InferenceBackendInitializationError,
        InferenceBackendLoadError,
        InferenceBackendRuntimeError,
        InferenceBackendValidationError,
        PackflowError,
    )
    from .loading import load_project as load

__version__ = "0.1.0"

_HOMES = {
    "BackendConfig": ("config", "BackendConfig"),
    "InferenceBackend": ("backend", "InferenceBackend"),
    "InferenceBackendError": ("errors", "InferenceBackendError"),
    "InferenceBackendInitializationError": ("errors", "InferenceBackendInitializationError"),
    "InferenceBackendLoadError": ("errors", "InferenceBackendLoadError"),
    "InferenceBackendRuntimeError": ("errors", "InferenceBackendRuntimeError"),
    "InferenceBackendValidationError": ("errors", "InferenceBackendValidationError"),
    "PackflowError": ("errors", "PackflowError"),
    "load": ("loading", "load_project"),
}

__all__ = [
    "BackendConfig",
    "InferenceBackend",
    "InferenceBackendError",
    "InferenceBackendInitializationError",
    "InferenceBackendLoadError",
    "InferenceBackendRuntimeError",
    "InferenceBackendValidationError",
    "PackflowError",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    module, attribute = _HOMES[name]
    value = getattr(import_module(f".{module}", __name__), attribute)
    globals()[name] = value
    return value
