"""The choices of a question as lines of a list, their cells in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.questions.question import NO, YES, Choice, Form
from packflow_app.wizards.layout import aligned
from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.questions.question import Question

_YES_NO = (Choice(YES, ("y  yes",)), Choice(NO, ("n  no",)))


def choices_of(question: Question) -> tuple[Choice, ...]:
    """What can be chosen: the choices of a question, or yes and no."""
    return _YES_NO if question.form is Form.YES_NO else question.choices


def choice_lines(question: Question, choices: tuple[Choice, ...], width: int) -> tuple[str, list[Content]]:
    """The headers and a line for each of these choices, in ``width`` columns; what tells of the first cell is muted."""
    rows = [[visible(cell) for cell in choice.cells] for choice in choices]
    headed = [[*question.headers], *rows] if question.headers else rows
    lines = aligned(headed, width)
    header = lines.pop(0) if question.headers else ""
    return header, [_line(line, row) for line, row in zip(lines, rows, strict=True)]


def _line(line: str, row: list[str]) -> Content:
    """One line; keys of yes and no stand out as keys do."""
    first = len(row[0]) if line.startswith(row[0]) else len(line)
    if len(row) == 1 and row[0][1:3] == "  ":
        return Content.assemble((row[0][0], "bold $key"), row[0][1:])
    return Content.assemble(line[:first], (line[first:], "$muted"))
