"""A field to type an answer into, which completes paths and names."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from packflow_app.questions.question import Form
from packflow_app.tui.widgets.path_input import PathSuggester

if TYPE_CHECKING:
    from packflow_app.questions.question import Question


class NameSuggester(Suggester):
    """Completes the last of names with commas between them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._names = names

    async def get_suggestion(self, value: str) -> str | None:
        before, mark, start = value.rpartition(",")
        given = set(before.split(","))
        fitting = (name for name in self._names if start and name.startswith(start) and name not in given)
        found = next(fitting, None)
        return f"{before}{mark}{found}" if found is not None else None


class AnswerField(Input):
    """Tab and the right arrow take what is offered."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", show=False)]

    def show(self, question: Question, value: str, *, replaced: bool) -> None:
        """Take this question's answer; ``replaced``: what is typed takes the place of what stands ready."""
        self.suggester = PathSuggester() if question.form is Form.PATH else NameSuggester(question.suggestions)
        self.border_title = question.hint
        self.value = value
        self.select_on_focus = False  # whenever the field is left and come back to
        self.cursor_position = len(value)
        if replaced:
            self.action_select_all()

    def action_complete(self) -> None:
        if self._suggestion:
            self.value = self._suggestion
            self.cursor_position = len(self.value)
