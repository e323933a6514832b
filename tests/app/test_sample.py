"""Choosing events: the few that stand for all, the same every time."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.events import sample
from packflow_app.events.reading import RawEvent
from packflow_app.events.sample import representative


def stream(values: list[dict[str, Any]]) -> list[RawEvent]:
    return [RawEvent(place, json.dumps(value).encode(), value) for place, value in enumerate(values, 1)]


def features(value: Any, path: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], type]]:
    """Every path of an event with its type; the items of a list share one path."""
    found = {(path, type(value))}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= features(item, (*path, f".{key}"))
    elif isinstance(value, list):
        for item in value:
            found |= features(item, (*path, "[]"))
    return found


def sizes(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str, float]]:
    """Every number, and every length of a text or list, with its path."""
    if isinstance(value, dict):
        return [size for key, item in value.items() for size in sizes(item, (*path, f".{key}"))]
    if isinstance(value, list):
        inside = [size for item in value for size in sizes(item, (*path, "[]"))]
        return [(path, "length", len(value)), *inside]
    if isinstance(value, str):
        return [(path, "length", len(value))]
    return [] if value is None or isinstance(value, bool) else [(path, "number", value)]


def bounds(events: list[RawEvent]) -> dict[tuple[tuple[str, ...], str], tuple[float, float]]:
    found: dict[tuple[tuple[str, ...], str], list[float]] = {}
    for event in events:
        for path, kind, size in sizes(event.value):
            found.setdefault((path, kind), []).append(size)
    return {key: (min(values), max(values)) for key, values in found.items()}


def positions(chosen: list[RawEvent]) -> list[int]:
    return [event.position for event in chosen]


def test_a_short_stream_is_taken_whole() -> None:
    events = stream([{"n": n} for n in range(200)])
    assert representative(iter(events)) == events


def test_nothing_stands_for_nothing() -> None:
    assert representative([]) == []


def test_a_rare_shape_among_many_alike_is_found() -> None:
    values: list[dict[str, Any]] = [{"a": 1, "b": "x"} for _ in range(5000)]
    values[4321] = {"a": None, "b": "x"}
    values[1234] = {"a": 1, "b": "x", "rule": {"id": [1, "two"]}}
    chosen = positions(representative(stream(values), limit=10))
    assert {4322, 1235} <= set(chosen)
    assert len(chosen) == 10


def test_extremes_of_numbers_and_lengths_are_found_also_where_types_conflict() -> None:
    values: list[dict[str, Any]] = [
        {"n": n % 7, "s": "x" * (3 + n % 5), "list": [1] * (2 + n % 3)} for n in range(2000)
    ]
    values[700] = {**values[700], "n": -1}
    values[701] = {**values[701], "n": 99.5}
    values[702] = {**values[702], "s": ""}
    values[703] = {**values[703], "s": "x" * 400}
    values[704] = {**values[704], "list": []}
    values[705] = {**values[705], "n": "a text as long as no number is"}
    chosen = representative(stream(values), limit=100)
    assert {701, 702, 703, 704, 705, 706} <= set(positions(chosen))
    assert bounds(chosen) == bounds(stream(values))


def test_the_rest_is_spread_evenly() -> None:
    chosen = positions(representative(stream([{"n": 0}] * 10_000), limit=100))
    assert len(chosen) == 100
    assert chosen == sorted(set(chosen))
    gaps = [after - before for before, after in pairwise(chosen)]
    assert max(gaps) <= 10_000 // 50


def test_bytes_bound_the_choice_and_what_is_too_large_alone_is_left_out() -> None:
    events = stream([{"s": "x" * 100}, {"s": "y" * 5000}, {"s": "z" * 100}, {"t": 1}])
    chosen = representative(events, max_bytes=400)
    assert positions(chosen) == [1, 3, 4]
    assert representative(events, max_bytes=len(events[3].raw)) == []
    assert positions(representative(events, max_bytes=len(events[3].raw) + 1)) == [4]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_small_limit_is_kept(limit: int) -> None:
    assert len(representative(stream([{f"k{n}": n} for n in range(50)]), limit=limit)) == limit


def test_memory_does_not_grow_with_keys_that_are_data() -> None:
    def flood(count: int) -> Any:
        for place in range(1, count + 1):
            value = {f"key{place}-{number}": place for number in range(10)}
            yield RawEvent(place, json.dumps(value).encode(), value)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert len(representative(flood(count))) == 200
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(4000) < 1.5 * peak(1000)


def test_shapes_beyond_the_bound_count_only_for_what_is_new_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_MOST_SHAPES", 2)
    survey = sample._Survey(10)
    for event in stream([{"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {"c": 1}, {"a": 1, "c": 1}]):
        survey.add(event)
    assert positions(list(survey.shapes.values())) == [1, 2, 4]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-10, 10) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)
streams = st.lists(st.dictionaries(st.sampled_from("abc"), values, max_size=3), max_size=30).map(stream)


@settings(max_examples=80, deadline=None)
@given(events=streams, limit=st.integers(1, 40), max_bytes=st.integers(1, 600))
def test_the_choice_is_a_bounded_subsequence_and_always_the_same(
    events: list[RawEvent], limit: int, max_bytes: int
) -> None:
    chosen = representative(iter(events), limit, max_bytes)
    assert len(chosen) <= limit
    assert sum(len(event.raw) + 1 for event in chosen) <= max_bytes
    assert all(events[event.position - 1] is event for event in chosen)
    assert positions(chosen) == sorted(set(positions(chosen)))
    assert representative(events, limit, max_bytes) == chosen


@settings(max_examples=80, deadline=None)
@given(events=streams)
def test_every_path_and_type_is_covered_where_the_limit_allows(events: list[RawEvent]) -> None:
    limit = 5 * max(1, len(events)) // 3 + 1
    chosen = representative(events, limit)
    assert set().union(*(features(event.value) for event in chosen)) == set().union(
        *(features(event.value) for event in events)
    )


@settings(max_examples=80, deadline=None)
@given(events=streams, copies=st.integers(0, 300))
def test_types_and_extremes_survive_a_crowd(events: list[RawEvent], copies: int) -> None:
    crowd = stream([*[{"a": 0}] * copies, *(event.value for event in events), *[{"a": 0}] * copies])
    # Coverage has three fifths of the places, the extremes one fifth: the limit gives both all they can ask for.
    extremes = 2 * len(bounds(crowd))
    chosen = representative(crowd, max(1, 5 * max(len(events) + 1, extremes)))
    assert bounds(chosen) == bounds(crowd)
    assert set().union(*(features(event.value) for event in chosen)) == set().union(
        *(features(event.value) for event in crowd)
    )


@settings(max_examples=40, deadline=None)
@given(events=streams)
def test_a_limit_of_all_takes_all(events: list[RawEvent]) -> None:
    assert representative(events, limit=max(1, len(events)), max_bytes=1 << 20) == events
