"""The hashes of a project's files, without reading again those that have certainly not changed.

A file that is as it was by size, inode and both its times was hashed before: whoever changes it changes its ctime,
which no program can set back. That holds only for a file that had come to rest when it was hashed: a change within the
same tick of the clock would leave the same times. So nothing is remembered of a file that had changed a moment before,
by the clock of its own file system.

What is remembered only spares work: it decides whether a dry run is stale, never what an archive holds. An export reads
and hashes every byte that it writes, and refuses where that is not what the dry run was about.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError
from packflow_app.locations import STATE_DIR
from packflow_app.placing import sibling

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE = "hashes.json"
_VERSION = 1
_CHUNK = 1 << 20
_AT_REST_NS = 2_100_000_000  # the coarsest clock of a file system in use ticks every two seconds
_SHA256 = re.compile(r"[0-9a-f]{64}")
# There ctime is when the file was made, and tells nothing of changes.
_TELLS_CHANGES = os.name != "nt"


@dataclass(frozen=True)
class _Seen:
    """A file's hash, and everything about it that changes with it: size, mtime, ctime, inode and device."""

    about: tuple[int, ...]
    sha256: str


@dataclass(frozen=True)
class _Clock:
    """The time by which a file system stamps its files."""

    nanoseconds: int
    device: int


def hashes_of(project_dir: Path, files: Mapping[str, Path], *, reuse: bool) -> dict[str, str]:
    """The SHA-256 of each file, by its name; with ``reuse`` those that are known are not read again.

    What was read is remembered where the project has a folder for Packflow's notes. Raises NotFoundError when a file
    cannot be read.
    """
    notes = project_dir / STATE_DIR / _FILE
    known = _read(notes) if reuse and _TELLS_CHANGES else {}
    now = _clock(notes)
    found: dict[str, str] = {}
    kept: dict[str, _Seen] = {}
    for name, path in files.items():
        seen = known.get(name)
        if seen is None or seen.about != _about_path(path):
            seen, lasting = _hashed(path, now)
            if not lasting:
                found[name] = seen.sha256
                continue
        kept[name] = seen
        found[name] = seen.sha256
    if now is not None and kept != known:
        _write(notes, kept)
    return found


def forget_hashes(project_dir: Path) -> None:
    """Remove what is remembered, as far as that is possible."""
    with suppress(OSError):
        (project_dir / STATE_DIR / _FILE).unlink()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file; raises NotFoundError when it cannot be read."""
    return _hashed(path, None)[0].sha256


def unreadable(path: Path, error: OSError) -> NotFoundError:
    """The error for a file or folder that could not be read."""
    return NotFoundError(
        f"{path} cannot be read: {error.strerror}.",
        code="file-not-readable",
        hint="It was there a moment ago: run it again when nothing changes the project."
        if isinstance(error, FileNotFoundError)
        else "Mend its permissions.",
    )


def _hashed(path: Path, now: _Clock | None) -> tuple[_Seen, bool]:
    """A file's hash, and whether it had come to rest before ``now``, so that it may be remembered."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            buffer = memoryview(bytearray(min(_CHUNK, before.st_size + 1)))
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
            after = os.fstat(file.fileno())
    except OSError as error:
        raise unreadable(path, error) from None
    seen = _Seen(_about(after), digest.hexdigest())
    if now is None or after.st_dev != now.device or _about(before) != _about(after):
        return seen, False
    return seen, max(after.st_mtime_ns, after.st_ctime_ns) + _AT_REST_NS < now.nanoseconds


def _about(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


def _about_path(path: Path) -> tuple[int, ...] | None:
    try:
        return _about(path.lstat())
    except OSError:
        return None


def _clock(notes: Path) -> _Clock | None:
    """The time now on the notes' file system; None where nothing can be remembered."""
    probe = sibling(notes)
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            status = os.fstat(descriptor)
            return _Clock(status.st_mtime_ns, status.st_dev)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError:
        return None


def _read(notes: Path) -> dict[str, _Seen]:
    """What is remembered; nothing where it cannot be read, in whole or in part."""
    try:
        data = json.loads(notes.read_bytes())
        if data["version"] != _VERSION:
            return {}
        entries = {name: _Seen(tuple(about), sha256) for name, (*about, sha256) in data["files"].items()}
        whole = all(_SHA256.fullmatch(one.sha256) for one in entries.values())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return entries if whole else {}


def _write(notes: Path, kept: Mapping[str, _Seen]) -> None:
    """Remember for the next time; not being able to is no error."""
    data = {"version": _VERSION, "files": {name: [*seen.about, seen.sha256] for name, seen in kept.items()}}
    work = sibling(notes)
    try:
        work.write_text(json.dumps(data), encoding="ascii")
        work.replace(notes)
    except OSError:
        with suppress(OSError):
            work.unlink()
