"""One end of a service, a source or a sink: reached again, with growing pauses, whenever its broker goes away."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

from ...reporting import print_notice
from .messages import BrokerDownError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .messages import Sink, Source

_T = TypeVar("_T")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two attempts: doubled after each, and shortened by chance, lest all clients come at once."""


class GivenUpError(Exception):
    """The end was asked for while a broker was away, or whoever read the outcomes has gone."""


class Link:
    """Does things with a source or a sink, for as long as that takes.

    ``pause(seconds)`` waits, and is false once the end was asked for: then there is one more attempt, and GivenUpError.
    ``problem`` says what is wrong now, for other threads to read; empty while nothing is known to be.
    """

    def __init__(self, role: str, end: Source | Sink, pause: Callable[[float], bool]) -> None:
        self.role = role
        self.problem = ""
        self.failures = 0
        self._end = end
        self._pause = pause
        self._connected = False
        self._down_since = 0.0

    def attempt(self, action: Callable[[], _T]) -> _T:
        """What ``action`` returns once it does not raise BrokerDownError; raises GivenUpError and PackflowError."""
        pause, is_last = FIRST_PAUSE, False
        while True:
            try:
                if not self._connected:
                    self._end.connect()
                    self._connected = True
                result = action()
            except BrokerDownError as down:
                self._connected = False
                self._is_down(str(down))
                if is_last:
                    raise GivenUpError from None
                is_last = not self._pause(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                if self.problem:
                    self._is_up()
                return result

    def close(self) -> None:
        """Leave the broker."""
        self._end.close()

    def _is_down(self, reason: str) -> None:
        self.failures += 1
        if not self.problem:
            self._down_since = time.monotonic()
            print_notice(f"the {self.role} {self._end.name} is away ({reason}); trying again until it is back")
        self.problem = f"the {self.role} {self._end.name} is away: {reason}"

    def _is_up(self) -> None:
        self.problem = ""
        seconds = time.monotonic() - self._down_since
        print_notice(f"the {self.role} {self._end.name} is back after {seconds:.1f} s")
