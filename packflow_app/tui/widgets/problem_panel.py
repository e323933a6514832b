"""An error as a user needs it: what, where, the next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.result import Problem

_SENTENCE = re.compile(r"(?<=[^\s.]\.) ")
"""Where a sentence ends; a dot that stands alone is no end."""


class ProblemPanel(Static):
    """Shows a problem; hidden while there is none."""

    DEFAULT_CSS = """
    ProblemPanel { height: auto; max-height: 12; padding: 0 1; border-left: thick $error; margin: 0 0 1 0; }
    ProblemPanel.-cancelled { border-left: thick $muted; }
    """

    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self.problem: Problem | None = None
        self.display = False

    @property
    def text(self) -> str:
        """All of it, without colours."""
        return problem_text(self.problem).plain if self.problem is not None else ""

    def show(self, problem: Problem | None) -> None:
        """Show a problem, or none."""
        self.problem = problem
        self.display = problem is not None
        if problem is not None:
            self.set_class(problem.code == "cancelled", "-cancelled")
            self.update(problem_text(problem))


def problem_text(problem: Problem) -> Content:
    """Title, place and next step, one a line."""
    style = "$muted" if problem.code == "cancelled" else "bold $error"
    title, *details = _SENTENCE.split(visible(problem.message), maxsplit=1)
    parts: list[Content | tuple[str, str] | str] = [(title, style), *(f" {detail}" for detail in details)]
    if problem.file is not None:
        line = f":{problem.line}" if problem.line is not None else ""
        parts += ["\n", ("where ", "$muted"), (f"{visible(problem.file)}{line}", "$key")]
    if problem.hint:
        parts += ["\n", ("next  ", "$muted"), visible(problem.hint)]
    return Content.assemble(*parts)
