"""Rates and latencies, drawn as wide as there is room."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from packflow_app.dryrun.report import DryRunReport
from packflow_app.tui.screens.dry_run.speed import histogram_lines, rate_lines

_NARROWEST = 30


class SpeedPicture(Static):
    """Draws anew whenever its width changes, also when it gets its first one."""

    def __init__(self) -> None:
        super().__init__(id="speed")
        self._report: DryRunReport | None = None

    def show(self, report: DryRunReport) -> None:
        """Show a report."""
        self._report = report
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._report is not None:
            width = max(_NARROWEST, self.content_size.width)
            lines = [*rate_lines(self._report, width), Content(""), *histogram_lines(self._report, width)]
            self.update(Content("\n").join(lines))
