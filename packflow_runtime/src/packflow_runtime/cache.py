"""Filling the cache of extracted archives: each is extracted and checked once, then run from its read-only copy."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

from .cached_copies import STAMPS, find_tree, refuse_shared, stamps_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ABANDONED_SECONDS = 24 * 3600


def store_tree(root: str, digest: str, fill: Callable[[Path], None]) -> str:
    """Make the extracted copy with ``fill(folder)`` and put it in place at once; returns its folder.

    Whatever stood there and no longer is as it was checked is discarded. Raises OSError when the cache cannot be used,
    and what ``fill`` raises; nothing half-written stays.
    """
    from pathlib import Path  # noqa: PLC0415 - a warm start does without it

    archives = Path(root, "archives")
    Path(root).mkdir(mode=0o700, parents=True, exist_ok=True)  # a umask that lets the group write must not matter
    archives.mkdir(mode=0o700, exist_ok=True)
    refuse_shared(root)
    _remove_abandoned(archives)
    home = archives / digest
    work = Path(tempfile.mkdtemp(prefix=".extracting-", dir=archives))
    try:
        tree = work / "tree"
        tree.mkdir()
        fill(tree)
        (work / STAMPS).write_text(json.dumps(stamps_of(str(tree))), encoding="utf-8")
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
