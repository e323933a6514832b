"""Finding an archive's extracted copy in the cache: all that a warm start needs to know of it, so it imports little.

``CACHE/archives/DIGEST/tree`` is the copy, ``DIGEST`` the SHA-256 of the archive's manifest; ``stamps.json`` beside it
holds what the file system said of each file when it was checked, and its own time of change is that of the last use.
``CACHE/bytecode`` holds compiled modules, ``CACHE/environments`` what ``install`` makes.
"""

from __future__ import annotations

import json
import os
import stat
import sys

STAMPS = "stamps.json"
ARCHIVES, BYTECODE, ENVIRONMENTS = "archives", "bytecode", "environments"
CACHE_VARIABLE = "PACKFLOW_CACHE"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_root() -> str:
    """``$PACKFLOW_CACHE``, else ``packflow`` in the platform's folder for caches."""
    chosen = os.environ.get(CACHE_VARIABLE)
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
    return os.path.join(root, BYTECODE)


def find_tree(root: str, digest: str) -> str | None:
    """The extracted copy of the archive with this digest; None where there is none that is as it was checked."""
    home = os.path.join(root, ARCHIVES, digest)
    try:
        refuse_shared(root)
        with open(os.path.join(home, STAMPS), encoding="utf-8") as file:
            stamps = json.load(file)
        tree = os.path.join(home, "tree")
        return tree if stamps and stamps_of(tree) == stamps else None
    except (OSError, ValueError):
        return None


def refuse_shared(root: str) -> None:
    """Raise PermissionError where others could have put files into the cache, FileNotFoundError where it is not there.

    The folders of bytecode and environments count where they are there: what they hold is run too.
    """
    if os.name != "posix":
        return
    for name in ("", ARCHIVES, BYTECODE, ENVIRONMENTS):
        folder = os.path.join(root, name) if name else root
        try:
            status = os.stat(folder)
        except FileNotFoundError:
            if name in (BYTECODE, ENVIRONMENTS):
                continue
            raise
        if status.st_mode & _OTHERS_MAY_WRITE:
            raise PermissionError(f"others may write to {folder}")
        if status.st_uid not in (os.geteuid(), 0):
            raise PermissionError(f"{folder} belongs to another user")


def stamps_of(tree: str) -> dict[str, list[int]]:
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
