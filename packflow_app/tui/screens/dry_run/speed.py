"""How fast a model is, drawn with characters: rates by batch size, steps of a call, how calls spread over durations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.tui.widgets.progress_line import bar

if TYPE_CHECKING:
    from packflow_app.dryrun.report import DryRunReport, ModeReport
    from packflow_app.dryrun.timings import Histogram, Timing

_COLUMNS = " ▁▂▃▄▅▆▇█"
_NAME = 10
_LEAST_BAR = 10
_STEP = 18


def rate_lines(report: DryRunReport, width: int) -> list[Content]:
    """A bar for each batch size, as long as its rate; the smallest size close to the highest rate is marked."""
    peak = max((mode.events_per_second or 0.0 for mode in report.modes), default=0.0)
    lines = [Content.styled("events/s by batch size", "bold $muted")]
    room = max(_LEAST_BAR, width - _NAME - 12 - len("  ◀ best"))
    for mode in report.modes:
        rate = mode.events_per_second
        best = len(report.modes) > 1 and mode.batch_size == report.best_batch_size
        style = "$success" if best else "$primary"
        lines.append(
            Content.assemble(
                (mode.name.ljust(_NAME), "bold" if best else ""),
                f"{f'{rate:,.0f}' if rate else '–':>10}  ",
                (bar(rate / peak, room).replace("·", " ").rstrip() if rate and peak else "", style),
                ("  ◀ best" if best else "", "bold $success"),
            )
        )
    return lines


def histogram_lines(report: DryRunReport, width: int, height: int = 4) -> list[Content]:
    """How the calls of one by one spread over durations, by equal ratios; with the percentiles in words."""
    mode = report.modes[0]
    if mode.histogram is None or mode.latency_ms is None:
        return []
    counts, per = _fitting(mode.histogram, max(8, width - 2))
    most = max(counts)
    wide = max(1, min(3, (width - 2) // len(counts)))
    drawn = []
    for level in range(height - 1, -1, -1):
        cells = "".join(_COLUMNS[max(0, min(8, -(-count * height * 8 // most) - level * 8))] * wide for count in counts)
        drawn.append(Content.styled(f" {cells.rstrip()}", "$primary"))
    span = len(counts) * wide
    first, last = _ms(mode.histogram.edges_ms[0] / per), _ms(mode.histogram.edges_ms[-1])
    axis = f" {first}{last.rjust(max(len(last) + 1, span - len(first)))} ms"
    title = f"latency of a call, {'one by one' if mode.batch_size == 1 else mode.name}"
    return [Content.styled(title, "bold $muted"), *drawn, Content.styled(axis, "$muted"), _percentiles(mode.latency_ms)]


def _fitting(histogram: Histogram, width: int) -> tuple[list[int], float]:
    """The counts, neighbours added up until they fit; and the ratio of two edges."""
    counts = list(histogram.counts)
    edges = histogram.edges_ms
    ratio = edges[1] / edges[0] if len(edges) > 1 else 1.2
    while len(counts) > width:
        counts = [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)]
    return counts, ratio


def _percentiles(timing: Timing) -> Content:
    parts: list[tuple[str, str] | str] = [" "]
    for name, value in vars(timing).items():
        parts += [(f"{name} ", "$muted"), f"{_ms(value)} ms  "]
    return Content.assemble(*parts)


def step_lines(report: DryRunReport) -> list[Content]:
    """Where the time of a call goes, step by step, for each way of calling."""
    lines = [
        Content.assemble(
            ("milliseconds".ljust(_STEP), "bold $muted"), (f"{'p50':>10}{'p95':>10}{'p99':>10}", "bold $muted")
        )
    ]
    for mode in report.modes:
        best = mode.batch_size == report.best_batch_size and len(report.modes) > 1
        lines.append(_timing_row(f"{mode.name}{' ◀ best' if best else ''}", mode.latency_ms, "bold"))
        lines += _steps(mode)
    return lines


def _steps(mode: ModeReport) -> list[Content]:
    took = {step: times for step, times in mode.steps_ms.items() if times.p50 or times.p99}
    return [_timing_row(f"  {step}", times, "") for step, times in took.items()]


def _timing_row(name: str, timing: Timing | None, style: str) -> Content:
    values = [f"{_ms(value):>10}" for value in vars(timing).values()] if timing is not None else [f"{'–':>10}"] * 3
    return Content.assemble((name.ljust(_STEP), style), *values)


def _ms(value: float) -> str:
    """Three digits that say something, whether microseconds or minutes."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"
