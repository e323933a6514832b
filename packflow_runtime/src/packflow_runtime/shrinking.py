"""The few of many things that still show what all of them show together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_TRIALS = 64


def fewest(items: list[int], shows: Callable[[list[int]], bool], most_trials: int = MOST_TRIALS) -> list[int]:
    """The fewest of ``items``, in their order, that still show what all of them show; empty where not even all do.

    Delta debugging (Zeller and Hildebrandt 2002), with a bound on the number of trials, at which it gives what it has.
    """
    if not items or not shows(items):
        return []
    trials, pieces = 1, 2
    while len(items) > 1 and trials < most_trials:
        size = -(-len(items) // pieces)
        parts = [items[start : start + size] for start in range(0, len(items), size)]
        rests = [[item for item in items if item not in part] for part in parts] if pieces > 2 else []
        for smaller in [*parts, *rests]:
            trials += 1
            if shows(smaller):
                items, pieces = smaller, max(2, min(pieces - 1, len(smaller)))
                break
            if trials == most_trials:
                return items
        else:
            if pieces >= len(items):
                break
            pieces = min(2 * pieces, len(items))
    return items
