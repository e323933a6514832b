"""A quick count of columns that hold a handful of strings (or null) over and over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW = 8  # looking for so many values one after another is still quicker than counting all in a dict


def few_counts(column: Sequence[Any], values: Sequence[str | None]) -> dict[str | None, int] | None:
    """How often each of a few values occurs in a column; None where the column holds anything else.

    The values are strings or None, which equal nothing of another type: where they are all, no type need be looked at.
    """
    counts: dict[str | None, int] = {}
    left = len(column)
    for value in values:
        count = column.count(value)
        if count:
            counts[value] = count
            left -= count
            if not left:
                return counts
    return None
