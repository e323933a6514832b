"""Several runners at once: outcomes come in the order of the input, and whatever ends the run ends all of it."""

from __future__ import annotations

import random
import threading
import time
import unittest

from packflow_runtime.lines import Lines
from packflow_runtime.outcomes import BatchOutcomes
from packflow_runtime.pipeline import Pipeline


class Slow:
    """Answers after a random while, and remembers how many of its kind worked at once."""

    lock = threading.Lock()
    busy = most = 0

    def __init__(self, seed: int, fails_on: int = -1) -> None:
        self.source = random.Random(seed)
        self.fails_on = fails_on

    def run(self, lines: Lines) -> BatchOutcomes:
        with Slow.lock:
            Slow.busy += 1
            Slow.most = max(Slow.most, Slow.busy)
        time.sleep(self.source.random() * 0.01)
        with Slow.lock:
            Slow.busy -= 1
        if lines.numbers[0] == self.fails_on:
            raise RuntimeError("broken")
        return BatchOutcomes([b"out " + raw for raw in lines.raws], {})


def batch(number: int) -> Lines:
    return Lines([number], [str(number).encode()])


class Pipelining(unittest.TestCase):
    def setUp(self) -> None:
        Slow.busy = Slow.most = 0
        self.delivered: list[bytes] = []

    def deliver(self, lines: Lines, outcomes: BatchOutcomes, elapsed: int) -> bool:
        self.assertGreater(elapsed, 0)
        self.assertEqual(len(lines), len(outcomes.encoded))
        self.delivered += outcomes.encoded
        return True

    def test_order_is_kept_and_all_runners_work(self) -> None:
        pipeline = Pipeline([Slow(seed) for seed in range(3)], self.deliver)
        for number in range(100):
            self.assertTrue(pipeline.take(batch(number)))
        pipeline.finish()
        self.assertEqual(self.delivered, [f"out {number}".encode() for number in range(100)])
        self.assertEqual(Slow.most, 3)

    def test_an_outcome_does_not_wait_for_the_next_batch(self) -> None:
        done = threading.Event()
        pipeline = Pipeline([Slow(1), Slow(2)], lambda *_: done.set() or True)
        pipeline.take(batch(1))
        self.assertTrue(done.wait(5))
        pipeline.finish()

    def test_a_runner_that_raises_ends_the_run_after_what_came_before(self) -> None:
        pipeline = Pipeline([Slow(1, fails_on=5), Slow(2, fails_on=5)], self.deliver)
        taken = 0
        while pipeline.take(batch(taken)) and taken < 1000:
            taken += 1
        with self.assertRaisesRegex(RuntimeError, "broken"):
            pipeline.finish()
        self.assertEqual(self.delivered, [f"out {number}".encode() for number in range(5)])
        self.assertLess(taken, 50)

    def test_a_delivery_that_says_no_ends_the_run(self) -> None:
        def three(lines: Lines, outcomes: BatchOutcomes, elapsed: int) -> bool:
            return self.deliver(lines, outcomes, elapsed) and len(self.delivered) < 3

        pipeline = Pipeline([Slow(1), Slow(2)], three)
        taken = 0
        while pipeline.take(batch(taken)) and taken < 1000:
            taken += 1
        pipeline.finish()
        self.assertEqual(len(self.delivered), 3)

    def test_little_is_under_way(self) -> None:
        gate = threading.Event()

        def wait(*_: object) -> bool:
            return gate.wait(5)

        pipeline = Pipeline([Slow(1)], wait)
        taken: list[int] = []

        def feed() -> None:
            for number in range(20):
                pipeline.take(batch(number))
                taken.append(number)

        feeder = threading.Thread(target=feed)
        feeder.start()
        time.sleep(0.3)
        self.assertLessEqual(len(taken), 4)
        gate.set()
        feeder.join(5)
        pipeline.finish()
        self.assertEqual(len(taken), 20)


if __name__ == "__main__":
    unittest.main()
