"""A folder for a backend that must write, gone when the backend or its process is."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

VARIABLE = "PACKFLOW_WORK_DIR"


def make_work_dir(owner: object) -> Path:
    """Make an empty folder that only this user can open; it is removed with ``owner``, or when the process ends.

    Whoever starts processes that may be killed names a folder of its own in ``PACKFLOW_WORK_DIR`` and removes that.
    """
    parent = os.environ.get(VARIABLE) or None
    if parent is not None:
        os.makedirs(parent, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="packflow-work-", dir=parent)
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
