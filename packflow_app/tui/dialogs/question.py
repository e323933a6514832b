"""One question of a job that is under way, as ``questions/`` words it; the job waits for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from packflow_app.runtime import PackflowError
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.questions.question import Step
    from packflow_app.tui.app import PackflowApp
    from packflow_app.tui.jobs import Job


class QuestionDialog(ModalScreen[bool]):
    """Stays until an answer was taken (True), or it is left (False); goes by itself when the job is stopped."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(False)", show=False)]

    def __init__(self, step: Step, job: Job) -> None:
        super().__init__()
        self._step = step
        self._job = job

    def compose(self) -> ComposeResult:
        question = self._step.question
        with Vertical(classes="dialog wide-dialog") as dialog:
            dialog.border_title = self._job.call.title
            with Scroll(id="told"):
                yield Static(Content(" ".join(map(visible, question.told))))
                yield Static(Content("\n".join(map(visible, question.listed))), classes="listed")
            yield Label(Content.styled(visible(question.text), "bold"))
            yield Input(question.default)
            yield Label("", id="wrong", classes="wrong", markup=False)
            yield Label(f"enter answers{f', {question.hint}' if question.hint else ''}   esc stops it", classes="hint")

    def on_mount(self) -> None:
        self.set_focus(self.query_one(Input))
        cast("PackflowApp", self.app).job_changed.subscribe(self, self._job_changed)

    def _job_changed(self, job: Job) -> None:
        if job is self._job and job.state != "running" and self.is_current:
            self.dismiss(False)

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        try:
            self._step.take(event.value)
        except PackflowError as error:
            self.query_one("#wrong", Label).update(f"{error.title} {error.hint}".strip())
        else:
            self.dismiss(True)
