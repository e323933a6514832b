"""What became of events that are not as the samples are, the gravest first."""

from __future__ import annotations

from rich.text import Text

from packflow_app.dryrun.probe_report import CLEAN_ERROR, HANDLED, VERDICTS, ProbesReport
from packflow_app.dryrun.problems import VERDICT_NAMES, name_of
from packflow_app.tui.widgets.tables import Table
from packflow_app.wording import visible

_STYLES = {HANDLED: "green", CLEAN_ERROR: ""}
_MARKS = {HANDLED: "✓", CLEAN_ERROR: "–"}


class ProbesTable(Table):
    """A line for each probe."""

    def __init__(self) -> None:
        super().__init__(id="probes", cursor_type="row")

    def show(self, probes: ProbesReport | None) -> None:
        """Show what was found; nothing where no probes were run."""
        self.clear(columns=True)
        # Not as str, in which emoji are looked for: their list takes as long to load as all the rest to draw.
        self.add_columns(*map(Text, ("probe", "verdict", "what happened")))
        if probes is None:
            return
        for one in sorted(probes.results, key=lambda result: -VERDICTS.index(result.verdict)):
            style = _STYLES.get(one.verdict, "bold red")
            mark = _MARKS.get(one.verdict, "✗")
            place = f"{one.file}:{one.line}  " if one.file else ""
            self.add_row(
                Text(visible(name_of(one))[:48]),
                Text(f"{mark} {VERDICT_NAMES[one.verdict]}", style),
                Text(visible(f"{place}{one.detail}")[:160]),
            )
