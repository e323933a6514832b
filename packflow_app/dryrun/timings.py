"""What the durations of calls say: percentiles, how they spread, and which batch size pays."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CLOSE_TO_PEAK = 0.9
_BUCKETS_PER_DOUBLING = 4
_MOST_BUCKETS = 40
_SORTED_AT_A_TIME = 10_000


@dataclass(frozen=True)
class Timing:
    """Percentiles of a duration in milliseconds, by nearest rank."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, nanoseconds: Sequence[int]) -> Timing:
        """The percentiles of a non-empty sequence of durations."""
        ordered = _ordered(nanoseconds)

        def rank(percent: int) -> float:
            return ordered[max(0, -(-percent * len(ordered) // 100) - 1)] / 1e6

        return cls(rank(50), rank(95), rank(99))


@dataclass(frozen=True)
class Histogram:
    """How many durations lie up to each edge and above the one before it; edges in milliseconds, by equal ratios.

    The last edge is no lower than the longest duration.
    """

    edges_ms: list[float]
    counts: list[int]

    @classmethod
    def of(cls, nanoseconds: Sequence[int]) -> Histogram:
        """The histogram of a non-empty sequence of durations."""
        least, most = max(1, min(nanoseconds)), max(1, *nanoseconds)
        ratio = 2 ** (1 / _BUCKETS_PER_DOUBLING)
        while least * ratio**_MOST_BUCKETS < most:
            ratio *= ratio
        edges = [least * ratio]
        while edges[-1] < most:
            edges.append(edges[-1] * ratio)
        counts = [0] * len(edges)
        for duration in nanoseconds:
            counts[min(bisect.bisect_left(edges, duration), len(edges) - 1)] += 1
        return cls([edge / 1e6 for edge in edges], counts)


def _ordered(durations: Sequence[int]) -> list[int]:
    """Sorted a piece at a time, then merged: sorting a hundred thousand in one call would stop every other thread."""
    starts = range(0, len(durations), _SORTED_AT_A_TIME)
    return sorted(chain.from_iterable(sorted(durations[start : start + _SORTED_AT_A_TIME]) for start in starts))


def best_batch_size(rates: Iterable[tuple[int, float | None]]) -> int | None:
    """The smallest batch size whose rate (events per second) is within 90 % of the highest; None without a rate."""
    known = [(size, rate) for size, rate in rates if rate]
    peak = max((rate for _, rate in known), default=0.0)
    return min((size for size, rate in known if rate >= CLOSE_TO_PEAK * peak), default=None)
