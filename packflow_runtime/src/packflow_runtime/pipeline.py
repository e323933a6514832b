"""Several runners at once, with outcomes in the order of the input: what `run --workers N` needs.

Each batch goes to a runner that is free; one thread delivers outcomes in order. At most two batches for each runner are
under way, so that memory stays bounded and a slow reader slows the run.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .lines import Lines
    from .outcomes import BatchOutcomes


class Runner(Protocol):
    """Finds the outcomes of a batch of lines."""

    def run(self, lines: Lines) -> BatchOutcomes:
        """One outcome per line, in order."""


class Pipeline:
    """Runs batches on ``runners`` and calls ``deliver(batch, outcomes, nanoseconds)`` for each in order, in one thread.

    Where ``deliver`` gives false or raises, or a runner raises, nothing further is delivered.
    """

    def __init__(self, runners: Sequence[Runner], deliver: Callable[[Lines, BatchOutcomes, int], bool]) -> None:
        self._deliver = deliver
        self._free: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        for runner in runners:
            self._free.put(runner)
        self._threads = ThreadPoolExecutor(len(runners), thread_name_prefix="packflow-worker")
        self._order: queue.Queue[tuple[Lines, Future[tuple[BatchOutcomes, int]]] | None] = queue.Queue(2 * len(runners))
        self._going = True
        self._error: BaseException | None = None
        self._writer = threading.Thread(target=self._write, name="packflow-writer", daemon=True)
        self._writer.start()

    def take(self, batch: Lines) -> bool:
        """Hand over a batch, waiting for room; false where the run must end."""
        if self._going:
            self._order.put((batch, self._threads.submit(self._run, batch)))
        return self._going

    def finish(self) -> None:
        """Wait until all that was taken is delivered; raises what a runner or the delivery raised."""
        self._order.put(None)
        self._writer.join()
        self._threads.shutdown(cancel_futures=True)
        if self._error is not None:
            raise self._error

    def _run(self, batch: Lines) -> tuple[BatchOutcomes, int]:
        runner = self._free.get()
        started = time.perf_counter_ns()
        try:
            return runner.run(batch), time.perf_counter_ns() - started
        finally:
            self._free.put(runner)

    def _write(self) -> None:
        while (item := self._order.get()) is not None:
            batch, future = item
            if not self._going:
                future.cancel()
                continue
            try:
                outcomes, elapsed = future.result()
                self._going = self._deliver(batch, outcomes, elapsed)
            except BaseException as error:  # noqa: BLE001 - raised again by finish, in the thread that started the run
                self._error = error
                self._going = False
