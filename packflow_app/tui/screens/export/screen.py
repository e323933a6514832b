"""Export: what gates it, what the archive would hold, where it goes; then the file, and the command that runs it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from packflow_app.actions.export import ExportDone, ExportOptions
from packflow_app.actions.export_plan import ExportPlan
from packflow_app.tui.dialogs.confirm import ConfirmDialog
from packflow_app.tui.registry import ACTIONS, Call
from packflow_app.tui.screens.export.gates import beside, gates, gates_text, headline
from packflow_app.tui.screens.export.options_dialog import ExportOptionsDialog
from packflow_app.tui.screens.export.result import result_text
from packflow_app.tui.screens.journey import JourneyScreen, bindings_of, job_widgets
from packflow_app.tui.steps import STYLES
from packflow_app.tui.widgets.files_tree import FilesTree
from packflow_app.tui.widgets.folded import Folded
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.wording import counted, home_path, sized, visible

if TYPE_CHECKING:
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.steps import ProjectSeen

_PLAN = "export-plan"
_LABEL = 9


class ExportScreen(JourneyScreen):
    """The options are asked for with ``o``; ``r`` exports with those that are shown."""

    STEP = "export"
    ACTIONS: ClassVar[tuple[str, ...]] = (_PLAN, "export")
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("export")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._options: ExportOptions | None = None
        self._plan: ExportPlan | None = None
        self._planned: object = None
        self._done: ExportDone | None = None
        self._asked: int | None = None

    def compose_body(self) -> ComposeResult:
        yield from job_widgets()
        with Scroll(id="result-panel", classes="panel") as result:
            result.border_title = "Archive"
            yield Folded(id="result")
        with Horizontal(id="upper"):
            with Scroll(id="gates-panel", classes="panel"):
                yield Folded(id="gates")
            with Scroll(id="options-panel", classes="panel") as options:
                options.border_title, options.border_subtitle = "Options", "o changes them"
                yield Static(id="options")
        with Vertical(id="contents-panel", classes="panel") as contents:
            contents.border_title = "Contents"
            yield FilesTree(id="contents")

    def opened(self) -> None:
        self.set_focus(self.query_one(FilesTree))

    def show_project(self, seen: ProjectSeen | None) -> None:
        if self._options is not None and self._options.project != self.journey.project:
            self._options, self._done, self._plan = None, None, None
        if seen is not None and seen.problem is None and not seen.gone:
            if self._options is None:
                self._options = ExportOptions(project=seen.folder)
            self._plan_anew(seen)
        self._draw()

    def _plan_anew(self, seen: ProjectSeen) -> None:
        """Look at what an export would do, where something changed that it depends on."""
        run = seen.step("dry-run")
        planned = (self._options, seen.digest, run.state, run.at, seen.step("validate").at, seen.archive)
        if planned != self._planned and self._options is not None:
            self._planned = planned
            self.journey.start(replace(ACTIONS[_PLAN].call(self._options), background=True))

    def call(self) -> Call | None:
        return ACTIONS["export"].call(self._options) if self._options is not None else None

    def show_job(self, job: Job) -> None:
        if job.action == _PLAN:
            if job.state == "done":
                self._plan = job.value
            elif job.state == "failed":
                self._plan = None
                self.query_one(ProblemPanel).show(job.problem)
            self._draw()
            return
        self.query_one(ProgressLine).show(job)
        self.query_one(ProblemPanel).show(job.problem if job.state == "failed" else None)
        self._done = job.value if job.state == "done" else None
        if job.problem is not None and job.problem.code == "target-exists" and self._asked != job.number:
            self._asked = job.number
            self._ask_to_replace(job)
        self._draw()

    def _ask_to_replace(self, job: Job) -> None:
        question = ConfirmDialog(job.problem.message if job.problem else "", "Replace it")
        again = replace(job.call.options, force=True)
        self.app.push_screen(question, lambda yes: self.run_named("export", again) if yes else None)

    def _draw(self) -> None:
        seen = self.journey.seen
        nothing = seen is None or seen.problem is not None or seen.gone
        self.set_class(nothing, "-empty")
        self.set_class(self._done is not None and not nothing, "-done")
        if seen is None or nothing:
            text = "Looking at the project … " if self.journey.is_looking else "There is no project to export. "
            self.query_one("#gates-panel").border_title = "Export"
            told = Content.assemble(text, ("1", "bold $key"), " goes home.")
            self.query_one("#gates", Folded).show(lambda _width: told)
            return
        self.query_one("#options", Static).update(self._options_text())
        self._draw_plan()
        if self._done is not None:
            self.query_one("#result", Folded).show(partial(result_text, self._done, seen.events))

    def _draw_plan(self) -> None:
        plan, options = self._plan, self._options
        panel, text = self.query_one("#gates-panel"), self.query_one("#gates", Folded)
        if plan is None or options is None:
            panel.border_title = "Before"
            job = self.journey.jobs.latest.get(_PLAN)
            failed = job is not None and job.state == "failed"
            told = Content.styled("It cannot be planned." if failed else "Looking at the project …", "$muted")
            text.show(lambda _width: told)
            return
        found = gates(plan, options)
        state, words = headline(found)
        panel.border_title = f"[{STYLES[state]}]{state.value} {words}[/]"
        text.show(partial(gates_text, found))
        self.query_one(FilesTree).show(
            {f"project/{name}": size for name, size in plan.sizes.items()}, plan.contents.excluded, beside=beside(plan)
        )
        total = f"{counted(len(plan.sizes), 'file')} of the project, {sized(sum(plan.sizes.values()))}"
        left = f", {len(plan.contents.excluded):,} left out" if plan.contents.excluded else ""
        self.query_one("#contents-panel").border_title = f"Contents: {total}{left}"

    def _options_text(self) -> Content:
        options = self._options
        if options is None:
            return Content("")
        key = options.signing_key
        signed = "no" if key is None else f"with {home_path(key.key) if key.key else key.command}"
        kit = "none" if options.kit is None else f"{home_path(options.kit)}  {', '.join(options.targets)}"
        golden = "as they are" if options.golden is None else str(options.golden or "none")
        ticked = {"strict": options.strict, "no run": not options.run, "replaces": options.force}
        rows = [
            ("folder", home_path(options.output.absolute())),
            ("format", "zip, and a wheel" if options.form == "wheel" else "zip"),
            ("golden", golden),
            ("signed", signed),
            ("kit", kit),
            ("also", ", ".join(name for name, is_so in ticked.items() if is_so)),
        ]
        lines = [Content.assemble((label.ljust(_LABEL), "$muted"), visible(text)) for label, text in rows if text]
        return Content("\n").join(lines)

    # Keys

    def action_options(self) -> None:
        if self._options is not None:
            self.app.push_screen(ExportOptionsDialog(self._options), self._take)

    def _take(self, options: ExportOptions | None) -> None:
        if options is not None:
            self._options = options
            self.show_project(self.journey.seen)
            self.show_command()


SCREEN = ExportScreen
