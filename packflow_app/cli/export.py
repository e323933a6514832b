"""``packflow export``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from packflow_app.actions.export import ExportDone, ExportOptions, export
from packflow_app.actions.export_gates import ExportBlockedError
from packflow_app.actions.export_plan import plan_export
from packflow_app.actions.golden_events import GoldenOffer, golden_wanted
from packflow_app.actions.sign import SigningKey
from packflow_app.checks.check import Finding, Severity
from packflow_app.cli.asking import ask, can_ask, project_here
from packflow_app.cli.dry_run import describe_progress
from packflow_app.cli.env import describe_progress as describe_step
from packflow_app.cli.export_view import (
    ALWAYS_TOLD,
    WritingProgress,
    export_data,
    plan_data,
    show_done,
    show_plan,
)
from packflow_app.cli.installing import installing
from packflow_app.cli.kit import TargetOption, kit_data, show_kit
from packflow_app.cli.options import JsonOption, NoInputOption, PythonOption, YesOption, terminal_of
from packflow_app.cli.passphrases import passphrase_of
from packflow_app.cli.sign import PublicKeyOption, SignCommandOption
from packflow_app.cli.terminal import Terminal
from packflow_app.cli.wording import counted
from packflow_app.dryrun.session import ModeProgressed
from packflow_app.environments.tools import EnvironmentProgressed
from packflow_app.errors import UsageError
from packflow_app.packaging.writing import FileWritten
from packflow_app.questions.golden_interview import GoldenInterview
from packflow_app.result import Problem, Result

_GOLDEN_HINT = (
    "Say how many example events may ship: --golden 20, --golden FILE, or --golden none (-y takes the default)."
)


def command(
    context: typer.Context,
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")] = Path(),
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write the archive.")] = Path(),
    golden: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|N|none",
            help="Record the example events that ship anew, with their outputs: those of a file, so many, or none.",
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would ship and what would not, and why; write nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings keep the project from being exported.")
    ] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Refuse, rather than run the model, where its verdict is stale.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace another archive of the same name.")] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="Sign the archive with this private key.")
    ] = None,
    sign_command: SignCommandOption = None,
    public_key: PublicKeyOption = None,
    form: Annotated[
        Literal["zip", "wheel"],
        typer.Option("--format", help="wheel: also as a wheel, which pip installs and hosts find by its entry point."),
    ] = "zip",
    kit: Annotated[
        Path | None,
        typer.Option("--kit", metavar="DIR", help="Also put the archive and all it needs elsewhere into this folder."),
    ] = None,
    target: TargetOption = None,
    rebuild: Annotated[
        bool | None,
        typer.Option(
            "--rebuild/--no-rebuild",
            help="Build it a second time and compare the bytes (default: where it has less than 64 MiB).",
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also say what was left out, and every warning.")
    ] = False,
    yes: YesOption = False,
    python: PythonOption = None,
    no_input: NoInputOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", hidden=True)] = False,
    as_json: JsonOption = False,
) -> int:
    if dry_run:
        raise UsageError(
            "export has no --dry-run: here a dry run is a run of the model.",
            hint="--plan shows what an export would do; `packflow dry-run` runs the model.",
        )
    terminal = terminal_of(context, as_json=as_json)
    project = project_here(terminal, project, yes=yes, no_input=no_input)
    options = ExportOptions(
        project, output, None if golden is None else golden_wanted(golden), force, python, not no_run, strict
    )
    if sign is not None or sign_command is not None:
        passphrase = None if plan else passphrase_of(sign, no_input=no_input)
        options = replace(options, signing_key=SigningKey(sign, passphrase, sign_command, public_key))
    options = replace(options, form=form, kit=kit, targets=tuple(target or ()), rebuild=rebuild)
    if plan:
        planned = plan_export(options)
        show_plan(terminal, planned)
        return terminal.emit(Result(plan_data(planned)))
    progress = _progress_of(terminal)

    def consent(offer: GoldenOffer) -> int:
        return _consent(terminal, offer, yes=yes, no_input=no_input)

    def attempt(chosen: str | None) -> ExportDone:
        return export(replace(options, python=chosen), report=progress, ask=consent)

    try:
        done = installing(terminal, attempt, project, python, yes=yes, no_input=no_input)
    except ExportBlockedError as error:
        return terminal.emit(Result({}, errors=_problems(error.findings), exit_code=error.exit_code))
    show_done(terminal, done, verbose=verbose)
    if done.kit is not None:
        terminal.say()
        show_kit(terminal, done.kit)
    warnings = [finding for finding in done.findings if finding.severity is Severity.WARNING]
    told = warnings if as_json or verbose else [one for one in warnings if one.check in ALWAYS_TOLD]
    return terminal.emit(Result(_data(done), warnings=[*done.warnings, *_problems(told)]))


def _progress_of(terminal: Terminal) -> Callable[[ModeProgressed | FileWritten | EnvironmentProgressed], None]:
    """Show how far the dry run, the archive or the wheels of a kit are."""
    writing = WritingProgress(terminal)

    def progress(event: ModeProgressed | FileWritten | EnvironmentProgressed) -> None:
        if isinstance(event, FileWritten):
            writing.show(event)
        elif isinstance(event, EnvironmentProgressed):
            terminal.progress(describe_step(event))
        else:
            terminal.progress(f"dry run, {describe_progress(event)}")

    return progress


def _data(done: ExportDone) -> dict[str, Any]:
    return {**export_data(done), "kit": None if done.kit is None else kit_data(done.kit)}


def _consent(terminal: Terminal, offer: GoldenOffer, *, yes: bool, no_input: bool) -> int:
    """How many of the events may ship: asked at a terminal, all of them where nobody sits at one."""
    if yes:
        return offer.count
    if no_input:
        raise UsageError(
            f"{counted(offer.count, 'real event')} would ship with the archive, and nobody agreed to that yet.",
            code="input-missing",
            hint=_GOLDEN_HINT,
        )
    if not can_ask(terminal):
        return offer.count
    interview = GoldenInterview(offer)
    ask(terminal, interview)
    return interview.agreed


def _problems(findings: list[Finding]) -> list[Problem]:
    return [Problem(one.check, one.message, one.file, one.line, one.fix) for one in findings]
