"""A dry run's report for people: verdicts, rates, differences, failures, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from packflow_app.cli.compare import show_comparison
from packflow_app.cli.dry_run_problems import place_of
from packflow_app.cli.terminal import Terminal, bar, columns, visible
from packflow_app.cli.wording import shown_path

if TYPE_CHECKING:
    from rich.table import Table

    from packflow_app.actions.dry_run import DryRunDone
    from packflow_app.dryrun.needs_report import Needs
    from packflow_app.dryrun.report import Difference, DryRunReport

_SHOWN_FAILURES = 5
_BAR = 20


def show(terminal: Terminal, done: DryRunDone) -> None:
    """Print the report, and what was written."""
    report = done.report
    model = f"{report.name} {report.version}"
    terminal.say(f"[bold]{escape(model)}[/] on Python {report.python} ({escape(done.interpreter.origin)})")
    read = f", chosen from {done.survey.events:,}" if done.survey.events > report.events else ""
    terminal.say(f"{report.events:,} events of {escape(shown_path(done.events_file))}{read}")
    terminal.say()
    terminal.show(_facts(report))
    terminal.say()
    terminal.show(_mode_table(report))
    for line in _step_lines(report):
        terminal.say(line)
    if report.parity is not None and report.parity.first_difference is not None:
        terminal.say()
        terminal.say(f"  first difference: {escape(visible(_difference_text(report.parity.first_difference)))}")
    if report.failures:
        terminal.say()
    for failure in report.failures[:_SHOWN_FAILURES]:
        place = f" at {failure.file}:{failure.line}" if failure.file else ""
        message = visible(f"{failure.type}: {failure.message}")
        terminal.say(f"  event {failure.event}: {failure.step}{escape(place)}: {escape(message)}")
    if report.against is not None:
        terminal.say()
        show_comparison(terminal, report.against)
    _show_written(terminal, done)
    if report.ok and report.parity is not None:
        terminal.say()
        project = done.project.folder
        where = "" if project == Path.cwd() else f" {escape(shown_path(project))}"
        terminal.say(f"[bold]Next[/]  packflow export{where}")


def _facts(report: DryRunReport) -> Table:
    """One row for each verdict or measurement."""
    facts = columns("", "")
    facts.show_header = False
    facts.add_row("single = batch", _parity_text(report))
    facts.add_row("failed events", _verdict(not report.failed, "none" if not report.failed else f"{report.failed:,}"))
    if report.golden is not None:
        golden = report.golden
        facts.add_row(
            "golden events", _verdict(golden.equal, f"{golden.events} {'equal' if golden.equal else 'differ'}")
        )
    if report.needs is not None:
        facts.add_row("requirements", _needs_text(report.needs))
    if report.pickles.files:
        count = len(report.pickles.files)
        facts.add_row("pickles", _verdict(passed=True, text=f"{count} opened, {len(report.pickles.allowlist)} globals"))
    facts.add_row(
        "loads in", f"{report.load_seconds * 1e3:,.0f} ms, of it initialize {report.initialize_seconds * 1e3:,.0f} ms"
    )
    facts.add_row("peak memory", f"{report.peak_memory / 2**20:,.0f} MiB")
    return facts


def _show_written(terminal: Terminal, done: DryRunDone) -> None:
    if done.requirements is not None:
        terminal.say()
        for edit in done.requirements.edits:
            terminal.say(f"requirements.txt:{edit.line}: {edit.kind} {escape(visible(edit.name))} {edit.version}")
        if not done.requirements.edits:
            terminal.say("requirements.txt is left as it is")
    if done.page is not None:
        terminal.say()
        terminal.say(f"wrote {escape(shown_path(done.page))}")


def _mode_table(report: DryRunReport) -> Table:
    """Rates with bars, so that the knee can be seen, and latencies of a call."""
    table = columns("mode", "events/s", "", "p50 ms", "p95 ms", "p99 ms")
    for index in (1, 3, 4, 5):
        table.columns[index].justify = "right"
    peak = max((mode.events_per_second or 0.0 for mode in report.modes), default=0.0)
    for mode in report.modes:
        times = mode.latency_ms
        cells = [f"{value:,.3f}" for value in (times.p50, times.p95, times.p99)] if times else ["–"] * 3
        rate = mode.events_per_second
        best = " best" if len(report.modes) > 1 and mode.batch_size == report.best_batch_size else ""
        picture = f"[cyan]{bar(rate / peak, _BAR)}[/]{best}" if rate and peak else ""
        table.add_row(mode.name, f"{rate:,.0f}" if rate else "–", picture, *cells)
    return table


def _step_lines(report: DryRunReport) -> list[str]:
    """Where the time of a call goes, one by one and at the best batch size."""
    chosen = {report.modes[0].name: report.modes[0]}
    chosen |= {mode.name: mode for mode in report.modes if mode.batch_size == report.best_batch_size}
    lines = []
    for mode in chosen.values():
        steps = {step: times for step, times in mode.steps_ms.items() if times.p50 or times.p99}
        told = "  ".join(f"{step} {times.p50:,.3f}" for step, times in steps.items())
        if told:
            lines.append(f"[dim]steps of {mode.name}, p50 ms:[/] {told}")
    return lines


def _parity_text(report: DryRunReport) -> str:
    parity = report.parity
    if parity is None:
        return "– not compared"
    if parity.equal:
        ties = sum(comparison["ties"] for comparison in parity.comparisons)
        return _verdict(
            passed=True, text=f"{parity.events:,} of {parity.events:,}" + (f", {ties} ties" if ties else "")
        )
    differing = max(comparison["differing"] for comparison in parity.comparisons)
    return _verdict(passed=False, text=f"{differing:,} of {parity.events:,} differ")


def _needs_text(needs: Needs) -> str:
    used = ", ".join(f"{name} {version}" for name, version in sorted(needs.used.items())) or "nothing beside Python"
    lacking = len(needs.missing) + len(needs.different) + len(needs.wrong_marker)
    return _verdict(not lacking, escape(used) if not lacking else f"{escape(used)}; {lacking} not as declared")


def _difference_text(difference: Difference) -> str:
    """Where one by one and a batch part, with both values."""
    delta = f" (|Δ| {difference.difference:.3g})" if difference.difference is not None else ""
    left, right = (json.dumps(value, ensure_ascii=False) for value in (difference.left, difference.right))
    return f"{place_of(difference)}: {left} one by one, {right} in {difference.mode}{delta}"


def _verdict(passed: bool, text: str) -> str:  # noqa: FBT001
    return f"[green]✓[/] {text}" if passed else f"[red]✗[/] {text}"
