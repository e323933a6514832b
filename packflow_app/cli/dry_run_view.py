"""A dry run's report for people: verdicts, rates, differences, failures, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from packflow_app.cli.compare import show_comparison
from packflow_app.cli.terminal import Terminal, bar, columns, visible
from packflow_app.cli.wording import counted, shown_path
from packflow_app.dryrun.probe_report import CLEAN_ERROR
from packflow_app.dryrun.problems import VERDICT_NAMES, name_of, place_of
from packflow_app.runtime import size_text

if TYPE_CHECKING:
    from rich.table import Table

    from packflow_app.actions.dry_run import DryRunDone
    from packflow_app.dryrun.needs_report import Needs
    from packflow_app.dryrun.probe_report import ProbeResult, ProbesReport
    from packflow_app.dryrun.report import DryRunReport
    from packflow_app.runtime import Difference

_SHOWN_FAILURES = 5
_SHOWN_FIELDS = 6
_SHOWN_PROBES = 4
_BAR = 20


def show(terminal: Terminal, done: DryRunDone) -> None:
    """Print the report, and what was written."""
    report = done.report
    model = f"{report.name} {report.version}"
    terminal.say(f"[bold]{escape(model)}[/] on Python {report.python} ({escape(done.interpreter.origin)})")
    read = f", chosen from {done.survey.events:,}" if done.survey.events > report.events else ""
    terminal.say(f"{counted(report.events, 'event')} of {escape(shown_path(done.events_file))}{read}")
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
    for line in _probe_lines(report.probes) if report.probes is not None else []:
        terminal.say(line)
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
    facts.columns[0].min_width = len("single = batch")
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
    if report.probes is not None:
        facts.add_row("probes", _probes_text(report.probes))
        if report.probes.fields_used:
            facts.add_row("fields in use", _fields_text(report.probes))
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


def _probes_text(probes: ProbesReport) -> str:
    counts = ", ".join(f"{count} {VERDICT_NAMES[verdict]}" for verdict, count in probes.by_verdict.items())
    left = f", {probes.not_run:,} not run" if probes.not_run else ""
    mark = "[yellow]![/]" if probes.grave else "[green]✓[/]"
    return f"{mark} {counts or 'none run'}{left}"


def _fields_text(probes: ProbesReport) -> str:
    shown = ", ".join(visible(path) for path in probes.fields_used[:_SHOWN_FIELDS])
    more = ", …" if len(probes.fields_used) > _SHOWN_FIELDS else ""
    return f"  {len(probes.fields_used):,} of {probes.fields:,}: {escape(shown)}{more}"


def _probe_lines(probes: ProbesReport) -> list[str]:
    """The gravest probes, then the errors by what raised them."""
    lines = [
        f"  probe {escape(name_of(one))}: [red]{VERDICT_NAMES[one.verdict]}[/]: {escape(visible(one.detail))}"
        for one in probes.grave[:_SHOWN_FAILURES]
    ]
    by_cause: dict[str, list[ProbeResult]] = {}
    for one in probes.results:
        if one.verdict == CLEAN_ERROR:
            place = f"{one.file}:{one.line}" if one.file else one.step or ""
            by_cause.setdefault(f"{one.detail.partition(':')[0]} at {place}", []).append(one)
    causes = sorted(by_cause.items(), key=lambda item: -len(item[1]))[:_SHOWN_FAILURES]
    lines += [f"  [dim]errors:[/] {escape(cause)}: {escape(_names(found))}" for cause, found in causes]
    notes = [f"  [dim]{escape(visible(note))}[/]" for note in probes.notes]
    return ["", *lines, *notes] if lines or notes else []


def _names(found: list[ProbeResult]) -> str:
    shown = ", ".join(name_of(one) for one in found[:_SHOWN_PROBES])
    return shown + (f" and {len(found) - _SHOWN_PROBES} more" if len(found) > _SHOWN_PROBES else "")


def _difference_text(difference: Difference) -> str:
    """Where one by one and a batch part, with both values."""
    size = size_text(difference.difference)
    delta = f" (|Δ| {size})" if size else ""
    left, right = (json.dumps(value, ensure_ascii=False) for value in (difference.left, difference.right))
    return f"{place_of(difference)}: {left} one by one, {right} in {difference.mode}{delta}"


def _verdict(passed: bool, text: str) -> str:  # noqa: FBT001
    return f"[green]✓[/] {text}" if passed else f"[red]✗[/] {text}"
