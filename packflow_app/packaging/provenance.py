"""Where an archive comes from: the git commit, whether the folder was clean, and the moment it stands for."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.runtime import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_GIT_SECONDS = 30
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


def read_provenance(project_dir: Path, shipped: Iterable[str] = ()) -> tuple[Provenance, str | None]:
    """The project's provenance, and ``created``: SOURCE_DATE_EPOCH, else the commit's time if clean, else None.

    The project is clean when the commit gives it back: nothing changed, and every file of it that is ``shipped``, by
    its path below the folder, is in the commit, also those that git ignores. ``created`` is UTC in ISO 8601. Raises
    UsageError when SOURCE_DATE_EPOCH is not a number of seconds.
    """
    epoch = source_date_epoch()
    commit = _git(project_dir, "rev-parse", "--verify", "HEAD")
    clean = None if commit is None else _is_clean(project_dir, shipped)
    if epoch is not None:
        return Provenance(commit, clean), _iso(epoch)
    moment = _git(project_dir, "show", "-s", "--format=%ct", "HEAD") if clean else None
    return Provenance(commit, clean), _iso(int(moment)) if moment else None


def source_date_epoch() -> int | None:
    """The moment that archives made now stand for, in seconds since 1970, where somebody set one.

    Raises UsageError when SOURCE_DATE_EPOCH is not a number of seconds.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return None
    if not re.fullmatch("[0-9]{1,12}", epoch) or int(epoch) > _LAST_SECOND:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {epoch!r}, not a number of seconds.",
            hint="Unset it, or give seconds since 1970.",
        )
    return int(epoch)


def _is_clean(project_dir: Path, shipped: Iterable[str]) -> bool:
    status = ("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none", "--", ".")
    if _git(project_dir, *status) != "":
        return False
    tracked = _git(project_dir, "ls-files", "-z", "--", ".")
    return tracked is not None and set(tracked.split("\0")).issuperset(shipped)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers, or None where there is no git, no repository or no commit."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(answer.stdout).strip("\n")
