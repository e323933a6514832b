"""What ``packflow validate`` shows: a table of findings, how many there are, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from packflow_app.checks.check import Finding, Severity
from packflow_app.cli.terminal import Terminal, visible
from packflow_app.cli.wording import counted, shown_path

if TYPE_CHECKING:
    from packflow_app.actions.validate import Validated

_MARKS = {
    Severity.ERROR: "[red]✗ error[/]",
    Severity.WARNING: "[yellow]● warning[/]",
    Severity.INFO: "[cyan]– note[/]",
}
_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_WIDEST_PLACE = 24


def show(terminal: Terminal, done: Validated, shown: list[Finding], *, verbose: bool, strict: bool) -> None:
    """Print ``shown``, a part of all findings; ``verbose`` adds why they matter and what passed."""
    model = f"[bold]{escape(f'{done.config.name} {done.config.version}')}[/] in " if done.config is not None else ""
    terminal.say(f"{model}{escape(shown_path(done.folder))}")
    if done.ran_dry_run and done.verdict.is_fresh:
        terminal.say(f"ran the model on {counted(_events(done), 'sample event')}")
    for fix in done.fixed:
        terminal.say(f"[green]mended[/] {escape(visible(fix.file))}: {escape(visible(fix.what))} [dim]({fix.check})[/]")
    for planned in done.planned:
        for fix in planned.fixes:
            terminal.say(f"[yellow]would mend[/] {escape(visible(fix.file))}: {escape(visible(fix.what))}")
        for line in planned.diff:
            terminal.say(f"  {escape(visible(line))}")
    terminal.say()
    if shown:
        terminal.show(_table(shown, verbose=verbose))
        terminal.say()
    if done.log:
        terminal.log(done.log)
    if verbose:
        terminal.show(_passed(done))
        terminal.say()
    terminal.say(_counts(done, shown))
    terminal.say(f"[bold]Next[/]  {escape(_next(done, strict=strict))}")


def _events(done: Validated) -> int:
    events = done.verdict.report.get("events")
    return events if isinstance(events, int) else 0


def _table(shown: list[Finding], *, verbose: bool) -> Table:
    """One row a finding: how much it weighs, where, and below what is wrong what to do about it."""
    table = _wrapping()
    table.add_column(overflow="fold", max_width=_WIDEST_PLACE)
    table.add_column(overflow="fold")
    for finding in shown:
        lines = [escape(visible(finding.message))]
        if verbose or finding.severity is Severity.ERROR:
            lines.append(f"[dim]why:[/] {escape(finding.why)}")
        lines.append(f"[dim]fix:[/] {escape(visible(finding.fix))}")
        if verbose:
            lines.append(f"[dim]check:[/] {finding.check}")
        table.add_row(_MARKS[finding.severity], escape(visible(finding.where or "–")), "\n".join(lines))
    return table


def _wrapping() -> Table:
    """A table whose first column is a short mark, and whose others wrap to the terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    return table


def _passed(done: Validated) -> Table:
    found = {finding.check for finding in done.findings}
    table = _wrapping()
    table.add_row("[green]✓ passed[/]", ", ".join(check.id for check in done.checks if check.id not in found))
    return table


def _counts(done: Validated, shown: list[Finding]) -> str:
    """Such as: 1 error, 2 warnings in 31 checks."""
    parts = [counted(len(done.of(severity)), noun) for severity, noun in _NOUNS.items()]
    kept = [part for part in parts if not part.startswith("0 ")] or ["nothing found"]
    hidden = len(done.findings) - len(shown)
    return f"{', '.join(kept)} in {counted(len(done.checks), 'check')}" + (f" ({hidden} not shown)" if hidden else "")


def _next(done: Validated, *, strict: bool) -> str:
    """The command that goes on: one that mends what is in the way, the same again, or the export."""
    elsewhere = done.folder != Path.cwd()
    where = f" {shown_path(done.folder)}" if elsewhere else ""
    in_the_way = done.of(Severity.ERROR) or (done.of(Severity.WARNING) if strict else [])
    if not in_the_way:
        return f"packflow export{where}"
    first = in_the_way[0]
    if first.safe_fix is not None:
        return first.safe_fix.replace("packflow", f"packflow -C{where}", 1) if elsewhere else first.safe_fix
    again = f"packflow validate{where}{' --strict' if strict else ''}"
    return f"mend {visible(first.where)}, then {again}" if first.where else f"mend it, then {again}"
