"""The profile holds what looking at each value gives, however the events come, and the same in every process."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.events import profiling, value_counts
from packflow_app.events.profile import EventBlock, PathProfile
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import read_blocks

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "10.0.0.1", "7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


EVENTS = st.lists(st.dictionaries(st.sampled_from("abc"), values, max_size=3), max_size=20)
ALIKE = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.sampled_from(["x", "y", None]),
            "b": st.integers(0, 5) | values,
            "c": st.fixed_dictionaries({"a": values}),
        }
    ),
    max_size=40,
)  # fmt: skip


def values_by_path(events: list[dict[str, Any]]) -> dict[tuple[str, ...], list[tuple[int, Any]]]:
    """All values with the positions of their events, by path; gathered value by value, in the order of the events."""
    seen: dict[tuple[str, ...], list[tuple[int, Any]]] = {}

    def look(keys: tuple[str, ...], value: Any, position: int) -> None:
        seen.setdefault(keys, []).append((position, value))
        for key, member in value.items() if isinstance(value, dict) else ():
            look((*keys, key), member, position)
        for item in value if isinstance(value, list) else ():
            look((*keys, "[]"), item, position)

    for position, event in enumerate(events, 1):
        look((), event, position)
    seen.pop((), None)
    return seen


@settings(max_examples=200, deadline=None)
@given(EVENTS | ALIKE)
def test_the_profile_is_what_looking_at_each_value_gives(events: list[dict[str, Any]]) -> None:
    seen = values_by_path(events)
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    profiler = Profiler()
    for block in read_blocks(io.BytesIO(lines), format="ndjson"):
        profiler.add(block)
    profile = profiler.profile("", 0)
    assert {path.keys for path in profile.paths} == seen.keys()
    for path in profile.paths:
        check(path, seen[path.keys])


@settings(max_examples=200, deadline=None)
@given(EVENTS | ALIKE, st.lists(st.integers(1, 6), min_size=40, max_size=40), st.sampled_from([1, 4, 2000]))
def test_neither_blocks_nor_estimates_change_what_is_exact(
    events: list[dict[str, Any]], sizes: list[int], most_values: int
) -> None:
    """Where more than ``most_values`` are different, their number is estimated; so few hashes make that exact, too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(profiling, "_EVENTS_AT_A_TIME", 1)
        patched.setattr(value_counts, "MOST_VALUES", most_values)
        patched.setattr(value_counts, "_FEWEST_VALUES", 1)
        profiler, start = Profiler(), 0
        for size in sizes:
            part = events[start : start + size]
            profiler.add(EventBlock(list(range(start + 1, start + 1 + len(part))), [b""] * len(part), part))
            start += size
        profile = profiler.profile("", 0)
    seen = values_by_path(events)
    assert {path.keys for path in profile.paths} == seen.keys()
    for path in profile.paths:
        check(path, seen[path.keys])
    shapes = Counter(frozenset(event) for event in events)
    assert {frozenset(shape.keys): shape.count for shape in profile.shapes} == shapes
    firsts = {frozenset(event): (position, event) for position, event in reversed(list(enumerate(events, 1)))}
    assert all((shape.first, shape.keys) == (firsts[frozenset(shape.keys)][0], tuple(firsts[frozenset(shape.keys)][1]))
               for shape in profile.shapes)  # fmt: skip


DIGEST = """
import hashlib, io, json
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import read_blocks
lines = [json.dumps({"id": f"id {n}", "n": n * 1.5, "s": "abc"[n % 3], "t": str(n % 700), "u": [n % 7, None, "x"],
                     "map": {f"10.0.0.{n % 200}": {"k": "v"}}, str(n % 3): n}) for n in range(12_000)]
profiler = Profiler()
for block in read_blocks(io.BytesIO("\\n".join(lines).encode())):
    profiler.add(block)
print(hashlib.sha256(repr(profiler.profile("", 0)).encode()).hexdigest())
"""


def test_the_profile_does_not_depend_on_the_hash_seed() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(digests) == 1


NAMES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def check(path: PathProfile, found: list[tuple[int, Any]]) -> None:
    """Hold one path against all its values."""
    first: dict[str, int] = {}
    for position, value in found:
        first.setdefault(NAMES[type(value)], position)
    counts = Counter(NAMES[type(value)] for _, value in found)
    assert {one.name: (one.count, one.first) for one in path.types} == {
        name: (counts[name], first[name]) for name in first
    }
    numbers = [value for _, value in found if type(value) in (int, float)]
    if numbers:
        assert path.numbers is not None
        assert (path.numbers.least, path.numbers.greatest) == (min(numbers), max(numbers))
        large = [place for place, n in found if type(n) is int and not -(2**63) <= n < 2**63]
        assert (path.numbers.beyond_64_bits, path.numbers.first_beyond) == (len(large), min(large, default=None))
        assert path.numbers.mean is None or path.numbers.mean == pytest.approx(math.fsum(numbers) / len(numbers))
    texts = [value for _, value in found if type(value) is str]
    if texts:
        assert path.strings is not None
        assert path.strings.mean_length == pytest.approx(sum(map(len, texts)) / len(texts))
        assert (path.strings.shortest, path.strings.longest) == (min(map(len, texts)), max(map(len, texts)))
    scalars = Counter((type(value) is bool, value) for _, value in found if isinstance(value, (str, int, float)))
    if path.distinct_is_exact:
        assert path.distinct == len(scalars)
        assert [one.count for one in path.top] == sorted(scalars.values(), reverse=True)[:5]
    else:  # by their hashes; those of -1 and -2 are the same
        assert len(scalars) - 1 <= path.distinct <= len(scalars)
