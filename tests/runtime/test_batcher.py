"""Batches out of single requests: each caller gets its own answer, whoever else is cancelled or fails."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import unittest
from typing import Any
from unittest import mock

from packflow_runtime.backend import InferenceBackend
from packflow_runtime.batcher import Batcher
from packflow_runtime.errors import InferenceBackendError


class Doubling(InferenceBackend):
    delay = 0.0

    def initialize(self) -> None:
        self.sizes: list[int] = []
        self.seen: list[int] = []

    def execute(self, inputs: Any) -> Any:
        self.sizes.append(len(inputs))
        self.seen += [event["n"] for event in inputs]
        time.sleep(self.delay)
        if any(event.get("bad") for event in inputs):
            for event in inputs:
                event.clear()
            raise ValueError("bad event")
        return [{"n": event["n"], "double": event["n"] * 2} for event in inputs]


class Counting(Doubling):
    stateful = True


class Batching(unittest.IsolatedAsyncioTestCase):
    async def test_events_that_arrive_together_go_together(self) -> None:
        backend = Doubling()
        async with Batcher(backend, max_batch=8, max_wait=0.05) as batcher:
            outputs = await asyncio.gather(*(batcher({"n": n}) for n in range(20)))
        self.assertEqual([output["double"] for output in outputs], [n * 2 for n in range(20)])
        self.assertEqual(backend.sizes, [8, 8, 4])

    async def test_a_single_event_waits_no_longer_than_it_must(self) -> None:
        async with Batcher(Doubling(), max_batch=64, max_wait=0.02) as batcher:
            started = time.monotonic()
            self.assertEqual(await batcher({"n": 4}), {"n": 4, "double": 8})
            self.assertLess(time.monotonic() - started, 0.5)

    async def test_a_full_batch_does_not_wait(self) -> None:
        async with Batcher(Doubling(), max_batch=4, max_wait=30) as batcher:
            started = time.monotonic()
            await asyncio.gather(*(batcher({"n": n}) for n in range(8)))
            self.assertLess(time.monotonic() - started, 5)

    async def test_a_failing_event_fails_for_its_own_caller_only(self) -> None:
        backend = Doubling()
        async with Batcher(backend, max_batch=8, max_wait=0.05) as batcher:
            events = [{"n": n, **({"bad": True} if n == 5 else {})} for n in range(8)]
            outputs = await asyncio.gather(*map(batcher, events), return_exceptions=True)
        for n, output in enumerate(outputs):
            if n == 5:
                self.assertIsInstance(output, InferenceBackendError)
            else:
                self.assertEqual(output, {"n": n, "double": n * 2})

    async def test_what_is_no_event_fails_alone(self) -> None:
        async with Batcher(Doubling(), max_batch=4, max_wait=0.05) as batcher:
            calls = [batcher({"n": 1}), batcher("text"), batcher({"n": 2})]  # type: ignore[arg-type]
            first, second, third = await asyncio.gather(*calls, return_exceptions=True)
        self.assertEqual((first, third), ({"n": 1, "double": 2}, {"n": 2, "double": 4}))
        self.assertIsInstance(second, InferenceBackendError)

    async def test_what_a_backend_raises_past_its_own_errors_reaches_the_caller(self) -> None:
        backend = Doubling()
        async with Batcher(backend, max_batch=4, max_wait=0.05) as batcher:
            with mock.patch.object(Doubling, "__call__", side_effect=MemoryError("no room")):
                outcomes = await asyncio.gather(batcher({"n": 1}), batcher({"n": 2}), return_exceptions=True)
        self.assertEqual([str(outcome) for outcome in outcomes], ["MemoryError: no room"] * 2)
        self.assertTrue(all(isinstance(outcome, InferenceBackendError) for outcome in outcomes))

    async def test_callers_wait_when_too_much_is_pending(self) -> None:
        backend = Doubling()
        backend.delay = 0.02
        most = 0
        async with Batcher(backend, max_batch=2, max_wait=0, max_pending=4) as batcher:
            calls = [asyncio.ensure_future(batcher({"n": n})) for n in range(30)]
            while not all(call.done() for call in calls):
                most = max(most, len(batcher._waiting))
                await asyncio.sleep(0.002)
            self.assertEqual([call.result()["n"] for call in calls], list(range(30)))
        self.assertLessEqual(most, 4)

    async def test_cancelled_callers_are_forgotten_before_their_batch_begins(self) -> None:
        backend = Doubling()
        async with Batcher(backend, max_batch=4, max_wait=0.2) as batcher:
            calls = [asyncio.ensure_future(batcher({"n": n})) for n in range(3)]
            await asyncio.sleep(0)
            calls[1].cancel()
            self.assertEqual([(await calls[n])["n"] for n in (0, 2)], [0, 2])
        self.assertEqual(backend.seen, [0, 2])

    async def test_no_answer_is_misrouted_under_random_cancellation(self) -> None:
        source = random.Random(5)
        backend = Doubling()
        backend.delay = 0.0005
        wrong = cancelled = answered = 0

        async def caller(batcher: Batcher, n: int) -> None:
            nonlocal wrong, cancelled, answered
            await asyncio.sleep(source.random() * 0.1)
            event = {"n": n, **({"bad": True} if n % 97 == 0 else {})}
            try:
                output = await asyncio.wait_for(batcher(event), source.choice([0.0005, 0.003, 60]))
            except asyncio.TimeoutError:
                cancelled += 1
            except InferenceBackendError:
                wrong += n % 97 != 0
            else:
                answered += 1
                wrong += output != {"n": n, "double": n * 2}

        async with Batcher(backend, max_batch=16, max_wait=0.001, max_pending=64) as batcher:
            await asyncio.gather(*(caller(batcher, n) for n in range(1, 501)))
        self.assertEqual(wrong, 0)
        self.assertGreater(cancelled, 10)
        self.assertGreater(answered, 50)

    async def test_a_stateful_backend_gets_one_event_a_call_in_order(self) -> None:
        backend = Counting()
        async with Batcher(backend, max_batch=8, max_wait=0.01) as batcher:
            await asyncio.gather(*(batcher({"n": n}) for n in range(10)))
        self.assertEqual((backend.sizes, backend.seen), ([1] * 10, list(range(10))))

    async def test_closing_answers_those_that_wait(self) -> None:
        batcher = Batcher(Doubling(), max_batch=64, max_wait=60)
        await batcher.__aenter__()
        call = asyncio.ensure_future(batcher({"n": 1}))
        await asyncio.sleep(0.01)
        await batcher.close()
        self.assertEqual((await call)["double"], 2)
        with self.assertRaises(RuntimeError):
            await batcher({"n": 2})
        self.assertFalse(any(thread.name.startswith("packflow-batcher") for thread in threading.enumerate()))

    async def test_it_must_be_open(self) -> None:
        with self.assertRaises(RuntimeError):
            await Batcher(Doubling())({"n": 1})
        for options in ({"max_batch": 0}, {"max_pending": 0}, {"max_wait": -1}):
            with self.assertRaises(ValueError):
                Batcher(Doubling(), **options)  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
