"""Where a project stands on the journey: each step's state, and what to do next. Values alone, no screens."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packflow_app.checks.verdict import Verdict
    from packflow_app.dryrun.report import DryRunReport
    from packflow_app.projects.journal import JournalEntry
    from packflow_app.result import Problem


class State(Enum):
    """How a step stands; the value is its glyph, and a word always goes with it."""

    OK = "✓"
    STALE = "●"
    FAILED = "✗"
    NOT_RUN = "–"
    RUNNING = "◐"


STYLES = {
    State.OK: "$success",
    State.STALE: "$warning",
    State.FAILED: "$error",
    State.NOT_RUN: "$muted",
    State.RUNNING: "$primary",
}

STEPS = {"inspect": "Events", "dry-run": "Dry run", "validate": "Validate", "export": "Export", "verify": "Archive"}
"""The steps of the journey by their commands, with the names of their screens."""


@dataclass(frozen=True)
class StepState:
    """A step: its state and the word for it, when it was done (seconds since 1970), and what to know about it."""

    step: str
    state: State
    word: str
    at: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Next:
    """What to do next: why, how, and the step that ``r`` runs."""

    why: str
    how: str
    run: str | None = None


@dataclass(frozen=True)
class ProjectSeen:
    """A project as it was last looked at.

    ``report`` is the last dry run's as it was kept, ``dry_run`` the same where this Packflow can read it. ``problem``
    stands where it cannot be read, and ``gone`` where there is none any more. ``changed`` are files that
    changed after the last dry run. ``python`` is a version, or empty where none was found; ``archive``
    is the file that was exported last, where it is still there.
    """

    folder: Path
    name: str = ""
    version: str = ""
    python: str = ""
    problem: Problem | None = None
    gone: bool = False
    events: Path | None = None
    digest: str | None = None
    changed: tuple[str, ...] = ()
    archive: Path | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    dry_run: DryRunReport | None = None
    steps: Mapping[str, StepState] = field(default_factory=dict)

    def step(self, name: str) -> StepState:
        """A step's state; not run where nothing is known of it."""
        return self.steps.get(name) or StepState(name, State.NOT_RUN, "not run")


def journal_step(step: str, entry: JournalEntry | None, looked_at: str | None) -> StepState:
    """The state of a step by its entry; ``looked_at`` is what the entry would be about now."""
    if entry is None:
        return StepState(step, State.NOT_RUN, "not run")
    if entry.looked_at != (looked_at or ""):
        return StepState(step, State.STALE, "stale", entry.at, entry.detail)
    return StepState(step, State.OK if entry.ok else State.FAILED, entry.summary, entry.at, entry.detail)


def file_step(step: str, entry: JournalEntry | None) -> StepState:
    """The state of a step that is about a file which its entry names."""
    from packflow_app.projects.journal import file_stamp  # noqa: PLC0415 - as above

    return journal_step(step, entry, file_stamp(Path(entry.file)) if entry is not None and entry.file else None)


def dry_run_step(verdict: Verdict, at: float | None, failed: JournalEntry | None, digest: str | None) -> StepState:
    """The state of the dry run: its verdict, or the failed attempt since."""
    from packflow_app.checks.verdict import Freshness  # noqa: PLC0415 - the rooms, not before the first picture

    if verdict.freshness is Freshness.MISSING:
        if failed is not None and not failed.ok:
            return journal_step("dry-run", failed, digest)
        return StepState("dry-run", State.NOT_RUN, "not run")
    report = verdict.report
    detail = verdict_text(report)
    if not verdict.is_fresh:
        return StepState("dry-run", State.STALE, "stale", at, detail)
    return StepState("dry-run", *((State.OK, "ok") if report_is_good(report) else (State.FAILED, "failed")), at, detail)


def report_is_good(report: Mapping[str, Any]) -> bool:
    """Whether a kept report says that all events succeeded and all comparisons were equal."""
    parity, golden = report.get("parity"), report.get("golden")
    return not report.get("failed") and all(one is None or one.get("equal") for one in (parity, golden))


def verdict_text(report: Mapping[str, Any]) -> str:
    """A kept report in one line."""
    parity = report.get("parity")
    events = report.get("events", 0)
    if report.get("failed"):
        return f"{report['failed']:,} of {counted(events, 'event')} failed"
    if not parity:
        return f"{counted(events, 'event')}, not compared"
    if parity.get("equal"):
        return f"single = batch: {events:,} of {events:,}"
    differing = max((one.get("differing", 0) for one in parity.get("comparisons", [])), default=0)
    return f"single ≠ batch: {differing:,} of {events:,} differ"


def hindrance(seen: ProjectSeen | None) -> str:
    """Why no step can be run on a project, in one sentence with the key that helps; empty where one can."""
    if seen is not None and seen.gone:
        return "The project's folder is gone: press 1, then o to open another."
    if seen is not None and seen.problem is not None:
        return "packflow.yaml cannot be read: press 1 to see why, then e to mend it."
    return ""


def next_step(seen: ProjectSeen) -> Next:
    """The first thing in the way of an archive, and the key that goes on."""
    if seen.gone:
        return Next("The project's folder is gone.", "Press o to open another.")
    if seen.problem is not None:
        return Next(seen.problem.message, seen.problem.hint)
    in_the_way = (_dry_run_next(seen), _validate_next(seen), _export_next(seen), _verify_next(seen))
    done = Next("The archive is written and verified.", "Press 6 to look inside; it runs wherever Python does.")
    return next((found for found in in_the_way if found is not None), done)


def _dry_run_next(seen: ProjectSeen) -> Next | None:
    step = seen.step("dry-run")
    if step.state is State.NOT_RUN:
        return Next("The model has not been run yet.", _run("it, one by one and in batches"), "dry-run")
    if step.state is State.STALE:
        return Next(_changed(seen), _run("it again, one by one and in batches"), "dry-run")
    if step.state is State.FAILED:
        return Next(
            f"The dry run failed: {step.detail.rstrip('.')}.", "Press 3 to see why, r to run it again.", "dry-run"
        )
    return None


def _validate_next(seen: ProjectSeen) -> Next | None:
    step = seen.step("validate")
    if step.state is State.OK:
        return None
    if step.state is State.FAILED:
        why = f"Something is in the way of an export: {step.detail}"
        return Next(why, "Press 4 to see all of it, r to check again.", "validate")
    why = "The dry run is good." if step.state is State.NOT_RUN else "The project changed after the last check."
    return Next(why, "Press r to check what an export needs.", "validate")


def _export_next(seen: ProjectSeen) -> Next | None:
    step = seen.step("export")
    if step.state is State.OK:
        return None
    why = "The project changed after this archive was exported." if step.state is State.STALE else "All checks passed."
    return Next(why, "Press r to export the archive, 5 to choose where and how.", "export")


def _verify_next(seen: ProjectSeen) -> Next | None:
    step = seen.step("verify")
    if step.state is State.OK:
        return None
    if step.state is State.FAILED:
        why = f"The archive did not pass: {step.detail}" if step.detail else "The archive did not pass."
        return Next(why, "Press 6 to see all of it, 5 to export it again.", "verify")
    return Next("The archive is written.", "Press r to verify it, 6 to look inside.", "verify")


def _run(what: str) -> str:
    return f"Press r to run {what}."


def _changed(seen: ProjectSeen) -> str:
    if not seen.changed:
        return "Something changed after the last dry run."
    more = f" and {len(seen.changed) - 1} more" if len(seen.changed) > 1 else ""
    return f"{seen.changed[0]}{more} changed after the last dry run."
