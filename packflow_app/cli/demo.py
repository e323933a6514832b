"""``packflow demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from packflow_app.actions.demo import ArchiveRun, DemoStep, EventsGenerated, demo
from packflow_app.actions.dry_run import DryRunDone
from packflow_app.actions.init import Initialized
from packflow_app.cli.options import JsonOption, terminal_of
from packflow_app.cli.wording import shown_path
from packflow_app.errors import not_writable
from packflow_app.placing import make_folders
from packflow_app.result import Result

if TYPE_CHECKING:
    from packflow_app.actions.export import ExportDone
    from packflow_app.cli.terminal import Terminal


def command(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Where to work (default: a temporary folder).")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    if folder is not None:
        try:
            make_folders(folder.absolute())
        except OSError as error:
            raise not_writable(folder, error) from error
    data: dict[str, str] = {}
    for number, step in enumerate(demo(folder), 1):
        _tell(terminal, number, step)
        if isinstance(step, ArchiveRun):
            data = {
                "archive": str(step.archive),
                "events": str(step.events),
                "outputs": str(step.outputs),
                "command": _command(step),
            }
    return terminal.emit(Result(data))


def _tell(terminal: Terminal, number: int, step: DemoStep) -> None:
    title, command, lines = _words(step)
    terminal.say(f"[bold]{number}. {title}[/]")
    if command:
        terminal.say(f"   [cyan]$ {escape(command)}[/]")
    for line in lines:
        terminal.say(f"   {escape(line)}")
    terminal.say()


def _words(step: DemoStep) -> tuple[str, str, list[str]]:
    if isinstance(step, EventsGenerated):
        return (
            "Events: one JSON object a line, as a firewall logs them",
            f"head -1 {shown_path(step.path)}",
            [step.path.open(encoding="utf-8").readline().rstrip()],
        )
    if isinstance(step, Initialized):
        events = shown_path(step.path.parent / "events.ndjson")
        return (
            "init: a project that already runs, made from those events",
            f"packflow init {shown_path(step.path)} --events {events}",
            [f"inference.py scores events by {len(step.events.numeric_fields)} numeric fields; put your model there"],
        )
    if isinstance(step, DryRunDone):
        return (
            "dry-run: does the model answer the same one by one and in batches?",
            f"packflow -C {shown_path(step.project.folder)} dry-run",
            _dry_run_lines(step),
        )
    if isinstance(step, ArchiveRun):
        return (
            "Run it: with nothing installed beside Python",
            _command(step),
            [step.first_output, "…", step.summary],
        )
    return _export_words(step)


def _export_words(step: ExportDone) -> tuple[str, str, list[str]]:
    exported = step.exported
    folder = shown_path(exported.path.parent)
    return (
        "export: one file, the same bytes every time",
        f"packflow export {shown_path(step.project.folder)} -o {folder}",
        [f"{exported.path}  ({exported.size:,} bytes)", f"sha256 {exported.sha256}"],
    )


def _dry_run_lines(step: DryRunDone) -> list[str]:
    report = step.report
    parity = report.parity
    equal = (
        f"single = batch: {parity.events} of {parity.events}" if parity is not None and parity.equal else "DIFFERENT"
    )
    best = max(report.modes, key=lambda mode: mode.events_per_second or 0)
    return [equal, f"fastest: {best.name}, {best.events_per_second or 0:,.0f} events/s on Python {report.python}"]


def _command(step: ArchiveRun) -> str:
    archive, events, outputs = (shown_path(path) for path in (step.archive, step.events, step.outputs))
    return f"python3 {archive} < {events} > {outputs}"
