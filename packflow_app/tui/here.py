"""The current folder, which somebody may remove while the app is open."""

from __future__ import annotations

import os
from pathlib import Path


def current_folder() -> Path:
    """The current folder. Where it is gone, the app goes to the nearest one above it that is there."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        gone = Path(os.environ.get("PWD") or "/")
        os.chdir(next(folder for folder in (*gone.parents, Path("/")) if folder.is_dir()))
        return Path.cwd()
