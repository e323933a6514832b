"""The project that the current folder is or lies in, if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks.verdict import Freshness, verdict_on
from packflow_app.environments.lock import LockState
from packflow_app.environments.overview import EnvironmentOverview, environment_overview
from packflow_app.health.finding import Finding, State, note, of_error, ok, warning
from packflow_app.projects.journal import read_journal
from packflow_app.projects.project import Project, open_project
from packflow_app.runtime import CONFIG_FILE, PackflowError, read_golden
from packflow_app.wording import counted, home_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHOWN = 3


def project_of(folder: Path) -> Path | None:
    """The folder of the project that ``folder`` is or lies in."""
    return next((one for one in (folder, *folder.parents) if (one / CONFIG_FILE).is_file()), None)


def examine(here: Path) -> Iterator[Finding]:
    """Look at packflow.yaml, the environment and what has become stale; no model is run."""
    folder = project_of(here)
    if folder is None:
        yield note("project", "none in this folder", "Start one: packflow init")
        return
    try:
        project = open_project(folder)
    except PackflowError as problem:
        yield of_error("project", home_path(folder), problem)
        return
    yield ok("project", f"{project.config.name} {project.config.version} at {home_path(folder)}")
    yield from _events(project)
    yield from _environment(project)
    yield from _steps(project)


def _events(project: Project) -> Iterator[Finding]:
    events = project.sample_events
    if events is not None and not events.is_file():
        yield warning(
            "events",
            str(events.relative_to(project.folder)),
            "events-not-found",
            f"packflow.yaml names {project.config.dry_run.events} as sample events, and there is no such file.",
            "Put the file there, or name another one as dry_run.events.",
        )


def _environment(project: Project) -> Iterator[Finding]:
    try:
        found = environment_overview(project)
    except PackflowError as problem:
        yield of_error("environment", "cannot be told", problem)
        return
    broken = next((one.error for one in found.candidates if one.own and one.error is not None), None)
    if broken is not None:
        yield of_error("environment", home_path(found.folder), broken)
    elif found.chosen is None:
        yield of_error("environment", "no Python", _no_python(found))
    elif found.unmet:
        yield _lacking(found)
    elif found.exists and not found.in_sync and found.ours:
        message = "The environment is not as the requirements want it now."
        yield warning("environment", home_path(found.folder), "environment-stale", message, "packflow env sync")
    else:
        what = "in .venv" if found.exists else f"none of its own; {found.chosen.origin} has all that is needed"
        yield ok("environment", f"{counted(found.requirements, 'requirement')}, {what}")
    if found.contents.lock is LockState.STALE:
        message = "requirements.lock does not fit the requirements as they are now, so an export refuses it."
        yield warning("lock", "stale", "lock-stale", message, "packflow env lock")


def _no_python(found: EnvironmentOverview) -> PackflowError:
    tried = "; ".join(f"{one.origin}: {one.reason}" for one in found.candidates)
    title = "No Python here fits the project."
    hint = "Install one, or name one with --python."
    return PackflowError(title, code="python-not-found", detail=f"{tried}.", hint=hint)


def _lacking(found: EnvironmentOverview) -> Finding:
    names = [one.wanted for one in found.unmet]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    lacking = f"{', '.join(names[:_SHOWN])}{more}"
    if found.exists:
        message = f"The environment lacks {lacking}."
        return warning("environment", home_path(found.folder), "environment-stale", message, "packflow env sync")
    origin = found.chosen.origin if found.chosen is not None else "the Python found"
    message = f"The project has no environment, and {origin} lacks {lacking}."
    return warning("environment", "missing", "environment-missing", message, "packflow env sync")


def _steps(project: Project) -> Iterator[Finding]:
    try:
        digest: str | None = project.digest(project.contents(), reuse=True)
        golden = read_golden(project.folder)
    except PackflowError as problem:
        yield of_error("steps", "cannot be told", problem, State.WARNING)
        return
    verdict = verdict_on(project.folder, digest, golden)
    if verdict.freshness is Freshness.FRESH:
        yield ok("dry-run", "about the project as it is")
    else:
        state = "not run" if verdict.freshness is Freshness.MISSING else "stale"
        yield note("dry-run", f"{state}: {verdict.reason}", "packflow dry-run")
    journal = read_journal(project.folder)
    for step in ("validate", "export"):
        entry = journal.get(step)
        if entry is None:
            yield note(step, "not run", f"packflow {step}")
        elif entry.looked_at != digest:
            yield note(step, "stale: the project changed since", f"packflow {step}")
        else:
            yield ok(step, entry.summary) if entry.ok else note(step, f"{entry.summary}: {entry.detail}")
