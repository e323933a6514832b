"""The interviews of a new project, held in a job's thread: every answer is taken there, and each can be taken back.

Interviews are generators, which go forwards only. To step back, an interview is begun anew and given the answers again,
all but the last. No screen is known here.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from packflow_app.actions.init import init
from packflow_app.actions.init_options import EXAMPLE, InitOptions
from packflow_app.errors import CancelledError
from packflow_app.questions.feature_interview import FeatureInterview
from packflow_app.questions.init_interview import InitInterview
from packflow_app.questions.init_summary import SummaryInterview, init_words
from packflow_app.questions.question import Form, Interview
from packflow_app.result import Problem
from packflow_app.runtime import PackflowError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from packflow_app.actions.init import FeatureOffer, Initialized
    from packflow_app.questions.init_surroundings import InitSurroundings
    from packflow_app.questions.looking import Look
    from packflow_app.questions.question import Question, Step

_TICK = 0.1
_TYPED = (Form.TEXT, Form.PATH)
Held = TypeVar("Held", bound=Interview)


class _SteppedBackError(Exception):
    """The first question of an interview was stepped back from."""


@dataclass(frozen=True)
class Answer:
    """A question that was answered; ``shown`` is the answer as people read it."""

    flag: str
    text: str
    value: str
    shown: str

    def is_to(self, question: Question) -> bool:
        """Whether this is the question that was asked."""
        return (question.flag, question.text) == (self.flag, self.text)


@dataclass
class Trail:
    """The answers of an interview before the model is looked at, those about its features, and those taken back.

    An answer that was taken back stands ready where its question is asked again; the last of ``undone`` is the next.
    """

    before: list[Answer] = field(default_factory=list)
    features: list[Answer] = field(default_factory=list)
    undone: list[Answer] = field(default_factory=list)

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All that was answered, in order."""
        return (*self.before, *self.features)

    def copy(self) -> Trail:
        """The same, for another conversation."""
        return Trail([*self.before], [*self.features], [*self.undone])

    def step_back(self) -> bool:
        """Take the last answer back; False where there is none."""
        answers = self.features or self.before
        if not answers:
            return False
        self.undone.append(answers.pop())
        return True

    def ready(self, question: Question) -> str:
        """The answer that Enter takes: the one that was taken back, else the question's own.

        A yes or no is never made ready by an earlier one: what it is about may be another file now.
        """
        if self.undone and self.undone[-1].is_to(question) and question.form is not Form.YES_NO:
            value = self.undone[-1].value
            if question.form in _TYPED or value in [choice.value for choice in question.choices]:
                return value
        return question.default

    def add(self, answers: list[Answer], answer: Answer) -> None:
        """Keep an answer; another one than before makes those taken back after it worthless."""
        answers.append(answer)
        if self.undone and self.undone.pop() != answer:
            self.undone.clear()


@dataclass(frozen=True)
class Asked:
    """A question with all that stands around it.

    ``default`` is what Enter takes, ``answers`` what was answered before, ``notes`` what the last answer told,
    ``problem`` why this question's last answer would not do; ``command`` makes the project as far as it is known.
    """

    question: Question
    default: str
    answers: tuple[Answer, ...]
    notes: tuple[str, ...]
    command: tuple[str, ...]
    problem: Problem | None = None


class Conversation:
    """Asks ``show`` each question, until the project is made; ``answer`` and ``step_back`` are for another thread.

    ``place`` is the folder that the project comes to lie in. ``trail`` are answers of a conversation before, which are
    not asked for again.
    """

    def __init__(
        self,
        show: Callable[[Asked], None],
        *,
        place: Path = Path(),
        trail: Trail | None = None,
        around: Look[InitSurroundings] | None = None,
    ) -> None:
        self.trail = trail or Trail()
        self.around = around
        self.options = InitOptions()
        self._show = show
        self._place = place
        self._said: SimpleQueue[str | None] = SimpleQueue()
        self._cancel: threading.Event | None = None
        self._notes: tuple[str, ...] = ()
        self._command: tuple[str, ...] = ()

    # For the thread of the screen

    def answer(self, text: str) -> None:
        """Answer the question that is shown."""
        self._said.put(text)

    def step_back(self) -> None:
        """Go back to the question before the one that is shown."""
        self._said.put(None)

    # For the thread of the job

    def hold(self, report: Callable[[Any], None], cancel: threading.Event) -> Initialized:
        """Ask all, and make the project; raises what ``init`` does, and CancelledError once ``cancel`` is set."""
        self._cancel = cancel
        while True:
            report("looking at what is here")
            try:
                self.options = self._hold(self._first_interview, self.trail.before).options
                return init(self.options, report=report, cancel=cancel, consulted=self)
            except _SteppedBackError:
                if not self.trail.step_back():
                    raise CancelledError("Nothing was created.") from None

    def features(self, offer: FeatureOffer) -> list[str] | None:
        """Show the match of the features, and ask for what it lacks."""
        stuck = self.options.model == EXAMPLE
        interview = self._hold(lambda: FeatureInterview(offer, only_if_stuck=stuck), self.trail.features)
        self.options = self._options_of(interview)
        return interview.given

    def agrees(self, planned: Initialized) -> bool | None:
        """Show what is about to be made, and ask; None where the features are to be asked for once more."""
        words = self._words(self.options)
        try:
            return self._hold(lambda: SummaryInterview(planned, words), []).agreed
        except _SteppedBackError:
            if not self.trail.features:
                raise
            self.trail.step_back()
            self.options = replace(self.options, features=None)
            return None

    def _first_interview(self) -> InitInterview:
        interview = InitInterview(InitOptions(), is_whole=True, place=self._place, around=self.around)
        self.around = interview.around
        return interview

    def _hold(self, make: Callable[[], Held], answers: list[Answer]) -> Held:
        """Hold an interview; raises _SteppedBackError where its first question is stepped back from."""
        while True:
            interview = make()
            if self._went_through(interview, answers):
                return interview
            if not answers:
                raise _SteppedBackError
            self.trail.step_back()

    def _went_through(self, interview: Interview, answers: list[Answer]) -> bool:
        """Ask what has no answer yet; False where a question was stepped back from."""
        at = 0
        with closing(interview.steps()) as steps:  # type: ignore[type-var]  # they are generators
            for step in steps:
                if at == len(answers) or not self._fits(answers[at], step):
                    self._forget(answers, at)
                    answer = self._settle(step, interview)
                    if answer is None:
                        return False
                    self.trail.add(answers, answer)
                at += 1
        return True

    def _fits(self, answer: Answer, step: Step) -> bool:
        """Whether an answer of before is one to this question, and is taken once more."""
        return answer.is_to(step.question) and self._takes(step, answer.value) is None

    def _forget(self, answers: list[Answer], at: int) -> None:
        """Forget the answers from ``at`` on: they were to other questions than those that come now."""
        del answers[at:]
        if answers is self.trail.before:
            self.trail.features.clear()

    def _settle(self, step: Step, interview: Interview) -> Answer | None:
        """Ask until an answer is taken; None where it is stepped back."""
        question = step.question
        default, problem = self.trail.ready(question), None
        while True:
            command = self._words(self._options_of(interview))
            notes = self._notes if problem is None else ()
            self._show(Asked(question, default, self.trail.answers, notes, command, problem))
            interview.look()
            said = self._wait()
            if said is None:
                self._notes = ()
                return None
            problem = self._takes(step, said)
            if problem is None:
                return Answer(question.flag, question.text, said, question.shown(said))
            default = said if question.form in _TYPED else default

    def _takes(self, step: Step, said: str) -> Problem | None:
        """Have an answer taken; why it is not, where it is not."""
        try:
            self._notes = step.take(said)
        except PackflowError as error:
            problem = Problem.of(error)
            of_flag = step.question.flag in problem.hint  # which is not what is to be typed here
            return replace(problem, hint="") if of_flag else problem
        return None

    def _options_of(self, interview: Interview) -> InitOptions:
        """The options as far as an interview has got."""
        if isinstance(interview, InitInterview):
            return interview.options
        if isinstance(interview, FeatureInterview):
            return replace(self.options, features=",".join(interview.given) if interview.given else None)
        return self.options

    def _words(self, options: InitOptions) -> tuple[str, ...]:
        """The command of these options; that of before while a file it names cannot be read."""
        try:
            self._command = tuple(init_words(options))
        except PackflowError:
            return self._command
        return self._command

    def _wait(self) -> str | None:
        """The next answer; raises CancelledError once the job is cancelled."""
        while self._cancel is None or not self._cancel.is_set():
            try:
                return self._said.get(timeout=_TICK)
            except Empty:
                continue
        raise CancelledError("Nothing was created.")
