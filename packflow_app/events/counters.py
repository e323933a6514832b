"""Counts of types and of items at one path."""

from __future__ import annotations


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
        self.most = max(self.most, *lengths)
        self.fewest = min(lengths if self.fewest is None else [self.fewest, *lengths])

    def add_all(self, other: ItemCounts) -> None:
        """Take up what another counted."""
        self.arrays += other.arrays
        self.total += other.total
        self.most = max(self.most, other.most)
        self.fewest = min((fewest for fewest in (self.fewest, other.fewest) if fewest is not None), default=None)
