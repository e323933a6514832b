"""SIGINT and SIGTERM end a stream between two batches, never in one."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typing_extensions import Self


class StopRequestedError(Exception):
    """A signal asked for the end while the stream waited for input."""


class StopSignals:
    """SIGINT and SIGTERM finish the batch in hand: they interrupt a wait for input, never work on events.

    A wait that is interrupted raises StopRequestedError: what was read and is not yet a batch has not begun, and a
    line that is cut where its reading stopped is no event. Outside a program's main thread the signals are its host's.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._waiting = False

    def __enter__(self) -> Self:
        numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        self._previous = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.received is not None:  # asked twice: the batch in hand may never end
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.received = number
        if self._waiting:
            raise StopRequestedError

    def interruptible(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """Wrap ``read`` so that a signal before or during it raises StopRequestedError."""

        def guarded(size: int) -> bytes:
            try:
                self._waiting = True
                if self.received is not None:
                    raise StopRequestedError
                return read(size)
            finally:
                self._waiting = False

        return guarded
