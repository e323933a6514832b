"""Asks by numbered lists and lines to type, for terminals that cannot do more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.questions.question import NO, YES, Form
from packflow_app.wizards.layout import aligned, introduce
from packflow_app.wizards.prompter import drop_pending_input, read_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.questions.question import Question
    from packflow_app.wizards.prompter import Page

_WORDS = {"y": YES, "yes": YES, "n": NO, "no": NO}


class PlainPrompter:
    """Writes a question as text and reads one line; no escape code is ever written."""

    erases = False

    def __init__(self, page: Page) -> None:
        self._page = page

    def forget_typed(self) -> None:
        """Drop what was typed while nothing was asked."""
        drop_pending_input()

    def introduce(self, question: Question) -> None:
        """Write what is to be read before."""
        introduce(self._page, question)

    def ask(self, question: Question, default: str, shown: Callable[[], None]) -> str:
        """The answer; an empty line takes the default."""
        if question.form is Form.CHOICE:
            return self._choice(question, default, shown)
        if question.form is Form.YES_NO:
            return self._yes_no(question, default, shown)
        hint = f" ({question.hint})" if question.hint else ""
        ready = f" [{default}]" if default else ""
        return self._line(f"{question.text}{hint}{ready}: ", shown) or default

    def _choice(self, question: Question, default: str, shown: Callable[[], None]) -> str:
        self._page.line(question.text, "bold")
        values = [choice.value for choice in question.choices]
        margin = len(f"  {len(values)}) ")
        rows = [choice.cells for choice in question.choices]
        headed = [question.headers, *rows] if question.headers else rows
        lines = aligned(headed, self._page.width - margin - 1)
        if question.headers:
            self._page.line(f"{' ' * margin}{lines.pop(0)}")
        for number, line in enumerate(lines, 1):
            self._page.line(f"{f'{number}) ':>{margin}}{line}")
        ready = values.index(default) + 1 if default in values else 1
        while True:
            answer = self._line(f"Number [{ready}]: ", shown)
            if not answer:
                return values[ready - 1]
            if answer.isascii() and answer.isdecimal() and 1 <= int(answer) <= len(values):
                return values[int(answer) - 1]
            if answer in values:
                return answer
            self._page.line(f"  Type a number from 1 to {len(values)}, or nothing for {ready}.", "bad")

    def _yes_no(self, question: Question, default: str, shown: Callable[[], None]) -> str:
        ready = "[Y/n]" if default == YES else "[y/N]"
        while True:
            answer = self._line(f"{question.text} {ready} ", shown).lower()
            if not answer:
                return default
            if answer in _WORDS:
                return _WORDS[answer]
            self._page.line("  Type y or n.", "bad")

    def _line(self, prompt: str, shown: Callable[[], None]) -> str:
        """One line as it was typed, without the blanks around it; raises EOFError."""
        self._page.fragment(prompt)
        shown()
        line = read_line()
        if not line:
            raise EOFError
        return line.strip()
