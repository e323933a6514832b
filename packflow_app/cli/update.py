"""``packflow update``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from packflow_app.actions.update import carry_out, prepared_update, take_back
from packflow_app.actions.update_plan import UpdateOptions
from packflow_app.cli.asking import confirmed, need_somebody
from packflow_app.cli.dry_run import describe_progress as describe_run
from packflow_app.cli.env import describe_progress as describe_environment
from packflow_app.cli.options import (
    JsonOption,
    NoInputOption,
    PythonOption,
    TrustModelOption,
    TrustPickleOption,
    terminal_of,
)
from packflow_app.cli.update_view import show_trial, show_updated, update_data, update_warnings
from packflow_app.cli.wording import counted, shown_path
from packflow_app.dryrun.session import ModeProgressed
from packflow_app.environments.tools import EnvironmentProgressed
from packflow_app.projects.one_at_a_time import changing
from packflow_app.result import Result

if TYPE_CHECKING:
    from packflow_app.actions.update_plan import UpdatePlan
    from packflow_app.cli.terminal import Terminal


def command(
    context: typer.Context,
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")] = Path(),
    *,
    model: Annotated[Path | None, typer.Option("--model", metavar="FILE", help="The new fitted model.")] = None,
    replace: Annotated[
        str | None,
        typer.Option("--replace", metavar="NAME", help="The file it takes the place of (default: the only model)."),
    ] = None,
    trust_model: TrustModelOption = False,
    trust_pickle: TrustPickleOption = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            metavar="A,B,C|@FILE",
            help="The fields that it takes, in its order; or some as feature=field (default: as before, by name).",
        ),
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE", help="Example events that replace the project's.")
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="NAME==VERSION",
            help="A requirement, or its version, beside what it tells (repeatable).",
        ),
    ] = None,
    golden: Annotated[
        bool, typer.Option("--golden", help="Record the golden events' outputs anew, by the new model.")
    ] = False,
    bump: Annotated[
        Literal["auto", "major", "minor", "patch", "none"] | None,
        typer.Option("--bump", help="Move the version so far; auto: as suggested (default: ask; -y: auto)."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Take other features as matched, and change it without asking.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change, and change nothing.")] = False,
    python: PythonOption = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    options = UpdateOptions(
        project=project,
        model=model,
        replace=replace,
        trust_model=trust_model,
        trust_pickles=tuple(trust_pickle or ()),
        features=features,
        events=events,
        requirements=tuple(require or ()),
        python=python,
        golden=golden,
        bump=bump,
        yes=yes,
    )
    with changing(project, "update"):
        return _update(terminal, options, plan=plan, no_input=no_input)


def _update(terminal: Terminal, options: UpdateOptions, *, plan: bool, no_input: bool) -> int:
    """Put back what a killed update left, try the new model, and change the project where that is wanted."""
    project = options.project
    if (restored := take_back(project)) is not None:
        terminal.note(f"an earlier update was interrupted: {counted(len(restored), 'file')} put back as before it")
        if options.model is None:
            return terminal.emit(Result({"project": str(project.absolute()), "applied": False, "put_back": restored}))
    if not (plan or options.yes):
        need_somebody(terminal, no_input=no_input, otherwise="Pass -y to change the project, or --plan to look only.")
    with prepared_update(options, report=lambda told: terminal.progress(_progress(told))) as tried:
        applied, version = _decided(terminal, tried, options, plan=plan)
        if applied:
            carry_out(tried, options, version, report=lambda told: terminal.progress(_progress(told)))
            show_updated(terminal, tried, version, options.python)
        data = update_data(tried, applied=applied, version=version)
        return terminal.emit(Result({**data, "put_back": restored}, warnings=update_warnings(tried)))


def _decided(terminal: Terminal, tried: UpdatePlan, options: UpdateOptions, *, plan: bool) -> tuple[bool, str | None]:
    """Whether to change the project, and to which version."""
    if tried.same and tried.stage is None:
        terminal.say(f"Nothing to do: {tried.name} holds the same bytes already.")
        return False, None
    show_trial(terminal, tried)
    if plan:
        terminal.say()
        terminal.say("Nothing was changed.")
        return False, None
    if options.yes:
        return True, tried.version
    hint = f"Run `packflow update {shown_path(options.project)} --model {options.model} -y` to change it."
    if not confirmed(terminal, f"Replace {tried.name}?", no_input=False, otherwise=hint):
        terminal.say("Nothing was changed.")
        return False, None
    if options.bump is not None or tried.version is None:
        return True, tried.version
    question = f"Set the version to {tried.version} ({tried.bump}: {tried.reason})?"
    return True, tried.version if confirmed(terminal, question, no_input=False, otherwise=hint) else None


def _progress(told: object) -> str:
    if isinstance(told, ModeProgressed):
        return f"dry run, {describe_run(told)}"
    return describe_environment(told) if isinstance(told, EnvironmentProgressed) else str(told)
