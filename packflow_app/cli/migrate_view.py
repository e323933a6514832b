"""A migration for people: the diff, what is left, and what running the project showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from packflow_app.cli.compare import show_comparison
from packflow_app.cli.terminal import visible
from packflow_app.cli.wording import counted, shown_path

if TYPE_CHECKING:
    from packflow_app.actions.migrate import Migrated
    from packflow_app.cli.terminal import Terminal
    from packflow_app.projects.migration.plan import MigrationPlan

_SHOWN_OF_NEW = 12
_STYLES = {"---": "bold", "+++": "bold", "@@ ": "cyan", "+": "green", "-": "red"}


def show_plan(terminal: Terminal, plan: MigrationPlan) -> None:
    """The changes as one unified diff, and a line about the events."""
    for change in plan.changes:
        lines = change.diff()
        shown = lines if change.before is not None else lines[:_SHOWN_OF_NEW]
        for line in shown:
            style = next((style for start, style in _STYLES.items() if line.startswith(start)), "")
            text = escape(visible(line))
            terminal.say(f"[{style}]{text}[/]" if style and text else text)
        if len(lines) > len(shown):
            terminal.say(f"[dim]… and {counted(len(lines) - len(shown), 'further line')}[/]")
        if not change.after and change.before is None:
            terminal.say(f"[bold]+++ b/{escape(change.name)}[/] (empty)")
    if plan.changes:
        terminal.say()
        pydantic = ", configurations as pydantic models" if plan.pydantic else ""
        terminal.say(f"{counted(len(plan.changes), 'file')} to change{pydantic}")
        if plan.events is not None:
            terminal.say(f"sample events: {escape(plan.events)}, from {escape(plan.events_from)}")


def show_migrated(terminal: Terminal, done: Migrated, again: str) -> None:
    """What was done, what running it showed, and the way back."""
    terminal.say()
    terminal.say(f"[bold]Changed {counted(len(done.plan.changes), 'file')}[/]")
    terminal.say(f"  as they were: {escape(shown_path(done.backup))} (never exported)")
    terminal.say(f"  the way back: {escape(again)} --undo")
    if done.dry_run is None:
        return
    report = done.dry_run.report
    terminal.say()
    if report.failed:
        terminal.say(f"[red]✗[/] dry run: {report.failed:,} of {counted(report.events, 'event')} failed")
    else:
        terminal.say(f"[green]✓[/] dry run: {counted(report.events, 'event')}, none failed")
    if report.parity is not None:
        verdict = "[green]✓[/] single = batch" if report.parity.equal else "[red]✗[/] single ≠ batch"
        terminal.say(f"{verdict}: {counted(report.parity.events, 'event')}")
    compared = done.earlier.comparison
    if compared is not None:
        show_comparison(terminal, compared)
    else:
        name = f"packflow {done.earlier.version or '0.4'}"
        terminal.say(f"– not compared with {name}: {escape(visible(done.earlier.reason))}")
    if report.ok:
        terminal.say()
        where = shown_path(done.plan.project)
        terminal.say(f"[bold]Next[/]  packflow validate{'' if where == '.' else f' {escape(where)}'}")
