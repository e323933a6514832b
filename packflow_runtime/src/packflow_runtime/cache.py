"""The cache of extracted archives: each is extracted and checked once, then run from its read-only copy.

``CACHE/archives/DIGEST/tree`` is the copy, ``DIGEST`` the SHA-256 of the archive's manifest; ``stamps.json`` beside it
holds what the file system said of each file when it was checked. ``CACHE/bytecode`` holds compiled modules.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_STAMPS = "stamps.json"
_ABANDONED_SECONDS = 24 * 3600
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_root() -> str:
    """``$PACKFLOW_CACHE``, else ``packflow`` in the platform's folder for caches."""
    chosen = os.environ.get("PACKFLOW_CACHE")
    if chosen:
        return os.path.abspath(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "packflow")


def bytecode_dir(root: str) -> str:
    """Where the compiled modules of extracted archives are kept."""
    return os.path.join(root, "bytecode")


def find_tree(root: str, digest: str) -> str | None:
    """The extracted copy of the archive with this digest; None where there is none that is as it was checked."""
    home = os.path.join(root, "archives", digest)
    try:
        _refuse_shared(root)
        with open(os.path.join(home, _STAMPS), encoding="utf-8") as file:
            stamps = json.load(file)
        tree = os.path.join(home, "tree")
        return tree if stamps and _stamps(tree) == stamps else None
    except (OSError, ValueError):
        return None


def store_tree(root: str, digest: str, fill: Callable[[Path], None]) -> str:
    """Make the extracted copy with ``fill(folder)`` and put it in place at once; returns its folder.

    Whatever stood there and no longer is as it was checked is discarded. Raises OSError when the cache cannot be used,
    and what ``fill`` raises; nothing half-written stays.
    """
    from pathlib import Path  # noqa: PLC0415 - a warm start does without it

    archives = Path(root, "archives")
    Path(root).mkdir(mode=0o700, parents=True, exist_ok=True)  # a umask that lets the group write must not matter
    archives.mkdir(mode=0o700, exist_ok=True)
    _refuse_shared(root)
    _remove_abandoned(archives)
    home = archives / digest
    work = Path(tempfile.mkdtemp(prefix=".extracting-", dir=archives))
    try:
        tree = work / "tree"
        tree.mkdir()
        fill(tree)
        (work / _STAMPS).write_text(json.dumps(_stamps(str(tree))), encoding="utf-8")
        _put_in_place(work, home)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found = find_tree(root, digest)
    if found is None:
        raise OSError(f"{home} changed while it was being made")
    return found


def had_copy(root: str, digest: str) -> bool:
    """Whether something stands where the copy would, whole or not."""
    return os.path.lexists(os.path.join(root, "archives", digest))


def _refuse_shared(root: str) -> None:
    """Raise PermissionError where others could have put files into the cache."""
    if os.name != "posix":
        return
    for folder in (root, os.path.join(root, "archives")):
        status = os.stat(folder)
        if status.st_mode & _OTHERS_MAY_WRITE:
            raise PermissionError(f"others may write to {folder}")
        if status.st_uid not in (os.geteuid(), 0):
            raise PermissionError(f"{folder} belongs to another user")


def _put_in_place(work: Path, home: Path) -> None:
    """Rename ``work`` to ``home``; of several processes that do so at once, one wins and all find a whole copy."""
    if home.exists() and find_tree(str(home.parent.parent), home.name) is None:
        discarded = work.with_name(f"{work.name}-old")
        with contextlib.suppress(FileNotFoundError):  # another process was first
            os.replace(home, discarded)
        shutil.rmtree(discarded, ignore_errors=True)
    try:
        os.replace(work, home)
    except OSError:
        if not home.is_dir():
            raise


def _remove_abandoned(archives: Path) -> None:
    """Remove what extractions that were killed left behind, once no living one can still need it."""
    for folder in archives.glob(".extracting-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _stamps(tree: str) -> dict[str, list[int]]:
    """For every file below ``tree``: size, modification and status-change time, which a change cannot all keep."""
    found: dict[str, list[int]] = {}
    waiting = [tree]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    status = entry.stat(follow_symlinks=False)
                    name = entry.path[len(tree) + 1 :].replace(os.sep, "/")
                    found[name] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    return found
