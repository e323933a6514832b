"""Which file of events a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.questions.files import OTHER_FILE, check_events, event_file_choices, typed_path
from packflow_app.questions.question import OTHER, Form, Question, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAG = "EVENTS"
_TOLD = "Events are what a model is given, one JSON object each: JSON, CSV or Parquet, also packed."


class EventsInterview:
    """Asks for a file of events, the newest in the current folder being the default: ``events``."""

    flags: tuple[str, ...] = (_FLAG,)

    def __init__(self) -> None:
        self.events: Path | None = None

    def look(self) -> None:
        """Nothing is to be looked at."""

    def steps(self) -> Iterator[Step]:
        """The question, and the path where it is none of the files here."""
        choices = [*event_file_choices(Path()), OTHER_FILE]
        if len(choices) > 1:
            question = Question(_FLAG, "Which events?", Form.CHOICE, choices[0].value, tuple(choices), told=(_TOLD,))
            yield Step(question, self._take)
        if self.events is None:
            told = () if len(choices) > 1 else (_TOLD,)
            yield Step(Question(_FLAG, "Path of the events", Form.PATH, told=told, hint="Tab completes"), self._take)

    def _take(self, answer: str) -> tuple[str, ...]:
        if answer != OTHER:
            path = typed_path(answer)
            check_events(path)
            self.events = path
        return ()
