"""What all six screens are: a title, the steps, a body, the command that does the same, the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Input

from packflow_app.tui.keys import keys_of
from packflow_app.tui.steps import hindrance
from packflow_app.tui.widgets.command_line import CommandLine
from packflow_app.tui.widgets.key_hints import KeyHints
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.tui.widgets.step_strip import StepStrip
from packflow_app.tui.widgets.title_bar import TitleBar
from packflow_app.tui.widgets.too_small import TooSmall

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.tui.app import PackflowApp
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.registry import Call
    from packflow_app.tui.steps import ProjectSeen


def bindings_of(screen: str) -> list[BindingType]:
    """The bindings of a screen's own keys."""
    own = [key for key in keys_of(screen) if key.screen == screen]
    return [Binding(key.keys, key.action, key.label, show=False) for key in own]


def job_widgets() -> ComposeResult:
    """What shows a job and how it failed, at the top of a body."""
    yield ProgressLine()
    yield ProblemPanel()


class JourneyScreen(Screen[None]):
    """One step of the journey.

    ``STEP`` is its command (or home), ``ACTIONS`` the ids of the actions whose jobs it shows. A subclass composes its
    body and shows a project and jobs when they change; it keeps nothing that is not on the screen.
    """

    STEP: ClassVar[str] = "home"
    ACTIONS: ClassVar[tuple[str, ...]] = ()
    ESCAPE_TO_MINIMIZE: ClassVar[bool] = False
    run_is_wanted: bool = False

    @property
    def journey(self) -> PackflowApp:
        """The app."""
        return cast("PackflowApp", self.app)

    def compose(self) -> ComposeResult:
        yield TitleBar()
        if self.STEP != "home":
            yield StepStrip(self.STEP)
        with Container(id="body"):
            yield from self.compose_body()
        yield CommandLine()
        yield KeyHints(self.STEP)
        yield TooSmall(id="too-small")

    def compose_body(self) -> ComposeResult:
        """What stands between the steps and the command."""
        yield from ()

    def on_mount(self) -> None:
        self.journey.project_changed.subscribe(self, self._project_changed)
        self.journey.job_changed.subscribe(self, self._job_changed)
        self._refresh_all()
        self.opened()

    def _compositor_refresh(self) -> None:
        """Draw, but not while the app batches: Textual draws then too, and forgets what it drew instead of writing it.

        So was its first picture, which has all frames: the next had only what changed since.
        """
        if not self.app._batch_count:  # noqa: SLF001 - it has no public name
            super()._compositor_refresh()

    def opened(self) -> None:
        """The screen stands for the first time."""

    def on_screen_resume(self) -> None:
        self._refresh_all()

    def _refresh_all(self) -> None:
        self._project_changed(self.journey.seen)
        for action in self.ACTIONS:
            job = self.journey.jobs.latest.get(action)
            if job is not None:
                self.show_job(job)

    def _project_changed(self, seen: ProjectSeen | None) -> None:
        self.query_one(TitleBar).show(seen)
        self._show_steps()
        self.show_project(seen)
        self.show_command()
        if self.run_is_wanted and seen is not None:
            self.run_is_wanted = False
            self.action_run()

    def _job_changed(self, job: Job) -> None:
        self._show_steps()
        if job.action in self.ACTIONS:
            self.show_job(job)
            self.show_command()

    def _show_steps(self) -> None:
        for strip in self.query(StepStrip):
            strip.show(self.journey.seen, {job.action for job in self.journey.jobs.running})

    def show_project(self, seen: ProjectSeen | None) -> None:
        """The project, or what is known of it, changed."""

    def show_job(self, job: Job) -> None:
        """A job of this screen began, got on, or ended."""

    def call(self) -> Call | None:
        """What ``r`` would do now; None where nothing can be done."""
        return None

    def show_command(self) -> None:
        """Show the command of ``call``."""
        self.show_command_of(self.call())

    def show_command_of(self, call: Call | None) -> None:
        """Show the command of a call; none where there is none."""
        self.query_one(CommandLine).show(call.command if call is not None else "")

    @property
    def command(self) -> str:
        """The command that is shown, whole."""
        return self.query_one(CommandLine).command

    def place_to_edit(self) -> tuple[Path, int | None] | None:
        """The file and line that ``e`` opens; None where nothing is chosen."""
        return None

    def action_run(self) -> None:
        call = self.call()
        if call is None and self.journey.is_looking:
            self.run_is_wanted = True  # the key came before the project was looked at; it is not lost
        elif call is None:
            self.journey.say(hindrance(self.journey.seen) or "There is nothing to run here yet.", severity="warning")
        else:
            self.journey.start(call)

    def action_back(self) -> None:
        """Leave a field, stop what this screen runs, or go home."""
        if isinstance(self.focused, Input):
            self.left_field(self.focused)
        elif stopped := [job for action in self.ACTIONS for job in self.journey.stop(action)]:
            self.journey.say(f"{stopped[0].call.title}: stopped.")
        elif self.STEP != "home":
            self.journey.action_go("home")

    def left_field(self, field: Input) -> None:
        """A field was left with escape."""
        del field
        self.screen.focus_next()

    def action_edit(self) -> None:
        place = self.place_to_edit()
        if place is None:
            self.journey.say("There is no line to edit here.", severity="warning")
        else:
            self.journey.edit(*place)

    def run_named(self, action: str, options: Any) -> None:  # noqa: ANN401 - the action's own
        """Start an action other than that of ``r``."""
        from packflow_app.tui.registry import ACTIONS  # noqa: PLC0415 - drawing needs none of it

        self.journey.start(ACTIONS[action].call(options))
