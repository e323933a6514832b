"""Batches out of single requests, for services on asyncio: callers await one output each; the model gets many at once.

async with Batcher(backend, max_batch=64, max_wait=0.005) as batcher:
output = await batcher(event)
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .errors import InferenceBackendError, InferenceBackendRuntimeError

if TYPE_CHECKING:
    from typing_extensions import Self

    from .backend import InferenceBackend
    from .jsonlines import Event

_Request = tuple["Event", "asyncio.Future[dict[str, Any]]"]


class Batcher:
    """Collects events that arrive together and runs the backend on them in a thread of its own, one batch at a time.

    A batch starts once ``max_batch`` events wait or the oldest has waited ``max_wait`` seconds. At most ``max_pending``
    events are held; further callers wait for room. An event that the backend fails on raises InferenceBackendError for
    its own caller only. A caller that is cancelled is forgotten: its event is left out if its batch has not begun. A
    stateful backend gets one event a call, in the order of arrival.
    """

    def __init__(
        self, backend: InferenceBackend, *, max_batch: int = 64, max_wait: float = 0.005, max_pending: int = 1024
    ) -> None:
        if max_batch < 1 or max_pending < 1 or max_wait < 0:
            raise ValueError("max_batch and max_pending must be at least 1, max_wait at least 0")
        self._backend = backend
        self._max_batch = 1 if backend.stateful else max_batch
        self._max_wait = max_wait
        self._max_pending = max_pending
        self._held = 0
        self._queue: deque[asyncio.Future[None]] = deque()  # callers that wait for room, oldest first
        self._waiting: deque[_Request] = deque()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="packflow-batcher")
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._serve(), name="packflow-batcher")
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def __call__(self, event: Event) -> dict[str, Any]:
        """The output for one event; raises InferenceBackendError when the backend fails on it."""
        if self._task is None or self._closing:
            raise RuntimeError("the batcher is not open: use it inside `async with`")
        await self._take_place()
        try:
            if self._closing:
                raise RuntimeError("the batcher was closed")
            answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._waiting.append((event, answer))
            self._arrived.set()
            if len(self._waiting) >= self._max_batch:
                self._full.set()
            return await answer
        finally:
            self._give_place()

    async def _take_place(self) -> None:
        """Wait for room; a Semaphore loses the wake-ups of cancelled waiters on early releases of 3.10 and 3.11."""
        if self._held < self._max_pending:
            self._held += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # the place came just as the caller went
                self._give_place()
            raise

    def _give_place(self) -> None:
        """Hand a place on to the oldest that still waits, or free it."""
        while self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._held -= 1

    async def close(self) -> None:
        """Take no further events, answer those that wait, and end the thread."""
        self._closing = True
        self._arrived.set()
        self._full.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            if not self._closing and self._max_batch > 1 and len(self._waiting) < self._max_batch:
                self._full.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._max_wait)
            batch = self._next_batch()
            if batch:
                found = await loop.run_in_executor(self._thread, self._outcomes, [event for event, _ in batch])
                for (_, answer), outcome in zip(batch, found, strict=True):
                    _deliver(answer, outcome)
            if not self._waiting:
                self._arrived.clear()
                if self._closing:
                    return

    def _next_batch(self) -> list[_Request]:
        batch: list[_Request] = []
        while self._waiting and len(batch) < self._max_batch:
            request = self._waiting.popleft()
            if not request[1].done():  # its caller still waits
                batch.append(request)
        return batch

    def _outcomes(self, events: list[Event]) -> list[dict[str, Any] | Exception]:
        """One output or error per event; a batch that fails is halved until the culprit stands alone."""
        # The backend may change what it is given, so a retry needs events that it has not seen.
        fresh = copy.deepcopy(events) if len(events) > 1 else events
        try:
            outputs: list[dict[str, Any] | Exception] = [*self._backend(events)]
        except InferenceBackendError as error:
            if len(events) == 1:
                return [error]
            middle = len(fresh) // 2
            return self._outcomes(fresh[:middle]) + self._outcomes(fresh[middle:])
        except Exception as error:  # noqa: BLE001 - an event that is no dict, say; its caller hears of it
            if len(events) > 1:
                return [outcome for event in fresh for outcome in self._outcomes([event])]
            return [InferenceBackendRuntimeError(f"{type(error).__name__}: {error}")]
        return outputs


def _deliver(answer: asyncio.Future[dict[str, Any]], outcome: dict[str, Any] | Exception) -> None:
    if answer.done():  # cancelled while its batch ran
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
