"""``packflow dry-run``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from packflow_app.actions.dry_run import DryRunDone, DryRunOptions, dry_run
from packflow_app.cli.compare import show_comparison
from packflow_app.cli.options import (
    JsonOption,
    NoInputOption,
    PythonOption,
    check_seconds,
    check_tolerance,
    terminal_of,
)
from packflow_app.cli.terminal import Terminal, bar, columns, visible
from packflow_app.cli.wording import shown_path
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.errors import UsageError
from packflow_app.events.sample import SAMPLE_EVENTS
from packflow_app.result import Problem, Result
from packflow_app.runtime import ExitCode

if TYPE_CHECKING:
    from rich.table import Table

    from packflow_app.dryrun.report import Difference, DryRunReport, ParityReport
    from packflow_app.dryrun.session import ModeProgressed

_SHOWN_FAILURES = 5
_BAR = 20


def command(
    context: typer.Context,
    events: Annotated[
        Path | None, typer.Argument(metavar="EVENTS", help="Example events (default: the project's own).")
    ] = None,
    *,
    mode: Annotated[
        Literal["both", "single", "batch"], typer.Option(help="One by one, in batches, or both compared.")
    ] = "both",
    batch_size: Annotated[
        str | None, typer.Option(metavar="N,N,…", help="Batch sizes (default: packflow.yaml's, else 8,64).")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Run at most so many events, chosen to stand for all.")
    ] = SAMPLE_EVENTS,
    rtol: Annotated[float | None, typer.Option(help="Relative tolerance of numbers (default: by their width).")] = None,
    atol: Annotated[float | None, typer.Option(help="Absolute tolerance of numbers.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Leave an output field out.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds a call of the model may take.")] = 30.0,
    init_timeout: Annotated[float, typer.Option(help="Seconds import and initialize may take.")] = 120.0,
    memory: Annotated[str | None, typer.Option(metavar="SIZE", help="Memory the model may take, such as 2G.")] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="OLD", help="Also show how outputs differ from this archive's.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as an HTML page.")] = None,
    sync: Annotated[bool, typer.Option("--sync", help="Install what the project requires and lacks, first.")] = False,
    python: PythonOption = None,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    del no_input  # nothing is asked yet
    terminal = terminal_of(context, as_json=as_json)
    sizes = _sizes(batch_size)
    check_seconds("--timeout", timeout)
    check_seconds("--init-timeout", init_timeout)
    check_tolerance("--rtol", rtol)
    check_tolerance("--atol", atol)
    options = DryRunOptions(
        events=events,
        single=mode != "batch",
        batch_sizes=[] if mode == "single" else sizes,
        limit=limit,
        rtol=rtol,
        atol=atol,
        ignore=ignore or [],
        limits=WorkerLimits(timeout, init_timeout, _bytes(memory)),
        python=python,
        against=against,
        html=report,
        sync=sync,
    )
    done = dry_run(options, report=lambda progress: terminal.progress(describe_progress(progress)))
    _show(terminal, done)
    data = {
        **done.report.as_json(),
        "events_file": str(done.events_file),
        "events_read": done.survey.events,
        "events_invalid": done.survey.invalid_count,
        "report": str(done.report_file),
    }
    return terminal.emit(Result(data, _errors(done.report), _warnings(done.report), exit_code=_exit_code(done.report)))


def describe_progress(progress: ModeProgressed) -> str:
    """One line about how far a mode has got."""
    return f"{progress.mode}: {progress.done:,} of {progress.total:,} events"


def _sizes(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch("[0-9]{1,7}", part) and 1 <= int(part) <= 1_000_000 for part in parts):
        raise UsageError(
            f"--batch-size {_short(text)} is not a list of whole numbers from 1 to 1,000,000.",
            hint="Write for example --batch-size 1,8,64.",
        )
    return [int(part) for part in parts]


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1:].upper() in units else (text, 1)
    if not re.fullmatch("[0-9]{1,15}", number) or not int(number):
        raise UsageError(
            f"--memory {_short(text)} is not a size.", hint="Write for example --memory 512M or --memory 2G."
        )
    return int(number) * unit


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _exit_code(report: DryRunReport) -> ExitCode:
    if report.parity is not None and not report.parity.equal:
        return ExitCode.CHECK_FAILED
    if report.failed:
        return ExitCode.MODEL_FAILED
    return ExitCode.OK if report.ok else ExitCode.CHECK_FAILED


def _errors(report: DryRunReport) -> list[Problem]:
    found: list[Problem] = []
    if report.parity is not None and report.parity.first_difference is not None and not report.parity.equal:
        found.append(_parity_problem(report.parity, report.parity.first_difference))
    if report.failed:
        first = report.failures[0]
        found.append(
            Problem(
                "events-failed",
                f"The model failed on {report.failed} of {report.events} events, first on event {first.event}: "
                f"{first.step}: {first.type}: {first.message}",
                first.file,
                first.line,
                "Handle such events in the backend, for example by an output that says why there is no score.",
            )
        )
    if report.golden is not None and report.golden.first_difference is not None and not report.golden.equal:
        found.append(
            Problem(
                "golden-changed",
                "The model no longer gives the recorded golden outputs, first on "
                f"{_place(report.golden.first_difference)}.",
                hint="If the change is meant, record them again: packflow export --golden 20",
            )
        )
    return found


def _parity_problem(parity: ParityReport, first: Difference) -> Problem:
    cause = parity.cause
    what = f"One by one and {first.mode} differ, first on {_place(first)}."
    if cause is None:
        return Problem("parity", what, hint="Make each output depend on its own event only.")
    small = parity.smallest_batch
    shown = f" Events {_listed(small)} together are enough to show it." if small else ""
    step = f" The values part in {first.step}." if first.step else ""
    return Problem("parity", f"{what} {cause.explanation}{shown}{step}", hint=cause.hint)


def _listed(numbers: list[int]) -> str:
    shown = [str(number) for number in numbers[:8]] + (["…"] if len(numbers) > 8 else [])
    return " and ".join(shown) if len(shown) <= 2 else ", ".join(shown)


def _warnings(report: DryRunReport) -> list[Problem]:
    """What is right in the end, and yet not as it should be."""
    found = []
    if not report.failed:
        found = [
            Problem(
                "batches-fail",
                f"In {mode.name}, {mode.failed_batches:,} calls failed and were tried again with fewer events.",
                hint="Look at what the backend does with several events at once.",
            )
            for mode in report.modes
            if mode.failed_batches
        ]
    if report.changed_inputs:
        first = report.changed_inputs[0]
        field = f" at {first.path}" if first.path else ""
        found.append(
            Problem(
                "input-changed",
                f"The model changes the events it is given, first event {first.event}{field}.",
                hint="Work on a copy: event = dict(event). Whoever calls the backend may still need the event.",
            )
        )
    if report.written_files:
        found.append(
            Problem(
                "project-written",
                f"The model wrote into the project: {', '.join(report.written_files[:3])}.",
                report.written_files[0],
                hint="Write below self.work_dir: where an archive runs, the project is read-only.",
            )
        )
    return found


def _place(difference: Difference) -> str:
    field = f"field {difference.path}" if difference.path else "the whole output"
    return f"event {difference.event}, {field}"


def _show(terminal: Terminal, done: DryRunDone) -> None:
    report = done.report
    model = f"{report.name} {report.version}"
    terminal.say(f"[bold]{escape(model)}[/] on Python {report.python} ({escape(done.interpreter.origin)})")
    read = f", chosen from {done.survey.events:,}" if done.survey.events > report.events else ""
    terminal.say(f"{report.events:,} events of {escape(shown_path(done.events_file))}{read}")
    terminal.say()
    facts = columns("", "")
    facts.show_header = False
    facts.add_row("single = batch", _parity_text(report))
    facts.add_row("failed events", _verdict(not report.failed, "none" if not report.failed else f"{report.failed:,}"))
    if report.golden is not None:
        golden = report.golden
        facts.add_row(
            "golden events", _verdict(golden.equal, f"{golden.events} {'equal' if golden.equal else 'differ'}")
        )
    facts.add_row(
        "loads in", f"{report.load_seconds * 1e3:,.0f} ms, of it initialize {report.initialize_seconds * 1e3:,.0f} ms"
    )
    facts.add_row("peak memory", f"{report.peak_memory / 2**20:,.0f} MiB")
    terminal.show(facts)
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
    if done.page is not None:
        terminal.say()
        terminal.say(f"wrote {escape(shown_path(done.page))}")
    if report.ok and report.parity is not None:
        terminal.say()
        project = done.project.folder
        where = "" if project == Path.cwd() else f" {escape(shown_path(project))}"
        terminal.say(f"[bold]Next[/]  packflow export{where}")


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


def _difference_text(difference: Difference) -> str:
    """Where one by one and a batch part, with both values."""
    delta = f" (|Δ| {difference.difference:.3g})" if difference.difference is not None else ""
    left, right = (json.dumps(value, ensure_ascii=False) for value in (difference.left, difference.right))
    return f"{_place(difference)}: {left} one by one, {right} in {difference.mode}{delta}"


def _verdict(passed: bool, text: str) -> str:  # noqa: FBT001
    return f"[green]✓[/] {text}" if passed else f"[red]✗[/] {text}"
