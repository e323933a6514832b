"""The runtime's wheel for those who want it outside an environment that Packflow makes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError, UsageError, not_writable
from packflow_app.placing import absolute, make_folders, place_new, remove_empty, sibling
from packflow_app.runtime import runtime_wheel

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class WrittenWheel:
    """The wheel in its place; ``unchanged`` says that the same bytes already stood there."""

    path: Path
    size: int
    sha256: str
    unchanged: bool


def carried_wheel() -> Path:
    """The wheel that Packflow carries; raises NotFoundError when the installation is damaged."""
    try:
        return runtime_wheel()
    except (FileNotFoundError, ImportError) as error:
        raise NotFoundError(
            f"Packflow's own runtime is not there: {error}.",
            code="runtime-not-found",
            hint="Install Packflow again; a checkout needs flit_core beside it.",
        ) from None


def wheel_digest() -> str:
    """SHA-256 of the carried wheel."""
    return hashlib.sha256(carried_wheel().read_bytes()).hexdigest()


def write_wheel(folder: Path) -> WrittenWheel:
    """Write the carried wheel to ``folder``.

    Raises UsageError when other bytes stand under its name there, NotWritableError when it cannot be written; nothing
    is left behind then.
    """
    content = carried_wheel().read_bytes()
    target = absolute(folder) / carried_wheel().name
    written = WrittenWheel(target, len(content), hashlib.sha256(content).hexdigest(), unchanged=True)
    work = sibling(target)
    made: list[Path] = []
    try:
        if target.is_file() and target.read_bytes() == content:
            return written
        made = make_folders(target.parent)
        try:
            work.write_bytes(content)
            place_new(work, target)
        finally:
            work.unlink(missing_ok=True)
    except FileExistsError:
        raise UsageError(
            f"{target} already exists and is another file.",
            code="target-exists",
            hint="Move it away, or choose another folder with -o DIR.",
        ) from None
    except OSError as error:
        remove_empty(made)
        raise not_writable(target, error) from error
    return replace(written, unchanged=False)
