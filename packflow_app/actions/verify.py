"""Check archives from outside, one after another, and what a receiver demands of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.runtime import (
    ExitCode,
    PackflowError,
    Unmet,
    Verification,
    parse_demands,
    unmet_demands,
    verify_archive,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class VerifyOptions:
    """What ``packflow verify`` may be told; ``require`` is a list of demands with commas."""

    archives: list[Path] = field(default_factory=list)
    require: str | None = None


@dataclass(frozen=True)
class VerifiedArchive:
    """One archive: what was found of it, or why it could not be opened or read; and the demands it does not meet."""

    path: Path
    found: Verification | None
    error: PackflowError | None = None
    unmet: tuple[Unmet, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether it passed, and meets what was demanded."""
        return self.found is not None and self.found.passed and not self.unmet


@dataclass(frozen=True)
class VerifyDone:
    """All archives, in the order they were named."""

    archives: tuple[VerifiedArchive, ...]

    @property
    def exit_code(self) -> int:
        """1 where an archive failed, else 3 where one could not be read, else 0."""
        if any(one.found is not None and not one.is_good for one in self.archives):
            return ExitCode.CHECK_FAILED
        return max((one.error.exit_code for one in self.archives if one.error is not None), default=ExitCode.OK)


def verify(
    options: VerifyOptions, *, report: Callable[[Path, int, int], object] = lambda _path, _done, _total: None
) -> VerifyDone:
    """Check each archive; what is wrong with one is a value, and keeps none of the others from being checked.

    ``report`` gets the bytes looked at so far and the size of the archive in hand. Raises PackflowError (usage) for a
    demand that nobody knows.
    """
    demands = parse_demands(options.require) if options.require is not None else ()
    return VerifyDone(tuple(_verified(path, demands, report) for path in options.archives))


def _verified(path: Path, demands: tuple[str, ...], report: Callable[[Path, int, int], object]) -> VerifiedArchive:
    try:
        found = verify_archive(path, lambda done, total: report(path, done, total))
    except PackflowError as error:
        return VerifiedArchive(path, None, error)
    return VerifiedArchive(path, found, unmet=unmet_demands(found, demands))
