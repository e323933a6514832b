"""``packflow show``, also ``packflow info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from packflow_app.actions.show import ShowOptions, read_file, show
from packflow_app.cli.options import JsonOption, NoInputOption, terminal_of
from packflow_app.cli.show_view import file_data, show_archive, show_changes, show_file
from packflow_app.result import Result


def command(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="The archive to show.")],
    other: Annotated[
        Path | None, typer.Argument(metavar="OTHER", help="A second archive: show what it changes instead.")
    ] = None,
    *,
    file: Annotated[
        str | None, typer.Option("--file", metavar="NAME", help="Show this file of the archive instead, checked.")
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show every file, the runtime's too.")] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked
    terminal = terminal_of(context, as_json=as_json)
    if file is not None:
        read = read_file(ShowOptions(archive, other, file))
        show_file(terminal, read)
        return terminal.emit(Result(file_data(read)))
    done = show(ShowOptions(archive, other))
    if done.other is None or done.changes is None:
        show_archive(terminal, done.archive, verbose=verbose)
        return terminal.emit(Result(done.archive.as_json()))
    show_changes(terminal, done.archive, done.other, done.changes, verbose=verbose)
    data = {"archive": done.archive.as_json(), "other": done.other.as_json(), "changes": done.changes.as_json()}
    return terminal.emit(Result(data))
