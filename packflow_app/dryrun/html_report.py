"""A dry run's report as one HTML file that needs nothing beside itself: for a pull request, or for a colleague."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.probe_report import GRAVE, HANDLED, VERDICTS
from packflow_app.errors import not_writable
from packflow_app.placing import sibling
from packflow_app.runtime import size_text

if TYPE_CHECKING:
    from pathlib import Path

    from markupsafe import Markup

_LOG_LINES = 40
_SHOWN_ROWS = 50
_SHOWN_FIELDS = 20
_WIDTH, _BAR_HEIGHT, _GAP = 640, 22, 10


def write_html_report(path: Path, report: dict[str, Any]) -> None:
    """Write the page for a report (as ``DryRunReport.as_json`` has it) to ``path``; raises NotWritableError."""
    work = sibling(path.absolute())
    try:
        work.write_text(html_report(report), encoding="utf-8")
        work.replace(path)
    except OSError as error:
        if work.parent.is_dir():
            work.unlink(missing_ok=True)
        raise not_writable(path, error) from error


def html_report(report: dict[str, Any]) -> str:
    """The page; equal reports give equal bytes."""
    import jinja2  # noqa: PLC0415 - slow to import, and only here

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("packflow_app.dryrun", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    steps = [step for step in report["modes"][0]["steps_ms"] if any(_took(mode, step) for mode in report["modes"])]
    return environment.get_template("report.html.j2").render(
        r=report,
        verdicts=_verdicts(report),
        steps=steps,
        rates=_rates(report),
        histogram=_histogram(report["modes"][0]["histogram"]),
        sections=_sections(report),
        log="\n".join(report["log"].rstrip().splitlines()[-_LOG_LINES:]),
    )


def _took(mode: dict[str, Any], step: str) -> bool:
    return step in mode["steps_ms"] and mode["steps_ms"][step]["p99"] > 0


def _verdicts(report: dict[str, Any]) -> list[dict[str, str]]:
    parity, golden = report["parity"], report["golden"]
    found = []
    if parity is not None:
        differing = max(comparison["differing"] for comparison in parity["comparisons"])
        text = f"{parity['events'] - differing:,} of {parity['events']:,}"
        found.append(_verdict("single = batch", text, good=parity["equal"]))
    failed = report["failed"]
    found.append(_verdict("failed events", f"{failed:,}" if failed else "none", good=not failed))
    if golden is not None:
        text = f"{golden['events']} {'equal' if golden['equal'] else 'differ'}"
        found.append(_verdict("golden events", text, good=golden["equal"]))
    probes = report["probes"]
    if probes is not None and probes["results"]:
        grave = sum(result["verdict"] in GRAVE for result in probes["results"])
        text = f"! {grave} do harm" if grave else f"✓ {len(probes['results']):,} do no harm"
        found.append({"label": "probes", "text": text, "kind": "warn" if grave else "good"})
    best = report["best_batch_size"]
    if best is not None:
        found.append({"label": "best batch size", "text": f"{best:,}", "kind": ""})
    return found


def _verdict(label: str, text: str, *, good: bool) -> dict[str, str]:
    return {"label": label, "text": f"{'✓' if good else '✗'} {text}", "kind": "good" if good else "bad"}


def _sections(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Tables that are there where there is something to tell."""
    found = []
    if report["failures"]:
        rows = [
            [failure["event"], failure["step"], f"{failure['type']}: {failure['message']}", _place(failure)]
            for failure in report["failures"][:_SHOWN_ROWS]
        ]
        found.append(_section("Failed events", ["event", "step", "error", "at"], rows, report["failed"]))
    found += _probe_sections(report["probes"]) if report["probes"] is not None else []
    against = report["against"]
    if against is not None and against["fields"]:
        rows = [
            [field["path"], field["events"], size_text(field["largest"]), _example(field)]
            for field in against["fields"][:_SHOWN_ROWS]
        ]
        title = f"Against {against['old']}"
        found.append(_section(title, ["field", "events", "largest |Δ|", "first"], rows, len(against["fields"])))
    remarks = [[f"event {change['event']}: {change['path'] or 'all of it'}"] for change in report["changed_inputs"]]
    if remarks:
        found.append(_section("Events that the model changed", ["place"], remarks, len(remarks)))
    if report["written_files"]:
        rows = [[name] for name in report["written_files"]]
        found.append(_section("Files of the project that the model wrote", ["file"], rows, len(rows)))
    return found


def _probe_sections(probes: dict[str, Any]) -> list[dict[str, Any]]:
    """Verdicts by kind of probe, then those that were not handled, the gravest first."""
    seen = [verdict for verdict in VERDICTS if any(verdict in counts for counts in probes["verdicts"].values())]
    table = [
        [kind.replace("-", " "), *(counts.get(verdict, "") for verdict in seen)]
        for kind, counts in probes["verdicts"].items()
    ]
    notes = list(probes["notes"])
    if probes["fields_used"]:
        used = f"{len(probes['fields_used'])} of {probes['fields']} fields change the outcome when they change: "
        more = ", …" if len(probes["fields_used"]) > _SHOWN_FIELDS else "."
        notes.append(used + ", ".join(probes["fields_used"][:_SHOWN_FIELDS]) + more)
    heads = ["probe", *(verdict.replace("-", " ") for verdict in seen)]
    found = [
        {"title": "Events that are not as the samples are", "heads": heads, "rows": table, "note": " ".join(notes)}
    ]
    bad = [result for result in probes["results"] if result["verdict"] != HANDLED]
    bad.sort(key=lambda result: -VERDICTS.index(result["verdict"]))
    if bad:
        rows = [
            [
                result["kind"].replace("-", " "),
                result["path"],
                result["value"],
                result["verdict"].replace("-", " "),
                result["detail"],
                _place(result),
            ]
            for result in bad[:_SHOWN_ROWS]
        ]
        heads = ["probe", "field", "value", "verdict", "what happened", "at"]
        found.append(_section("Probes that were not handled", heads, rows, len(bad)))
    return found if table else []


def _section(title: str, heads: list[str], rows: list[list[Any]], total: int) -> dict[str, Any]:
    note = f"The first {len(rows):,} of {total:,}." if total > len(rows) else ""
    return {"title": title, "heads": heads, "rows": rows, "note": note}


def _place(failure: dict[str, Any]) -> str:
    return f"{failure['file']}:{failure['line']}" if failure["file"] else ""


def _example(field: dict[str, Any]) -> str:
    first = field["first"]
    return f"event {first['event']}: {first['left']!r} → {first['right']!r}"


def _rates(report: dict[str, Any]) -> Markup:
    """Events per second by batch size, as bars."""
    modes = [mode for mode in report["modes"] if mode["events_per_second"]]
    peak = max((mode["events_per_second"] for mode in modes), default=1.0)
    rows = [
        (mode["name"], mode["events_per_second"] / peak, f"{mode['events_per_second']:,.0f}/s", mode["batch_size"])
        for mode in modes
    ]
    return _bars([(name, share, text, size == report["best_batch_size"]) for name, share, text, size in rows])


def _histogram(histogram: dict[str, Any] | None) -> Markup | None:
    if histogram is None:
        return None
    most = max(histogram["counts"])
    return _bars(
        [
            (f"≤ {edge:.3g} ms", count / most, f"{count:,}", False)
            for edge, count in zip(histogram["edges_ms"], histogram["counts"], strict=True)
        ]
    )


def _bars(rows: list[tuple[str, float, str, bool]]) -> Markup:
    """A bar chart as SVG: label, share of the longest bar, text, and whether the row is the one to choose."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    height = len(rows) * (_BAR_HEIGHT + _GAP) + _GAP
    label, room = 110, _WIDTH - 110 - 110
    parts = [Markup('<svg viewBox="0 0 {} {}" role="img" width="{}">').format(_WIDTH, height, _WIDTH)]
    for number, (name, share, text, best) in enumerate(rows):
        top = _GAP + number * (_BAR_HEIGHT + _GAP)
        middle = top + _BAR_HEIGHT * 0.7
        length = round(max(share, 0.002) * room, 1)
        kind = Markup(' class="best"') if best else Markup()
        parts += [
            Markup('<text x="{}" y="{:.1f}" text-anchor="end"{}>{}</text>').format(label - 10, middle, kind, name),
            Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="3"/>').format(label, top, length, _BAR_HEIGHT),
            Markup('<text x="{}" y="{:.1f}"{}>{}</text>').format(label + length + 8, middle, kind, text),
        ]
    return Markup().join([*parts, Markup("</svg>")])
