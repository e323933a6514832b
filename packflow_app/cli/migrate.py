"""``packflow migrate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from packflow_app.actions.migrate import MigrateOptions, carry_out, plan_migrate, undo
from packflow_app.cli.asking import confirmed
from packflow_app.cli.dry_run import describe_progress
from packflow_app.cli.migrate_view import show_migrated, show_plan
from packflow_app.cli.options import JsonOption, NoInputOption, PythonOption, terminal_of
from packflow_app.cli.wording import counted, shown_path
from packflow_app.dryrun.problems import errors_of, warnings_of
from packflow_app.projects.one_at_a_time import changing
from packflow_app.result import Problem, Result
from packflow_app.runtime import ExitCode

if TYPE_CHECKING:
    from packflow_app.actions.migrate import Migrated
    from packflow_app.cli.terminal import Terminal
    from packflow_app.projects.migration.findings import Found
    from packflow_app.projects.migration.journal import Restored
    from packflow_app.projects.migration.plan import MigrationPlan


def command(
    context: typer.Context,
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")] = Path(),
    *,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Change it without asking.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change, and change nothing.")] = False,
    undo_last: Annotated[bool, typer.Option("--undo", help="Take the last migration back.")] = False,
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE", help="Example events, to run it on and to keep with it.")
    ] = None,
    old_python: Annotated[
        str | None,
        typer.Option("--old-python", metavar="PYTHON", help="A Python with packflow 0.4, to compare outputs with."),
    ] = None,
    no_run: Annotated[bool, typer.Option("--no-run", help="Do not run the model afterwards.")] = False,
    sync: Annotated[bool, typer.Option("--sync", help="Install what the project requires and lacks, first.")] = False,
    python: PythonOption = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    options = MigrateOptions(project, events, python, old_python, not no_run, sync)
    with changing(project, "migrate"):
        if undo_last:
            return _undo(terminal, project)
        return _migrate(terminal, options, yes=yes, plan=plan, no_input=no_input)


def _migrate(terminal: Terminal, options: MigrateOptions, *, yes: bool, plan: bool, no_input: bool) -> int:
    project = options.project
    planned, taken_back = plan_migrate(options)
    if taken_back is not None:
        terminal.note("an earlier migration was interrupted: what it had changed was taken back")
    show_plan(terminal, planned)
    if not planned.changes:
        terminal.say("Nothing to do: the project is Packflow's already.")
        return terminal.emit(Result(_data(planned, None), warnings=_warnings(planned)))
    if plan:
        return terminal.emit(Result(_data(planned, None), warnings=_warnings(planned)))
    again = f"packflow migrate{'' if project == Path() else f' {shown_path(project)}'}"
    question = f"Change {counted(len(planned.changes), 'file')}?"
    hint = f"Run `{again} -y` to change it, or `{again} --plan` to look only."
    if not yes and not confirmed(terminal, question, no_input=no_input, otherwise=hint):
        terminal.say("Nothing was changed.")
        return terminal.emit(Result(_data(planned, None), warnings=_warnings(planned)))
    done = carry_out(planned, options, report=lambda told: terminal.progress(f"dry run, {describe_progress(told)}"))
    show_migrated(terminal, done, again)
    errors, exit_code = _errors(done)
    return terminal.emit(Result(_data(planned, done), errors, _warnings(planned, done), exit_code=exit_code))


def _undo(terminal: Terminal, project: Path) -> int:
    restored = undo(project)
    terminal.say(f"[bold]Taken back[/]: {counted(len(restored.files), 'file')} as before the migration")
    for name in restored.files:
        terminal.say(f"  {escape(name)}")
    return terminal.emit(Result(_undo_data(project, restored)))


def _undo_data(project: Path, restored: Restored) -> dict[str, Any]:
    return {"project": str(project.absolute()), "undone": restored.files}


def _data(plan: MigrationPlan, done: Migrated | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "project": str(plan.project),
        "changes": [
            {
                "file": one.name,
                "kind": "created" if one.before is None else "changed",
                "diff": "".join(f"{line}\n" for line in one.diff()),
            }
            for one in plan.changes
        ],
        "pydantic": plan.pydantic,
        "events": plan.events,
        "events_from": plan.events_from,
        "found": [asdict(one) for one in plan.found],
        "applied": done is not None,
    }
    if done is not None:
        compared = done.earlier.comparison
        data |= {
            "backup": str(done.backup),
            "dry_run": done.dry_run.report.as_json() if done.dry_run is not None else None,
            "compared": {
                "with": done.earlier.version or None,
                "reason": done.earlier.reason or None,
                "comparison": compared.as_json() if compared is not None else None,
            },
        }
    return data


def _warnings(plan: MigrationPlan, done: Migrated | None = None) -> list[Problem]:
    told = [_problem(one) for one in plan.found]
    if done is not None and done.dry_run is not None:
        told += warnings_of(done.dry_run.report)
    return told


def _problem(one: Found) -> Problem:
    return Problem(one.code, one.message, one.file, one.line, one.hint)


def _errors(done: Migrated) -> tuple[list[Problem], ExitCode]:
    """What the proof did not show; the exit code of the first."""
    if done.problem is not None:
        return [Problem.of(done.problem)], ExitCode(done.problem.exit_code)
    if done.dry_run is None:
        return [], ExitCode.OK
    report = done.dry_run.report
    errors = errors_of(report)
    compared = done.earlier.comparison
    failed_before = compared.old_failed if compared is not None else 0
    if errors and report.failed and report.failed > failed_before:
        return errors, ExitCode.MODEL_FAILED
    if compared is not None and not compared.equal:
        hint = "docs/migrating.md lists what is meant to differ; `packflow migrate --undo` takes the migration back."
        message = f"{compared.differing:,} of {compared.events:,} outputs are not those of {compared.old}."
        return [*errors, Problem("outputs-differ", message, hint=hint)], ExitCode.CHECK_FAILED
    return errors, ExitCode.OK if report.ok else ExitCode.CHECK_FAILED
