"""The last of what a process prints."""

from __future__ import annotations

import os
import threading

_KEPT = 64 * 1024


class LogTail:
    """Drains a descriptor in a thread and keeps the last of it, so that a chatty model never blocks."""

    def __init__(self) -> None:
        self._kept = b""
        self._thread: threading.Thread | None = None

    def drain(self, descriptor: int) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, args=(descriptor,), name="worker-log", daemon=True)
        self._thread.start()

    def _run(self, descriptor: int) -> None:
        while True:
            try:
                piece = os.read(descriptor, 1 << 16)
            except OSError:
                return
            if not piece:
                return
            self._kept = (self._kept + piece)[-_KEPT:]

    def join(self) -> None:
        """Wait a little until all that was printed is here."""
        if self._thread is not None:
            self._thread.join(2.0)

    def text(self) -> str:
        """What is kept, whatever its encoding."""
        return self._kept.decode("utf-8", "replace")
