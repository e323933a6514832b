"""Dry run: whether one by one equals batches, how fast each is, what unusual events do, and what the model printed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, OptionList, Static

from packflow_app.dryrun.report import DryRunReport
from packflow_app.tui.defaults import default_call
from packflow_app.tui.screens.dry_run.options_dialog import DryRunOptionsDialog
from packflow_app.tui.screens.dry_run.probes_table import ProbesTable
from packflow_app.tui.screens.dry_run.problems_list import ProblemsList, difference_title
from packflow_app.tui.screens.dry_run.side_by_side import SideBySide
from packflow_app.tui.screens.dry_run.speed import histogram_lines, rate_lines, step_lines
from packflow_app.tui.screens.dry_run.speed_picture import SpeedPicture
from packflow_app.tui.screens.dry_run.verdict import verdict_lines
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of
from packflow_app.tui.steps import State, hindrance
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.pane_tabs import PaneTabs
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import ago, visible

if TYPE_CHECKING:
    from packflow_app.actions.dry_run import DryRunOptions
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.registry import Call
    from packflow_app.tui.steps import ProjectSeen

_PANES = {"problems": "Problems", "timing-pane": "Timing", "probes": "Probes", "log-pane": "Log"}
_EMPTY = "The model has not been run yet."


class DryRunScreen(JourneyScreen):
    """Shows the last report that was kept, by whichever face it was made."""

    STEP = "dry-run"
    ACTIONS: ClassVar[tuple[str, ...]] = ("dry-run",)
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("dry-run")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._told: object = None
        self._report: DryRunReport | None = None
        self._log = ""
        self._failed: int | None = None

    def compose_body(self) -> ComposeResult:
        yield ProgressLine()
        yield ProblemPanel()
        with Horizontal(id="upper"):
            with Vertical(id="verdict-panel", classes="panel") as panel:
                panel.border_title = "Verdict"
                yield Static(id="verdict")
            with Vertical(id="speed-panel", classes="panel") as speed:
                speed.border_title = "Speed"
                yield SpeedPicture()
        with Vertical(id="lower", classes="panel"):
            yield PaneTabs(_PANES)
            with ContentSwitcher(initial="problems", id="panes"):
                yield ProblemsList()
                with Scroll(id="timing-pane"):
                    yield Static(id="timing")
                yield ProbesTable()
                with Scroll(id="log-pane"):
                    yield Static(id="log", markup=False)

    def opened(self) -> None:
        self.set_focus(self.query_one(ProblemsList))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_timing)

    # What is shown

    def show_project(self, seen: ProjectSeen | None) -> None:
        told = seen.dry_run if seen is not None else None
        if told is not self._told or self._report is None:
            self._told = told
            is_drawn = self._report is not None and told == self._report
            self._report = told
            if not is_drawn:
                self._draw()
        self._draw_title(seen)

    def show_job(self, job: Job) -> None:
        self.query_one(ProgressLine).show(job)
        self.query_one(ProblemPanel).show(job.problem if job.state == "failed" else None)
        if job.state == "failed" and job.number != self._failed:
            self._failed = job.number
            self._report, self._log = None, job.log
            self._draw()
            if job.log:
                self._show_log(job.log)
                self.query_one(PaneTabs).choose("log-pane")
        if job.state == "done":
            self._report, self._log = job.value.report, ""
            self._draw()
        self._draw_title(self.journey.seen)

    def call(self) -> Call | None:
        seen = self.journey.seen
        return default_call("dry-run", seen, self.journey.chosen) if seen is not None else None

    def _draw_title(self, seen: ProjectSeen | None) -> None:
        """When it was, and whether it still counts."""
        panel = self.query_one("#verdict-panel")
        state = seen.step("dry-run") if seen is not None else None
        when = f" of {ago(time.time() - state.at)} ago" if state is not None and state.at else ""
        panel.border_title = f"Verdict{when}".replace("of now ago", "of just now")
        panel.border_subtitle = ""
        if state is not None and state.state is State.STALE:
            first = seen.changed[0] if seen is not None and seen.changed else "something"
            panel.border_subtitle = f"● stale: {first} changed since"

    def _draw(self) -> None:
        report = self._report
        self.set_class(report is None and not self._log, "-empty")
        self.set_class(report is None, "-no-report")
        if report is None and (why := hindrance(self.journey.seen)):
            self.query_one("#verdict", Static).update(Content.styled(why, "$error"))
            return
        if report is None and self.journey.is_looking:
            self.query_one("#verdict", Static).update(Content.styled("Looking at the project …", "$muted"))
            return
        if report is None:
            if self._log:
                text = "The last run gave no verdict. What the model printed before it ended stands below."
                self.query_one("#verdict", Static).update(text)
                return
            self.query_one("#verdict", Static).update(
                Content.assemble(
                    _EMPTY, " Press ", ("r", "bold $key"), " to run it on the sample events, one by one and in batches."
                )
            )
            return
        model = Content.assemble(
            (visible(f"{report.name} {report.version}"), "bold"), (f"  on Python {report.python}\n", "$muted")
        )
        self.query_one("#verdict", Static).update(Content("\n").join([model, *verdict_lines(report)]))
        self.query_one(ProblemsList).show(report)
        self.query_one(ProbesTable).show(report.probes)
        self._show_log(report.log)
        tabs = self.query_one(PaneTabs)
        tabs.count("problems", len(self.query_one(ProblemsList).problems))
        tabs.count("probes", len(report.probes.results) if report.probes is not None else 0)
        if not self.query_one(ProblemsList).problems and tabs.current == "problems":
            tabs.choose("timing-pane")
        self.query_one(SpeedPicture).show(report)
        self._draw_timing()

    def _draw_timing(self) -> None:
        report = self._report
        if report is None:
            return
        is_wide = self.has_class("-wide")
        room = max(30, self.app.size.width - 8)
        above = [] if is_wide else [*rate_lines(report, room), Content(""), *histogram_lines(report, room), Content("")]
        self.query_one("#timing", Static).update(Content("\n").join([*above, *step_lines(report)]))

    def _show_log(self, text: str) -> None:
        lines = [visible(line) for line in text.rstrip().splitlines()]
        self.query_one("#log", Static).update("\n".join(lines) or "The model printed nothing.")
        self.query_one(PaneTabs).count("log-pane", len(lines))

    # Keys

    @on(PaneTabs.Chosen)
    def _pane_chosen(self, message: PaneTabs.Chosen) -> None:
        self.query_one(ContentSwitcher).current = message.pane
        self.set_focus(self.query_one(f"#{message.pane}"))

    def action_options(self) -> None:
        call = self.call()
        if call is None:
            self.journey.say("There is no project to run here.", severity="warning")
        else:
            events = self.journey.seen.events if self.journey.seen is not None else None
            self.app.push_screen(DryRunOptionsDialog(call.options, events), self._take)

    def _take(self, options: DryRunOptions | None) -> None:
        if options is not None:
            self.journey.chosen["dry-run"] = options
            self.show_command()

    def action_next_pane(self) -> None:
        self.query_one(PaneTabs).move(1)

    def action_problem(self, step: int) -> None:
        tabs, problems = self.query_one(PaneTabs), self.query_one(ProblemsList)
        if tabs.current != "problems":
            tabs.choose("problems")
        elif step > 0:
            problems.action_cursor_down()
        else:
            problems.action_cursor_up()

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        report = self._report
        parity = report.parity if report is not None else None
        if report is None or parity is None or parity.first_difference is None or parity.outputs is None:
            self.journey.say("There is no difference to show: single = batch." if report else _EMPTY)
        else:
            self.app.push_screen(SideBySide(difference_title(report), parity.first_difference, parity.outputs))

    def place_to_edit(self) -> tuple[Path, int | None] | None:
        project = self.journey.project
        shown = self.query_one(ProblemPanel)
        problem = shown.problem if shown.problem is not None else self.query_one(ProblemsList).chosen
        if project is None or problem is None or problem.file is None:
            return None
        return project / problem.file, problem.line


SCREEN = DryRunScreen
