"""The runs of a stateless backend that must agree with one by one, beside those of each batch size."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEED = 20_261
_LARGEST_SPLIT = 16
T = TypeVar("T")


@dataclass(frozen=True)
class PlannedRun:
    """A run of some events, each named by its index: the batches, in the order in which they are run."""

    name: str
    batches: list[list[int]]

    @property
    def events(self) -> list[int]:
        """The events in the order of their outcomes."""
        return [index for batch in self.batches for index in batch]

    def by_event(self, outcomes: Sequence[T]) -> list[list[T]]:
        """The outcomes in the order of the events: a list for each time that all of them were run.

        Step by step, since one call on a hundred thousand events would hold up every other thread of the process.
        """
        rounds: list[dict[int, T]] = []
        for index, outcome in zip(self.events, outcomes, strict=True):
            for found in rounds:
                if index not in found:
                    break
            else:
                rounds.append(found := {})
            found[index] = outcome
        if any(len(found) != len(rounds[0]) for found in rounds):
            raise ValueError("some events were run oftener than others")
        return [[found[index] for index in range(max(found) + 1) if index in found] for found in rounds]


def batch_run(events: int, size: int) -> PlannedRun:
    """All events in batches of a size, the last of which may be smaller; of size 1: one by one."""
    return PlannedRun("single" if size == 1 else f"batch {size}", _chunks(list(range(events)), size))


def planned_runs(events: int, largest_batch: int) -> list[PlannedRun]:
    """Random splits, another order, each event twice, and one by one once more; alike for the same number of events."""
    source = random.Random(_SEED)  # noqa: S311 - a choice of batches, no secret
    everything = list(range(events))
    shuffled = source.sample(everything, events)
    doubled = [index for index in everything for _ in range(2)]
    return [
        PlannedRun("random splits", _split(everything, source)),
        PlannedRun("another order", _chunks(shuffled, largest_batch)),
        PlannedRun("each event twice", _chunks(doubled, largest_batch)),
        PlannedRun("once more", _chunks(everything, 1)),
    ]


def _chunks(indices: list[int], size: int) -> list[list[int]]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def _split(indices: list[int], source: random.Random) -> list[list[int]]:
    batches = []
    start = 0
    while start < len(indices):
        size = source.randint(1, _LARGEST_SPLIT)
        batches.append(indices[start : start + size])
        start += size
    return batches
