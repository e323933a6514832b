"""The cache of extracted archives: each is extracted and checked once, then run from its read-only copy.

``CACHE/archives/DIGEST/tree`` is the copy, ``DIGEST`` the SHA-256 of the archive's manifest; ``stamps.json`` beside it
holds what the file system said of each file when it was checked. ``CACHE/bytecode`` holds compiled modules.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_STAMPS = "stamps.json"
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
            stamps: dict[str, list[int]] = json.load(file)
        tree = os.path.join(home, "tree")
        for name, stamp in stamps.items():
            if _stamp(os.path.join(tree, name)) != stamp:
                return None
    except (OSError, ValueError, AttributeError):
        return None
    return tree


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
    home = archives / digest
    work = Path(tempfile.mkdtemp(prefix=".extracting-", dir=archives))
    try:
        tree = work / "tree"
        tree.mkdir()
        fill(tree)
        files = sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())
        stamps = {name: _stamp(str(tree / name)) for name in files}
        (work / _STAMPS).write_text(json.dumps(stamps), encoding="utf-8")
        _put_in_place(work, home)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found = find_tree(root, digest)
    if found is None:
        raise OSError(f"{home} changed while it was being made")
    return found


def _refuse_shared(root: str) -> None:
    """Raise PermissionError where others could have put files into the cache."""
    for folder in (root, os.path.join(root, "archives")):
        if os.stat(folder).st_mode & _OTHERS_MAY_WRITE and os.name == "posix":
            raise PermissionError(f"others may write to {folder}")


def _put_in_place(work: Path, home: Path) -> None:
    """Rename ``work`` to ``home``; of several processes that do so at once, one wins and all find a whole copy."""
    if home.exists() and find_tree(str(home.parent.parent), home.name) is None:
        discarded = work.with_name(f"{work.name}-old")
        os.replace(home, discarded)
        shutil.rmtree(discarded, ignore_errors=True)
    try:
        os.replace(work, home)
    except OSError:
        if not home.is_dir():
            raise


def _stamp(path: str) -> list[int]:
    """Size, modification and status-change time: what a changed file cannot keep all of."""
    status = os.stat(path, follow_symlinks=False)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
