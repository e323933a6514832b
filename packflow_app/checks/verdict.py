"""The last dry run's verdict, and whether it is about the project as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.report import kept_dry_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packflow_app.dryrun.report import KeptDryRun
    from packflow_app.runtime import GoldenEvents, PackflowError


class Freshness(Enum):
    """How a kept dry run stands to the project."""

    MISSING = "there is none"
    STALE = "it was about something else"
    FRESH = "it is about the project as it is"


@dataclass(frozen=True)
class Verdict:
    """What a dry run said; ``report`` is as it was kept, by whichever version of Packflow, and empty if there is none.

    ``reason`` says why it does not count. ``error`` is what ended a dry run that was tried since, and ``to_run`` tells
    whether one is wanted: a rule then speaks of what is in its way.
    """

    freshness: Freshness
    report: Mapping[str, Any]
    reason: str = ""
    to_run: bool = False
    error: PackflowError | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the report counts."""
        return self.freshness is Freshness.FRESH

    @property
    def is_complete(self) -> bool:
        """Whether nothing is gained by running again: it counts, and one by one was compared with batches."""
        return self.is_fresh and self.part("parity") != {}

    def part(self, name: str) -> Mapping[str, Any]:
        """A part of the report that is a mapping; empty where it is not there."""
        found = self.report.get(name)
        return found if isinstance(found, dict) else {}

    def items(self, name: str) -> list[Any]:
        """A part of the report that is a list; empty where it is not there."""
        found = self.report.get(name)
        return found if isinstance(found, list) else []


def verdict_on(project_dir: Path, digest: str | None, golden: GoldenEvents | None) -> Verdict:
    """The verdict kept for the project; ``digest`` is that of its files now, None where they cannot be listed."""
    kept = kept_dry_run(project_dir)
    if kept is None:
        return Verdict(Freshness.MISSING, {}, "The model has not been run yet.")
    reason = _why_stale(kept, digest, golden)
    return Verdict(Freshness.STALE if reason else Freshness.FRESH, kept.report, reason)


def _why_stale(kept: KeptDryRun, digest: str | None, golden: GoldenEvents | None) -> str:
    if digest is None or kept.report.get("digest") != digest:
        return "Files of the project changed after the last dry run."
    if "pickles" not in kept.report or not isinstance(kept.report.get("failed"), int):
        return "Another version of Packflow made the last dry run."
    if golden is not None and not _knows(kept, golden):
        return "The golden events changed after the last dry run."
    return ""


def _knows(kept: KeptDryRun, golden: GoldenEvents) -> bool:
    """Whether the golden events were recorded from this dry run, or replayed by it."""
    pairs = set(zip(kept.inputs, kept.outputs, strict=True))
    if pairs.issuperset(zip(golden.inputs, golden.outputs, strict=True)):
        return True
    replayed = kept.report.get("golden")
    return isinstance(replayed, dict) and replayed.get("digest") == golden.digest()
