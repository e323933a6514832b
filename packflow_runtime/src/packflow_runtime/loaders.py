"""Loaders under the names that packflow 0.4 gave them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backend import InferenceBackend
from .config import merged
from .errors import InferenceBackendLoadError, message_of
from .loading import build_backend, load_project, operator_config
from .native import name_of

if TYPE_CHECKING:
    import os


class InferenceBackendLoader:
    """Loads the backend that ``path`` (``module:Class``, or ``module:instance``) names."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self, **backend_kwargs: Any) -> InferenceBackend:  # noqa: ANN401 - the backend's own configuration
        """Import and build the backend; raises InferenceBackendLoadError, or what building it raises."""
        raise NotImplementedError

    @classmethod
    def from_project(cls, project_path: str | os.PathLike[str] = ".", **backend_kwargs: Any) -> InferenceBackend:  # noqa: ANN401
        """Load what the project's ``packflow.yaml`` names, by the loader it names; arguments go over its values."""
        return load_project(Path(project_path), merged(backend_kwargs, operator_config()))


class LocalLoader(InferenceBackendLoader):
    """Loads from a file below ``base_dir``: ``steps.model:Backend`` is ``steps/model.py``."""

    def __init__(self, path: str, base_dir: str | os.PathLike[str] = ".") -> None:
        super().__init__(path)
        self.base_dir = Path(base_dir).absolute()

    def load(self, **backend_kwargs: Any) -> InferenceBackend:  # noqa: ANN401
        """Import and build the backend; raises InferenceBackendLoadError, or what building it raises."""
        return build_backend(self.base_dir, self.path, "local", backend_kwargs)


class ModuleLoader(InferenceBackendLoader):
    """Loads from a module that is installed, or otherwise importable in this process."""

    def load(self, **backend_kwargs: Any) -> InferenceBackend:  # noqa: ANN401
        """Import and build the backend; raises InferenceBackendLoadError, or what building it raises."""
        module_name, _, attribute = self.path.partition(":")
        try:
            found = getattr(importlib.import_module(module_name), attribute)
        except Exception as error:
            raise InferenceBackendLoadError(
                f"{self.path} cannot be loaded: {type(error).__name__}: {message_of(error)}",
                hint="Write module:Class, and check that the module can be imported here.",
            ) from error
        if isinstance(found, type) and issubclass(found, InferenceBackend):
            return found(**backend_kwargs)
        if not isinstance(found, InferenceBackend):
            raise InferenceBackendLoadError(
                f"{self.path} is {name_of(found)}, not an InferenceBackend.",
                hint="Name the class that derives from InferenceBackend, or an instance of it.",
            )
        if backend_kwargs:
            raise InferenceBackendLoadError(
                f"{self.path} is an instance already, which takes no configuration.", hint="Name its class."
            )
        return found
