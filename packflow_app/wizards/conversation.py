"""Hold an interview: ask each question until its answer is taken."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.questions.question import Form
from packflow_app.runtime import PackflowError
from packflow_app.wizards.layout import tell, wrapped

if TYPE_CHECKING:
    from packflow_app.questions.question import Interview, Question, Step
    from packflow_app.wizards.prompter import Page, Prompter

_TYPED = (Form.TEXT, Form.PATH)


def hold(interview: Interview, prompter: Prompter, page: Page) -> None:
    """Ask all of it. Raises UsageError at the end of input, naming the flags of what was not answered.

    Ctrl-C is handed to the process as the signal that it is, whose handler ends the command.
    """
    for step in interview.steps():
        try:
            _settle(step, interview, prompter, page)
        except EOFError:
            page.line()
            raise _unanswered(step.question, interview) from None
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            raise


def _settle(step: Step, interview: Interview, prompter: Prompter, page: Page) -> None:
    question = step.question
    prompter.introduce(question)
    default = question.default
    while True:
        answer = prompter.ask(question, default, interview.look)
        try:
            told = step.take(answer)
        except PackflowError as error:
            _refuse(page, error, question.flag)
            default = answer if question.form in _TYPED else default
        else:
            if prompter.erases:
                page.answered(question.text, question.shown(answer))
            tell(page, told)
            return


def _refuse(page: Page, error: PackflowError, flag: str) -> None:
    """Say beside the question why its answer will not do, and what would; not that its flag would."""
    hint = error.hint if flag not in error.hint else ""
    for text in filter(None, (error.title, error.detail, hint)):
        for line in text.splitlines():
            for part in wrapped(f"  {line}", page.width - 1):
                page.line(part, "bad")


def _unanswered(question: Question, interview: Interview) -> UsageError:
    flags = list(interview.flags)
    first = question.flag.partition(" ")[0]
    open_ = flags[flags.index(first) :] if first in flags else [first]
    listed = " and ".join([", ".join(open_[:-1]), open_[-1]] if len(open_) > 1 else open_)
    return UsageError(
        f"The input ended at the question: {question.text.rstrip('?')}",
        code="input-missing",
        hint=f"Answer with {listed}, or take the defaults with -y.",
    )
