"""``packflow create``: how packflow 0.4 spelled ``packflow init``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from packflow_app.actions.create import Created, CreateOptions, create
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.wording import counted, shown_path
from packflow_app.result import Result

if TYPE_CHECKING:
    from packflow_app.cli.terminal import Terminal


def command(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The project's name, and its new folder.")] = None,
    *,
    force: Annotated[
        bool, typer.Option("-f", "--force", help="Add what is missing to a folder that exists; nothing is overwritten.")
    ] = False,
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE", help="Example events (default: generated ones).")
    ] = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    terminal = terminal_of(context, as_json=as_json)
    done = create(CreateOptions(name, force, events))
    _show(terminal, done)
    data = {
        "path": str(done.path),
        "name": done.initialized.name,
        "kind": done.initialized.kind,
        "written": done.written,
        "kept": done.kept,
        "generated_events": done.generated,
    }
    return terminal.emit(Result(data))


def _show(terminal: Terminal, done: Created) -> None:
    place = shown_path(done.path)
    terminal.say(f"[bold]Created {escape(place)}/[/] ({counted(len(done.written), 'file')})")
    if done.kept:
        terminal.say(f"  left as they were: {escape(', '.join(done.kept))}")
    if done.generated:
        terminal.say("  its example events are generated: replace samples/events.ndjson by your own")
    steps = {
        f"cd {place}": "",
        "packflow dry-run": "run it one by one and in batches, and compare",
        "edit inference.py": "put your own model in: only execute() is required",
        "packflow validate": "check everything that an export needs",
        "packflow export": "write the one file",
    }
    terminal.say()
    terminal.say("[bold]Next steps[/]")
    width = max(map(len, steps))
    for step, meaning in steps.items():
        terminal.say(f"  {escape(step.ljust(width))}   {meaning}".rstrip())
    terminal.say()
    terminal.say("  `packflow init DIR --events FILE` does the same from your own events.")
