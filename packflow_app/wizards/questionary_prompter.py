"""The one place that knows Questionary: lists to move in, lines to edit, on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import questionary
from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.defaults import create_output
from prompt_toolkit.styles import Style
from questionary.prompts.common import InquirerControl

from packflow_app.questions.question import NO, YES, Form
from packflow_app.wizards.layout import aligned, introduce, wrapped
from packflow_app.wizards.prompter import drop_pending_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyPressEvent

    from packflow_app.questions.question import Question
    from packflow_app.wizards.prompter import Page

_STYLE = Style(
    [
        ("qmark", "fg:ansicyan bold"),
        ("question", "bold"),
        ("answer", "fg:default nobold"),
        ("instruction", ""),
        ("text", ""),
        ("pointer", "fg:ansicyan bold"),
        ("highlighted", "fg:ansicyan bold"),
        ("selected", ""),
    ]
)
_POINTER = "»"
_MARGIN = 3
"""Columns before a choice: blank, pointer, blank."""
_MANY = 10
"""Choices beyond which typing filters them."""


class QuestionaryPrompter:
    """Asks with Questionary; what was answered is erased, since the conversation says it in a line of its own."""

    erases = True

    def __init__(self, page: Page) -> None:
        self._page = page
        self._options: dict[str, Any] = {
            "output": create_output(stdout=sys.stderr),
            "color_depth": ColorDepth.DEPTH_4_BIT if page.color else ColorDepth.DEPTH_1_BIT,
            "erase_when_done": True,
        }

    def forget_typed(self) -> None:
        """Drop what was typed while nothing was asked, also what came in with the last answer."""
        drop_pending_input()
        clear_typeahead(get_app_session().input)

    def introduce(self, question: Question) -> None:
        """Write what is to be read before; above a list it is shown as long as the list is."""
        if question.form is not Form.CHOICE:
            introduce(self._page, question)

    def ask(self, question: Question, default: str, shown: Callable[[], None]) -> str:
        """The answer; Ctrl-D ends the input wherever nothing is typed."""
        self._page.clear()
        asked = self._asked(question, default)
        asked.application.after_render += lambda _app: shown()
        answer = asked.unsafe_ask()
        if question.form is Form.YES_NO:
            return YES if answer else NO
        return str(answer)

    def _asked(self, question: Question, default: str) -> questionary.Question:
        options = {"qmark": "?", "style": _STYLE, **self._options}
        if question.form is Form.CHOICE:
            return self._choice(question, default, options)
        if question.form is Form.YES_NO:
            return questionary.confirm(question.text, default=default == YES, **options)
        text = f"{question.text} ({question.hint})" if question.hint else question.text
        if question.form is Form.PATH:
            return questionary.path(text, default=default, **options)
        completer = _ListCompleter(question.suggestions) if question.suggestions else None
        return questionary.text(text, default=default, completer=completer, **options)

    def _choice(self, question: Question, default: str, options: dict[str, Any]) -> questionary.Question:
        rows = [choice.cells for choice in question.choices]
        lines = aligned([question.headers, *rows] if question.headers else rows, self._page.width - _MARGIN - 1)
        above = [line for text in question.told for line in wrapped(text, self._page.width - _MARGIN - 1)]
        above += [lines.pop(0)] if question.headers else []
        heading = "".join(f"\n{' ' * _MARGIN}{line}" for line in above)
        many = len(rows) > _MANY
        keys = "arrows, Enter" if not many else "arrows, Enter; typing filters"
        choices = [questionary.Choice(line, value=str(number), shortcut_key=None) for number, line in enumerate(lines)]
        values = [choice.value for choice in question.choices]
        asked = questionary.select(
            question.text,
            choices,
            default=str(values.index(default)) if default in values else None,
            pointer=_POINTER,
            instruction=f"({question.hint or keys}){heading}",
            use_jk_keys=not many,
            use_search_filter=many,
            **options,
        )
        _unmark(asked)
        asked.application.key_bindings = merge_key_bindings([asked.application.key_bindings or KeyBindings(), _ENDING])
        return _Chosen(asked.application, values)


class _Chosen(questionary.Question):
    """A list whose answer is the value at its place: values need not differ."""

    def __init__(self, application: Any, values: Sequence[str]) -> None:  # noqa: ANN401 - a generic of Questionary's
        super().__init__(application)
        self._values = values

    def unsafe_ask(self, patch_stdout: bool = False) -> str:  # noqa: FBT001, FBT002 - as it is there
        return self._values[int(super().unsafe_ask(patch_stdout))]


def _unmark(asked: questionary.Question) -> None:
    """Keep the default from being drawn as chosen when the pointer has left it."""
    for control in asked.application.layout.find_all_controls():
        if isinstance(control, InquirerControl):
            control.selected_options.clear()


def _ending() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("c-d", eager=True)
    def _end(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError)

    return bindings


_ENDING = _ending()


class _ListCompleter(Completer):
    """Completes the last of several names with commas between them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Names that begin with, or else hold, what was typed since the last comma."""
        del complete_event
        typed = document.text_before_cursor.rpartition(",")[2].lstrip()
        taken = {one.strip() for one in document.text_before_cursor.split(",")[:-1]}
        fitting = [name for name in self._names if typed.lower() in name.lower() and name not in taken]
        for name in sorted(fitting, key=lambda one: not one.lower().startswith(typed.lower())):
            yield Completion(name, start_position=-len(typed))
