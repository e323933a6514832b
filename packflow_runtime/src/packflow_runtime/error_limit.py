"""How many failed events a run bears."""

from __future__ import annotations

from typing import NamedTuple

_FEWEST_EVENTS = 100  # a share means little before


class ErrorLimit(NamedTuple):
    """At most so many failed events, or such a share of all; ``text`` is as the user wrote it.

    A share is judged from the hundredth event on, and at the end.
    """

    text: str
    number: float
    is_percentage: bool = False

    @classmethod
    def parse(cls, text: str) -> ErrorLimit:
        """Read ``N`` or ``P%``; raises ValueError."""
        is_percentage = text.endswith("%")
        number = float(text[:-1]) if is_percentage else float(int(text))
        if not (0 <= number <= 100 if is_percentage else number >= 0):
            raise ValueError(text)
        return cls(text, number, is_percentage)

    def is_exceeded(self, events: int, errors: int, *, at_end: bool) -> bool:
        """Whether a run with so many events and errors so far must stop, or has failed."""
        if not self.is_percentage:
            return errors > self.number
        return (at_end or events >= _FEWEST_EVENTS) and 100 * errors > self.number * events
