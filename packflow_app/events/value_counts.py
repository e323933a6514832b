"""Counts of the values at one path, in bounded memory: exact while they are few, then the frequent and an estimate."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from packflow_app.events.patterns import pattern_of
from packflow_app.events.profile import ValueSeen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

MOST_VALUES = 2000
TOP = 5
_FEWEST_VALUES = 32
_ALL_VALUES = 200_000
_LONGEST_KEPT = 256
_TRACKED = 128
_RARE = 500  # a value is worth tracking where it is one in so many
_LOOK_EVERY = 4096  # values, or more where there were many: then those of a block are looked through for frequent ones
_LOOKS = 16
_PATTERN_EVERY = 64
_ENOUGH_PATTERNS = 8192
_PATTERN_EVERY_LATER = 512
_SMALLEST = 512
_SPARE = 64  # few, so that the bound falls soon, and later columns have none below it
_TEXT_HASHES = (0, 2**32)  # from, up to
_NUMBER_HASHES = (-(2 ** (sys.hash_info.width - 1)), 2 ** (sys.hash_info.width - 1))
_SHOWN = 60


class LongText(NamedTuple):
    """Stands for a string that is too long to be kept: how it begins, how many characters it has, and its CRC-32."""

    start: str
    length: int
    checksum: int


class ValueBudget:
    """How many different values each path may keep: fewer where there are many paths."""

    def __init__(self) -> None:
        self.most = MOST_VALUES

    def share_among(self, paths: int) -> None:
        """Set the bound for so many paths."""
        self.most = max(_FEWEST_VALUES, min(MOST_VALUES, _ALL_VALUES // max(1, paths)))


class ValueCounts:
    """How often each string (or each number) occurs at a path, with their sizes: lengths of strings, values of numbers.

    Up to the budget, different values are counted exactly, and all else follows from the counts. After that the number
    of different values is estimated from the smallest hashes (Bar-Yossef et al., "Counting distinct elements in a data
    stream", 2002), within about five per cent; values that are frequent go on being counted, those that become
    frequent later from there on; and every 64th string, later every 512th, tells the patterns. The same values in the
    same order give the same result in every process.
    """

    def __init__(self, budget: ValueBudget, *, are_texts: bool) -> None:
        self.is_exact = True
        self.patterns_looked_at = 0
        self._budget = budget
        self._are_texts = are_texts
        self._counts: Counter[Any] = Counter()
        self._count = 0
        self._least: Any = None
        self._greatest: Any = None
        self._total: Any = 0
        self._patterns: Counter[str] = Counter()
        self._smallest: set[int] = set()
        self._lowest: int
        self._bound: int
        self._lowest, self._bound = _TEXT_HASHES if are_texts else _NUMBER_HASHES
        self._hashes = self._bound - self._lowest
        self._next_look = 0

    def add(self, values: Sequence[Any]) -> bool:
        """Count these values; whether any of them may not have been there before."""
        if not self.is_exact:
            self._add_to_estimate(values)
            return True
        counts = self._counts
        first = values[0]
        if first == values[-1] == values[len(values) // 2] and first in counts and values.count(first) == len(values):
            counts[first] += len(values)
            return False
        before = len(counts)
        counts.update(values)
        new = len(counts) - before
        if not new:
            return False
        if self._are_texts:
            self._shorten(new)
        if len(counts) > self._budget.most:
            self._estimate_from_now_on()
        return True

    def add_known(self, value: str, count: int) -> None:
        """Count so many of one of ``commonest_of``."""
        self._counts[value] += count

    def commonest_of(self, most: int) -> list[Any] | None:
        """All different values, the commonest first, if they are at most so many, none of them long; else None."""
        if not self.is_exact or len(self._counts) > most or LongText in map(type, self._counts):
            return None
        return [value for value, _ in self._counts.most_common()]

    def are_within(self, least: float, greatest: float) -> bool:
        """Whether it is known that no size is outside these bounds; that is not looked for while counts are exact."""
        return not self.is_exact and least <= self._least and self._greatest <= greatest

    @property
    def distinct(self) -> int:
        """How many different values there are, or about how many."""
        if self.is_exact:
            return len(self._counts)
        if len(self._smallest) < _SMALLEST:
            return len(self._smallest)
        self._trim()
        return min(self._count, round((_SMALLEST - 1) / (self._bound - self._lowest + 1) * self._hashes))

    @property
    def count(self) -> int:
        """How many values there are."""
        return self._counts.total() if self.is_exact else self._count

    def sizes(self) -> tuple[Any, Any, Any]:
        """The smallest and largest size, and the mean, which is None where their sum is beyond what a float holds."""
        if self.is_exact:
            self._measure()
        try:
            mean = self._total / self._count
        except OverflowError:
            return self._least, self._greatest, None
        return self._least, self._greatest, mean if math.isfinite(mean) else None

    def patterns(self) -> dict[str, int]:
        """How many of the ``patterns_looked_at`` strings have each pattern, the commonest first."""
        if self.is_exact:
            self._look_for_patterns()
        return dict(sorted(self._patterns.items(), key=lambda item: (-item[1], item[0])))

    def top(self) -> list[ValueSeen]:
        """The most frequent values, equal counts in the order of their JSON."""
        kept = self._counts.most_common(4 * TOP)
        shown = sorted((-count, _json(value)) for value, count in kept)
        return [ValueSeen(_cut(text), -count) for count, text in shown[:TOP]]

    def merge(self, other: ValueCounts) -> None:
        """Take up what another counted."""
        if self.is_exact and not other.is_exact:
            self._estimate_from_now_on()
        if self.is_exact:
            self._counts.update(other._counts)
            if len(self._counts) > self._budget.most:
                self._estimate_from_now_on()
            return
        if other.is_exact:
            other._measure()
            other._look_for_patterns()
            other._sketch(list(map(_plain, other._counts)))
        self._count += other._count
        self._total = _sum((self._total, other._total))
        self._least = other._least if self._least is None else min(self._least, other._least)
        self._greatest = other._greatest if self._greatest is None else max(self._greatest, other._greatest)
        self._patterns.update(other._patterns)
        self.patterns_looked_at += other.patterns_looked_at
        self._keep(other._smallest)
        self._counts.update(other._counts)
        self._drop_the_rare()

    def _shorten(self, new: int) -> None:
        """Put stand-ins for long ones among the last ``new`` values."""
        for text in list(islice(reversed(self._counts), new)):
            if type(text) is str and len(text) > _LONGEST_KEPT:
                stand_in = LongText(text[:_SHOWN], len(text), crc32(text.encode()))
                self._counts[stand_in] += self._counts.pop(text)

    def _measure(self) -> None:
        """Work out from exact counts what is kept beside them after."""
        sizes: Counter[Any] = Counter()
        if self._are_texts:
            for value, count in self._counts.items():
                sizes[value.length if isinstance(value, LongText) else len(value)] += count
        else:
            sizes = self._counts
        self._count = sizes.total()
        if self._count:
            self._least, self._greatest = min(sizes), max(sizes)
            self._total = _sum(size * count for size, count in sizes.items())

    def _look_for_patterns(self) -> None:
        self._patterns.clear()
        self.patterns_looked_at = self._counts.total() if self._are_texts else 0
        for value, count in self._counts.items() if self._are_texts else ():
            if isinstance(value, str) and (pattern := pattern_of(value)):
                self._patterns[pattern] += count

    def _estimate_from_now_on(self) -> None:
        self._measure()
        self._look_for_patterns()
        self.is_exact = False
        self._sketch(list(map(_plain, self._counts)))
        self._drop_the_rare()

    def _add_to_estimate(self, values: Sequence[Any]) -> None:
        if self._are_texts:
            sizes: Collection[Any] = set(map(len, values))
            self._total += len("".join(values))
            every = _PATTERN_EVERY if self.patterns_looked_at < _ENOUGH_PATTERNS else _PATTERN_EVERY_LATER
            if some := values[-self._count % every :: every]:
                self.patterns_looked_at += len(some)
                self._patterns.update(filter(None, map(pattern_of, some)))
        else:
            sizes = values
            self._total = _sum((self._total, _sum(values)))
        self._count += len(values)
        least, greatest = min(sizes), max(sizes)  # unpacked into one call, they would be copied
        self._least = min(self._least, least)
        self._greatest = max(self._greatest, greatest)
        self._sketch(values)
        if self._count >= self._next_look:
            self._next_look = self._count + max(_LOOK_EVERY, self._count // _LOOKS)
            for value, count in Counter(values).items():
                if value in self._counts or (count > 1 and count * _RARE > 2 * len(values)):
                    self._counts[value] += count
            if len(self._counts) > 2 * _TRACKED:
                self._drop_the_rare()
        elif self._counts:
            self._counts.update(filter(self._counts.__contains__, values))

    def _drop_the_rare(self) -> None:
        enough = max(2, self._count // _RARE)
        self._counts = Counter({value: count for value, count in self._counts.most_common(_TRACKED) if count >= enough})

    def _sketch(self, values: Sequence[Any]) -> None:
        """Keep the smallest hashes; in a long column, seldom is one of them among the smallest."""
        hashes = list(self._hashed(values))
        bound = self._bound
        if min(hashes) < bound:
            self._keep([hash_ for hash_ in hashes if hash_ < bound])

    def _hashed(self, values: Sequence[Any]) -> Iterator[int]:
        """The same in every process, unlike the hash of a string; that of a tuple mixes the numbers' own."""
        return map(crc32, map(str.encode, values)) if self._are_texts else map(hash, zip(values, strict=True))

    def _keep(self, hashes: Iterable[int]) -> None:
        self._smallest.update(hashes)
        if len(self._smallest) > _SMALLEST + _SPARE:
            self._trim()

    def _trim(self) -> None:
        if len(self._smallest) >= _SMALLEST:
            smallest = sorted(self._smallest)[:_SMALLEST]
            self._smallest, self._bound = set(smallest), smallest[-1]


def _sum(numbers: Iterable[Any]) -> Any:  # noqa: ANN401 - whole or not
    """Their sum; infinity where an integer beyond floats is to be added to a float."""
    try:
        return sum(numbers)
    except OverflowError:
        return math.inf


def _plain(value: Any) -> Any:  # noqa: ANN401 - a string, a number, or what stands for a long string
    return f"{value.start}{value.length}:{value.checksum}" if isinstance(value, LongText) else value


def _json(value: Any) -> str:  # noqa: ANN401 - a string, a number, or what stands for a long string
    if isinstance(value, LongText):
        return _cut(json.dumps(value.start, ensure_ascii=False)[:-1] + "…")
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


__all__ = ["MOST_VALUES", "TOP", "LongText", "ValueBudget", "ValueCounts"]
