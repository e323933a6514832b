"""Pythons that uv keeps: for a version that is asked for and not on PATH; fetched only when that is asked for too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.installers import UV_VARIABLES, find_uv, uv_missing
from packflow_app.environments.interpreters import resolve_python
from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import NotFoundError

if TYPE_CHECKING:
    from packflow_app.environments.tools import Toolbox

_VERSION = re.compile(r"3\.\d+(\.\d+)?")


def python_named(chosen: str, tools: Toolbox, *, download: bool = False) -> str:
    """What ``--python`` means, as a path: also a version such as 3.12, looked for on PATH and among uv's own Pythons.

    ``download`` fetches one with uv where none is there. Raises NotFoundError.
    """
    try:
        return str(resolve_python(chosen))
    except NotFoundError:
        if not _VERSION.fullmatch(chosen):
            raise
    path = _kept_by_uv(chosen, tools)
    if path is None and download:
        path = _fetch(chosen, tools)
    if path is None:
        raise NotFoundError(
            f"There is no Python {chosen} here.",
            code="python-not-found",
            hint=f"Let uv fetch it: packflow env sync --python {chosen} --download-python",
        )
    return path


def _kept_by_uv(version: str, tools: Toolbox) -> str | None:
    binary = find_uv()
    if binary is None:
        return None
    command = [binary, "python", "find", "--managed-python", "--no-project", "--quiet", version]
    try:
        lines = tools.run("python", command, UV_VARIABLES)
    except ToolFailedError:
        return None
    return lines[-1] if lines and Path(lines[-1]).exists() else None


def _fetch(version: str, tools: Toolbox) -> str | None:
    binary = find_uv()
    if binary is None:
        raise uv_missing("--download-python")
    try:
        tools.run("python", [binary, "python", "install", "--no-bin", version], {"UV_NO_PROGRESS": "1"})
    except ToolFailedError as error:
        said = re.sub(r"(?<=://)[^/\s@]+@", "***@", " ".join(error.lines[-3:]))[:500]
        raise NotFoundError(
            f"Python {version} could not be fetched.",
            code="python-not-found",
            detail=said,
            hint="Check the network, or install it by other means and name its path with --python.",
        ) from None
    return _kept_by_uv(version, tools)
