"""``packflow skeletons``: list and show."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from packflow_app.actions.skeletons import list_skeletons, show_skeleton
from packflow_app.cli.options import JsonOption, terminal_of
from packflow_app.cli.terminal import columns, visible
from packflow_app.models.model_file import FORMATS
from packflow_app.result import Result

if TYPE_CHECKING:
    from packflow_app.projects.skeletons import Skeleton

group = typer.Typer(add_completion=False, rich_markup_mode=None, epilog="Each of them takes --json.")
_WIDTH = 96


@group.command("list", help="List the skeletons that come with Packflow.")
def list_all(context: typer.Context, *, as_json: JsonOption = False) -> int:
    terminal = terminal_of(context, as_json=as_json)
    found = list_skeletons()
    table = columns("skeleton", "for")
    for one in found:
        table.add_row(*(escape(visible(cell)) for cell in (one.name, one.title)))
    terminal.show(table)
    terminal.say()
    terminal.say("packflow skeletons show NAME tells when to take one; packflow init --kind NAME takes it.")
    return terminal.emit(Result({"skeletons": [_data(one) for one in found]}))


@group.command("show", help="Tell when to take a skeleton, what it asks, and which files it gives.")
def show(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="NAME|FOLDER|URL", help="A skeleton, a folder or a git repository.")],
    *,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    shown = show_skeleton(kind)
    one = shown.skeleton
    terminal.say(f"[bold]{escape(one.name)}[/]: {escape(one.title)}")
    for line in textwrap.wrap(one.when, _WIDTH):
        terminal.say(f"  {escape(line)}")
    formats = ", ".join(FORMATS[key].title if key in FORMATS else key for key in one.models)
    requirements = ", ".join(one.requirements)
    terminal.say()
    terminal.say(f"[bold]Runs[/]      {escape(formats or 'no model file: the code is the model')}")
    if requirements:
        terminal.say(f"[bold]Requires[/]  {escape(requirements)}, beside what the model file needs")
    for variable in one.variables:
        default = f" (default: {variable.default!r})" if variable.default is not None else ""
        choices = f" One of {', '.join(variable.choices)}." if variable.choices else ""
        terminal.say(f"[bold]Asks[/]      --set {escape(variable.name)}=VALUE")
        terminal.say(f"            {escape(variable.question)}{escape(choices)}{escape(default)}")
    terminal.say("[bold]Files[/]     " + escape(shown.files[0] if shown.files else "none"))
    for name in shown.files[1:]:
        terminal.say(f"          {escape(name)}")
    return terminal.emit(Result({"skeleton": _data(one), "files": shown.files}))


def _data(one: Skeleton) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "when": one.when,
        "inputs": one.inputs,
        "models": list(one.models),
        "requirements": list(one.requirements),
        "variables": [
            {
                "name": variable.name,
                "question": variable.question,
                "default": variable.default,
                "choices": list(variable.choices),
            }
            for variable in one.variables
        ],
    }
