"""Which files of a project a model makes, changes or removes while it runs."""

from __future__ import annotations

import os
from pathlib import Path

from packflow_app.locations import STATE_DIR

_NOT_THE_PROJECTS = frozenset({"__pycache__", STATE_DIR, ".git", ".venv", "venv"})
_SHOWN = 20


def project_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file of the project; compiled modules and Packflow's own notes apart."""
    found = {}
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _NOT_THE_PROJECTS:
                        waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat()
                    name = Path(entry.path).relative_to(folder).as_posix()
                    found[name] = (status.st_size, status.st_mtime_ns)
    return found


def changed_files(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[str]:
    """The files that were made, changed or removed in between, the first of them."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))[:_SHOWN]
