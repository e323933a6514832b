"""``packflow doctor``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from packflow_app.actions.doctor import Diagnosis, doctor
from packflow_app.cli.doctor_view import show
from packflow_app.cli.options import JsonOption, terminal_of
from packflow_app.health.finding import Finding, State
from packflow_app.result import Problem, Result


def command(
    context: typer.Context,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    found = doctor(report=lambda title: terminal.progress(f"looking at {title}"))
    exit_code = found.exit_code(strict=strict)
    if not as_json:
        show(terminal, found, strict=strict)
        return int(exit_code)
    errors, warnings = ([_problem(one) for one in found.of(state)] for state in (State.ERROR, State.WARNING))
    return terminal.emit(Result(doctor_data(found), errors, warnings, exit_code))


def doctor_data(found: Diagnosis) -> dict[str, Any]:
    """The diagnosis for ``--json``."""
    return {
        "action": "examine",
        "counts": {state.value: len(found.of(state)) for state in State},
        "findings": [_finding(subject.name, one) for subject in found.subjects for one in subject.findings],
    }


def _finding(subject: str, one: Finding) -> dict[str, Any]:
    return {"subject": subject, **vars(one), "state": one.state.value}


def _problem(one: Finding) -> Problem:
    return Problem(one.code, one.message, one.file, one.line, one.fix)
