"""Looking at what takes a moment while a person reads the first question."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Found = TypeVar("Found")


class Look(Generic[Found]):
    """One look, taken in a thread of its own: begun early, waited for late."""

    def __init__(self, work: Callable[[], Found]) -> None:
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._lock = threading.Lock()
        self._begun = False
        self._found: list[Found] = []
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Begin, unless it has begun."""
        with self._lock:
            if not self._begun:
                self._begun = True
                self._thread.start()

    def result(self) -> Found:
        """Wait for what was found; raises what the look raised."""
        self.begin()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            self._error = error
