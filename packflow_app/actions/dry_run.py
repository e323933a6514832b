"""Run a project's model on sample events and keep the verdict."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.environment import SyncOptions, sync
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.dryrun.comparison import one_by_one
from packflow_app.dryrun.html_report import write_html_report
from packflow_app.dryrun.models import Model, opened_model
from packflow_app.dryrun.needs import planned_rewrite
from packflow_app.dryrun.report import DryRunReport, forget_dry_run, keep_dry_run
from packflow_app.dryrun.session import DryRun, DryRunSettings, ModeProgressed
from packflow_app.dryrun.trust import remember_trust
from packflow_app.environments.installed import Installed, installed_with
from packflow_app.environments.interpreters import Interpreter, find_interpreter
from packflow_app.environments.requirements import missing_error, missing_requirements
from packflow_app.errors import ModelFailedError, NotFoundError
from packflow_app.events.sample import SAMPLE_EVENTS
from packflow_app.events.survey import EventsSurvey, survey_events
from packflow_app.projects.journal import JournalEntry, record_step
from packflow_app.projects.project import Project, open_project
from packflow_app.projects.requirements import REQUIREMENTS_FILE, read_declared
from packflow_app.projects.requirements_edits import RequirementsRewrite, write_requirements
from packflow_app.runtime import Rule, decode_event, describe_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NO_BOUND = 1 << 62


@dataclass(frozen=True)
class DryRunOptions:
    """What ``packflow dry-run`` may be told; None leaves the word to packflow.yaml or the default.

    ``batch_sizes`` beside one by one, ``limit`` of events taken from the file, tolerances of the equality rule, limits
    of the worker in seconds and bytes, the Python to use, an earlier archive (or project) to compare with, where to
    write the report as a page (``html``), whether to install what is missing first, globals that pickles may resolve,
    whether to run probes, and whether to bring requirements.txt in line with what the model used.
    """

    project: Path = field(default_factory=Path)
    events: Path | None = None
    single: bool = True
    batch_sizes: list[int] | None = None
    limit: int = SAMPLE_EVENTS
    rtol: float | None = None
    atol: float | None = None
    ignore: list[str] = field(default_factory=list)
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    python: str | None = None
    against: Path | None = None
    html: Path | None = None
    sync: bool = False
    trust_pickles: list[str] = field(default_factory=list)
    probes: bool = True
    write_requirements: bool = False


@dataclass(frozen=True)
class DryRunDone:
    """A finished dry run: what it was run on, what it found, and what it wrote."""

    project: Project
    interpreter: Interpreter
    events_file: Path
    survey: EventsSurvey
    report: DryRunReport
    report_file: Path
    page: Path | None = None
    requirements: RequirementsRewrite | None = None


def dry_run(
    options: DryRunOptions,
    *,
    report: Callable[[ModeProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> DryRunDone:
    """Run it; a verdict that is not good is a value, not an error. Raises what ``DryRun.run`` does."""
    project = open_project(options.project)
    cancel = cancel or threading.Event()
    events_file = _events_file(options, project)
    interpreter, installed = _interpreter(options, project, cancel)
    survey = survey_events(events_file, options.limit, _NO_BOUND, numeric=False)
    events = [event.raw for event in survey.sample]
    settings = _settings(options, project, remember_trust(project.folder, options.trust_pickles))
    with _opened(options.against) as earlier:
        run = DryRun(project, interpreter, installed, events, settings, report=report, cancel=cancel)
        forget_dry_run(project.folder)
        with _noting_failure(project):
            ran = run.run()
        found = ran.report
        if earlier is not None:
            before = one_by_one(
                earlier,
                events,
                interpreter=interpreter,
                limits=settings.limits,
                cancel=cancel,
                report=lambda done: report(ModeProgressed(earlier.label, done, len(events))),
            )
            now = [decode_event(line) for line in ran.outcomes]
            label = f"{found.name} {found.version}"
            found = replace(found, against=describe_models(earlier.label, label, before, now, settings.rule))
    report_file = keep_dry_run(project.folder, found, events, ran.outcomes, ran.probes)
    if options.html is not None:
        write_html_report(options.html, found.as_json())
    rewrite = _rewrite_requirements(project, found) if options.write_requirements else None
    return DryRunDone(project, interpreter, events_file, survey, found, report_file, options.html, rewrite)


@contextmanager
def _noting_failure(project: Project) -> Iterator[None]:
    """Note in the journal that the model itself failed: such a run leaves no report."""
    try:
        yield
    except ModelFailedError as error:
        entry = JournalEntry(ok=False, summary="failed", detail=error.title, looked_at=project.contents().digest())
        record_step(project.folder, "dry-run", entry)
        raise


def _rewrite_requirements(project: Project, found: DryRunReport) -> RequirementsRewrite | None:
    """Add and pin what the model used; None where the run did not tell. The verdict is then about the old file."""
    if found.needs is None:
        return None
    plan = planned_rewrite(found.needs, read_declared(project.folder / REQUIREMENTS_FILE))
    write_requirements(plan)
    return plan


def _interpreter(options: DryRunOptions, project: Project, cancel: threading.Event) -> tuple[Interpreter, Installed]:
    """The Python to run in, and what it has; raises NotFoundError where the project requires more."""
    interpreter = find_interpreter(project.folder, options.python, project.config.python_requires)
    installed = installed_with(interpreter.path)
    missing = missing_requirements(project, interpreter, installed)
    if not missing:
        return interpreter, installed
    if not options.sync:
        raise missing_error(interpreter, missing)
    sync(SyncOptions(options.project, options.python), cancel=cancel)
    interpreter = find_interpreter(project.folder)
    return interpreter, installed_with(interpreter.path)


@contextmanager
def _opened(path: Path | None) -> Iterator[Model | None]:
    if path is None:
        yield None
        return
    with opened_model(path) as model:
        yield model


def _events_file(options: DryRunOptions, project: Project) -> Path:
    chosen = options.events or project.sample_events
    if chosen is None:
        raise NotFoundError(
            "The project names no sample events.",
            code="events-not-found",
            file=str(project.folder / "packflow.yaml"),
            hint="Name a file: packflow dry-run EVENTS, or set dry_run.events in packflow.yaml.",
        )
    return chosen


def _settings(options: DryRunOptions, project: Project, trusted: frozenset[str]) -> DryRunSettings:
    written = project.config.dry_run
    sizes = written.batch_sizes if options.batch_sizes is None else options.batch_sizes
    rule = Rule(
        rtol=options.rtol if options.rtol is not None else written.rtol,
        atol=options.atol if options.atol is not None else written.atol,
        ignore=(*written.ignore, *options.ignore),
    )
    batches = sorted({size for size in sizes if size > 1})
    return DryRunSettings(batches, options.single or not batches, rule, options.limits, trusted, options.probes)
