"""The numeric fields of events and where their values lie: what a first, model-free score is computed from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packflow_app.runtime import Event

_MOST_FIELDS = 1000


@dataclass(frozen=True)
class NumericField:
    """A field that holds numbers: its keys from the top, how many were seen, their mean and standard deviation.

    The deviation is that of the population, in the field's own unit.
    """

    path: tuple[str, ...]
    count: int
    mean: float
    deviation: float


@dataclass
class _Running:
    """Welford's running mean and sum of squared deviations (Technometrics 4(3), 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        delta = value - self.mean
        self.mean += delta / self.count
        self.squares += delta * (value - self.mean)

    def deviation(self) -> float:
        """The population's standard deviation; infinite where the values are too far apart for a float."""
        return math.sqrt(self.squares / self.count) if 0 <= self.squares < math.inf else math.inf


class NumericSurvey:
    """Collects the numeric fields of events one by one."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, ...], _Running] = {}
        self._events = 0

    def add(self, event: Event) -> None:
        """Count one event."""
        self._events += 1
        for path, value in _numbers(event):
            running = self._running.get(path)
            if running is None:
                if len(self._running) >= _MOST_FIELDS:
                    continue
                running = self._running[path] = _Running()
            running.add(value)

    def fields(self, most: int = 32) -> list[NumericField]:
        """At most ``most`` fields that vary, those present in most events first, then in order of their paths."""
        found = [
            NumericField(path, running.count, running.mean, running.deviation())
            for path, running in self._running.items()
        ]
        varying = [
            item
            for item in found
            if math.isfinite(item.deviation) and item.deviation > 1e-12 * (abs(item.mean) + 1e-300)
        ]
        varying.sort(key=lambda item: (-item.count, item.path))
        return varying[:most]


def _numbers(event: Event) -> Iterable[tuple[tuple[str, ...], float]]:
    waiting: list[tuple[tuple[str, ...], Event]] = [((), event)]
    while waiting:
        prefix, mapping = waiting.pop()
        for key, value in mapping.items():
            if isinstance(value, dict):
                waiting.append(((*prefix, key), value))
            elif type(value) is float or (type(value) is int and abs(value) < 2**63):
                yield (*prefix, key), float(value)
