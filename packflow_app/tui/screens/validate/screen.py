"""Validate: findings by weight, each with its place, why it matters, and the fix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from packflow_app.actions.validate import ValidateOptions
from packflow_app.checks.check import Severity
from packflow_app.tui.defaults import default_call
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of
from packflow_app.tui.screens.validate.diff_dialog import DiffDialog
from packflow_app.tui.screens.validate.findings_list import MARKS, NOUNS, FindingsList, finding_text
from packflow_app.tui.screens.validate.fixes import fix_call, mend_call, plan_call
from packflow_app.tui.steps import State, hindrance
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import counted

if TYPE_CHECKING:
    from packflow_app.actions.validate import Validated
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.registry import Call
    from packflow_app.tui.steps import ProjectSeen


class ValidateScreen(JourneyScreen):
    """Looks when it is opened first, without running anything; ``r`` runs the model where its verdict is missing."""

    STEP = "validate"
    ACTIONS: ClassVar[tuple[str, ...]] = ("validate", "fix", "plan-fixes", "sync", "lock", "dry-run")
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("validate")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._done: Validated | None = None
        self._number = 0
        self._text = ""
        self._awaited: set[int] = set()

    def compose_body(self) -> ComposeResult:
        yield Static(id="counts")
        yield Input(id="filter", placeholder="a text in the place, the message, the check or the fix")
        yield ProgressLine()
        yield ProblemPanel()
        with Vertical(id="findings-panel", classes="panel") as findings:
            findings.border_title = "Findings"
            yield FindingsList()
        with Scroll(id="finding-panel", classes="panel") as finding:
            finding.border_title = "Finding"
            yield Static(id="finding")

    def opened(self) -> None:
        self.set_focus(self.query_one(FindingsList))

    def show_project(self, seen: ProjectSeen | None) -> None:
        if self._done is not None and self._done.folder != self.journey.project:
            self._done = None
        if seen is not None and self._done is None and "validate" not in self.journey.jobs.latest:
            self._check_at_once()
        self._draw()

    def _check_at_once(self) -> None:
        """Look without running anything: opening a screen is no leave to run somebody's model."""
        seen = self.journey.seen
        if seen is not None and seen.problem is None and not seen.gone:
            call = ACTIONS["validate"].call(ValidateOptions(seen.folder, run=False))
            self.journey.start(replace(call, only_reads=True))

    def call(self) -> Call | None:
        return default_call("validate", self.journey.seen) if self.journey.seen is not None else None

    def show_job(self, job: Job) -> None:
        running = [one for one in self.journey.jobs.running if one.action in self.ACTIONS]
        self.query_one(ProgressLine).show(running[0] if running else None)
        if job.action == "dry-run" and job.state != "failed" and job.number not in self._awaited:
            return
        self.query_one(ProblemPanel).show(job.problem if job.state == "failed" else None)
        if job.state != "done":
            return
        if job.action in ("validate", "fix") and job.number >= self._number:
            self._number, self._done = job.number, job.value
            self._draw()
        if job.number in self._awaited:
            self._took_effect(job)

    def _took_effect(self, job: Job) -> None:
        """What a fix, or the look at one, came to."""
        if job.action == "plan-fixes" and self.journey.screen is not self:
            return  # asked when the screen is looked at again
        self._awaited.remove(job.number)
        if job.action == "plan-fixes":
            self._ask(job.value, job.call.options)
        elif job.action == "fix":
            fixed = job.value.fixed
            self.journey.say(f"Mended: {counted(len(fixed), 'thing')}." if fixed else "There was nothing to mend.")
        else:
            self._check_at_once()

    def _ask(self, found: Validated, options: ValidateOptions) -> None:
        """Show what would change, and do it after a yes."""
        if not found.planned:
            self.journey.say("Nothing can be mended without a decision of yours; each fix says which.")
            return
        call = mend_call(options.project, *options.only)

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - as Textual calls it
            if yes:
                self._start(call)

        self.app.push_screen(DiffDialog(found.planned, call.command), answered)

    def _draw(self) -> None:
        done = self._done if not hindrance(self.journey.seen) else None
        self.query_one(FindingsList).show(done.findings if done is not None else [], self._text)
        self.query_one("#counts", Static).update(self._counts())
        self.set_class(done is None or not done.findings, "-empty")
        self._draw_finding()

    def _counts(self) -> Content:
        done, seen = self._done, self.journey.seen
        if why := hindrance(seen):
            return Content.assemble(("✗ ", "$error"), why)
        if done is None:
            return Content.styled(
                "Checking …" if self.journey.project else "No project is open: 1 goes home.", "$muted"
            )
        parts: list[str | tuple[str, str]] = []
        for severity, noun in NOUNS.items():
            mark, style = MARKS[severity]
            if number := len(done.of(severity)):
                parts += [(f"{mark} {counted(number, noun)}", style), "  "]
        if not done.of(Severity.ERROR):
            parts += [("✓ nothing is in the way of an export", "$success"), "  "]
        parts.append((f"in {counted(len(done.checks), 'check')}", "$muted"))
        if seen is not None and seen.step("validate").state is State.STALE:
            parts.append(("  ● stale: the project changed since, r checks again", "$warning"))
        return Content.assemble(*parts)

    @on(OptionList.OptionHighlighted)
    def _draw_finding(self) -> None:
        chosen = self.query_one(FindingsList).chosen
        call = fix_call(chosen, self._done.folder) if chosen is not None and self._done is not None else None
        text = finding_text(chosen, call.command if call is not None else "") if chosen is not None else ""
        self.query_one("#finding", Static).update(text)

    # Keys

    def action_fix(self) -> None:
        chosen, project = self.query_one(FindingsList).chosen, self.journey.project
        call = fix_call(chosen, project) if chosen is not None and project is not None else None
        if chosen is None:
            self.journey.say(hindrance(self.journey.seen) or "There is nothing to fix here.", severity="warning")
        elif call is None:
            self.journey.say("This needs a decision of yours; the fix says which.", severity="warning")
        elif call.action == "fix":
            self._start(plan_call(call.options.project, *call.options.only))
        else:
            self._start(call)

    def action_fix_all(self) -> None:
        seen = self.journey.seen
        if seen is None or hindrance(seen):
            self.journey.say(hindrance(seen) or "There is nothing to fix here.", severity="warning")
        else:
            self._start(plan_call(seen.folder))

    def _start(self, call: Call) -> None:
        """Start what mends something; its end is waited for."""
        self._awaited.add(self.journey.start(call).number)

    def action_problem(self, step: int) -> None:
        findings = self.query_one(FindingsList)
        if step > 0:
            findings.action_cursor_down()
        else:
            findings.action_cursor_up()

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        self.set_focus(field)

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self._text = event.value.strip()
        self._draw()

    @on(Input.Submitted, "#filter")
    def _submitted(self) -> None:
        self.query_one("#filter", Input).display = bool(self._text)
        self.set_focus(self.query_one(FindingsList))

    def left_field(self, field: Input) -> None:
        field.value = ""
        field.display = False
        self.set_focus(self.query_one(FindingsList))

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.action_edit()

    def place_to_edit(self) -> tuple[Path, int | None] | None:
        chosen, project = self.query_one(FindingsList).chosen, self.journey.project
        if chosen is None or chosen.file is None or project is None:
            return None
        return project / chosen.file, chosen.line


SCREEN = ValidateScreen
