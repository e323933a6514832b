"""Look into an archive and check every byte of it: what the screen and the journal tell. No screens here.

This is the seam for whatever else can be verified: signatures, replays and differences give further ``Verdict`` lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.errors import CancelledError
from packflow_app.projects.file_hashes import file_digest
from packflow_app.runtime import DRY_RUN_NAME, Manifest, PackflowError, open_archive

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.runtime import Archive

MOST_SHOWN = 200_000


@dataclass(frozen=True)
class FileVerified:
    """One more file of the archive was read and checked."""

    done: int
    total: int


@dataclass(frozen=True)
class Verdict:
    """Something about an archive that was looked at: what, how it went (None: not looked at), and in words."""

    name: str
    good: bool | None
    text: str


@dataclass(frozen=True)
class ArchiveSeen:
    """An archive: what it is, and what was verified. ``sha256`` is that of the whole file."""

    path: Path
    size: int
    sha256: str
    manifest: Manifest
    verdicts: list[Verdict]
    dry_run: dict[str, Any] = field(default_factory=dict)

    @property
    def is_verified(self) -> bool:
        """Whether all that was looked at is good."""
        return all(verdict.good is not False for verdict in self.verdicts)


def look_into(path: Path, *, report: Callable[[FileVerified], None], cancel: threading.Event) -> ArchiveSeen:
    """Open an archive and read all of it; one whose bytes are not right is a value, one that is none at all an error.

    Raises what ``open_archive`` does, and CancelledError.
    """
    with open_archive(path) as archive:
        contents = _contents(archive, report, cancel)
        verdicts = [
            Verdict("structure", good=True, text="canonical zip; just the files of its manifest"),
            contents,
            Verdict("signature", good=None, text="not looked at"),
        ]
        told = _dry_run(archive) if contents.good else {}
        return ArchiveSeen(path, path.stat().st_size, file_digest(path), archive.manifest, verdicts, told)


def _contents(archive: Archive, report: Callable[[FileVerified], None], cancel: threading.Event) -> Verdict:
    total = len(archive.entries)
    for done, name in enumerate(archive.entries, 1):

        def read_on(_chunk: bytes) -> None:
            if cancel.is_set():
                raise CancelledError("Verifying the archive was stopped.", hint="Press r to verify it again.")

        try:
            archive.copy(name, read_on)
        except CancelledError:
            raise
        except PackflowError as error:
            return Verdict("contents", good=False, text=f"{error.title} {error.detail}".strip())
        report(FileVerified(done, total))
    return Verdict("contents", good=True, text=f"{total:,} files, each with its SHA-256")


def _dry_run(archive: Archive) -> dict[str, Any]:
    import json  # noqa: PLC0415 - for this alone

    try:
        told = json.loads(archive.read(DRY_RUN_NAME))
    except (KeyError, ValueError, PackflowError):
        return {}
    return told if isinstance(told, dict) else {}


def file_text(path: Path, name: str) -> str:
    """One file of an archive as text, checked; the first of it where it is large. Raises PackflowError."""
    with open_archive(path) as archive:
        data = archive.read(name)[: MOST_SHOWN + 1]
    if b"\0" in data[:8000]:
        return f"{len(data):,} bytes that are no text." if len(data) <= MOST_SHOWN else "Bytes that are no text."
    return data.decode("utf-8", "replace")[:MOST_SHOWN]
