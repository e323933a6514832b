"""``packflow dry-run``."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from packflow_app.actions.dry_run import DryRunDone, DryRunOptions, dry_run
from packflow_app.cli.asking import answered, project_here
from packflow_app.cli.dry_run_view import show
from packflow_app.cli.env_info import broken_pythons
from packflow_app.cli.installing import installing
from packflow_app.cli.options import (
    JsonOption,
    NoInputOption,
    PythonOption,
    YesOption,
    terminal_of,
)
from packflow_app.cli.terminal import Terminal
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.dryrun.problems import errors_of, warnings_of
from packflow_app.errors import UsageError
from packflow_app.events.sample import SAMPLE_EVENTS
from packflow_app.projects.project import open_project
from packflow_app.questions.dry_run_interview import DryRunInterview
from packflow_app.questions.dry_run_values import check_seconds, check_tolerance, read_batch_sizes
from packflow_app.result import Result
from packflow_app.runtime import CONFIG_FILE, ExitCode

if TYPE_CHECKING:
    from packflow_app.dryrun.report import DryRunReport
    from packflow_app.dryrun.session import ModeProgressed


def command(
    context: typer.Context,
    events: Annotated[
        Path | None, typer.Argument(metavar="EVENTS", help="Example events (default: the project's own).")
    ] = None,
    *,
    mode: Annotated[
        Literal["both", "single", "batch"], typer.Option(help="One by one, in batches, or both compared.")
    ] = "both",
    batch_size: Annotated[
        str | None, typer.Option(metavar="N,N,…", help="Batch sizes (default: packflow.yaml's, else 8,64).")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Run at most so many events, chosen to stand for all.")
    ] = SAMPLE_EVENTS,
    rtol: Annotated[
        float | None, typer.Option(metavar="X", help="Relative tolerance of numbers (default: by their width).")
    ] = None,
    atol: Annotated[float | None, typer.Option(metavar="X", help="Absolute tolerance of numbers.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Leave an output field out.")] = None,
    probes: Annotated[
        bool, typer.Option("--probes/--no-probes", help="Try events that are not as the samples are.")
    ] = True,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Seconds a call of the model may take.")] = 30.0,
    init_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds import and initialize may take.")
    ] = 120.0,
    memory: Annotated[str | None, typer.Option(metavar="SIZE", help="Memory the model may take, such as 2G.")] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="OLD", help="Also show how outputs differ from this archive's.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as an HTML page.")] = None,
    trust_pickle: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Let pickles of this project resolve this global.")
    ] = None,
    write_requirements: Annotated[
        bool, typer.Option("--write-requirements", help="Add to requirements.txt what is missing, pin what is open.")
    ] = False,
    sync: Annotated[bool, typer.Option("--sync", help="Install what the project requires and lacks, first.")] = False,
    python: PythonOption = None,
    yes: YesOption = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    sizes = read_batch_sizes(batch_size) if batch_size is not None else None
    check_seconds("--timeout", timeout)
    check_seconds("--init-timeout", init_timeout)
    check_tolerance("--rtol", rtol)
    check_tolerance("--atol", atol)
    _refuse_project(events)
    options = DryRunOptions(
        project=project_here(terminal, Path(), yes=yes, no_input=no_input),
        events=events,
        single=mode != "batch",
        batch_sizes=[] if mode == "single" else sizes,
        limit=limit,
        rtol=rtol,
        atol=atol,
        ignore=ignore or [],
        limits=WorkerLimits(timeout, init_timeout, _bytes(memory)),
        python=python,
        against=against,
        html=report,
        sync=sync,
        trust_pickles=trust_pickle or [],
        probes=probes,
        write_requirements=write_requirements,
    )
    options = _completed(terminal, options, yes=yes, no_input=no_input)

    def attempt(python: str | None) -> DryRunDone:
        chosen = replace(options, python=python)
        return dry_run(chosen, report=lambda progress: terminal.progress(describe_progress(progress)))

    done = installing(terminal, attempt, options.project, python, yes=yes, no_input=no_input)
    show(terminal, done)
    warnings = broken_pythons(done.interpreter) + warnings_of(done.report)
    return terminal.emit(Result(_data(done), errors_of(done.report), warnings, exit_code=_exit_code(done.report)))


def _refuse_project(events: Path | None) -> None:
    """Other commands take a project where this one takes events; raises UsageError for one."""
    if events is not None and (events / CONFIG_FILE).is_file():
        raise UsageError(
            f"{events} is a project; dry-run takes a file of events there.",
            code="events-are-project",
            hint=f"Run `packflow -C {shlex.quote(str(events))} dry-run`.",
        )


def _data(done: DryRunDone) -> dict[str, Any]:
    return {
        **done.report.as_json(),
        "events_file": str(done.events_file),
        "events_read": done.survey.events,
        "events_invalid": done.survey.invalid_count,
        "report": str(done.report_file),
    }


def describe_progress(progress: ModeProgressed) -> str:
    """One line about how far a mode has got."""
    return f"{progress.mode}: {progress.done:,} of {progress.total:,} events"


def _completed(terminal: Terminal, options: DryRunOptions, *, yes: bool, no_input: bool) -> DryRunOptions:
    """The options with events, where neither they nor the project name some; raises UsageError."""
    if options.events is not None or not (options.project / CONFIG_FILE).is_file():
        return options
    project = open_project(options.project)
    if project.sample_events is not None:
        return options
    interview = DryRunInterview(project.config.dry_run.batch_sizes if options.batch_sizes is None else None)
    if answered(terminal, interview, yes=yes, no_input=no_input):
        return replace(options, events=interview.events, batch_sizes=interview.batch_sizes or options.batch_sizes)
    if no_input:
        raise UsageError(
            "Missing: EVENTS, since the project names no sample events.",
            code="input-missing",
            hint="Name a file: packflow dry-run EVENTS, or set dry_run.events in packflow.yaml.",
        )
    return options


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1:].upper() in units else (text, 1)
    if not re.fullmatch("[0-9]{1,15}", number) or not int(number):
        raise UsageError(
            f"--memory {_short(text)} is not a size.", hint="Write for example --memory 512M or --memory 2G."
        )
    return int(number) * unit


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _exit_code(report: DryRunReport) -> ExitCode:
    if report.parity is not None and not report.parity.equal:
        return ExitCode.CHECK_FAILED
    if report.failed:
        return ExitCode.MODEL_FAILED
    return ExitCode.OK if report.ok else ExitCode.CHECK_FAILED
