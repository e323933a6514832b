"""Where Packflow writes: the cache of archives, temporary files, and how much room is left."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.health.finding import Finding, error, note, ok, warning
from packflow_app.runtime import CACHE_VARIABLE, PackflowError, cache_contents, cache_root, refuse_shared
from packflow_app.wording import counted, home_path, sized

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL_BELOW = 200 << 20
"""Bytes: an environment or an archive does not fit any more."""

LOW_BELOW = 2 << 30
"""Bytes: one with a large library may not fit."""


def examine() -> Iterator[Finding]:
    """Look at the cache, the folder of temporary files, and the room left on each file system."""
    cache = Path(cache_root())
    yield _cache(cache)
    temporary = _temporary_folder()
    yield _temporary(temporary)
    yield from _room({"cache": cache, "temporary files": temporary, "this folder": Path.cwd()})


def free_bytes(folder: Path) -> int:
    """Room left for this user where ``folder`` is or will be; raises OSError."""
    return shutil.disk_usage(_nearest(folder)).free


def free_files(folder: Path) -> int | None:
    """How many more files fit there; None where the file system has no such limit. Raises OSError."""
    if not hasattr(os, "statvfs"):
        return None
    found = os.statvfs(_nearest(folder))
    return found.f_favail if found.f_files else None


def _nearest(folder: Path) -> Path:
    """``folder``, or the closest above it that exists."""
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)


def _why_not_writable(folder: Path) -> str | None:
    """Why no file can be made in ``folder`` or, where that is not there yet, beside it; None where one can."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):  # it has no name, so nothing is left of it
            return None
    except OSError as problem:
        return problem.strerror or str(problem)


def _cache(cache: Path) -> Finding:
    chosen = bool(os.environ.get(CACHE_VARIABLE))
    shown = f"{home_path(cache)}{f' (${CACHE_VARIABLE})' if chosen else ''}"
    mend = f"Mend its permissions, or set {CACHE_VARIABLE} to a folder of your own."
    reason = _why_not_writable(cache)
    if reason is not None:
        return error(
            "cache",
            shown,
            "cache-not-writable",
            f"The cache {cache} cannot be written: {reason}. Every start of an archive extracts it anew.",
            mend,
        )
    if not cache.is_dir():
        return ok("cache", f"{shown}, made when the first archive runs")
    try:
        refuse_shared(str(cache))
        found = cache_contents(str(cache))
    except FileNotFoundError:
        return ok("cache", f"{shown}, empty")
    except (OSError, PackflowError) as problem:
        said = problem.title if isinstance(problem, PackflowError) else str(problem)
        return error("cache", shown, "cache-refused", f"The cache is not used: {said.rstrip('.')}.", mend)
    archives, environments = counted(len(found.archives), "archive"), counted(len(found.environments), "environment")
    return ok("cache", f"{shown}, {sized(found.size)}: {archives}, {environments}")


def _temporary_folder() -> Path | None:
    """Where temporary files go; None where each usual folder cannot be written."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return None


def _temporary(folder: Path | None) -> Finding:
    reason = _why_not_writable(folder) if folder is not None else "no usual folder takes one"
    if folder is not None and reason is None:
        return ok("temporary files", home_path(folder))
    return error(
        "temporary files",
        home_path(folder) if folder is not None else "nowhere",
        "temp-not-writable",
        f"Temporary files cannot be written{f' to {folder}' if folder is not None else ''}: {reason}.",
        "Make room, or set TMPDIR to a folder that you can write.",
    )


def _room(places: dict[str, Path | None]) -> Iterator[Finding]:
    """One finding for each file system, with what lies on it."""
    systems: dict[int, list[str]] = {}
    folders: dict[int, Path] = {}
    for name, folder in places.items():
        if folder is None:
            continue
        nearest = _nearest(folder)
        try:
            device = nearest.stat().st_dev
        except OSError:
            continue  # that it cannot be used is told elsewhere
        systems.setdefault(device, []).append(name)
        folders.setdefault(device, nearest)
    for device, names in systems.items():
        yield _left(folders[device], ", ".join(names))


def _left(folder: Path, names: str) -> Finding:
    try:
        free, files = free_bytes(folder), free_files(folder)
    except OSError as problem:
        return note("room", f"unknown for {names}: {problem.strerror}")
    shown = f"{sized(free)} free for {names}"
    make_room = "Make room: `packflow cache clean` removes what no archive needs any more."
    if files == 0:
        message = f"No more files can be made where {names} is: its file system has no inodes left."
        return error("room", "no inodes left", "disk-full", message, "Remove files you do not need.")
    if free < FULL_BELOW:
        message = f"Only {sized(free)} are free for {names}; an environment or an archive may not fit."
        return error("room", shown, "disk-full", message, make_room)
    if free < LOW_BELOW:
        message = f"{sized(free)} are free for {names}; an environment with a large library may not fit."
        return warning("room", shown, "disk-low", message, make_room)
    return ok("room", shown)
