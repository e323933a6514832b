"""Ask a person what is missing; where nobody sits at a terminal, nothing is asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from packflow_app.cli.terminal import visible
from packflow_app.errors import UsageError
from packflow_app.questions.project_choice import ProjectChoice
from packflow_app.wizards.prompter import prompter_for, read_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.cli.terminal import Terminal
    from packflow_app.questions.question import Interview
    from packflow_app.wizards.prompter import Prompter, Style

_STYLES = {"": "", "bold": "bold", "bad": "red"}


def can_ask(terminal: Terminal) -> bool:
    """Whether a person sees what is written and can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not terminal.as_json


def need_somebody(terminal: Terminal, *, no_input: bool, otherwise: str) -> None:
    """Raise UsageError, whose hint is ``otherwise``, where no yes can come: no terminal, ``--no-input``, ``--json``."""
    if no_input or not can_ask(terminal):
        raise UsageError("A yes is needed, and nobody can be asked here.", code="input-missing", hint=otherwise)


def confirmed(terminal: Terminal, question: str, *, no_input: bool, otherwise: str) -> bool:
    """Whether the answer is yes; the end of input is a no. Raises UsageError as ``need_somebody`` does."""
    need_somebody(terminal, no_input=no_input, otherwise=otherwise)
    terminal.end_progress()
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = read_line()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")


def ask(terminal: Terminal, interview: Interview) -> None:
    """Hold an interview; raises UsageError at the end of input, naming the flags that answer it."""
    from packflow_app.wizards.conversation import hold  # noqa: PLC0415 - where something is asked

    page = TerminalPage(terminal)
    prompter = prompter_of(page)
    prompter.forget_typed()
    hold(interview, prompter, page)


def answered(terminal: Terminal, interview: Interview, *, yes: bool, no_input: bool) -> bool:
    """Have an interview answered, by the defaults with ``-y`` or by a person; False where there is neither."""
    if yes:
        for step in interview.steps():
            step.take(step.question.default)
        return True
    if no_input or not can_ask(terminal):
        return False
    ask(terminal, interview)
    return True


def project_here(terminal: Terminal, project: Path, *, yes: bool, no_input: bool) -> Path:
    """The project that a command is about; where it is started beside some, the one that is meant."""
    choice = ProjectChoice(project)
    if project == Path() and choice.has_any and answered(terminal, choice, yes=yes, no_input=no_input):
        return choice.project or project
    return project


def prompter_of(page: TerminalPage) -> Prompter:
    """Who asks on this terminal."""
    return prompter_for(page, plain=page.terminal.plain)


def program_words(command: Sequence[str]) -> list[str]:
    """The program and the folder it was told to work in, as the command line ``command`` begins."""
    words = list(command)
    place = words.index("-C") if "-C" in words[:-1] else None
    return ["packflow", *(words[place : place + 2] if place is not None else [])]


class TerminalPage:
    """Standard error, as wizards write on it."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.color = terminal.err.color_system is not None and not terminal.err.no_color

    @property
    def width(self) -> int:
        """Columns of a line."""
        return self.terminal.err.width

    def clear(self) -> None:
        """Remove the changing line."""
        self.terminal.end_progress()

    def line(self, text: str = "", style: Style = "") -> None:
        """Write one line."""
        self.terminal.end_progress()
        self.terminal.err.print(Text(visible(text), _STYLES[style]))

    def answered(self, question: str, answer: str) -> None:
        """Write a question with its answer, which stay."""
        self.terminal.end_progress()
        mark = "" if question.endswith("?") else ":"
        self.terminal.err.print(Text.assemble(visible(question), f"{mark} ", (visible(answer), "bold")))

    def fragment(self, text: str) -> None:
        """Write the beginning of a line that a person ends."""
        self.terminal.end_progress()
        self.terminal.err.print(Text(visible(text)), end="")
        self.terminal.err.file.flush()
