"""The app: which project, which screen, which jobs; everything else is the screens' own."""

from __future__ import annotations

import gc
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.signal import Signal

from packflow_app.tui.asking import Asked
from packflow_app.tui.jobs import Job, JobEnded, JobProgressed, Jobs, fault
from packflow_app.tui.journaling import note
from packflow_app.tui.keys import EVERYWHERE, SCREENS
from packflow_app.tui.palette import JourneyCommands
from packflow_app.tui.recent import remember_project, remember_theme
from packflow_app.tui.screen_text import screen_text
from packflow_app.tui.themes import BY_NAME
from packflow_app.tui.watching import ProjectLooked, Watch, begin_watch

if TYPE_CHECKING:
    from textual.command import Provider

    from packflow_app.result import Problem
    from packflow_app.tui.registry import Call
    from packflow_app.tui.screens.journey import JourneyScreen
    from packflow_app.tui.steps import ProjectSeen

_CYCLE = ("dark", "light", "ansi")


class PackflowApp(App[int]):
    """The journey on six screens. Its result is an exit code.

    ``project`` is a folder with a packflow.yaml, or None. ``archive`` and ``events`` are files to open at the start.
    """

    TITLE = "packflow"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low"), (30, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.label, show=False, priority=key.keys == "ctrl+c") for key in EVERYWHERE
    ]
    COMMANDS: ClassVar[set[type[Provider]]] = {JourneyCommands}  # type: ignore[assignment]

    def __init__(self, project: Path | None = None, *, screen: str = "home", theme: str = "dark") -> None:
        self.DEFAULT_MODE = screen  # type: ignore[misc]  # so that no empty screen is made and drawn first
        # The first screen's rules are read with the app's: Textual reads all rules anew for each file that comes later.
        super().__init__(
            css_path=["app.tcss", f"screens/{_folder(screen)}/screen.tcss"],
            ansi_color=True if theme == "none" else None,
        )
        for name in SCREENS:
            self.add_mode(name, partial(_screen, name))
        for one in BY_NAME.values():
            self.register_theme(one)
        self.theme = BY_NAME[theme].name
        self._colors = self.get_css_variables()
        self.stylesheet.set_variables(self._colors)
        self.project = project
        self.seen: ProjectSeen | None = None
        self.archive: Path | None = None
        self.crash: Problem | None = None
        self.chosen: dict[str, Any] = {}
        """The options that were chosen for steps of this project, as long as the app runs."""
        self.jobs = Jobs(self)
        self.project_changed: Signal[ProjectSeen | None] = Signal(self, "project changed")
        self.job_changed: Signal[Job] = Signal(self, "job changed")
        self._watching: Watch | None = None
        self._mouse = True
        if "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ:
            self.animation_level = "none"

    def refresh_css(self, animate: bool = True) -> None:  # noqa: FBT001, FBT002 - as Textual calls it
        """Read the style sheets anew only where colours changed; Textual does so twice before the first picture."""
        colors = self.get_css_variables()
        if colors != self._colors:
            self._colors = colors
            super().refresh_css(animate)
            return
        for screen in self.screen_stack:
            self.stylesheet.update(screen, animate=animate)
            screen._css_update_count = self._css_update_count  # noqa: SLF001 - as Textual's own method does

    def on_mount(self) -> None:
        self._leave_on(signal.SIGTERM)
        if hasattr(signal, "SIGHUP"):  # Windows has none
            self._leave_on(signal.SIGHUP)
        self.call_after_refresh(self._begin)

    def _leave_on(self, number: signal.Signals) -> None:
        """End as asked, with the terminal as it was before."""
        import asyncio  # noqa: PLC0415 - loaded by Textual already
        import contextlib  # noqa: PLC0415

        with contextlib.suppress(RuntimeError, ValueError, NotImplementedError):  # not the main thread: a test
            asyncio.get_running_loop().add_signal_handler(number, self._leave, 128 + number)

    def _begin(self) -> None:
        """After the first paint: what takes time."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        if self.project is not None:
            self.open_project(self.project)

    def on_unmount(self) -> None:
        """However the app ends: its threads are told, or Python would wait for them."""
        self.jobs.cancel()
        self._stop_watching()

    def _leave(self, code: int) -> None:
        self.on_unmount()
        self.exit(code)

    def _handle_exception(self, error: Exception) -> None:
        """A fault of the app ends it with one clear error, after the terminal was put back."""
        self.crash = self.crash or fault(error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """No page of frames: ``crash`` is shown by whoever started the app, the frames with --debug."""
        self._close_messages_no_wait()

    # The project

    def open_project(self, folder: Path) -> None:
        """Take another project: its jobs, its watch, its place among those opened last."""
        self.jobs.forget()
        self._stop_watching()
        if folder.absolute() != self.project:
            self.chosen.clear()
        self.project, self.seen = folder.absolute(), None
        remember_project(self.project)
        self._watching = begin_watch(self, self.project)
        self.project_changed.publish(None)

    @property
    def is_looking(self) -> bool:
        """Whether there is a project that was not looked at yet."""
        return self.project is not None and self.seen is None

    def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.end()

    @on(ProjectLooked)
    def _project_looked(self, message: ProjectLooked) -> None:
        if message.watch is self._watching:
            self.seen = message.seen
            self.project_changed.publish(message.seen)

    # Jobs

    def start(self, call: Call) -> Job:
        """Begin a call."""
        job = self.jobs.start(call)
        self.job_changed.publish(job)
        return job

    def stop(self, action: str | None = None) -> list[Job]:
        """Stop the job of an action, or all; those that were stopped."""
        stopped = self.jobs.cancel(action)
        for job in stopped:
            self.job_changed.publish(job)
        return stopped

    @on(JobProgressed)
    @on(JobEnded)
    def _job_spoke(self, message: JobProgressed | JobEnded) -> None:
        if self.jobs.take(message):
            self.job_changed.publish(message.job)
            if isinstance(message, JobProgressed) and isinstance(message.progress, Asked):
                self._ask(message.job, message.progress)
            if isinstance(message, JobEnded) and not message.job.call.background:
                self._tell_end(message.job)
                if self._watching is not None:
                    self._watching.look_now(partial(note, message.job, self.seen))

    def _ask(self, job: Job, asked: Asked) -> None:
        """Put a job's questions one after another, wherever in the app one is; leaving one stops the job."""
        from packflow_app.tui.dialogs.question import QuestionDialog  # noqa: PLC0415 - as the dialogs below

        steps = asked.interview.steps()

        def put_next(answered: bool | None) -> None:  # noqa: FBT001 - a dialog's result
            if not answered:
                self.stop(job.action)
            elif step := next(steps, None):
                self.push_screen(QuestionDialog(step, job), put_next)
            else:
                asked.done()

        put_next(True)

    def _tell_end(self, job: Job) -> None:
        """A word about a job that ended while another screen was looked at."""
        if job.action not in getattr(self.screen, "ACTIONS", ()):
            if job.problem is not None:
                self.say(f"{job.call.title}: {job.problem.message}", severity="error")
            else:
                self.say(f"{job.call.title}: done.")

    # What keys do everywhere

    def say(self, text: str, *, severity: Literal["information", "warning", "error"] = "information") -> None:
        """A word in the corner, for a few seconds."""
        self.notify(text, severity=severity, markup=False, timeout=4)

    @property
    def journey_screen(self) -> JourneyScreen:
        """The screen of the journey, which a question may stand over."""
        from packflow_app.tui.screens.journey import JourneyScreen  # noqa: PLC0415 - it imports widgets

        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, JourneyScreen))

    def action_go(self, screen: str) -> None:
        if len(self.screen_stack) == 1 or not self.screen.is_modal:
            self.switch_mode(screen)

    def action_copy(self) -> None:
        selected = self.screen.get_selected_text()
        text = selected or self.journey_screen.command
        if text:
            self.copy_to_clipboard(text)
            self.say(f"Copied: {text if len(text) <= 60 else text[:59] + '…'}")
        else:
            self.say("There is nothing to copy.", severity="warning")

    def action_copy_problem(self) -> None:
        from packflow_app.tui.widgets.problem_panel import ProblemPanel  # noqa: PLC0415 - every screen has imported it

        panel = next((one for one in self.journey_screen.query(ProblemPanel) if one.display and one.problem), None)
        if panel is None:
            self.say("There is no error to copy.", severity="warning")
            return
        self.copy_to_clipboard(panel.text)
        self.say("Copied the error.")

    def action_copy_screen(self) -> None:
        self.copy_to_clipboard(screen_text(self.screen))
        self.say("Copied the screen as text.")

    def action_next_theme(self) -> None:
        if self.no_color:
            self.say("NO_COLOR is set, or --theme none was given: colours stay off.", severity="warning")
            return
        now = next((name for name, one in BY_NAME.items() if one.name == self.theme), _CYCLE[-1])
        name = _CYCLE[(_CYCLE.index(now) + 1) % len(_CYCLE)]
        self.theme = BY_NAME[name].name
        remember_theme(name)
        self.say(f"Theme: {name}")

    def action_toggle_mouse(self) -> None:
        driver = self._driver
        name = "_disable_mouse_support" if self._mouse else "_enable_mouse_support"
        switch = getattr(driver, name, None)
        if switch is not None:
            switch()
        self._mouse = not self._mouse
        self.say("The mouse is Packflow's." if self._mouse else "The mouse is the terminal's: select and copy with it.")

    def action_show_keys(self) -> None:
        from packflow_app.tui.dialogs.help import HelpDialog  # noqa: PLC0415 - as the dialogs below: when asked for

        if not self.screen.is_modal:
            self.push_screen(HelpDialog(self.journey_screen.STEP))

    def action_leave(self) -> None:
        at_work = [job.call.title.lower() for job in self.jobs.running if not job.call.only_reads]
        if not at_work:
            self._leave(0)
            return
        from packflow_app.tui.dialogs.confirm import ConfirmDialog  # noqa: PLC0415

        question = ConfirmDialog(f"Still at work: {', '.join(at_work)}.", "Stop it and quit")
        self.push_screen(question, lambda yes: self._leave(0) if yes else None)

    async def action_quit(self) -> None:
        self._leave(0)

    def action_interrupt(self) -> None:
        if any("init" in getattr(screen, "ACTIONS", ()) for screen in self.screen_stack):
            self.stop("init")  # the wizard says that it was left
        elif stopped := self.stop():
            self.say(f"{stopped[0].call.title}: stopped.")
        elif selected := self.screen.get_selected_text():
            self.copy_to_clipboard(selected)
            self.say("Copied the selection.")
        else:
            self.say("Press q to quit.")

    def action_new_project(self) -> None:
        from packflow_app.tui.new_project.screen import NewProjectScreen  # noqa: PLC0415

        self.push_screen(NewProjectScreen(self.project), self._made)

    def _made(self, folder: Path | None) -> None:
        if folder is not None:
            self.open_project(folder)
            self.action_go("home")

    def action_open_project(self) -> None:
        from packflow_app.tui.dialogs.ask_path import AskPath, PathQuestion  # noqa: PLC0415

        question = PathQuestion("Open a project", "The folder with its packflow.yaml", folders=True)
        self.push_screen(AskPath(question), self._made)

    def action_open_archive(self) -> None:
        from packflow_app.tui.dialogs.ask_path import AskPath, PathQuestion  # noqa: PLC0415

        question = PathQuestion("Open an archive", "A .zip that packflow export wrote", suffixes=(".zip",))
        self.push_screen(AskPath(question, self.seen.archive if self.seen else None), self.show_archive)

    def show_archive(self, path: Path | None) -> None:
        """Open an archive on its screen."""
        if path is not None:
            self.archive = path
            self.action_go("verify")
            self.project_changed.publish(self.seen)

    def edit(self, path: Path, line: int | None) -> None:
        """Open a file in the user's editor, which has the terminal meanwhile."""
        from packflow_app.tui.editor import edit  # noqa: PLC0415 - when asked for

        edit(self, path, line)


def _screen(name: str) -> JourneyScreen:
    """The screen of a step; imported when it is looked at first, so that the first paint waits for one only."""
    from importlib import import_module  # noqa: PLC0415 - see above

    module: Any = import_module(f"packflow_app.tui.screens.{_folder(name)}.screen")
    return module.SCREEN()  # type: ignore[no-any-return]


def _folder(name: str) -> str:
    return {"inspect": "events", "dry-run": "dry_run", "verify": "archive"}.get(name, name)
