"""Decide whether two runs of a model gave the same outcomes, event by event.

Floats ``a`` and ``b`` at one path are equal when ``|a - b| <= atol + rtol * max(|a|, |b|, S)``, where S,
the scale of the path, is the largest finite ``|value|`` seen there over the run, on both sides. NaN equals
NaN, an infinity equals only itself. ``rtol`` is 1e-5 where every finite float of the path, on both sides,
is exactly a 32-bit float, or the rule says that the path is narrow; elsewhere it is 1e-9. ``atol`` is 0.
Integers, booleans, strings, nulls, key sets and list lengths compare exactly; key order does not count;
another JSON type (1 against 1.0) is a difference. An error record compares by its type, step and code:
message and line may change while the model does not.

S is there because honest float32 models change last bits with the batch size: BLAS picks another kernel and
sums in another order. Where large terms cancel, those bits are most of a value near zero, so a tolerance
relative to the two values alone raises false alarms there. Relative to the path's scale the noise stays
near 1e-7, and a real fault, such as a batch mean that leaks into each event at 5e-4 of the scale, stands
far above the line. The width is decided from the values alone, so that whoever holds nothing but the JSON
of two runs reaches the same verdict. Float64 noise does not pass for float32: two different 32-bit floats
of normal size are at least 2**-24 apart, relatively, so a smaller change leaves one side without a 32-bit
form.

An event is a *tie*, a warning and no difference, when all that differs are integers, booleans and strings
while a float of the event moved within its tolerance and none moved out of it: two near-equal scores
swapped places and the label followed. A list that holds the same values in another order is a difference.
So is any flip while every float is bit-equal, for then nothing explains it.

A path names a place in an output with list indexes folded: ``scores[]``, ``user.age``, ``boxes[].label``. A
key that is empty or contains a dot, an opening bracket or a quotation mark is quoted as in JSON:
``"id.orig_h".x``. The root is the empty path.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from math import copysign, inf, isfinite, isnan
from typing import TYPE_CHECKING, TypeAlias

from .differences import Comparison, FieldDifference, Mismatch
from .errors import PackflowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .differences import JSON

RTOL_NARROW = 1e-5  # every value a 32-bit float
RTOL_WIDE = 1e-9  # Python floats, float64
LISTED = 20  # differing events, and ties, that a comparison names one by one

_ERROR = "packflow_error"
_FLOAT32 = struct.Struct("<f")


@dataclass(frozen=True)
class Rule:
    """How outcomes are compared; ``rtol`` None decides the relative tolerance path by path.

    ``ignore`` drops those paths and everything below them. ``narrow`` names paths known to come from floats
    of 32 bits or fewer although their values no longer show it, as after rounding to four decimals.
    """

    rtol: float | None = None
    atol: float = 0.0
    ignore: tuple[str, ...] = ()
    narrow: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, value in (("rtol", self.rtol), ("atol", self.atol)):
            if value is not None and not (isfinite(value) and value >= 0):
                raise PackflowError(
                    f"The tolerance {name} is {value}.",
                    hint=f"Give {name} as a finite number that is not negative, such as 1e-6.",
                    code="tolerance-invalid",
                )
        if "" in self.ignore:
            raise PackflowError(
                "A path to ignore is empty.",
                hint="Name a field of the outputs, such as score or user.age.",
                code="path-invalid",
            )

    def as_json(self) -> dict[str, JSON]:
        """Return the rule as JSON types; a null rtol stands for the default, path by path."""
        return {
            "rtol": self.rtol,
            "atol": self.atol,
            "ignore": list(self.ignore),
            "narrow": [*sorted(self.narrow)],
        }


_DEFAULT = Rule()


def compare(left: Sequence[JSON], right: Sequence[JSON], rule: Rule = _DEFAULT) -> Comparison:
    """Compare two runs over the same events; outcomes are what ``json`` decodes, error records included."""
    root = _Path("", rule)
    for outcome in chain(left, right):
        root.survey(_essence(outcome))
    tolerances = {path.name: path.settle(rule) for path in root.walk() if path.floats}
    run = _Run()
    for event, (a, b) in enumerate(zip(left, right, strict=False)):
        run.compare(event, root, a, b)
    run.differing += abs(len(left) - len(right))
    if len(left) != len(right):
        run.mismatches.append(Mismatch(min(len(left), len(right)), "", "count", len(left), len(right)))
    return Comparison(
        equal=not run.differing,
        events=max(len(left), len(right)),
        differing=run.differing,
        ties=run.ties,
        values=run.values,
        not_bit_equal=run.changed,
        largest=run.largest,
        first=run.mismatches[0] if run.mismatches else None,
        mismatches=tuple(run.mismatches[:LISTED]),
        tied=tuple(run.tied),
        fields=tuple(sorted(run.fields.values(), key=lambda field: (-field.events, field.path))),
        rule=rule,
        tolerances=dict(sorted(tolerances.items())),
    )


class _Path:
    """A place in the outputs: what the run holds there, and the tolerance that follows from it."""

    __slots__ = ("_item", "_keys", "_rule", "bound", "floats", "ignored", "name", "narrow", "scale")

    def __init__(self, name: str, rule: Rule) -> None:
        self.name = name
        self.ignored = name in rule.ignore
        self.floats = False
        self.narrow = True
        self.scale = 0.0
        self.bound = 0.0
        self._rule = rule
        self._keys: dict[str, _Path] = {}
        self._item: _Path | None = None

    def key(self, key: str) -> _Path:
        path = self._keys.get(key)
        if path is None:
            plain = key and not any(mark in key for mark in '.["')
            name = key if plain else json.dumps(key, ensure_ascii=False)
            path = self._keys[key] = _Path(f"{self.name}.{name}" if self.name else name, self._rule)
        return path

    def item(self) -> _Path:
        if self._item is None:
            self._item = _Path(f"{self.name}[]", self._rule)
        return self._item

    def walk(self) -> Iterator[_Path]:
        stack = [self]
        while stack:
            path = stack.pop()
            yield path
            stack.extend(path._keys.values())  # noqa: SLF001 - of this very class
            stack.extend([path._item] if path._item else [])  # noqa: SLF001

    def survey(self, outcome: JSON) -> None:
        """Note every float at and below this path: the first of the two passes."""
        stack: list[tuple[_Path, JSON]] = [(self, outcome)]
        while stack:
            path, value = stack.pop()
            if path.ignored:
                continue
            if isinstance(value, float):
                path.note(value)
            elif isinstance(value, dict):
                stack.extend([(path.key(key), member) for key, member in value.items()])
            elif isinstance(value, list):
                item = path.item()
                stack.extend([(item, member) for member in value])

    def note(self, value: float) -> None:
        self.floats = True
        if isfinite(value):
            self.scale = max(self.scale, abs(value))
            self.narrow = self.narrow and _is_float32(value)

    def settle(self, rule: Rule) -> float:
        """Fix the largest difference allowed here and return the relative tolerance behind it.

        The scale covers both sides, so max(|a|, |b|, S) is S for every finite pair.
        """
        rtol = rule.rtol
        if rtol is None:
            rtol = RTOL_NARROW if self.narrow or self.name in rule.narrow else RTOL_WIDE
        self.bound = rule.atol + rtol * self.scale
        return rtol


class _Absent:
    """Stands where one side has no such key."""


_ABSENT = _Absent()
_Side: TypeAlias = "JSON | _Absent"
_Pair: TypeAlias = "tuple[_Path, _Side, _Side]"


@dataclass
class _Run:
    """The second pass: sums over the run, and what the event at hand has shown so far."""

    differing: int = 0
    ties: int = 0
    values: int = 0
    changed: int = 0
    largest: Mismatch | None = None
    mismatches: list[Mismatch] = field(default_factory=list)
    tied: list[Mismatch] = field(default_factory=list)
    fields: dict[str, FieldDifference] = field(default_factory=dict)

    event: int = 0
    seen: dict[str, FieldDifference] = field(default_factory=dict)  # of the event at hand
    first: Mismatch | None = None
    drifted: bool = False  # a float changed within its tolerance
    beyond_tie: bool = False  # something other than an integer, a boolean or a string flipped
    flips: dict[tuple[_Path, type], tuple[list[_Side], list[_Side]]] = field(default_factory=dict)

    def compare(self, event: int, root: _Path, left: JSON, right: JSON) -> None:
        """Compare one event's outcomes and file the verdict."""
        self._begin(event)
        if _is_error(left) != _is_error(right):
            self._differ(root, "error", left, right)
        else:
            self._walk(root, _essence(left), _essence(right))
        if self.first is None:
            return
        if self._is_tie():
            self.ties += 1
            listed = self.tied
        else:
            self.differing += 1
            listed = self.mismatches
            for path, found in self.seen.items():
                self.fields[path] = _together(self.fields.get(path), found)
        if len(listed) < LISTED:
            listed.append(self.first)

    def _begin(self, event: int) -> None:
        self.event, self.first, self.drifted, self.beyond_tie, self.flips = event, None, False, False, {}
        self.seen = {}

    def _is_tie(self) -> bool:
        if self.beyond_tie or not self.drifted:
            return False
        return not any(Counter(lefts) == Counter(rights) for lefts, rights in self.flips.values())

    def _walk(self, root: _Path, left: JSON, right: JSON) -> None:
        """Compare in document order, without recursion: no depth of nesting overflows the stack."""
        stack: list[_Pair] = [(root, left, right)]
        while stack:
            path, a, b = stack.pop()
            if path.ignored:
                continue
            if type(a) is not type(b):
                self._compare_types(path, a, b)
            elif isinstance(a, dict) and isinstance(b, dict):
                stack.extend(reversed(_members(path, a, b)))
            elif isinstance(a, list) and isinstance(b, list):
                if len(a) == len(b):
                    item = path.item()
                    stack.extend([(item, x, y) for x, y in zip(reversed(a), reversed(b), strict=True)])
                else:  # what stands at one index need not belong together, so the items are left alone
                    self._differ(path, "length", len(a), len(b))
            else:
                self.values += 1
                if isinstance(a, float) and isinstance(b, float):
                    self._compare_floats(path, a, b)
                elif a != b:
                    self._flip(path, a, b)

    def _compare_types(self, path: _Path, a: _Side, b: _Side) -> None:
        if isinstance(a, _Absent) or isinstance(b, _Absent):
            self._differ(path, "extra" if isinstance(a, _Absent) else "missing", a, b)
            return
        if not isinstance(a, (dict, list)) and not isinstance(b, (dict, list)):
            self.values += 1
            self.changed += 1
        self._differ(path, "type", a, b)

    def _compare_floats(self, path: _Path, a: float, b: float) -> None:
        if (a == b and (a or copysign(1.0, a) == copysign(1.0, b))) or (isnan(a) and isnan(b)):
            return
        self.changed += 1
        distance = abs(a - b)
        if distance > (self.largest.difference or 0.0 if self.largest else 0.0):
            self.largest = Mismatch(self.event, path.name, "value", a, b, distance)
        if distance <= path.bound and distance < inf:
            self.drifted = True
        else:
            self._differ(path, "value", a, b, None if isnan(distance) else distance)

    def _flip(self, path: _Path, a: _Side, b: _Side) -> None:
        self.changed += 1
        lefts, rights = self.flips.setdefault((path, type(a)), ([], []))
        lefts.append(a)
        rights.append(b)
        self._differ(path, "value", a, b, flip=True)

    def _differ(
        self, path: _Path, kind: str, a: _Side, b: _Side, distance: float | None = None, *, flip: bool = False
    ) -> None:
        self.beyond_tie = self.beyond_tie or not flip
        left = None if isinstance(a, _Absent) else a
        right = None if isinstance(b, _Absent) else b
        found = Mismatch(self.event, path.name, kind, left, right, distance)
        self.first = self.first or found
        before = self.seen.get(path.name)
        largest = _larger(before.largest if before else None, distance)
        self.seen[path.name] = FieldDifference(path.name, 1, largest, before.first if before else found)


def _together(known: FieldDifference | None, more: FieldDifference) -> FieldDifference:
    if known is None:
        return more
    largest = _larger(known.largest, more.largest)
    return FieldDifference(known.path, known.events + more.events, largest, known.first)


def _larger(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None


def _is_error(outcome: JSON) -> bool:
    return isinstance(outcome, dict) and len(outcome) == 1 and isinstance(outcome.get(_ERROR), dict)


def _essence(outcome: JSON) -> JSON:
    """Return what of an outcome is compared: all of an output, three fields of an error record."""
    if isinstance(outcome, dict) and len(outcome) == 1:
        error = outcome.get(_ERROR)
        if isinstance(error, dict):
            return {_ERROR: {name: error[name] for name in ("type", "step", "code") if name in error}}
    return outcome


def _members(path: _Path, a: dict[str, JSON], b: dict[str, JSON]) -> list[_Pair]:
    pairs: list[_Pair] = [(path.key(key), member, b.get(key, _ABSENT)) for key, member in a.items()]
    if a.keys() != b.keys():
        pairs.extend([(path.key(key), _ABSENT, member) for key, member in b.items() if key not in a])
    return pairs


def _is_float32(value: float) -> bool:
    try:
        return bool(_FLOAT32.unpack(_FLOAT32.pack(value))[0] == value)
    except OverflowError:
        return False
