"""Check archives from outside, one after another, and what a receiver demands of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.runtime import (
    ExitCode,
    PackflowError,
    PublicKey,
    Unmet,
    Verification,
    demands_of,
    keys_given,
    unmet_demands,
    verify_archive,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class VerifyOptions:
    """What ``packflow verify`` may be told; ``require`` is a list of demands with commas.

    A key (a file of ``keys``, or one in ``key_folder``) demands a signature by it; ``signature`` is the file of the one
    archive's, where it does not lie beside it.
    """

    archives: list[Path] = field(default_factory=list)
    require: str | None = None
    keys: list[Path] = field(default_factory=list)
    key_folder: Path | None = None
    signature: Path | None = None


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

    A folder with a SHA256SUMS is a kit: its files are checked by that list, then its archives. ``report`` gets the
    bytes looked at so far and the size of the archive in hand. Raises PackflowError (usage) for a demand that nobody
    knows, and for a key that is none or cannot be read.
    """
    keys = keys_given(options.keys, options.key_folder)
    demands = demands_of(options.require, with_key=bool(keys))
    if options.signature is not None and len(options.archives) > 1:
        raise UsageError(
            "--signature is of one archive, and several are named.",
            hint="Check them one by one, or put each signature beside its archive as ARCHIVE.sig.",
        )

    def verified(path: Path) -> VerifiedArchive:
        return _verified(path, keys, options.signature, demands, lambda done, total: report(path, done, total))

    return VerifyDone(tuple(verified(path) for path in options.archives))


def _verified(
    path: Path,
    keys: list[PublicKey],
    signature: Path | None,
    demands: tuple[str, ...],
    report: Callable[[int, int], object],
) -> VerifiedArchive:
    try:
        found = verify_archive(path, report, keys=keys, signature=signature)
    except PackflowError as error:
        return VerifiedArchive(path, None, error)
    return VerifiedArchive(path, found, unmet=unmet_demands(found, demands))
