"""Describe an archive, and what another one changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.packaging.archive_changes import ArchiveChanges, changes_between
from packflow_app.packaging.description import ArchiveDescription, describe

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ShowOptions:
    """What ``packflow show`` may be told; ``other`` is compared with ``archive``."""

    archive: Path
    other: Path | None = None


@dataclass(frozen=True)
class Shown:
    """The archive, the other one, and what that changes; both None where only one was named."""

    archive: ArchiveDescription
    other: ArchiveDescription | None = None
    changes: ArchiveChanges | None = None


def show(options: ShowOptions) -> Shown:
    """Open one or two archives; raises what opening raises for one that is missing or not to be trusted."""
    archive = describe(options.archive)
    if options.other is None:
        return Shown(archive)
    other = describe(options.other)
    return Shown(archive, other, changes_between(archive, other))
