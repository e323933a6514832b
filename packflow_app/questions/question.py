"""A question as data, and the step that takes its answer; no face is known here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

YES = "yes"
NO = "no"
OTHER = "\0other"
"""The value of a choice that leads to a question for text; no answer of its own."""


class Form(Enum):
    """How a question is answered: text, the path of a file, one of its choices, or yes or no."""

    TEXT = "text"
    PATH = "path"
    CHOICE = "choice"
    YES_NO = "yes-no"


@dataclass(frozen=True)
class Choice:
    """One answer to choose: its value, and the cells that are shown in columns beside those of the other choices."""

    value: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """What is asked, and what is to be read before.

    ``flag`` gives the same answer on the command line. ``default`` is what Enter takes: text, or a choice's value.
    ``told`` are lines to read first, ``listed`` lines that keep their layout; ``hint`` is a clause about the answer.
    ``headers`` stand over the choices' cells. ``suggestions`` complete what is typed.
    """

    flag: str
    text: str
    form: Form
    default: str = ""
    choices: tuple[Choice, ...] = ()
    headers: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    hint: str = ""
    suggestions: tuple[str, ...] = ()

    def shown(self, answer: str) -> str:
        """An answer as people read it."""
        return next((choice.cells[0] for choice in self.choices if choice.value == answer), answer)


@dataclass(frozen=True)
class Step:
    """A question and what its answer does.

    ``take`` raises PackflowError for an answer that will not do, and changes nothing then; it gives lines to tell.
    """

    question: Question
    take: Callable[[str], tuple[str, ...]]


class Interview(Protocol):
    """Questions of which each may depend on the answers before it."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Every flag that the questions stand for, in their order."""

    def look(self) -> None:
        """Begin to look at what later questions need; called once the first one can be seen, and then again."""

    def steps(self) -> Iterator[Step]:
        """The questions, one by one; the next one is made once the last one's answer is taken."""
