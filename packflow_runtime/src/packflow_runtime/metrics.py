"""How long each step of a backend takes, how large its batches are, and how often it fails.

A call costs its clock readings, one tuple and one append; differences, sums and histograms are worked out for 256 calls
at a time, by loops in C. Counts, sums, largest and last are exact. Percentiles come from a histogram of 16
buckets per power of two, and so are within 3.2 % of a value of that rank; beyond the first 4,096 calls, 256 of each
2,048 enter the histogram, with a weight of eight.

Threads share one instance: appending takes no lock, and a call is recorded whole or not at all.
"""

from __future__ import annotations

import sys
import threading
from array import array
from collections import Counter
from operator import sub
from struct import Struct
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from .exposition import family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .drift import DriftCounters

STEPS = ("preprocess", "transform_inputs", "execute", "transform_outputs", "check_outputs")
FOLD = 256  # calls worked out at once; fewer cost more per call, more make a longer pause
ALL_CALLS_UNTIL = 4096
ONE_IN = 8
MOST_THREADS = 1000  # whose last call is remembered
_CYCLE = ONE_IN * FOLD
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_HEAD_OF_DOUBLE = slice(3 if sys.byteorder == "little" else 0, None, 4)  # sign, exponent and four bits of the mantissa
_DOUBLE, _BITS = Struct(">d"), Struct(">Q")


class ExecutionTimes(NamedTuple):
    """Milliseconds that the steps of one call took; None for a step that the backend does not have."""

    preprocess: float = 0.0
    transform_inputs: float | None = None
    execute: float = 0.0
    transform_outputs: float | None = None

    def total(self) -> float:
        """The sum of the steps, in milliseconds."""
        return self.preprocess + (self.transform_inputs or 0.0) + self.execute + (self.transform_outputs or 0.0)


class ExecutionMetrics(NamedTuple):
    """One call: how many events it had, and milliseconds per step and in all; zeros where there was no call yet."""

    batch_size: int = 0
    execution_times: ExecutionTimes = ExecutionTimes()
    total_execution_time: float = 0.0

    def model_dump(self) -> dict[str, Any]:
        """The same as a dict, under the name it has in packflow 0.4.1."""
        return {**self._asdict(), "execution_times": self.execution_times._asdict()}


class Metrics:
    """The metrics of one backend that has these steps. A copy, and what is unpickled, starts from zero.

    ``drift`` counts how events differ from the schema the model was shipped with, where there is one; whoever calls the
    backend shows it each event once.
    """

    def __init__(self, steps: tuple[str, ...] = STEPS, drift: DriftCounters | None = None) -> None:
        self.steps = steps
        self.drift = drift
        self.pending: list[tuple[int, ...]] = []
        """Calls that wait to be worked out. Generated code appends to it what ``record`` takes, and folds by itself."""
        self._lock = threading.Lock()
        self._last_by_thread: dict[int, tuple[int, ...]] = {}
        self._last: tuple[int, ...] | None = None
        self._sizes = Series()
        self._calls = Series()
        self._series = {step: Series() for step in steps}
        self._errors: Counter[str] = Counter()

    def __reduce__(self) -> tuple[type[Metrics], tuple[tuple[str, ...]]]:
        return Metrics, (self.steps,)

    def record(self, call: tuple[int, ...]) -> None:
        """Note one call: its thread, its batch size, and the clock in ns at its start and after each step."""
        self.pending.append(call)
        if len(self.pending) >= FOLD:
            self.fold()

    def fold(self) -> None:
        """Work out the calls that wait, unless another thread is at it."""
        if self._lock.acquire(blocking=False):
            try:
                self._work_out()
            finally:
                self._lock.release()

    def count_error(self, code: str) -> None:
        """Note that a call failed, under the error's stable code."""
        with self._lock:
            self._errors[code] += 1

    def last_call(self) -> ExecutionMetrics:
        """The last call this thread made, else the last that any thread made; zeros when there was none."""
        with self._lock:
            self._work_out()
            call = self._last_by_thread.get(get_ident(), self._last)
        if call is None:
            return ExecutionMetrics()
        _, size, *marks = call
        spent = dict(zip(self.steps, map(sub, marks[1:], marks), strict=True))
        times = ExecutionTimes(**{name: spent[name] / 1e6 for name in ExecutionTimes._fields if name in spent})
        return ExecutionMetrics(size, times, times.total())

    def snapshot(self) -> dict[str, Any]:
        """Everything as JSON types: times in nanoseconds, batch sizes in events, null where there was no call."""
        with self._lock:
            self._work_out()
            return {
                "calls": self._calls.count,
                "events": self._sizes.total,
                "errors": dict(sorted(self._errors.items())),
                "batch_size": self._sizes.as_json(),
                "call_ns": self._calls.as_json(),
                "steps_ns": {step: series.as_json() for step, series in self._series.items()},
                **({"drift": self.drift.snapshot()} if self.drift is not None else {}),
            }

    def prometheus(self) -> str:
        """Everything in the Prometheus text format, in seconds; NaN where there was no call."""
        seen = self.snapshot()
        steps = [sample for step, series in seen["steps_ns"].items() for sample in _summary(series, 1e9, step=step)]
        errors = [("", {"code": code}, count) for code, count in seen["errors"].items()]
        return (
            family(
                "packflow_backend_events_total",
                "counter",
                "Events the backend gave outputs for.",
                [("", {}, seen["events"])],
            )
            + family("packflow_backend_errors_total", "counter", "Calls that failed, by the error's code.", errors)
            + family("packflow_backend_batch_size", "summary", "Events per call.", _summary(seen["batch_size"], 1))
            + family(
                "packflow_backend_call_seconds", "summary", "Time per call, all steps.", _summary(seen["call_ns"], 1e9)
            )
            + family("packflow_backend_step_seconds", "summary", "Time per call in each step.", steps)
            + (self.drift.prometheus() if self.drift is not None else "")
        )

    def _work_out(self) -> None:
        """Add up the calls that wait, with the lock held; what other threads append meanwhile waits on."""
        waiting = self.pending[:]
        if not waiting:
            return
        del self.pending[: len(waiting)]
        threads, sizes, *marks = zip(*waiting, strict=True)
        if len(self._last_by_thread) > MOST_THREADS:
            self._last_by_thread.clear()
        one_thread = threads.count(threads[-1]) == len(threads)
        self._last_by_thread.update([(threads[-1], waiting[-1])] if one_thread else zip(threads, waiting, strict=True))
        self._last = waiting[-1]
        self._sizes.add(sizes)
        self._calls.add(list(map(sub, marks[-1], marks[0])))
        for series, before, after in zip(self._series.values(), marks, marks[1:], strict=False):
            series.add(list(map(sub, after, before)))


class Series:
    """Non-negative integers: how many, their sum, largest and last, and a histogram of bounded size."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.most = 0
        self.last = 0
        self._every: Counter[int] = Counter()
        self._some: Counter[int] = Counter()

    def add(self, values: Sequence[int]) -> None:
        """Take up one or more values, in order."""
        self.last = values[-1]
        largest = max(values)
        self.most = max(self.most, largest)
        self.total += sum(values)
        if self.count < ALL_CALLS_UNTIL:
            self._every.update(_buckets(values))
        else:
            ahead = _CYCLE - self.count % _CYCLE  # values until the next cycle begins
            for sample in (values[: max(0, ahead - _CYCLE + FOLD)], values[ahead : ahead + FOLD]):
                self._some.update(_buckets(sample))
        self.count += len(values)

    def percentiles(self) -> dict[str, int]:
        """p50, p95 and p99 by nearest rank, each the middle of the bucket that holds the rank."""
        weights = self._every + Counter({bucket: ONE_IN * count for bucket, count in self._some.items()})
        ranks = {name: share * weights.total() for name, share in PERCENTILES.items()}
        found: dict[str, int] = {}
        seen = 0
        for bucket in sorted(weights):
            seen += weights[bucket]
            for name, rank in ranks.items():
                if name not in found and seen >= rank:
                    found[name] = min(round((_floor(bucket) + _floor(bucket + 1)) / 2), self.most)
        return found

    def as_json(self) -> dict[str, int | None]:
        """Every figure by its name; null for those that no value stands behind."""
        if not self.count:
            return {"count": 0, "total": 0, **dict.fromkeys(("max", "last", *PERCENTILES))}
        exact = {"count": self.count, "total": self.total, "max": self.most, "last": self.last}
        return {**exact, **self.percentiles()}


def _buckets(values: Sequence[int]) -> list[int]:
    """The bucket of each value: the upper 16 bits of it as a 64-bit float, which grow as its logarithm does."""
    if not values:
        return []
    heads: list[int] = memoryview(array("d", values)).cast("B").cast("H")[_HEAD_OF_DOUBLE].tolist()
    return heads


def _floor(bucket: int) -> float:
    """The least value of a bucket."""
    value: float = _DOUBLE.unpack(_BITS.pack(bucket << 48))[0]
    return value


def _summary(series: dict[str, Any], unit: float, **labels: str) -> list[tuple[str, dict[str, str], float]]:
    quantiles: list[tuple[str, dict[str, str], float]] = [
        ("", {**labels, "quantile": str(share)}, float("nan") if series[name] is None else series[name] / unit)
        for name, share in PERCENTILES.items()
    ]
    return [*quantiles, ("_sum", labels, series["total"] / unit), ("_count", labels, series["count"])]
