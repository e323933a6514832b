"""Names that mean one file here and another, or none, elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.runtime import PROJECT_DIR, ArchiveFormatError, check_clashes, check_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context

_LONGEST_PATH = 260
# C:\\Users\\SOMEBODY\\AppData\\Local\\packflow\\archives\\, 64 digits, \\tree\\project\\
_EXTRACTED_BELOW = 130


@check(
    "name-not-portable",
    Severity.ERROR,
    why="An archive is unpacked on any system, and there the file would not appear, or under another name.",
    fix="Rename it.",
)
def name_not_portable(context: Context) -> Iterator[Spot]:
    """A file's name breaks on some system: a device of Windows, a character it refuses, invisible or not composed."""
    for name in context.contents.files:
        error = _error_of(name)
        if error is not None:
            yield Spot(f"{error.title}.", name)


@check(
    "name-long",
    Severity.WARNING,
    why=f"Windows takes paths of {_LONGEST_PATH} characters unless an administrator allows more, and an archive is "
    "extracted to a folder that takes about half of them.",
    fix="Give it, or the folders it lies in, a shorter name.",
)
def name_long(context: Context) -> Iterator[Spot]:
    """A file's path is so long that Windows may not take it where the archive is extracted."""
    for name in context.contents.files:
        if len(name) > _LONGEST_PATH - _EXTRACTED_BELOW and _error_of(name) is None:
            yield Spot(f"The path has {len(name)} characters: {name[:40]}…{name[-20:]}", name)


@check(
    "name-clash",
    Severity.ERROR,
    why="Where case does not count, as on Windows and macOS, one of them would take the other's place.",
    fix="Rename one of them.",
)
def name_clash(context: Context) -> Iterator[Spot]:
    """Two names are one where case or the spelling of accents does not count."""
    try:
        check_clashes(name for name in context.contents.files if _error_of(name) is None)
    except ArchiveFormatError as error:
        yield Spot(f"{error.title}.")


def _error_of(name: str) -> ArchiveFormatError | None:
    try:
        check_name(name)
        check_name(f"{PROJECT_DIR}/{name}")  # which is longer
    except ArchiveFormatError as error:
        return error
    return None
