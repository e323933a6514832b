"""One question: what is to be read, why the last answer would not do, and the field or the list to answer with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from packflow_app.questions.question import Form
from packflow_app.tui.new_project.choices import choice_lines, choices_of
from packflow_app.tui.new_project.typed import AnswerField
from packflow_app.tui.widgets.lists import Options, Scroll
from packflow_app.tui.widgets.path_input import PathSuggester
from packflow_app.tui.widgets.problem_panel import ProblemPanel
from packflow_app.wizards.layout import wrapped
from packflow_app.wording import visible

if TYPE_CHECKING:
    from textual import events

    from packflow_app.questions.question import Choice, Question
    from packflow_app.tui.new_project.conversation import Asked

_FILTERED = 10
"""Lists of more choices than these can be filtered."""
_SHORT = 8
"""Lists of fewer choices need no scroll bar."""
_PADDING, _BAR = 2, 2
"""Columns that a list needs beside its lines, and where it is long for the bar that scrolls it."""


class QuestionView(Vertical):
    """Shows one question at a time; what it holds while an answer is looked at cannot be changed."""

    @dataclass
    class Answered(Message):
        """An answer was given: text, or a choice's value."""

        value: str

    def __init__(self) -> None:
        super().__init__(id="question")
        self.asked: Asked | None = None
        self._shown: tuple[Choice, ...] = ()
        self._paths: list[str] = []

    def compose(self) -> ComposeResult:
        yield Static(id="text")
        yield Static(id="told")
        with Scroll(id="listed"):
            yield Static(id="lines", markup=False)
        yield ProblemPanel()
        yield AnswerField(id="field")
        yield Input(id="filter", placeholder="a part of the answer")
        yield Static(id="header", markup=False)
        yield Options(id="choices")

    def on_resize(self) -> None:
        if self.asked is not None:
            self._draw_told(self.asked.question)
            self.call_after_refresh(self._fit_lines)
        if self.is_choice:
            self._draw_choices(self.chosen)

    @property
    def is_choice(self) -> bool:
        """Whether it is answered from a list, not by typing."""
        return self.asked is not None and self.asked.question.form in (Form.CHOICE, Form.YES_NO)

    @property
    def is_yes_no(self) -> bool:
        """Whether it is answered by yes or no."""
        return self.asked is not None and self.asked.question.form is Form.YES_NO

    @property
    def chosen(self) -> str | None:
        """The value of the choice that is marked."""
        at = self.query_one("#choices", Options).highlighted
        return self._shown[at].value if at is not None and at < len(self._shown) else None

    def show(self, asked: Asked) -> None:
        """Ask this."""
        self.asked = asked
        question = asked.question
        self.disabled = False
        self.set_class(self.is_yes_no, "-yes-no")
        text = self.query_one("#text", Static)
        if self.is_yes_no:
            self.move_child(text, after=self.query_one("#listed"))
        else:
            self.move_child(text, before=0)
        text.update(Content.styled(visible(question.text), "bold"))
        self._draw_told(question)
        self._fill("#lines", "\n".join(map(visible, question.listed)))
        self.query_one("#listed").display = bool(question.listed)
        self.call_after_refresh(self._fit_lines)
        self.query_one(ProblemPanel).show(asked.problem)
        field, listed = self.query_one("#field", AnswerField), self.query_one("#choices", Options)
        self.query_one("#filter").display = False
        field.display = not self.is_choice
        self.query_one("#header").display = bool(question.headers)
        self._paths = []
        if self.is_choice:
            self._draw_choices(asked.default)
        else:
            self._shown = ()
            listed.clear_options()
            field.show(question, asked.default, replaced=asked.problem is None)
        listed.display = self.is_choice or question.form is Form.PATH
        self.take_focus()

    def take_focus(self) -> None:
        """Have the keys go to what answers."""
        self.screen.set_focus(self.query_one("#choices" if self.is_choice else "#field"))

    def answer(self) -> None:
        """Take the answer that is marked, or typed."""
        value = self.chosen if self.is_choice else self.query_one("#field", AnswerField).value
        if value is not None:
            self.post_message(self.Answered(value))

    def hold(self) -> None:
        """Keep an answer as it is until it was looked at."""
        self.disabled = True

    def filter(self) -> None:
        """Ask for a part of the choice that is looked for, where there are many."""
        if self.asked is not None and len(choices_of(self.asked.question)) > _FILTERED:
            field = self.query_one("#filter", Input)
            field.display = True
            self.screen.set_focus(field)

    def leave_filter(self) -> bool:
        """Show all choices again; False where all are shown."""
        field = self.query_one("#filter", Input)
        if not field.display:
            return False
        field.display = False
        field.value = ""
        self._draw_choices(self.chosen)
        self.take_focus()
        return True

    def scroll_lines(self, step: int) -> None:
        """Move through the lines above the list by a page."""
        lines = self.query_one("#listed", Scroll)
        if lines.display:
            lines.scroll_relative(y=step * max(1, lines.size.height - 1), animate=False)

    def _fit_lines(self) -> None:
        """Give the lines the room that they need, or that there is above the answer."""
        if self.asked is not None and self.asked.question.listed:
            below = sum(one.size.height for one in self.children if one.display and one.id not in ("listed", "choices"))
            room = self.size.height - below - len(self._shown)
            self.query_one("#listed").styles.height = max(3, min(len(self.asked.question.listed) + 1, room))

    def _fill(self, name: str, text: str) -> None:
        self.query_one(name, Static).update(Content(text))
        self.query_one(name).display = bool(text)

    @property
    def _width(self) -> int:
        """Columns of the panel, which has its place also while this view has none."""
        return max(20, self.screen.query_one("#wizard").content_size.width)

    def _draw_told(self, question: Question) -> None:
        """What is to be read before; what a line goes on in keeps its indentation."""
        told = [*question.told, *([question.hint] if self.is_choice and question.hint else [])]
        lines = [line for text in told for line in wrapped(visible(text), self._width)]
        self._fill("#told", "\n".join(lines))

    def _draw_choices(self, marked: str | None) -> None:
        if self.asked is None:
            return
        question, listed = self.asked.question, self.query_one("#choices", Options)
        wanted = self.query_one("#filter", Input).value.casefold()
        self._shown = tuple(
            one for one in choices_of(question) if not wanted or any(wanted in cell.casefold() for cell in one.cells)
        )
        room = self._width - _PADDING - (_BAR if len(self._shown) >= _SHORT else 0)
        header, lines = choice_lines(question, self._shown, room)
        self.query_one("#header", Static).update(Content.styled(f" {header}", "bold $muted"))
        listed.clear_options()
        listed.add_options([Option(line) for line in lines])
        values = [one.value for one in self._shown]
        listed.highlighted = values.index(marked) if marked in values else 0 if values else None

    # Files to choose from

    @on(Input.Changed, "#field")
    def _typed(self, event: Input.Changed) -> None:
        if self.asked is not None and self.asked.question.form is Form.PATH:
            self.run_worker(self._list_paths(event.value), group="paths", exclusive=True, exit_on_error=False)

    async def _list_paths(self, value: str) -> None:
        self._paths = await asyncio.to_thread(PathSuggester().entries, value)
        listed = self.query_one("#choices", Options)
        listed.clear_options()
        listed.add_options([Option(Content(visible(path))) for path in self._paths])

    def on_key(self, event: events.Key) -> None:
        """The arrow down leads from a field to the list below it."""
        listed = self.query_one("#choices", Options)
        if event.key == "down" and isinstance(self.screen.focused, Input) and listed.display and listed.option_count:
            listed.highlighted = listed.highlighted or 0
            self.screen.set_focus(listed)

    # Answers

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._draw_choices(self.chosen)

    @on(Input.Submitted, "#filter")
    def _filter_taken(self) -> None:
        self.take_focus()

    @on(Input.Submitted, "#field")
    def _submitted(self, event: Input.Submitted) -> None:
        self.post_message(self.Answered(event.value))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.is_choice:
            self.post_message(self.Answered(self._shown[event.option_index].value))
            return
        path, field = self._paths[event.option_index], self.query_one("#field", AnswerField)
        field.value = path
        field.cursor_position = len(path)
        if path.endswith("/"):
            self.screen.set_focus(field)
        else:
            self.post_message(self.Answered(path))
