"""Whether real events may ship with an archive, and how many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.questions.question import Form, Question, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.actions.golden_events import GoldenOffer

_SHOWN = 3


class GoldenInterview:
    """Asks how many of the events that are offered may ship: ``agreed``."""

    flags = ("--golden",)

    def __init__(self, offer: GoldenOffer) -> None:
        self.agreed = 0
        self._offer = offer

    def look(self) -> None:
        """Nothing is to be looked at."""

    def steps(self) -> Iterator[Step]:
        """The one question, below the first of the events."""
        offer = self._offer
        shown = offer.events[:_SHOWN]
        which = "The first of" if len(shown) < offer.count else "All"
        told = [
            "An archive ships a few example events with what the model answers to them,",
            "so that whoever gets it can see that it answers there as here.",
        ]
        if offer.personal:
            told.append(f"These are real, and hold {', '.join(offer.personal)}.")
            told.append("To ship masked ones, answer 0, then packflow inspect EVENTS --mask PATH --save FILE,")
            told.append("and packflow export --golden FILE.")
        else:
            told.append("These are real events of yours.")
        told.append(f"{which} {offer.count}:")
        listed = tuple(f"  {line.decode('utf-8', 'replace')}" for line in shown)
        text = f"How many of these {offer.count} example events may ship?"
        question = Question(
            "--golden", text, Form.TEXT, str(offer.count), told=tuple(told), listed=listed, hint="0 for none"
        )
        yield Step(question, self._take)

    def _take(self, answer: str) -> tuple[str, ...]:
        known = {"y": self._offer.count, "yes": self._offer.count, "n": 0, "no": 0, "none": 0}
        text = answer.strip().lower()
        if text in known:
            self.agreed = known[text]
        elif re.fullmatch("[0-9]{1,9}", text) and int(text) <= self._offer.count:
            self.agreed = int(text)
        else:
            raise UsageError(f"{answer!r} is no number from 0 to {self._offer.count}.", hint="Type how many, or none.")
        return ()
