"""What a stream has done so far, counted by the stream and read by whoever reports it, in other threads too."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_STEPS = 8  # buckets for each doubling: a percentile is right within 6 %
_BUCKETS = 48 * _STEPS  # up to 2**48 ns, three days


@dataclass(frozen=True)
class Snapshot:
    """Totals since the start: events, failed ones by code, batches by their time (in ns) and that time in all."""

    at: float
    events: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    batch_ns: int = 0
    buckets: tuple[int, ...] = (0,) * _BUCKETS

    def events_per_second(self, earlier: Snapshot) -> float:
        """The rate since an earlier snapshot."""
        seconds = self.at - earlier.at
        return (self.events - earlier.events) / seconds if seconds > 0 else 0.0

    def batch_seconds(self, quantile: float, earlier: Snapshot | None = None) -> float | None:
        """A quantile of the time that batches took, since an earlier snapshot; None without a batch."""
        counts = self.buckets
        if earlier is not None:
            counts = tuple(now - before for now, before in zip(counts, earlier.buckets, strict=True))
        rank = quantile * sum(counts)
        reached = 0
        for index, count in enumerate(counts):
            reached += count
            if count and reached >= rank:
                return _middle_ns(index) / 1e9
        return None


class StreamMetrics:
    """Counts batches as they are written; safe across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events = 0
        self._errors: Counter[str] = Counter()
        self._batches = 0
        self._batch_ns = 0
        self._buckets = [0] * _BUCKETS
        self.started = self.snapshot()

    def batch_done(self, events: int, codes: Iterable[str], elapsed_ns: int) -> None:
        """Count one batch: its events, the codes of those that failed, the time to decode, run and write it."""
        with self._lock:
            self._events += events
            self._errors.update(codes)
            self._batches += 1
            self._batch_ns += elapsed_ns
            self._buckets[_bucket(elapsed_ns)] += 1

    def snapshot(self) -> Snapshot:
        """The totals as they are now."""
        with self._lock:
            return Snapshot(
                time.monotonic(),
                self._events,
                self._errors.copy(),
                self._batches,
                self._batch_ns,
                tuple(self._buckets),
            )


def as_json(now: Snapshot, earlier: Snapshot, start: Snapshot, model: dict[str, Any] | None = None) -> dict[str, Any]:
    """The line of ``--metrics-every``: totals since the start; rate and latencies since the line before.

    ``model`` is what ``Metrics.snapshot`` says of the backend, of which the percentiles of each step since the start
    and the drift are told.
    """
    told: dict[str, Any] = {}
    if model is not None:
        told["steps_ms"] = {step: _in_ms(series) for step, series in model["steps_ns"].items()}
        if "drift" in model:
            told["drift"] = model["drift"]
    return {
        "packflow_metrics": {
            **told,
            "seconds": round(now.at - start.at, 3),
            "events": now.events,
            "errors": dict(sorted(now.errors.items())),
            "events_per_second": round(now.events_per_second(earlier), 1),
            "batch_ms": {
                name: None if seconds is None else round(seconds * 1e3, 3)
                for name, seconds in (
                    ("p50", now.batch_seconds(0.5, earlier)),
                    ("p95", now.batch_seconds(0.95, earlier)),
                )
            },
        }
    }


def _in_ms(series: dict[str, Any]) -> dict[str, float | None]:
    return {name: None if series[name] is None else round(series[name] / 1e6, 6) for name in ("p50", "p95", "p99")}


def as_prometheus(now: Snapshot) -> str:
    """The totals in Prometheus's text format."""
    rows = [
        "# HELP packflow_events_total Events read.",
        "# TYPE packflow_events_total counter",
        f"packflow_events_total {now.events}",
        "# HELP packflow_errors_total Events that failed, by code.",
        "# TYPE packflow_errors_total counter",
        *(f'packflow_errors_total{{code="{code}"}} {count}' for code, count in sorted(now.errors.items())),
        "# HELP packflow_batch_seconds Time to decode, run and write a batch.",
        "# TYPE packflow_batch_seconds summary",
    ]
    for quantile in (0.5, 0.95):
        seconds = now.batch_seconds(quantile)
        rows.append(f'packflow_batch_seconds{{quantile="{quantile}"}} {"NaN" if seconds is None else f"{seconds:.9f}"}')
    rows += [f"packflow_batch_seconds_sum {now.batch_ns / 1e9:.9f}", f"packflow_batch_seconds_count {now.batches}"]
    return "\n".join(rows) + "\n"


def _bucket(elapsed_ns: int) -> int:
    """Eight buckets for each doubling, by the highest four bits."""
    elapsed_ns = max(elapsed_ns, _STEPS)
    doublings = elapsed_ns.bit_length() - 4
    return min(doublings * _STEPS + (elapsed_ns >> doublings) - _STEPS, _BUCKETS - 1)


def _middle_ns(bucket: int) -> float:
    doublings, step = bucket // _STEPS, bucket % _STEPS
    return (_STEPS + step + 0.5) * 2.0**doublings
