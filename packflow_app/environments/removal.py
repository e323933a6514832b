"""Take a project's environment away, and never anything else."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

from packflow_app.environments.existing import is_ours
from packflow_app.environments.folders import ENVIRONMENT_DIR, is_environment, read_mark
from packflow_app.environments.interpreters import is_apps_own
from packflow_app.errors import NotFoundError, UsageError, not_writable
from packflow_app.locations import STATE_DIR

if TYPE_CHECKING:
    from pathlib import Path


def remove_environment(project_dir: Path, *, force: bool = False) -> Path:
    """Remove PROJECT/.venv where Packflow made it, or where ``force`` says so; returns its path.

    Must be called while the environment is held. Of a link only the link goes. Raises NotFoundError when nothing is
    there, UsageError for what is no environment, is somebody else's without ``force``, or is Packflow's own.
    """
    folder = project_dir / ENVIRONMENT_DIR
    dangling = folder.is_symlink() and not folder.exists()
    if not folder.exists() and not dangling:
        raise NotFoundError(
            f"There is no environment at {folder}.",
            code="environment-not-found",
            hint="Nothing is to be done; packflow env sync makes one.",
        )
    if is_apps_own(folder):
        raise UsageError(f"{folder} is the environment that Packflow itself runs in.", hint="Remove it by hand.")
    if not (dangling or is_environment(folder) or read_mark(folder) is not None):
        raise UsageError(
            f"{folder} is not a Python environment.",
            code="not-an-environment",
            file=str(folder),
            hint="Look at what it is, and remove it by hand.",
        )
    if not force and not is_ours(folder):
        raise UsageError(
            f"{folder} was not made by Packflow.",
            code="environment-foreign",
            file=str(folder),
            hint="Remove it nevertheless: packflow env remove --force",
        )
    _remove(folder, project_dir / STATE_DIR / f"environment-{secrets.token_hex(4)}.partial")
    return folder


def _remove(folder: Path, aside: Path) -> None:
    """Out of the way first, at once: one that is half removed is not to be met under its name."""
    try:
        if folder.is_symlink():
            folder.unlink()
            return
        folder.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise not_writable(folder, error) from error
