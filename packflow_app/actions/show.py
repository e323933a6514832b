"""Describe an archive, what another one changes, or show one of its files."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import CancelledError, NotFoundError, UsageError
from packflow_app.packaging.archive_changes import ArchiveChanges, changes_between
from packflow_app.packaging.description import ArchiveDescription, describe
from packflow_app.runtime import PackflowError, open_archive

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

MOST_SHOWN = 200_000
"""Bytes of a file that are shown; all of it is checked."""

_TEXT_HEAD = 8000


@dataclass(frozen=True)
class ShowOptions:
    """What ``packflow show`` may be told; ``other`` is compared with ``archive``, ``file`` is one of its files."""

    archive: Path
    other: Path | None = None
    file: str | None = None


@dataclass(frozen=True)
class Shown:
    """The archive, the other one, and what that changes; both None where only one was named."""

    archive: ArchiveDescription
    other: ArchiveDescription | None = None
    changes: ArchiveChanges | None = None


@dataclass(frozen=True)
class ArchivedFile:
    """A file of an archive, whose bytes are those that the manifest names; ``data`` is the first of them."""

    archive: Path
    name: str
    size: int
    sha256: str
    data: bytes

    @property
    def text(self) -> str | None:
        """It as text; None where it is none."""
        return None if b"\0" in self.data[:_TEXT_HEAD] else self.data.decode("utf-8", "replace")


def show(options: ShowOptions) -> Shown:
    """Open one or two archives; raises what opening raises for one that is missing or not to be trusted."""
    archive = _described(options.archive)
    if options.other is None:
        return Shown(archive)
    other = _described(options.other)
    return Shown(archive, other, changes_between(archive, other))


def _described(path: Path) -> ArchiveDescription:
    """As ``describe``; its errors say which of the two archives they are about."""
    try:
        return describe(path)
    except PackflowError as error:
        error.file = error.file or str(path)
        raise


def read_file(
    options: ShowOptions,
    *,
    report: Callable[[object], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> ArchivedFile:
    """Read the file of an archive that the options name, all of it, and keep the first ``MOST_SHOWN`` bytes.

    Raises NotFoundError where there is none of that name, what opening an archive raises, and ManifestError for bytes
    that are not those of the manifest; UsageError where another archive is named too. ``report`` is told nothing.
    """
    del report
    name = options.file or ""
    if options.other is not None:
        raise UsageError(
            "--file names a file of one archive, and two archives are named.",
            hint="Name only the archive that has the file.",
        )
    kept, digest = bytearray(), hashlib.sha256()

    def take(chunk: bytes) -> None:
        if cancel is not None and cancel.is_set():
            raise CancelledError("Reading the file was stopped.", hint="Read it again.")
        digest.update(chunk)
        kept.extend(chunk[: MOST_SHOWN - len(kept)])

    with open_archive(options.archive) as archive:
        if name not in archive.entries:
            raise NotFoundError(
                f"{options.archive.name} has no file {name!r}.",
                code="entry-not-found",
                hint=f"packflow show {shlex.quote(str(options.archive))} lists all.",
            )
        archive.copy(name, take)
        size = archive.entries[name].size
    return ArchivedFile(options.archive, name, size, digest.hexdigest(), bytes(kept))
