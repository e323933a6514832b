"""Why a model did not load: what it requires and this Python lacks, by distribution and by module."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .errors import ExitCode, InferenceBackendError, PackflowError

if TYPE_CHECKING:
    from .manifest import Manifest

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_MISSING_MODULE = re.compile(r"No module named '([^']+)'")


def explained(error: PackflowError, manifest: Manifest, install: str) -> PackflowError:
    """The error to show for a model that did not load.

    A refused pickle is shown as itself. Where a module is missing and so are requirements, they are named, with
    ``install``, the command that brings them. Anything else is ``error``.
    """
    from .pickle_guard import refusal_in  # noqa: PLC0415 - only for errors

    refusal = refusal_in(error)
    if refusal is not None:
        return refusal
    module = _missing_module(error)
    missing = missing_requirements(manifest.requirements) if module is not None else []
    if not missing:
        return error
    return PackflowError(
        f"{manifest.name} requires {', '.join(missing)}, which this Python does not have.",
        detail=f"Importing {module} failed.",
        code="requirements-missing",
        exit_code=ExitCode.NOT_FOUND,
        hint=install,
    )


def missing_requirements(requirements: list[str]) -> list[str]:
    """Those of ``requirements`` of which no version is installed; ones with a condition are passed over."""
    from importlib import metadata  # noqa: PLC0415 - slow to import, and only for errors

    missing = []
    for requirement in requirements:
        name = _NAME.match(requirement)
        if name is None or ";" in requirement:
            continue
        try:
            metadata.distribution(name[0])
        except metadata.PackageNotFoundError:
            missing.append(requirement)
    return missing


def _missing_module(error: BaseException | None) -> str | None:
    """The module whose absence an error comes from."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError):
            return error.name
        if isinstance(error, InferenceBackendError) and error.original is not None:
            error = error.original
            continue
        if isinstance(error, PackflowError) and error.__cause__ is None:  # of a child, which told it in words
            found = _MISSING_MODULE.search(error.title)
            return found[1] if found else None
        error = error.__cause__ or error.__context__
    return None
