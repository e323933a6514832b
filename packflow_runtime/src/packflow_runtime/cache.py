"""Filling the cache of extracted archives: each is extracted and checked once, then run from its read-only copy."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

from .cached_copies import ARCHIVES, BYTECODE, STAMPS, find_tree, refuse_shared, stamps_of
from .file_locks import HeldError, exclusive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORK = ".extracting-"
"""How the names of folders and lock files begin that are there only while an archive is extracted or removed."""
_LOCK_END = ".lock"
_ABANDONED_SECONDS = 24 * 3600


def store_tree(
    root: str,
    digest: str,
    fill: Callable[[Path], None],
    *,
    discarding: Callable[[], None] = lambda: None,
    waiting: Callable[[], None] = lambda: None,
) -> str:
    """The extracted copy, made with ``fill(folder)`` and put in place at once unless it is there; returns its folder.

    Of several processes that want the same copy one makes it; ``waiting()`` is called where that takes the others
    long. What stands there and is not as it was checked is discarded, and ``discarding()`` called. What killed
    processes left behind is removed. Raises OSError when the cache cannot be used, and what ``fill`` raises; nothing
    half-written stays.
    """
    archives = _folders(root)
    home = archives / digest
    with exclusive(str(archives / f"{WORK}{digest}{_LOCK_END}"), waiting=waiting):
        found = find_tree(root, digest)
        if found is not None:  # another process was first
            return found
        if home.exists():
            discarding()
        _remove_abandoned(archives, digest)
        work = _work_folder(archives, digest)
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


def _folders(root: str) -> Path:
    from pathlib import Path  # noqa: PLC0415 - a warm start does without it

    with contextlib.suppress(FileNotFoundError):  # what is missing is made; what is refused stays as it is
        refuse_shared(root)
    Path(root).mkdir(mode=0o700, parents=True, exist_ok=True)  # a umask that lets the group write must not matter
    for name in (ARCHIVES, BYTECODE):  # Python itself would make the second one, as the umask has it
        Path(root, name).mkdir(mode=0o700, exist_ok=True)
    refuse_shared(root)
    return Path(root, ARCHIVES)


def _work_folder(archives: Path, digest: str) -> Path:
    from pathlib import Path  # noqa: PLC0415 - as above

    return Path(tempfile.mkdtemp(prefix=f"{WORK}{digest}-", dir=archives))


def _put_in_place(work: Path, home: Path) -> None:
    """Rename ``work`` to ``home``; of several processes that do so at once, one wins and all find a whole copy."""
    if home.exists() and find_tree(str(home.parent.parent), home.name) is None:
        remove_home(home)
    try:
        os.replace(work, home)
    except OSError:
        if not home.is_dir():
            raise


def remove_home(home: Path) -> None:
    """Remove a copy so that a kill on the way leaves nothing that is taken for one."""
    discarded = _work_folder(home.parent, home.name)
    with contextlib.suppress(FileNotFoundError):  # another process was first
        os.replace(home, discarded / "old")
    shutil.rmtree(discarded, ignore_errors=True)


def _remove_abandoned(archives: Path, own: str) -> None:
    """Remove what processes that were killed left behind.

    Of the archive whose lock is held that is all there is; of another one it is what no living process holds. Locks
    tell nothing on some file systems, so what is young may be in use there: only there it waits for a day.
    """
    for digest, paths in abandoned_work(archives).items():
        if digest == own:
            for path in paths:
                shutil.rmtree(path, ignore_errors=True)
        else:
            remove_work(archives, digest, paths)


def abandoned_work(archives: Path) -> dict[str, list[Path]]:
    """The folders that extractions work in, or worked in until they were killed, by the archive's digest.

    An archive of which there is nothing but a lock file has an empty list.
    """
    found: dict[str, list[Path]] = {}
    with contextlib.suppress(OSError):
        for path in archives.iterdir():
            if path.name.startswith(WORK):
                digest = path.name[len(WORK) :].removesuffix(_LOCK_END).partition("-")[0]
                found.setdefault(digest, []).extend([] if path.name.endswith(_LOCK_END) else [path])
    return found


def remove_work(archives: Path, digest: str, paths: list[Path]) -> list[Path]:
    """Remove the work on one archive unless a living process does it; returns what is gone."""
    gone = []
    with contextlib.suppress(HeldError, OSError), exclusive(str(archives / f"{WORK}{digest}{_LOCK_END}"), wait=False):
        for path in paths:
            if _locks_tell() or time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
                gone.append(path)
    return gone


def _locks_tell() -> bool:
    return os.name == "posix"
