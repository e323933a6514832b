"""``packflow cache``: list and clean."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from packflow_app.actions.cache import CleanOptions, clean, list_cache
from packflow_app.cli.options import JsonOption, terminal_of
from packflow_app.cli.terminal import Terminal, columns
from packflow_app.cli.wording import counted, shown_path
from packflow_app.errors import UsageError
from packflow_app.result import Result
from packflow_app.runtime import CacheContents, shown_age, shown_size

group = typer.Typer(add_completion=False, rich_markup_mode=None, epilog="Each of them takes --json.")

CacheOption = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="The cache (default: $PACKFLOW_CACHE, else the user's cache folder)."),
]


@group.command("list", help="Show sizes, names and last use.")
def list_(context: typer.Context, *, cache: CacheOption = None, as_json: JsonOption = False) -> int:
    terminal = terminal_of(context, as_json=as_json)
    found = list_cache(cache)
    _show(terminal, found)
    return terminal.emit(Result({"action": "list", **asdict(found), "size": found.size}))


@group.command("clean", help="Remove what is of no use, or what is named; what a process uses stays.")
def clean_(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="A model, NAME-VERSION, or 8 digits of a digest.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Remove everything.")] = False,
    older_than: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", help="Remove what was not used for so many days.")
    ] = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    if older_than is not None and not 0 <= older_than < math.inf:
        raise UsageError(
            f"--older-than {older_than} is not a number of days.", hint="Write for example --older-than 30."
        )
    done = clean(CleanOptions(tuple(names or ()), everything, older_than, cache))
    for name in done.archives:
        terminal.say(f"removed {escape(name)}")
    for name in done.environments:
        terminal.say(f"removed the environment {escape(name)}")
    for name in done.in_use:
        terminal.say(f"[yellow]in use, so it stays:[/] {escape(name)}")
    terminal.say(f"[bold]{shown_size(done.size)}[/] are free again")
    return terminal.emit(Result({"action": "clean", **asdict(done)}))


def _show(terminal: Terminal, found: CacheContents) -> None:
    terminal.say(f"[bold]{escape(shown_path(Path(found.root)))}[/]  {shown_size(found.size)}")
    if found.archives:
        table = columns("archive", "last use", "size", "digest", right=0)
        for one in found.archives:
            state = "" if one.is_whole else "  changed: made again by the next start"
            name = escape(f"{one.name} {one.version}")
            table.add_row(name, shown_age(one.last_used), shown_size(one.size), f"{one.digest[:12]}{state}")
        terminal.show(table)
    if found.environments:
        terminal.say()
        table = columns("environment", "last use", "size", "for")
        for environment in found.environments:
            packages = counted(environment.packages, "package")
            what = f"Python {environment.python}, {packages}" if environment.is_finished else "not finished"
            models = ", ".join(environment.models) or "archives that are not here"
            table.add_row(what, shown_age(environment.last_used), shown_size(environment.size), escape(models))
        terminal.show(table)
    if found.abandoned:
        terminal.say(f"{shown_size(found.abandoned)} at work, or left by processes that were killed")
