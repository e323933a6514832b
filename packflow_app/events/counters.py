"""Counts of types, of items and of large integers at one path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.events.columns import Where

LARGEST_64_BIT = 2**63 - 1
SMALLEST_64_BIT = -(2**63)


class TypeCount:
    """How many values have a type, and the position of the first event with one."""

    __slots__ = ("count", "first")

    def __init__(self, count: int, first: int) -> None:
        self.count = count
        self.first = first


class ItemCounts:
    """How many items arrays have."""

    __slots__ = ("arrays", "fewest", "most", "total")

    def __init__(self) -> None:
        self.arrays = self.total = self.most = 0
        self.fewest: int | None = None

    def add(self, lengths: list[int]) -> None:
        """Count arrays of these lengths."""
        self.arrays += len(lengths)
        self.total += sum(lengths)
        different = set(lengths)
        self.most = max(self.most, *different)
        self.fewest = min(different if self.fewest is None else {self.fewest, *different})

    def add_all(self, other: ItemCounts) -> None:
        """Take up what another counted."""
        self.arrays += other.arrays
        self.total += other.total
        self.most = max(self.most, other.most)
        self.fewest = min((fewest for fewest in (self.fewest, other.fewest) if fewest is not None), default=None)


class LargeIntegers:
    """How many integers need more than 64 bits with their sign, and the position of the first event with one."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        self.count = 0
        self.first: int | None = None

    def add(self, numbers: Sequence[float], where: Where) -> None:
        """Count those among these numbers."""
        if max(numbers) <= LARGEST_64_BIT and min(numbers) >= SMALLEST_64_BIT:
            return
        large = [
            index
            for index, value in enumerate(numbers)
            if type(value) is int and not SMALLEST_64_BIT <= value <= LARGEST_64_BIT
        ]
        if large:
            self.count += len(large)
            self.first = where(large[0]) if self.first is None else min(self.first, where(large[0]))

    def add_all(self, other: LargeIntegers) -> None:
        """Take up what another counted."""
        self.count += other.count
        self.first = min((first for first in (self.first, other.first) if first is not None), default=None)
