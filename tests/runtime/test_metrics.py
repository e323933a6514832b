"""Times, batch sizes and errors of a backend: exact sums, close percentiles, whole calls across threads."""

from __future__ import annotations

import copy
import json
import pickle
import random
import threading
import unittest
from itertools import accumulate

from packflow_runtime import metrics
from packflow_runtime.exposition import family
from packflow_runtime.metrics import ALL_CALLS_UNTIL, FOLD, STEPS, ExecutionMetrics, Metrics, Series
from runtime.expositions import parse_exposition

MS = 1_000_000


def call(size: int, *spent: int) -> tuple[int, ...]:
    """A call as a backend records it: the thread, the size, and the clock at its start and after each step."""
    start = random.randrange(10**15)
    return (threading.get_ident(), size, *accumulate((start, *spent)))


class LastCall(unittest.TestCase):
    def test_before_the_first_call(self) -> None:
        last = Metrics().last_call()
        self.assertEqual(last, ExecutionMetrics())
        self.assertEqual((last.batch_size, last.total_execution_time), (0, 0.0))
        self.assertEqual((last.execution_times.preprocess, last.execution_times.transform_inputs), (0.0, None))

    def test_milliseconds_of_each_step(self) -> None:
        seen = Metrics()
        seen.record(call(9, 1, 1, 1, 1, 1))
        seen.record(call(3, 1 * MS, 2 * MS, 3 * MS, 4 * MS, 5 * MS))
        last = seen.last_call()
        self.assertEqual(
            last.model_dump(),
            {
                "batch_size": 3,
                "execution_times": {
                    "preprocess": 1.0,
                    "transform_inputs": 2.0,
                    "execute": 3.0,
                    "transform_outputs": 4.0,
                },
                "total_execution_time": 10.0,
            },
        )
        self.assertEqual(last.execution_times.total(), 10.0)

    def test_steps_a_backend_does_not_have(self) -> None:
        seen = Metrics(("execute", "check_outputs"))
        seen.record(call(1, 2 * MS, MS))
        times = seen.last_call().execution_times
        self.assertEqual((times.preprocess, times.transform_inputs, times.execute), (0.0, None, 2.0))
        self.assertEqual(seen.last_call().total_execution_time, 2.0)

    def test_each_thread_has_its_own(self) -> None:
        seen = Metrics()
        other = threading.Thread(target=lambda: seen.record(call(7, 1, 1, 1, 1, 1)))
        other.start()
        other.join()
        self.assertEqual(seen.last_call().batch_size, 7)  # this thread made none
        seen.record(call(2, 1, 1, 1, 1, 1))
        other = threading.Thread(target=lambda: seen.record(call(8, 1, 1, 1, 1, 1)))
        other.start()
        other.join()
        self.assertEqual(seen.last_call().batch_size, 2)


class Snapshot(unittest.TestCase):
    def test_empty(self) -> None:
        seen = Metrics(("execute",)).snapshot()
        nothing = {
            "count": 0,
            "total": 0,
            "max": None,
            "last": None,
            "p50": None,
            "p95": None,
            "p99": None,
        }
        self.assertEqual(
            seen,
            {
                "calls": 0,
                "events": 0,
                "errors": {},
                "batch_size": nothing,
                "call_ns": nothing,
                "steps_ns": {"execute": nothing},
            },
        )

    def test_sums_are_exact(self) -> None:
        seen = Metrics()
        chance = random.Random(1)
        calls = [[chance.randrange(10**9) for _ in STEPS] for _ in range(3 * FOLD + 7)]
        for number, spent in enumerate(calls):
            seen.record(call(number % 5 + 1, *spent))
        told = seen.snapshot()
        self.assertEqual(told["calls"], len(calls))
        self.assertEqual(told["events"], sum(number % 5 + 1 for number in range(len(calls))))
        for index, step in enumerate(STEPS):
            column = [spent[index] for spent in calls]
            series = told["steps_ns"][step]
            self.assertEqual((series["count"], series["total"]), (len(column), sum(column)))
            self.assertEqual((series["max"], series["last"]), (max(column), column[-1]))
        self.assertEqual(told["call_ns"]["max"], max(map(sum, calls)))
        self.assertEqual(json.loads(json.dumps(told, allow_nan=False)), told)
        self.assertEqual(seen.snapshot(), told)

    def test_errors_by_code(self) -> None:
        seen = Metrics()
        for code in ("output-invalid", "backend-raised", "output-invalid"):
            seen.count_error(code)
        self.assertEqual(list(seen.snapshot()["errors"].items()), [("backend-raised", 1), ("output-invalid", 2)])

    def test_copies_start_from_zero(self) -> None:
        seen = Metrics(("execute",))
        seen.record(call(1, 5))
        for other in (copy.deepcopy(seen), pickle.loads(pickle.dumps(seen))):
            self.assertEqual((other.steps, other.snapshot()["calls"]), (("execute",), 0))

    def test_what_waits_is_bounded(self) -> None:
        seen = Metrics(("execute",))
        for _ in range(10 * FOLD):
            seen.record(call(1, 5))
            self.assertLess(len(seen.pending), FOLD)


class Percentiles(unittest.TestCase):
    def filled(self, values: list[int], at_once: int = FOLD) -> Series:
        series = Series()
        for start in range(0, len(values), at_once):
            series.add(values[start : start + at_once])
        return series

    def test_within_the_bucket_width(self) -> None:
        chance = random.Random(2)
        for scale in (3.0, 7.0, 14.0, 21.0):
            values = [int(chance.lognormvariate(scale, 1.5)) for _ in range(ALL_CALLS_UNTIL)]
            exact = sorted(values)
            for name, share in metrics.PERCENTILES.items():
                rank = exact[max(0, -int(-share * len(exact) // 1) - 1)]
                found = self.filled(values).percentiles()[name]
                with self.subTest(scale=scale, name=name):
                    self.assertLessEqual(abs(found - rank), max(1, 0.032 * rank))

    def test_small_numbers_are_exact(self) -> None:
        for value in range(33):
            self.assertEqual(self.filled([value] * 10).percentiles(), {"p50": value, "p95": value, "p99": value})
        self.assertEqual(self.filled([1] * 60 + [16] * 40).percentiles(), {"p50": 1, "p95": 16, "p99": 16})

    def test_never_beyond_what_was_seen(self) -> None:
        for value in (0, 1, 33, 1023, 10**9 + 7, 2**62):
            found = self.filled([value]).percentiles()["p99"]
            self.assertLessEqual(found, value)
            self.assertGreaterEqual(found, value * (1 - 0.032) - 1)

    def test_one_in_eight_stands_for_eight(self) -> None:
        early, late = [1000] * ALL_CALLS_UNTIL, [10**6] * (3 * ALL_CALLS_UNTIL)
        for at_once in (1, 7, FOLD):
            series = self.filled(early + late, at_once)
            self.assertEqual(series.count, 4 * ALL_CALLS_UNTIL)
            weight = sum(series._every.values()) + metrics.ONE_IN * sum(series._some.values())
            self.assertLess(abs(weight - series.count), metrics.ONE_IN * 7)
            self.assertEqual(series.percentiles()["p50"], 999_424)
        self.assertEqual(self.filled(early + late[: ALL_CALLS_UNTIL // 2]).percentiles()["p50"], 1008)

    def test_size_is_bounded(self) -> None:
        series = Series()
        for power in range(62):
            series.add([2**power + 2**power * part // 64 for part in range(64)])
        self.assertLessEqual(len(series._every), 16 * 62)

    def test_buckets_are_the_heads_of_floats(self) -> None:
        heads = metrics._buckets([0, 1, 1000, 2**40])
        self.assertEqual([metrics._floor(head) for head in heads], [0.0, 1.0, 992.0, 2.0**40])


class Threads(unittest.TestCase):
    def test_no_call_is_lost_or_mixed(self) -> None:
        seen = Metrics()
        threads, calls = 16, 2000
        wrong: list[object] = []
        start = threading.Barrier(threads + 1)

        def work(number: int) -> None:
            start.wait()
            for index in range(calls):
                seen.record(call(number, *[number * 1000] * len(STEPS)))
                if index % 100 == 0:
                    last = seen.last_call()
                    if last.batch_size != number or last.total_execution_time * 1e6 != 4 * number * 1000:
                        wrong.append(last)
                    seen.count_error("e")

        workers = [threading.Thread(target=work, args=(number,)) for number in range(1, threads + 1)]
        for worker in workers:
            worker.start()
        start.wait()
        while any(worker.is_alive() for worker in workers):
            told = seen.snapshot()
            if told["call_ns"]["total"] != told["events"] * 1000 * len(STEPS):
                wrong.append(told)
        for worker in workers:
            worker.join()
        told = seen.snapshot()
        self.assertEqual(wrong, [])
        self.assertEqual((told["calls"], told["errors"]), (threads * calls, {"e": threads * calls // 100}))
        self.assertEqual(told["events"], calls * sum(range(1, threads + 1)))
        self.assertEqual(told["steps_ns"]["execute"]["total"], told["events"] * 1000)

    def test_recording_never_waits_for_another_thread(self) -> None:
        seen = Metrics(("execute",))
        with seen._lock:
            for _ in range(2 * FOLD):
                seen.record(call(1, 5))
        self.assertEqual(seen.snapshot()["calls"], 2 * FOLD)


class Prometheus(unittest.TestCase):
    def test_text_is_valid(self) -> None:
        seen = Metrics()
        for spent in (1000, 3000):
            seen.record(call(4, *[spent] * 5))
        seen.count_error("backend-raised")
        samples = parse_exposition(seen.prometheus())
        self.assertEqual(samples["packflow_backend_events_total", ""], 8)
        self.assertEqual(samples["packflow_backend_errors_total", 'code="backend-raised"'], 1)
        self.assertEqual(samples["packflow_backend_call_seconds_count", ""], 2)
        self.assertAlmostEqual(samples["packflow_backend_call_seconds_sum", ""], 20e-6)
        self.assertEqual(samples["packflow_backend_batch_size", 'quantile="0.99"'], 4)
        self.assertAlmostEqual(samples["packflow_backend_step_seconds_sum", 'step="execute"'], 4e-6)
        self.assertAlmostEqual(samples["packflow_backend_step_seconds", 'step="execute",quantile="0.99"'], 3e-6, 7)

    def test_before_the_first_call(self) -> None:
        samples = parse_exposition(Metrics().prometheus())
        self.assertEqual(samples["packflow_backend_events_total", ""], 0)
        self.assertNotEqual(*[samples["packflow_backend_call_seconds", 'quantile="0.5"']] * 2)

    def test_labels_are_escaped(self) -> None:
        text = family("m_total", "counter", "One.", [("", {"path": 'a"b\\c\nd', "x": "é\ud800"}, 1)])
        self.assertEqual(list(parse_exposition(text)), [("m_total", 'path="a\\"b\\\\c\\nd",x="é\\\\ud800"')])
        with self.assertRaises(AssertionError):
            parse_exposition(text + text)


if __name__ == "__main__":
    unittest.main()
