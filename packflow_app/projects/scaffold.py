"""Put a new project in place: all of it, or nothing."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError, not_writable
from packflow_app.locations import STATE_DIR
from packflow_app.placing import absolute, make_folders, remove_empty, sibling
from packflow_app.runtime import NAME_PATTERN, ArchiveFormatError, check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

_UNFINISHED = f"{STATE_DIR}/init-unfinished"
_OF_UNFINISHED = {STATE_DIR, ".venv", "requirements.txt"}
Content = bytes | Path
"""What a file of a new project holds: bytes, or the file that it is a copy of."""


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


def create_project(target: Path, files: Mapping[str, Content], go_on: Callable[[], None] = lambda: None) -> None:
    """Write ``files`` below ``target``, which must not exist or be an empty folder.

    The project is made beside its place and renamed into it, so that nothing half-written is ever seen. A folder that
    is there already stays the same folder, since a shell may stand in it: the project is made inside and moved up.
    ``go_on`` is called between files and before they are put in place; nothing is made where it raises.
    Raises UsageError when the target is taken, NotWritableError when it cannot be written; nothing is left behind then.
    """
    target = absolute(target)
    check_free(target)
    made: list[Path] = []
    there = target.is_dir()
    work = sibling(target / target.name if there else target)
    try:
        made = make_folders(work.parent)
        work.mkdir()
        _fill(work, files, go_on)
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
    """Raise UsageError unless ``target`` does not exist, is an empty folder, or what a killed init left of one."""
    try:
        if target.is_dir() and (not any(target.iterdir()) or is_unfinished(target)):
            return
    except OSError as error:
        raise not_writable(target, error) from error
    if target.exists() or target.is_symlink():
        raise UsageError(
            f"{target} already exists" + (" and is not empty." if target.is_dir() else "."),
            code="target-exists",
            hint="Name a folder that does not exist yet; --force adds the files that are missing there, and no others."
            if target.is_dir()
            else "Name a folder that does not exist yet.",
        )


def is_unfinished(target: Path) -> bool:
    """Whether ``target`` holds nothing but an environment that an init was making for it when it was killed."""
    if not target.is_dir():
        return False
    return (target / _UNFINISHED).is_file() and {path.name for path in target.iterdir()} <= _OF_UNFINISHED


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """The folder of a project that does not stand yet, made where it was missing, to make its environment in.

    What is begun there goes when the block raises; after a kill, ``check_free`` knows what is left for what it is.
    """
    target = absolute(target)
    made: list[Path] = []
    before = set(target.iterdir()) if target.is_dir() and not is_unfinished(target) else set()
    try:
        made = make_folders(target / STATE_DIR)
        if not before:
            (target / _UNFINISHED).write_bytes(b"")
        yield target
        (target / _UNFINISHED).unlink(missing_ok=True)
    except BaseException as error:
        for name in sorted(_OF_UNFINISHED):
            path = target / name
            if path not in before:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        with suppress(OSError):
            remove_empty(made)
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise


def add_files(
    target: Path,
    files: Mapping[str, Content],
    replacing: Collection[str] = (),
    go_on: Callable[[], None] = lambda: None,
) -> list[str]:
    """Write those of ``files`` that an existing folder lacks, and those in ``replacing``; returns their names.

    All of them or none, as ``create_project`` says; what was there stays as it is. Raises NotWritableError.
    """
    target = absolute(target)
    missing = {name: content for name, content in files.items() if name in replacing or not _is_there(target / name)}
    work = sibling(target / target.name)
    made: list[Path] = []
    placed: list[Path] = []
    try:
        work.mkdir()
        _fill(work, missing, go_on)
        for name in missing:
            path = target / name
            made += make_folders(path.parent)
            (work / name).replace(path)
            if name not in replacing:
                placed.append(path)
    except BaseException as error:
        for path in placed:
            path.unlink(missing_ok=True)
        remove_empty(made)
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return sorted(missing)


def remove_files(target: Path, names: Collection[str]) -> None:
    """Take away what ``add_files`` added, and the folders that are empty then."""
    for name in names:
        (target / name).unlink(missing_ok=True)
    folders = {folder for name in names for folder in (target / name).parents if target in folder.parents}
    for folder in sorted(folders, key=lambda one: -len(one.parts)):
        with suppress(OSError):  # it holds something else
            folder.rmdir()


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


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


def _fill(folder: Path, files: Mapping[str, Content], go_on: Callable[[], None]) -> None:
    for name, content in files.items():
        go_on()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)
    go_on()
