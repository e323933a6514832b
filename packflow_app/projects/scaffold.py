"""Put a new project in place: all of it, or nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError, not_writable
from packflow_app.placing import make_folders, remove_empty, sibling
from packflow_app.runtime import NAME_PATTERN, ArchiveFormatError, check_name

if TYPE_CHECKING:
    from pathlib import Path


def check_project_name(name: str) -> None:
    """Raise UsageError for a name that a project cannot have."""
    if not NAME_PATTERN.match(name):
        raise UsageError(
            f"{name!r} is not a project name.",
            code="name-invalid",
            detail="A name starts with a letter and goes on with letters, digits, - and _; at most 64 characters.",
            hint="Choose another with --name, for example --name churn-scorer.",
        )
    try:
        check_name(name)
    except ArchiveFormatError as error:
        raise UsageError(
            f"{name!r} cannot be a folder's name on every system.",
            code="name-invalid",
            hint="Choose another with --name.",
        ) from error


def create_project(target: Path, files: dict[str, bytes]) -> None:
    """Write ``files`` below ``target``, which must not exist or be an empty folder.

    The project is made beside its place and renamed into it, so that nothing half-written is ever seen. A folder that
    is there already stays the same folder, since a shell may stand in it: the project is made inside and moved up.
    Raises UsageError when the target is taken, NotWritableError when it cannot be written; nothing is left behind then.
    """
    target = target.absolute()
    check_free(target)
    made: list[Path] = []
    there = target.is_dir()
    work = sibling(target / target.name if there else target)
    try:
        made = make_folders(work.parent)
        work.mkdir()
        _fill(work, files)
        if there:
            _move_up(work)
        else:
            work.replace(target)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        remove_empty(made)
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise


def check_free(target: Path) -> None:
    """Raise UsageError unless ``target`` does not exist or is an empty folder."""
    try:
        if target.is_dir() and not any(target.iterdir()):
            return
    except OSError as error:
        raise not_writable(target, error) from error
    if target.exists() or target.is_symlink():
        raise UsageError(
            f"{target} already exists" + (" and is not empty." if target.is_dir() else "."),
            code="target-exists",
            hint="Name a folder that does not exist yet.",
        )


def _move_up(work: Path) -> None:
    """Move what ``work`` holds to the folder it is in, which holds nothing else; all of it, or nothing."""
    moved: list[Path] = []
    try:
        for path in sorted(work.iterdir()):
            moved.append(path.rename(work.parent / path.name))  # noqa: PERF401 - what was moved before a failure counts
        work.rmdir()
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
