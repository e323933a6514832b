"""``packflow export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from packflow_app.actions.export import ExportDone, ExportOptions, export
from packflow_app.cli.dry_run import describe_progress
from packflow_app.cli.options import JsonOption, NoInputOption, PythonOption, terminal_of
from packflow_app.cli.terminal import Terminal
from packflow_app.cli.wording import shown_path
from packflow_app.dryrun.session import ModeProgressed
from packflow_app.packaging.writing import FileWritten
from packflow_app.result import Problem, Result


def command(
    context: typer.Context,
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")] = Path(),
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write the archive.")] = Path(),
    golden: Annotated[
        int | None,
        typer.Option(min=0, max=50, help="Record so many example events with their outputs anew; 0 ships none."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another archive of the same name.")] = False,
    python: PythonOption = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked yet
    terminal = terminal_of(context, as_json=as_json)

    def progress(event: ModeProgressed | FileWritten) -> None:
        if isinstance(event, FileWritten):
            terminal.progress(f"writing {event.done:,} of {event.total:,} files")
        else:
            terminal.progress(f"dry run, {describe_progress(event)}")

    done = export(ExportOptions(project, output, golden, force, python), report=progress)
    _show(terminal, done)
    exported = done.exported
    data = {
        "path": str(exported.path),
        "size": exported.size,
        "sha256": exported.sha256,
        "unchanged": exported.unchanged,
        "files": [{"path": name, **vars(record)} for name, record in sorted(exported.manifest.files.items())],
        "excluded": exported.excluded,
        "golden_events": exported.manifest.golden_events,
        "golden_recorded": done.golden_recorded,
        "ran_dry_run": done.ran_dry_run,
    }
    return terminal.emit(Result(data, warnings=_warnings(done)))


def _show(terminal: Terminal, done: ExportDone) -> None:
    exported, manifest = done.exported, done.exported.manifest
    if done.ran_dry_run:
        terminal.say(
            f"dry run: single = batch, {done.dry_run.report['events']:,} of {done.dry_run.report['events']:,} events"
        )
    if done.golden_recorded:
        terminal.say(
            f"recorded {manifest.golden_events} example events with their outputs in golden/; the archive ships them"
        )
    state = "unchanged" if exported.unchanged else "wrote"
    terminal.say(f"[bold]{state} {escape(shown_path(exported.path))}[/]")
    terminal.say(
        f"  {len(manifest.files) + 1} files, {exported.size:,} bytes, runs on Python {escape(manifest.python_requires)}"
    )
    terminal.say(f"  sha256 {exported.sha256}")
    terminal.say()
    terminal.say(f"[bold]Run it[/]  python3 {escape(shown_path(exported.path))} < events.ndjson")


def _warnings(done: ExportDone) -> list[Problem]:
    secrets = sorted(name for name, reason in done.exported.excluded.items() if reason == "may hold secrets")
    if not secrets:
        return []
    return [Problem("secrets-left-out", f"Left out, since they may hold secrets: {', '.join(secrets)}.")]
