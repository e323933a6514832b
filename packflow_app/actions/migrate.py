"""Turn a project of packflow 0.4 into ours, and prove by running it that it behaves as it did."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunDone, DryRunOptions, dry_run
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.dryrun.comparison import one_by_one
from packflow_app.dryrun.earlier_packflow import EarlierOutcomes, outcomes_of_earlier
from packflow_app.dryrun.models import Model
from packflow_app.environments.installed import installed_with
from packflow_app.environments.interpreters import Interpreter, find_interpreter
from packflow_app.errors import CancelledError, NotFoundError, UsageError
from packflow_app.events.survey import survey_events
from packflow_app.locations import SAMPLE_EVENTS
from packflow_app.placing import absolute
from packflow_app.projects.migration.journal import Restored, apply_changes, take_back, undo_migration
from packflow_app.projects.migration.plan import MigrationPlan, effective, plan_migration, with_events
from packflow_app.projects.project import check_folder, open_project
from packflow_app.runtime import ERROR_KEY, ModelComparison, PackflowError, Rule, describe_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.dryrun.session import ModeProgressed

_EARLIER_SECONDS = 600.0


@dataclass(frozen=True)
class MigrateOptions:
    """What ``packflow migrate`` may be told.

    ``events`` to save as the project's sample events, the Python of the project, another one that has packflow 0.4,
    whether to run the model, and whether to install what it requires first.
    """

    project: Path = field(default_factory=Path)
    events: Path | None = None
    python: str | None = None
    old_python: str | None = None
    run: bool = True
    sync: bool = False


@dataclass(frozen=True)
class EarlierComparison:
    """How outputs differ from those of packflow 0.4; ``reason`` says why it could not be compared."""

    version: str = ""
    comparison: ModelComparison | None = None
    reason: str = ""


@dataclass(frozen=True)
class Migrated:
    """What was done. ``dry_run`` is None where the model was not run; ``problem`` is the error that ended it."""

    plan: MigrationPlan
    backup: Path
    dry_run: DryRunDone | None
    problem: PackflowError | None
    earlier: EarlierComparison


@dataclass(frozen=True)
class _Earlier:
    version: str
    events: list[bytes]
    outcomes: EarlierOutcomes


def plan_migrate(options: MigrateOptions) -> tuple[MigrationPlan, Restored | None]:
    """What a migration would do; and what a killed one had done, which is taken back first.

    Raises what ``plan_migration`` does, and NotFoundError for events that cannot be read.
    """
    project = absolute(options.project)
    taken_back = take_back(project) if project.is_dir() else None
    plan = plan_migration(project)
    if plan.changes:
        plan = _with_events(plan, options.events)
    return effective(plan), taken_back


def carry_out(
    plan: MigrationPlan,
    options: MigrateOptions,
    *,
    report: Callable[[ModeProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> Migrated:
    """Change the project, all of it or nothing, then run it.

    A dry run that cannot be done is a value, since the migration is then done already. Raises NotWritableError,
    NotFoundError for a Python that was named, and CancelledError.
    """
    cancel = cancel or threading.Event()
    if options.run and options.python is not None:
        find_interpreter(plan.project, options.python)  # a wrong one is told before anything changes
    earlier = _run_earlier(plan, options, cancel) if options.run else "it was not run"
    backup = apply_changes(plan.project, plan.changes)
    if not options.run or plan.events is None:
        problem = None if not options.run else _no_events()
        return Migrated(plan, backup, None, problem, EarlierComparison(reason=_reason(earlier)))
    try:
        done = dry_run(
            DryRunOptions(plan.project, python=options.python, sync=options.sync), report=report, cancel=cancel
        )
        compared = _compared(earlier, done, cancel)
    except CancelledError:
        raise
    except PackflowError as error:
        return Migrated(plan, backup, None, error, EarlierComparison(reason=_reason(earlier)))
    return Migrated(plan, backup, done, None, compared)


def undo(project: Path) -> Restored:
    """Take the last migration back; raises what ``undo_migration`` does."""
    check_folder(absolute(project))
    return undo_migration(absolute(project))


def _with_events(plan: MigrationPlan, chosen: Path | None) -> MigrationPlan:
    """The events named by the user, else those of packflow.yaml, else a file of the project, else the tests'."""
    if chosen is not None:
        survey = survey_events(chosen, numeric=False)
        there = (plan.project / SAMPLE_EVENTS).exists()
        if there and not absolute(chosen).samefile(plan.project / SAMPLE_EVENTS):
            raise UsageError(
                f"{SAMPLE_EVENTS} is there already.",
                code="target-exists",
                hint="Leave --events out to use it, or move it away.",
            )
        content = None if there else b"".join(event.raw.strip() + b"\n" for event in survey.sample)
        return with_events(plan, SAMPLE_EVENTS, content, str(chosen))
    if plan.events_from == "packflow.yaml":
        return plan
    for name in plan.candidates:
        try:
            survey_events(plan.project / name, limit=1, numeric=False)
        except PackflowError:
            continue  # it only looked as if
        return with_events(plan, name, None, f"the project's {name}")
    return plan


def _run_earlier(plan: MigrationPlan, options: MigrateOptions, cancel: threading.Event) -> _Earlier | str:
    """The outcomes of packflow 0.4 on the events, before anything changes; else why they cannot be had."""
    if plan.events is None:
        return "there are no events"
    made = next((one.after for one in plan.changes if one.name == plan.events), None)
    try:
        python = _old_interpreter(plan, options)
        version = installed_with(python.path).versions.get("packflow", "")
        if not version.startswith(("0.3.", "0.4.")):
            if options.old_python is not None:
                raise NotFoundError(
                    f"{python.path} has no packflow 0.4.",
                    code="python-not-found",
                    hint="Install it there: pip install packflow==0.4.1",
                )
            return "the project's Python has no packflow 0.4; --old-python names one that has"
        lines = made.splitlines() if made is not None else _lines(plan.project / plan.events)
    except PackflowError as error:
        if options.old_python is not None:
            raise
        return error.title.rstrip(".")
    found = outcomes_of_earlier(python.path, plan.project, lines, seconds=_EARLIER_SECONDS, cancel=cancel)
    if found.reason:
        return f"packflow {version} does not run it: {found.reason}"
    return _Earlier(version, lines, found)


def _old_interpreter(plan: MigrationPlan, options: MigrateOptions) -> Interpreter:
    return find_interpreter(plan.project, options.old_python or options.python)


def _lines(path: Path) -> list[bytes]:
    return [event.raw for event in survey_events(path, numeric=False).sample]


def _compared(earlier: _Earlier | str, done: DryRunDone, cancel: threading.Event) -> EarlierComparison:
    """Run the migrated project on the same events, and compare those that packflow 0.4 gave an output for."""
    if isinstance(earlier, str):
        return EarlierComparison(reason=earlier)
    project = open_project(done.project.folder)
    model = replace(Model.of_project(project), label="now")
    now = one_by_one(model, earlier.events, interpreter=done.interpreter, limits=WorkerLimits(), cancel=cancel)
    before = earlier.outcomes.outcomes
    failed = [index for index, old in enumerate(before) if ERROR_KEY in old]
    if len(failed) == len(before):
        error = before[0][ERROR_KEY]
        return EarlierComparison(
            earlier.version, reason=f"it fails on every event: {error['type']}: {error['message']}"
        )
    new_failed = sum(ERROR_KEY in new for new in now)
    for index in failed:
        now[index] = before[index]
    written = project.config.dry_run
    rule = Rule(rtol=written.rtol, atol=written.atol, ignore=tuple(written.ignore))
    found = describe_models(f"packflow {earlier.version}", "now", before, now, rule)
    return EarlierComparison(earlier.version, replace(found, events=len(before) - len(failed), new_failed=new_failed))


def _reason(earlier: _Earlier | str) -> str:
    return earlier if isinstance(earlier, str) else "the migrated project did not run"


def _no_events() -> NotFoundError:
    return NotFoundError(
        "The project has no sample events, so that it was not run.",
        code="events-not-found",
        hint="Run it on a file of them: packflow dry-run EVENTS; dry_run.events in packflow.yaml names it for good.",
    )
