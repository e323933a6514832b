"""``packflow init``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from packflow_app.actions.init import Initialized, InitOptions, init
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.wording import counted, shown_path
from packflow_app.result import Problem, Result

if TYPE_CHECKING:
    from packflow_app.cli.terminal import Terminal


def command(
    context: typer.Context,
    target: Annotated[Path | None, typer.Argument(metavar="DIR", help="The new project's folder.")] = None,
    *,
    events: Annotated[
        Path | None,
        typer.Option("--events", metavar="FILE", help="Example events: JSON lines or a JSON array, also gzipped."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The project's name (default: the folder's).")] = None,
    kind: Annotated[str, typer.Option(help="The skeleton to start from.")] = "python",
    description: Annotated[str | None, typer.Option(help="One sentence about the model.")] = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked yet: what is missing is an error either way
    terminal = terminal_of(context, as_json=as_json)
    terminal.progress("reading the events")
    done = init(InitOptions(target, events, name, kind, description))
    survey = done.events
    _show(terminal, done)
    data = {
        "path": str(done.path),
        "name": done.name,
        "kind": done.kind,
        "files": done.files,
        "events": {"read": survey.events, "invalid": survey.invalid_count, "sample": len(survey.sample)},
        "numeric_fields": [list(field.path) for field in survey.numeric_fields],
    }
    return terminal.emit(Result(data, warnings=_warnings(done)))


def _show(terminal: Terminal, done: Initialized) -> None:
    survey = done.events
    terminal.say(f"[bold]Created {escape(done.name)}[/] in {escape(str(done.path))}")
    terminal.say(f"  {survey.events:,} events read, {len(survey.sample)} of them kept as sample events")
    fields = ", ".join(".".join(field.path) for field in survey.numeric_fields[:6])
    more = f" and {len(survey.numeric_fields) - 6} more" if len(survey.numeric_fields) > 6 else ""
    if fields:
        terminal.say(f"  scores by {counted(len(survey.numeric_fields), 'numeric field')}: {escape(fields)}{more}")
    here = shown_path(done.path)
    steps = {
        f"packflow{'' if here == '.' else f' -C {here}'} dry-run": "run it one by one and in batches, and compare",
        f"packflow export{'' if here == '.' else f' {here}'}": "write the one file",
        f"edit {shown_path(done.path / 'inference.py')}": "put your own model in",
    }
    width = max(map(len, steps))
    terminal.say()
    terminal.say("[bold]Next[/]")
    for step, meaning in steps.items():
        terminal.say(f"  {escape(step.ljust(width))}   {meaning}")


def _warnings(done: Initialized) -> list[Problem]:
    found: list[Problem] = []
    survey = done.events
    if survey.invalid_count:
        first = survey.invalid[0]
        found.append(
            Problem(
                "events-invalid",
                f"{survey.invalid_count:,} lines are no events and were left out; the first is line {first.position}: "
                f"{first.message}.",
            )
        )
    if not survey.numeric_fields:
        found.append(
            Problem(
                "no-numeric-fields",
                "The events have no numeric field that varies, so every score will be 0.",
                hint="Write a rule of your own in inference.py.",
            )
        )
    return found
