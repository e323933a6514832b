"""Check archives from outside, what a receiver demands of them, and, if asked, that they give here what they gave."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packflow_app.actions.replay import ReplayDone, ReplayOptions, replay_fresh
from packflow_app.errors import CancelledError, UsageError
from packflow_app.result import Problem
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
from packflow_app.wording import counted

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.environments.tools import EnvironmentProgressed
    from packflow_app.runtime import ArchiveFault


@dataclass(frozen=True)
class BytesVerified:
    """More of an archive was looked at: ``done`` bytes of ``total``."""

    path: Path
    done: int
    total: int


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

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong with it, the gravest first; each names the file, for there may be many archives."""
        path = str(self.path)
        if self.error is not None:
            message = f"{self.error.title} {self.error.detail}".strip()
            return [Problem(self.error.code, message, path, hint=self.error.hint)]
        if self.found is None:
            return []
        if self.replay is not None and not self.replay.equal:
            message = f"The model gives other outputs here for {counted(self.replay.differing, 'golden event')}."
            hint = f"python {path} replay shows which; another processor or library may be the cause."
            return [Problem("golden-changed", message, path, hint=hint)]
        faults = [_fault_problem(fault, path) for fault in self.found.faults]
        if self.found.more_faults:
            faults.append(Problem("more-faults", f"{self.found.more_faults:,} further files are wrong.", path))
        unmet = [
            Problem(one.code, f"{one.reason} Demanded by {_demanded(one.demand)}.", path, hint=one.hint)
            for one in self.unmet
        ]
        return faults + unmet


def _fault_problem(fault: ArchiveFault, path: str) -> Problem:
    message = f"{fault.message.rstrip('.')}. Found by the check of {fault.check}."
    return Problem(fault.code, message, path if fault.entry is None else f"{path}: {fault.entry}", hint=fault.hint)


def _demanded(demand: str) -> str:
    return "--require signed, or by a key" if demand == "signed" else f"--require {demand}"


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
    report: Callable[[BytesVerified | EnvironmentProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> VerifyDone:
    """Check each archive; what is wrong with one is a value, and keeps none of the others from being checked.

    ``report`` gets how far the archive in hand is, then what its replay is about. Raises PackflowError (usage) for a
    demand that nobody knows, and for a key that is none or cannot be read, CancelledError once ``cancel`` is set.
    """
    keys = keys_given(options.keys, options.key_folder)
    demands = demands_of(options.require, with_key=bool(keys))
    if (options.wheelhouse is not None or options.python is not None) and not options.replay:
        raise UsageError("--wheelhouse and --python are for a replay.", hint="Add --replay, or leave them out.")
    if options.signature is not None and len(options.archives) > 1:
        raise UsageError(
            "--signature names the signature of one archive, and several archives are named.",
            hint="Check them one by one, or put each signature beside its archive as ARCHIVE.sig.",
        )

    def verified(path: Path) -> VerifiedArchive:
        def looked_at(done: int, total: int) -> None:
            if cancel is not None and cancel.is_set():
                raise CancelledError("Verifying the archive was stopped.", hint="Verify it again.")
            report(BytesVerified(path, done, total))

        one = _verified(path, keys, options.signature, demands, looked_at)
        return _replayed(one, options, report, cancel) if options.replay and one.has_passed else one

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
    except CancelledError:
        raise
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
