"""What packflow 0.4 called things that projects import, and where the runtime has them."""

from __future__ import annotations

OLD = "packflow"
NEW = "packflow_runtime"
PYDANTIC = f"{NEW}.pydantic"

_ERRORS = (
    "InferenceBackendInitializationError",
    "InferenceBackendLoadError",
    "InferenceBackendRuntimeError",
    "InferenceBackendValidationError",
    "PreprocessorInitError",
    "PreprocessorRuntimeError",
    "UnknownPreprocessorError",
)
_RECORDS = (
    "check_delimiter_collisions",
    "flatten_dict",
    "flatten_records",
    "get_nested_field",
    "get_nested_field_direct",
    "records_to_ndarray",
    "set_nested_field_direct",
)
_NATIVE = ("ensure_native_types", "ensure_valid_output")
_LOADERS = ("InferenceBackendLoader", "LocalLoader", "ModuleLoader")
_CONFIG = ("BackendConfig", "InputFormats")

PROVIDED: dict[str, frozenset[str]] = {
    NEW: frozenset({"InferenceBackend", "__version__", *_CONFIG, *_ERRORS, *_RECORDS, *_NATIVE}),
    f"{NEW}.backend": frozenset({"InferenceBackend", "BackendConfig"}),
    f"{NEW}.config": frozenset(_CONFIG),
    f"{NEW}.errors": frozenset(_ERRORS),
    f"{NEW}.loaders": frozenset({"InferenceBackend", *_LOADERS}),
    f"{NEW}.logger": frozenset({"get_logger"}),
    f"{NEW}.metrics": frozenset({"ExecutionMetrics", "ExecutionTimes"}),
    f"{NEW}.native": frozenset(_NATIVE),
    f"{NEW}.records": frozenset(_RECORDS),
}
"""The runtime's modules, each with the names that it has of those that projects import."""

COUNTERPARTS: dict[str, str | None] = {
    "packflow": NEW,
    "packflow.backend": f"{NEW}.backend",
    "packflow.backend.base": f"{NEW}.backend",
    "packflow.backend.configuration": f"{NEW}.config",
    "packflow.backend.metrics": f"{NEW}.metrics",
    "packflow.backend.preprocessors": None,
    "packflow.backend.validation": None,
    "packflow.cli": None,
    "packflow.constants": None,
    "packflow.exceptions": f"{NEW}.errors",
    "packflow.loaders": f"{NEW}.loaders",
    "packflow.loaders.base": f"{NEW}.loaders",
    "packflow.loaders.config": None,
    "packflow.loaders.local": f"{NEW}.loaders",
    "packflow.loaders.module": f"{NEW}.loaders",
    "packflow.loaders.utils": None,
    "packflow.logger": f"{NEW}.logger",
    "packflow.project": None,
    "packflow.utils": NEW,
    "packflow.utils.data": f"{NEW}.records",
    "packflow.utils.normalize": f"{NEW}.native",
    "packflow.utils.normalize.base": None,
    "packflow.utils.normalize.handlers": None,
    "packflow.utils.normalize.normalize": f"{NEW}.native",
}
"""Every module of packflow 0.4, with the one that stands in for it; None for those that projects do without."""

_PREFERRED = {
    "packflow.backend.base": NEW,
    "packflow.backend.configuration": NEW,
    "packflow.utils.data": NEW,
    "packflow.utils.normalize": NEW,
    "packflow.utils.normalize.normalize": NEW,
}
_HOMES = {name: module for module, names in PROVIDED.items() for name in names if module != f"{NEW}.config"}
_HOMES |= dict.fromkeys(PROVIDED[NEW], NEW) | dict.fromkeys(_LOADERS, f"{NEW}.loaders")

INSTEAD = {
    "PackflowProject": "packflow_runtime.load(PROJECT) loads a backend; the command `packflow` validates and exports.",
    "PackflowConfig": "packflow_runtime.project.read_project_config reads packflow.yaml.",
    "load_packflow_config": "packflow_runtime.project.read_project_config reads packflow.yaml.",
    "PACKAGING_CONFIG_NAME": "Write packflow.yaml, or use packflow_runtime.project.CONFIG_FILE.",
    "REQUIREMENTS_TEXT_NAME": "Write requirements.txt.",
    "logger": "Take the logger that packflow_runtime.logger.get_logger() gives.",
}
"""What to do about names that have no counterpart of the same kind."""
INSTEAD_OF_ANY = "The runtime has no counterpart: do without it."


def new_home(old_module: str, name: str, *, pydantic: bool) -> str | None:
    """The runtime's module to import ``name`` from, as the successor of ``old_module``; None where there is none.

    ``pydantic``: the project needs its configuration to be a pydantic model.
    """
    if pydantic and name in _CONFIG:
        return PYDANTIC
    preferred = _PREFERRED.get(old_module, COUNTERPARTS.get(old_module))
    if preferred is not None and name in PROVIDED.get(preferred, ()):
        return preferred
    return _HOMES.get(name) if preferred is not None else None
