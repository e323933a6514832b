"""A question that an action asks while it runs: its thread waits until somebody has answered, or has stopped it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.questions.question import Interview

_LOOK_SECONDS = 0.1


class Asked:
    """What a job reports instead of progress: an interview that waits for its answers."""

    def __init__(self, interview: Interview) -> None:
        self.interview = interview
        self._answered = threading.Event()

    def done(self) -> None:
        """All answers were taken."""
        self._answered.set()

    def wait(self, cancel: threading.Event) -> None:
        """In the job's thread: until it is answered; raises CancelledError where the job is stopped instead."""
        from packflow_app.errors import CancelledError  # noqa: PLC0415 - the rooms, not before the first picture

        while not self._answered.wait(_LOOK_SECONDS):
            if cancel.is_set():
                raise CancelledError("It was stopped at a question.", hint="Run it again.")


def ask(interview: Interview, report: Callable[[Any], None], cancel: threading.Event) -> None:
    """In a job's thread: have an interview answered by whoever sits before the app."""
    asked = Asked(interview)
    report(asked)
    asked.wait(cancel)
