"""The processes of a dry run, one after another."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from packflow_app.dryrun.client import Loaded, Worker


class Workers:
    """Starts workers with the model loaded, one at a time, and remembers what they said and took at most."""

    def __init__(self, start: Callable[[int], Worker]) -> None:
        self.loaded: Loaded | None = None
        self.peak_memory = 0
        self.log = ""
        self._start = start
        self._stack = ExitStack()
        self._worker: Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        # An error is on its way already: a worker that it left behind is ended without a verdict of its own.
        self._stack.__exit__(*exception)  # type: ignore[arg-type]

    def start(self, hash_seed: int = 1) -> Worker:
        """End the worker there was, and give a fresh one."""
        self.end()
        self._worker = self._stack.enter_context(self._start(hash_seed))
        loaded = self._worker.load()
        self.loaded = self.loaded or loaded
        return self._worker

    @property
    def running(self) -> Worker | None:
        """The worker that was started last, unless it was ended."""
        return self._worker

    def abandon(self, error: BaseException) -> None:
        """Take the worker for dead, of this error, which is handled elsewhere."""
        self._stack.__exit__(type(error), error, error.__traceback__)
        self._forget()

    def end(self) -> None:
        """End the worker that runs, if any; raises what ended it if it was dead."""
        try:
            self._stack.close()
        finally:
            self._forget()

    def _forget(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self.peak_memory = max(self.peak_memory, worker.peak_memory)
            self.log = worker.log
