"""What an environment's folder is, and the mark that Packflow leaves in one it works on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from packflow_app.errors import not_writable
from packflow_app.placing import sibling

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT_DIR = ".venv"
"""Beside ``packflow.yaml``: the environment that ``packflow env sync`` makes, where editors look for one."""

_MARK = "packflow.json"


@dataclass(frozen=True)
class Mark:
    """What Packflow knows of an environment it worked on.

    ``made_here``: Packflow created it, and may remove it. ``finished`` is false while it is being changed, so that one
    whose making was killed never passes for whole. ``base`` is the Python it was made of. ``digest`` stands for what
    was wanted when it was last whole (empty: never yet), ``installed`` for the names and versions that came of it,
    ``runtime`` is the SHA-256 of the runtime's wheel.
    """

    made_here: bool
    finished: bool = False
    base: str = ""
    digest: str = ""
    runtime: str = ""
    installed: dict[str, str] = field(default_factory=dict)


def is_environment(folder: Path) -> bool:
    """Whether ``folder`` is a virtual environment or one of conda's."""
    return (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()


def is_unfinished(folder: Path) -> bool:
    """Whether Packflow was stopped while it worked on the environment in ``folder``."""
    mark = read_mark(folder)
    return mark is not None and not mark.finished


def python_of(environment: Path) -> Path:
    """Where an environment's Python is, whether or not it exists."""
    if os.name == "nt":
        inside = "python.exe" if (environment / "conda-meta").is_dir() else "Scripts/python.exe"
        return environment / inside
    return environment / "bin" / "python"


def read_mark(folder: Path) -> Mark | None:
    """The mark in ``folder``; one that cannot be read stands for work that was not finished."""
    try:
        content = (folder / _MARK).read_bytes()
    except OSError:
        return None
    try:
        return Mark(**json.loads(content))
    except (ValueError, TypeError):
        return Mark(made_here=False)


def write_mark(folder: Path, mark: Mark | None) -> None:
    """Put ``mark`` in place at once, or take it away; raises NotWritableError."""
    path = folder / _MARK
    try:
        if mark is None:
            path.unlink(missing_ok=True)
            return
        work = sibling(path)
        work.write_text(json.dumps(asdict(mark), indent=1), encoding="utf-8")
        work.replace(path)
    except OSError as error:
        raise not_writable(path, error) from error
