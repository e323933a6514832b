"""``packflow config``: path, list, get, set and unset."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from packflow_app.cli.options import JsonOption, terminal_of
from packflow_app.cli.terminal import visible
from packflow_app.cli.wording import shown_path
from packflow_app.locations import settings_file
from packflow_app.result import Problem, Result
from packflow_app.runtime import ExitCode
from packflow_app.settings import SETTINGS, SettingInForce, change_settings, setting_of, settings_in_force

group = typer.Typer(add_completion=False, rich_markup_mode=None, epilog="Each of them takes --json.")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help=f"One of: {', '.join(SETTINGS)}.")]


@group.command("path", help="Tell where the settings are kept.")
def path_(context: typer.Context, *, as_json: JsonOption = False) -> int:
    terminal = terminal_of(context, as_json=as_json)
    path = settings_file()
    if not as_json:
        terminal.text(str(path))
    return terminal.emit(Result({"action": "path", "path": str(path), "exists": path.is_file()}))


@group.command("list", help="Show every setting, its value in force, and where that comes from.")
def list_(context: typer.Context, *, as_json: JsonOption = False) -> int:
    terminal = terminal_of(context, as_json=as_json)
    found = settings_in_force()
    terminal.show(_table(found))
    settings = [vars(one) for one in found]
    return terminal.emit(Result({"action": "list", "path": str(settings_file()), "settings": settings}))


@group.command("get", help="Print a setting's value in force; exit 1 where it has none.")
def get(context: typer.Context, key: KeyArgument, *, as_json: JsonOption = False) -> int:
    terminal = terminal_of(context, as_json=as_json)
    setting = setting_of(key)
    found = next(one for one in settings_in_force() if one.key == setting.key)
    if found.value is not None and not as_json:
        terminal.text(visible(found.value))
    data = {"action": "get", **vars(found)}
    if found.value is not None:
        return terminal.emit(Result(data))
    unset = Problem("setting-unset", f"{found.key} has no value.", hint=f"packflow config set {found.key} VALUE")
    return terminal.emit(Result(data, [unset], exit_code=ExitCode.CHECK_FAILED))


@group.command("set", help="Keep a value as what is preferred where no option or variable says otherwise.")
def set_(
    context: typer.Context,
    key: KeyArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its value; `packflow config list` shows which.")],
    *,
    as_json: JsonOption = False,
) -> int:
    return _change(context, key, value, as_json=as_json)


@group.command("unset", help="Take a setting back.")
def unset(context: typer.Context, key: KeyArgument, *, as_json: JsonOption = False) -> int:
    return _change(context, key, None, as_json=as_json)


def _table(found: list[SettingInForce]) -> Table:
    """One row a setting; what it is for is folded where there is no room."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in ("setting", "value", "from"):
        table.add_column(header, overflow="fold", min_width=len(header))
    table.add_column("for", overflow="fold")
    for one in found:
        setting = SETTINGS[one.key]
        choices = f": {', '.join(setting.values)}" if setting.values else ""
        source = f"${one.place}" if one.source == "environment" else one.source
        cells = (one.key, one.value or "–", source, setting.meaning + choices)
        table.add_row(*(escape(visible(cell)) for cell in cells))
    return table


def _change(context: typer.Context, key: str, value: str | None, *, as_json: bool) -> int:
    terminal = terminal_of(context, as_json=as_json)
    path = change_settings(key, value)
    said = f"{key} is {value}" if value is not None else f"{key} is not set"
    terminal.note(f"{said}, in {shown_path(path)}")
    action = "set" if value is not None else "unset"
    return terminal.emit(Result({"action": action, "key": key, "value": value, "path": str(path)}))
