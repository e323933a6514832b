"""Check archives from outside, what a receiver demands of them, and, if asked, that they give here what they gave."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packflow_app.actions.replay import ReplayDone, ReplayOptions, replay_fresh
from packflow_app.errors import CancelledError, UsageError
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
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.environments.tools import EnvironmentProgressed


@dataclass(frozen=True)
class VerifyOptions:
    """What ``packflow verify`` may be told; ``require`` is a list of demands with commas.

    A key (a file of ``keys``, or one in ``key_folder``) demands a signature by it; ``signature`` is the file of the one
    archive's, where it does not lie beside it. ``replay`` also runs the golden events of each that passed, in an
    environment made for that of its lock, from ``wheelhouse`` if given, and of ``python``.
    """

    archives: list[Path] = field(default_factory=list)
    require: str | None = None
    keys: list[Path] = field(default_factory=list)
    key_folder: Path | None = None
    signature: Path | None = None
    replay: bool = False
    wheelhouse: Path | None = None
    python: str | None = None


@dataclass(frozen=True)
class VerifiedArchive:
    """One archive: what was found of it, the demands it does not meet, and what a replay gave.

    ``error`` says why it could not be opened or read, or, beside ``found``, why it could not be replayed.
    """

    path: Path
    found: Verification | None
    error: PackflowError | None = None
    unmet: tuple[Unmet, ...] = ()
    replay: ReplayDone | None = None

    @property
    def has_passed(self) -> bool:
        """Whether what was read of it is in order, and meets what was demanded."""
        return self.found is not None and self.found.passed and not self.unmet

    @property
    def is_good(self) -> bool:
        """Whether it passed, and a replay, if one was asked for, gave the recorded outputs."""
        return self.has_passed and self.error is None and (self.replay is None or self.replay.equal)


@dataclass(frozen=True)
class VerifyDone:
    """All archives, in the order they were named."""

    archives: tuple[VerifiedArchive, ...]

    @property
    def exit_code(self) -> int:
        """1 where an archive failed, else what kept one from being read or replayed says, else 0."""
        if any(one.found is not None and one.error is None and not one.is_good for one in self.archives):
            return ExitCode.CHECK_FAILED
        return max((one.error.exit_code for one in self.archives if one.error is not None), default=ExitCode.OK)


def verify(
    options: VerifyOptions,
    *,
    report: Callable[[Path, int, int], object] = lambda _path, _done, _total: None,
    report_step: Callable[[EnvironmentProgressed], None] = lambda _step: None,
    cancel: threading.Event | None = None,
) -> VerifyDone:
    """Check each archive; what is wrong with one is a value, and keeps none of the others from being checked.

    A folder with a SHA256SUMS is a kit: its files are checked by that list, then its archives. ``report`` gets the
    bytes looked at so far and the size of the archive in hand, ``report_step`` what a replay is about. Raises
    PackflowError (usage) for a demand that nobody knows, and for a key that is none or cannot be read, CancelledError
    once ``cancel`` is set in a replay.
    """
    keys = keys_given(options.keys, options.key_folder)
    demands = demands_of(options.require, with_key=bool(keys))
    if (options.wheelhouse is not None or options.python is not None) and not options.replay:
        raise UsageError("--wheelhouse and --python are for a replay.", hint="Add --replay, or leave them out.")
    if options.signature is not None and len(options.archives) > 1:
        raise UsageError(
            "--signature is of one archive, and several are named.",
            hint="Check them one by one, or put each signature beside its archive as ARCHIVE.sig.",
        )

    def verified(path: Path) -> VerifiedArchive:
        one = _verified(path, keys, options.signature, demands, lambda done, total: report(path, done, total))
        return _replayed(one, options, report_step, cancel) if options.replay and one.has_passed else one

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


def _replayed(
    one: VerifiedArchive,
    options: VerifyOptions,
    report: Callable[[EnvironmentProgressed], None],
    cancel: threading.Event | None,
) -> VerifiedArchive:
    wanted = ReplayOptions(one.path, options.wheelhouse, options.python)
    try:
        return replace(one, replay=replay_fresh(wanted, report=report, cancel=cancel))
    except CancelledError:
        raise
    except PackflowError as error:
        return replace(one, error=error)
