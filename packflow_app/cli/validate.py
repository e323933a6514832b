"""``packflow validate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from packflow_app.actions.fixes import MENDED
from packflow_app.actions.validate import Validated, ValidateOptions, validate
from packflow_app.checks.check import Finding, Severity
from packflow_app.cli.dry_run import describe_progress
from packflow_app.cli.options import JsonOption, NoInputOption, PythonOption, terminal_of
from packflow_app.cli.validate_view import show
from packflow_app.errors import UsageError
from packflow_app.result import Problem, Result


def command(
    context: typer.Context,
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")] = Path(),
    *,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also say why each finding matters, and which checks passed.")
    ] = False,
    no_warnings: Annotated[bool, typer.Option("--no-warnings", help="Show errors only.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what needs no decision: take back ignored artifacts, list requirements.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="With --fix: mend only what this check found. Repeatable."),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="With --fix: show what would change, and change nothing.")
    ] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Never run the model: go by the last dry run, if there is one.")
    ] = False,
    python: PythonOption = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    if strict and no_warnings:
        raise UsageError("--strict fails on warnings and --no-warnings hides them.", hint="Give one of the two.")
    chosen = _mendable(only or [], fix=fix, plan=plan)
    terminal = terminal_of(context, as_json=as_json)
    done = validate(
        ValidateOptions(project, not no_run, python, fix, chosen, plan),
        report=lambda progress: terminal.progress(f"dry run, {describe_progress(progress)}"),
    )
    shown = [finding for finding in done.findings if not no_warnings or finding.severity is Severity.ERROR]
    exit_code = done.exit_code(strict=strict)
    if not as_json:
        show(terminal, done, shown, verbose=verbose, strict=strict)
        return int(exit_code)
    return terminal.emit(Result(_data(done, shown), *_problems(shown), exit_code=exit_code))


def _mendable(only: list[str], *, fix: bool, plan: bool) -> tuple[str, ...]:
    """The checks that ``--only`` names."""
    if (only or plan) and not fix:
        raise UsageError(
            f"{'--only' if only else '--plan'} says something about --fix, which was not given.", hint="Add --fix."
        )
    unknown = sorted(set(only) - MENDED)
    if unknown:
        raise UsageError(
            f"--only {unknown[0]}: there is no such check whose findings --fix mends.",
            hint=f"Name one of {', '.join(sorted(MENDED))}.",
        )
    return tuple(only)


def _data(done: Validated, shown: list[Finding]) -> dict[str, Any]:
    return {
        "project": str(done.folder),
        "name": done.config.name if done.config is not None else None,
        "version": done.config.version if done.config is not None else None,
        "checks": [check.id for check in done.checks],
        "counts": {severity.value: len(done.of(severity)) for severity in Severity},
        "findings": [_finding(finding) for finding in shown],
        "dry_run": {"state": done.verdict.freshness.name.lower(), "ran": done.ran_dry_run, "log": done.log},
        "fixed": [asdict(fix) for fix in done.fixed],
        "planned": [
            {"file": one.fixes[0].file, "diff": one.diff, "fixes": [asdict(fix) for fix in one.fixes]}
            for one in done.planned
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    told = asdict(finding)
    del told["exit_code"]  # of the whole command
    return {**told, "severity": finding.severity.value}


def _problems(shown: list[Finding]) -> tuple[list[Problem], list[Problem]]:
    """Errors and warnings as every command's envelope has them."""
    errors, warnings = (
        [
            Problem(finding.check, finding.message, finding.file, finding.line, finding.fix)
            for finding in shown
            if finding.severity is severity
        ]
        for severity in (Severity.ERROR, Severity.WARNING)
    )
    return errors, warnings
