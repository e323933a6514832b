"""The verdict of a dry run in lines: what was compared, what failed, what the model needs and takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.dryrun.problems import VERDICT_NAMES
from packflow_app.wording import counted, sized, visible

if TYPE_CHECKING:
    from packflow_app.dryrun.needs_report import Needs
    from packflow_app.dryrun.probe_report import ProbesReport
    from packflow_app.dryrun.report import DryRunReport, ParityReport

_LABEL = 16
_FIELDS = 4


def verdict_lines(report: DryRunReport) -> list[Content]:
    """One line for each verdict or measurement, the first the most important."""
    lines = [
        _parity(report.parity),
        _row("failed events", f"{report.failed:,}" if report.failed else "none", good=not report.failed),
    ]
    if report.golden is not None:
        same = "equal" if report.golden.equal else "differ"
        lines.append(_row("golden events", f"{report.golden.events:,} {same}", good=report.golden.equal))
    if report.needs is not None:
        lines.append(_needs(report.needs))
    if report.pickles.files:
        shown = f"{counted(len(report.pickles.files), 'file')}, {counted(len(report.pickles.allowlist), 'global')}"
        lines.append(_row("pickles", shown, good=True))
    if report.probes is not None:
        lines += _probes(report.probes)
    load, initialize = report.load_seconds * 1e3, report.initialize_seconds * 1e3
    lines.append(_row("loads in", f"{load:,.0f} ms, of it initialize {initialize:,.0f} ms"))
    lines.append(_row("memory", f"{sized(report.peak_memory)} at most"))
    return lines


def _row(label: str, text: str, *, good: bool | None = None) -> Content:
    mark, style = {True: ("✓ ", "$success"), False: ("✗ ", "$error"), None: ("  ", "")}[good]
    strong = "bold " if label == "single = batch" else ""
    value_style = f"{strong}{'$error' if good is False else '$success' if strong else ''}".strip()
    return Content.assemble((mark, style), (label.ljust(_LABEL), "$muted"), (visible(text), value_style))


def _parity(parity: ParityReport | None) -> Content:
    if parity is None:
        return Content.assemble("– ", ("single = batch".ljust(_LABEL), "$muted"), "not compared")
    if parity.equal:
        ties = sum(one["ties"] for one in parity.comparisons)
        text = f"{parity.events:,} of {parity.events:,}" + (f", {counted(ties, 'tie')}" if ties else "")
        return _row("single = batch", text, good=True)
    differing = max(one["differing"] for one in parity.comparisons)
    return _row("single = batch", f"{differing:,} of {parity.events:,} differ", good=False)


def _needs(needs: Needs) -> Content:
    used = ", ".join(f"{name} {version}" for name, version in sorted(needs.used.items())) or "nothing beside Python"
    lacking = len(needs.missing) + len(needs.different) + len(needs.wrong_marker)
    return _row("requirements", used + (f"; {lacking} not as declared" if lacking else ""), good=not lacking)


def _probes(probes: ProbesReport) -> list[Content]:
    counts = ", ".join(f"{count:,} {VERDICT_NAMES[verdict]}" for verdict, count in probes.by_verdict.items())
    text = counts or "none run"
    line = (
        Content.assemble(("● ", "$warning"), ("probes".ljust(_LABEL), "$muted"), (text, "$warning"))
        if probes.grave
        else _row("probes", text, good=True)
    )
    used = probes.fields_used
    if not used:
        return [line]
    names = ", ".join(used[:_FIELDS]) + (", …" if len(used) > _FIELDS else "")
    return [line, _row("fields in use", f"{len(used):,} of {probes.fields:,}: {names}")]
