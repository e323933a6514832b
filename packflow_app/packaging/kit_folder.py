"""What kits and bundles have in common: a folder of its own place, wheels for each target, and SHA256SUMS."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError, not_writable
from packflow_app.packaging.locked_packages import locked_packages
from packflow_app.packaging.target_wheels import fetch_wheels
from packflow_app.placing import make_folders, remove_empty, sibling
from packflow_app.projects.file_hashes import file_digest
from packflow_app.runtime import SUMS_NAME, WHEELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packflow_app.environments.tools import Toolbox
    from packflow_app.packaging.targets import Target


@dataclass(frozen=True)
class KitWheel:
    """One wheel of a kit, and the names of the targets that it is for."""

    name: str
    targets: tuple[str, ...]


def check_kit_place(folder: Path, *, force: bool, option: str = "-o") -> bool:
    """Whether there is something at ``folder`` that may be replaced; raises UsageError where it may not."""
    if not (folder.exists() or folder.is_symlink()) or (folder.is_dir() and not any(folder.iterdir())):
        return folder.exists()
    is_kit = (folder / SUMS_NAME).is_file()
    if force and is_kit:
        return True
    other = f"Choose another folder with {option}"
    raise UsageError(
        f"{folder} already exists{'' if is_kit else ' and is no kit'}.",
        code="target-exists",
        file=str(folder),
        hint=f"{other}, or replace it with --force." if is_kit else f"{other}.",
    )


@contextmanager
def kit_folder(folder: Path, *, replaced: bool) -> Iterator[Path]:
    """A folder beside ``folder`` to work in, which takes its place whole once the block ends, or never.

    Raises NotWritableError for an OSError on the way.
    """
    made: list[Path] = []
    work = sibling(folder)
    try:
        made = make_folders(folder.parent)
        (work / WHEELS).mkdir(parents=True)
        yield work
        if replaced:
            shutil.rmtree(folder)
        work.replace(folder)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        remove_empty(made)
        if isinstance(error, OSError):
            raise not_writable(folder, error) from error
        raise


def collect_wheels(
    work: Path, lock: bytes, targets: Sequence[Target], tools: Toolbox, wheelhouse: Path | None
) -> tuple[KitWheel, ...]:
    """Fetch the wheels that ``lock`` pins for all targets into the kit, each file once."""
    packages = locked_packages(lock)
    options = [line for line in lock.decode().splitlines() if line.startswith("-")]
    fetched = work / f"{WHEELS}.partial"
    found: dict[str, list[str]] = {}
    for target in targets:
        for wheel in fetch_wheels(target, packages, fetched, tools, options=options, wheelhouse=wheelhouse):
            found.setdefault(wheel.name, []).append(target.name)
            wheel.replace(work / WHEELS / wheel.name)
    shutil.rmtree(fetched, ignore_errors=True)
    return tuple(KitWheel(name, tuple(names)) for name, names in sorted(found.items()))


def write_sums(work: Path) -> tuple[dict[str, str], bytes]:
    """Write SHA256SUMS over every file of the kit; returns each file's digest, and the list's bytes."""
    paths = {path.relative_to(work).as_posix(): path for path in work.rglob("*") if path.is_file()}
    files = {name: file_digest(paths[name]) for name in sorted(paths, key=os.fsencode)}
    sums = "".join(f"{sha256}  {name}\n" for name, sha256 in files.items()).encode()
    (work / SUMS_NAME).write_bytes(sums)
    return files, sums
