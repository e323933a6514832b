"""The wizard's screen: what was answered, the question, the command that does the same; the job behind it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from packflow_app.tui.commands import shown
from packflow_app.tui.dialogs.help import HelpDialog
from packflow_app.tui.keys import NEW_PROJECT, keys_of
from packflow_app.tui.new_project.conversation import Answer, Asked, Conversation, Trail
from packflow_app.tui.new_project.question_view import QuestionView
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.widgets.command_line import CommandLine
from packflow_app.tui.widgets.key_hints import KeyHints
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.tui.widgets.progress_line import ProgressLine
from packflow_app.tui.widgets.title_bar import TitleBar
from packflow_app.tui.widgets.too_small import TooSmall
from packflow_app.wording import counted, visible

if TYPE_CHECKING:
    from packflow_app.actions.init import Initialized
    from packflow_app.tui.app import PackflowApp
    from packflow_app.tui.jobs import Job

_MOST_ANSWERS = 9
_QUESTION = 18
"""Lines that a question is to have at least, with all that stands around it."""
_SOON = 0.2
"""Seconds after which a question that is looked at makes room for what is being done."""


@dataclass
class QuestionAsked(Message):
    """A conversation asked something."""

    conversation: Conversation
    asked: Asked


class NewProjectScreen(ModalScreen["Path | None"]):
    """Gives the folder of the project that was made, None where it was left; nothing is written then."""

    ACTIONS: ClassVar[tuple[str, ...]] = ("init",)
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key.keys, key.action, key.label, show=False) for key in keys_of(NEW_PROJECT) if key.keys != "ctrl+c"),
    ]
    CSS_PATH = "screen.tcss"
    ESCAPE_TO_MINIMIZE: ClassVar[bool] = False

    def __init__(self, project: Path | None) -> None:
        super().__init__()
        self._place = place_beside(project)
        self._conversation: Conversation | None = None
        self._job: Job | None = None
        self._answers: tuple[Answer, ...] = ()

    @property
    def _app(self) -> PackflowApp:
        return cast("PackflowApp", self.app)

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Container(id="body"), Vertical(id="wizard", classes="panel") as panel:
            panel.border_title = "New project"
            with Scroll(id="answers", can_focus=False):
                yield Static(id="answered")
            yield Static(id="notes")
            yield ProgressLine()
            yield ProblemPanel(id="failed")
            yield QuestionView()
        yield CommandLine("c")
        yield KeyHints(NEW_PROJECT)
        yield TooSmall(id="too-small")

    def on_mount(self) -> None:
        self.query_one(TitleBar).show(self._app.seen)
        self._app.job_changed.subscribe(self, self._job_changed)
        self._begin(Trail())

    def _begin(self, trail: Trail) -> None:
        """Begin a conversation; what is on the trail is not asked again."""
        around = self._conversation.around if self._conversation is not None else None

        def ask(asked: Asked) -> None:
            self.post_message(QuestionAsked(conversation, asked))

        conversation = Conversation(ask, place=self._place, trail=trail, around=around)
        self._conversation = conversation
        self.query_one("#failed", ProblemPanel).show(None)
        self._job = self._app.start(ACTIONS["init"].call(conversation))
        self._wait()

    # What is shown

    @on(QuestionAsked)
    def _asked(self, message: QuestionAsked) -> None:
        if message.conversation is not self._conversation or self._job is None or self._job.state != "running":
            return
        asked = message.asked
        self._app.jobs.let_wait(self._job, waits=True)
        self._answers = asked.answers
        self.set_class(bool(asked.question.listed), "-listed")
        self._draw_answers(asked.notes)
        self.query_one(ProgressLine).show(None)
        view = self.query_one(QuestionView)
        view.display = True
        view.show(asked)
        self.query_one(CommandLine).show(shown([*asked.command]), copied=view.is_choice)
        self._show_keys(typed=not view.is_choice, first=not asked.answers)

    def _show_keys(self, *, typed: bool, first: bool) -> None:
        """The keys that do something now: letters are typed into a field, and nothing is before the first question."""
        left_out = [*(["c"] if typed else []), *(["ctrl+c"] if first else [])]
        labels = {"escape": "Leave"} if first else {}
        self.query_one(KeyHints).adapt(left_out=tuple(left_out), labels=labels)

    def _draw_answers(self, notes: tuple[str, ...] = ()) -> None:
        lines = [
            Content.assemble(("✓ ", "$success"), (f"{visible(one.text).rstrip(':')}  ", "$muted"), visible(one.shown))
            for one in self._answers
        ]
        self.query_one("#answered", Static).update(Content("\n").join(lines))
        answers = self.query_one("#answers", Scroll)
        answers.set_class(not lines, "-none")
        self._fit_answers()
        self.query_one("#notes", Static).update(Content("\n".join(map(visible, notes))))
        self.query_one("#notes").display = bool(notes)

    def _fit_answers(self) -> None:
        """Give the answers what the question does not need; the last ones are seen."""
        answers = self.query_one("#answers", Scroll)
        answers.styles.max_height = max(1, min(_MOST_ANSWERS, self.size.height - _QUESTION))
        self.call_after_refresh(answers.scroll_end, animate=False)

    def on_resize(self) -> None:
        self._fit_answers()

    def _wait(self) -> None:
        """An answer is looked at, or the model: the question makes room where that takes a while."""
        view = self.query_one(QuestionView)
        view.hold()
        job = self._job

        def make_room() -> None:
            if job is self._job and job is not None and job.state == "running" and not job.waits:
                view.display = False
                self._draw_answers()
                self.query_one(ProgressLine).show(job)

        self.set_timer(_SOON, make_room)

    def _job_changed(self, job: Job) -> None:
        if job is not self._job:
            return
        if job.state == "running":
            line = self.query_one(ProgressLine)
            line.show(job if line.display else None)
        elif job.state == "done":
            self._job = None  # what is still to come about it is old
            made: Initialized = job.value
            self._app.say(f"{made.name} is made: {counted(len(made.added), 'file')}.")
            self._end(made.path)
        elif job.state == "cancelled" or (job.problem is not None and job.problem.code == "cancelled"):
            self._left()
        else:
            self._failed(job)

    def _failed(self, job: Job) -> None:
        """The project cannot be made; nothing answered is lost."""
        self.query_one(ProgressLine).show(None)
        self.query_one(QuestionView).display = False
        self.query_one("#failed", ProblemPanel).show(job.problem)
        self._draw_answers(("esc goes back to the last question, r tries again.",))
        self._show_keys(typed=False, first=False)
        self.set_focus(None)

    def _left(self) -> None:
        if self._conversation is not None:
            self._conversation = None
            self._app.say("Nothing was created.")
            self._end(None)

    def _end(self, folder: Path | None) -> None:
        """Give the result; what stands over this screen goes with it."""
        while self.app.screen is not self:
            self.app.pop_screen()
        self.dismiss(folder)

    # Keys

    @property
    def _is_asking(self) -> bool:
        return self._job is not None and self._job.state == "running" and self._job.waits

    @on(QuestionView.Answered)
    def _answered(self, message: QuestionView.Answered) -> None:
        asked = self.query_one(QuestionView).asked
        if not self._is_asking or self._conversation is None or self._job is None or asked is None:
            return
        question = asked.question
        self._answers = (
            *self._answers,
            Answer(question.flag, question.text, message.value, question.shown(message.value)),
        )
        self._go_on()
        self._conversation.answer(message.value)

    def _go_on(self) -> None:
        assert self._job is not None  # noqa: S101 - it waits
        self._app.jobs.let_wait(self._job, waits=False)
        self._wait()

    def action_say(self, answer: str) -> None:
        view = self.query_one(QuestionView)
        if view.is_yes_no:
            view.post_message(QuestionView.Answered(answer))

    def action_answer(self) -> None:
        """Enter where neither the list nor the field has the keys, or a click on its name."""
        if self._is_asking:
            self.query_one(QuestionView).answer()

    def action_filter(self) -> None:
        if self._is_asking:
            self.query_one(QuestionView).filter()

    def action_scroll(self, step: int) -> None:
        self.query_one(QuestionView).scroll_lines(step)

    def action_back(self) -> None:
        if self._conversation is None or self._job is None:
            return
        if self._is_asking:
            if self.query_one(QuestionView).leave_filter():
                return
            self._go_on()
            self._conversation.step_back()
            return
        trail = self._conversation.trail.copy()
        if not trail.step_back():
            self.action_leave()
            return
        stopped, self._job = self._job, None
        if stopped.state == "running":
            self._app.stop("init")
        self._begin(trail)

    def action_leave(self) -> None:
        """Leave; what is under way is stopped."""
        if not self._app.stop("init"):
            self._left()

    def action_run(self) -> None:
        if self._conversation is not None and self._job is not None and self._job.state == "failed":
            self._begin(self._conversation.trail.copy())

    def action_copy(self) -> None:
        panels = [one for one in self.query(ProblemPanel) if one.display and one.problem is not None]
        text = panels[0].text if panels else self.query_one(CommandLine).command
        if text:
            self._app.copy_to_clipboard(text)
            self._app.say("Copied the error." if panels else "Copied the command.")

    def action_show_keys(self) -> None:
        self._app.push_screen(HelpDialog(NEW_PROJECT))


def place_beside(project: Path | None) -> Path:
    """The folder that a new project comes to lie in: the current one, or the one that the project here lies in."""
    if project is not None and Path.cwd().is_relative_to(project):
        return Path(os.path.relpath(project.parent))
    return Path()
