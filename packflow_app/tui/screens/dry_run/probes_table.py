"""What became of events that are not as the samples are, the gravest first."""

from __future__ import annotations

from rich.text import Text

from packflow_app.dryrun.probe_report import CLEAN_ERROR, HANDLED, VERDICTS, ProbeResult, ProbesReport
from packflow_app.dryrun.problems import VERDICT_NAMES, name_of
from packflow_app.tui.widgets.tables import Table
from packflow_app.wording import visible

COLUMNS = ("probe", "verdict", "what happened")
_STYLES = {HANDLED: "green", CLEAN_ERROR: ""}
_MARKS = {HANDLED: "✓", CLEAN_ERROR: "–"}


class ProbesTable(Table):
    """A line for each probe."""

    def __init__(self) -> None:
        super().__init__(id="probes", cursor_type="row")

    def show(self, probes: ProbesReport | None) -> None:
        """Show what was found; nothing where no probes were run."""
        results = probes.results if probes is not None else []
        gravest = sorted(results, key=lambda result: -VERDICTS.index(result.verdict))
        self.fill(COLUMNS, ((str(at), _cells(one)) for at, one in enumerate(gravest)))


def _cells(one: ProbeResult) -> list[Text]:
    mark = _MARKS.get(one.verdict, "✗")
    place = f"{one.file}:{one.line}  " if one.file else ""
    return [
        Text(visible(name_of(one))[:48]),
        Text(f"{mark} {VERDICT_NAMES[one.verdict]}", _STYLES.get(one.verdict, "bold red")),
        Text(visible(f"{place}{one.detail}")[:160]),
    ]
