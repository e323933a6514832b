"""``packflow compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from packflow_app.actions.compare import MOST_EVENTS, CompareOptions, compare_on_events
from packflow_app.cli.options import (
    JsonOption,
    NoInputOption,
    PythonOption,
    terminal_of,
)
from packflow_app.cli.terminal import Terminal, columns, visible
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.questions.dry_run_values import check_seconds, check_tolerance
from packflow_app.result import Problem, Result
from packflow_app.runtime import ExitCode, size_text

if TYPE_CHECKING:
    from packflow_app.runtime import FieldChange, ModelComparison

_SHOWN_FIELDS = 20
_LONGEST_VALUE = 24


def command(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="An archive or a project.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another archive or project.")],
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="The events to run both on.")],
    *,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Run at most so many events, chosen to stand for all.")
    ] = MOST_EVENTS,
    rtol: Annotated[
        float | None, typer.Option(metavar="X", help="Relative tolerance of numbers (default: by their width).")
    ] = None,
    atol: Annotated[float, typer.Option(metavar="X", help="Absolute tolerance of numbers.")] = 0.0,
    ignore: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Leave an output field out.")] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Seconds a call of a model may take.")] = 30.0,
    init_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Seconds import and initialize may take.")
    ] = 120.0,
    python: PythonOption = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    terminal = terminal_of(context, as_json=as_json)
    check_tolerance("--rtol", rtol)
    check_tolerance("--atol", atol)
    check_seconds("--timeout", timeout)
    check_seconds("--init-timeout", init_timeout)
    done = compare_on_events(
        CompareOptions(old, new, events, limit, rtol, atol, ignore or [], WorkerLimits(timeout, init_timeout), python),
        report=lambda label, ran, total: terminal.progress(f"{label}: {ran:,} of {total:,} events"),
    )
    found = done.comparison
    show_comparison(terminal, found)
    errors = [] if found.equal else [_problem(found)]
    code = ExitCode.OK if found.equal else ExitCode.CHECK_FAILED
    return terminal.emit(Result({**found.as_json(), "events_read": done.events_read}, errors, exit_code=code))


def show_comparison(terminal: Terminal, found: ModelComparison) -> None:
    """The verdict, and a table of the fields that differ."""
    if found.equal:
        ties = f", {found.ties:,} ties" if found.ties else ""
        terminal.say(f"[green]✓[/] {escape(found.old)} = {escape(found.new)} on {found.events:,} events{ties}")
    else:
        both = f"{escape(found.old)} and {escape(found.new)}"
        terminal.say(f"[red]✗[/] {both} differ on {found.differing:,} of {found.events:,} events")
    if found.old_failed or found.new_failed:
        terminal.say(f"  failed events: {found.old_failed:,} before, {found.new_failed:,} now")
    if found.fields:
        terminal.say()
        table = columns("field", "events", "largest |Δ|", "for example", right=0)
        for field in found.fields[:_SHOWN_FIELDS]:
            table.add_row(*_row(field))
        terminal.show(table)
        if len(found.fields) > _SHOWN_FIELDS:
            terminal.say(f"  and {len(found.fields) - _SHOWN_FIELDS:,} further fields: --json has all")


def _row(field: FieldChange) -> list[str]:
    first = field.first
    left, right = (_short(value) for value in (first.left, first.right))
    example = {"missing": f"{left} is gone", "extra": f"{right} is new"}.get(first.kind, f"{left} → {right}")
    name = field.path or "(the whole output)"
    return [
        escape(visible(name)),
        f"{field.events:,}",
        size_text(field.largest),
        escape(visible(f"event {first.event}: {example}")),
    ]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _problem(found: ModelComparison) -> Problem:
    return Problem(
        "outputs-differ",
        f"{found.old} and {found.new} give different outputs for {found.differing:,} of {found.events:,} events.",
        hint="If the change is meant, nothing is wrong; --ignore PATH and --rtol leave out what may differ.",
    )
