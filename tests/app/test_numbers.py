"""Numeric fields: where they are, and their mean and spread."""

from __future__ import annotations

import math
import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.events import numbers
from packflow_app.events.numbers import NumericField, NumericSurvey


def survey(events: list[dict[str, Any]], **options: int) -> list[NumericField]:
    found = NumericSurvey()
    for event in events:
        found.add(event)
    return found.fields(**options)


def test_mean_and_population_deviation_of_nested_fields() -> None:
    events = [{"a": n, "b": {"c": n / 2}} for n in (2, 4, 4, 4, 5, 5, 7, 9)]
    assert survey(events) == [
        NumericField(("a",), 8, 5.0, 2.0),
        NumericField(("b", "c"), 8, 2.5, 1.0),
    ]


def test_only_numbers_count() -> None:
    events = [{"t": True, "s": "1", "z": None, "l": [1, 2], "n": 1}, {"t": False, "s": "2", "z": 3, "l": [3], "n": 2.0}]
    assert [(field.path, field.count) for field in survey(events)] == [(("n",), 2)]


def test_a_key_with_a_dot_is_one_key() -> None:
    assert [field.path for field in survey([{"a.b": 1, "a": {"b": 5}}, {"a.b": 2, "a": {"b": 7}}])] == [
        ("a", "b"),
        ("a.b",),
    ]


def test_constant_fields_are_left_out() -> None:
    assert survey([{"a": 7, "b": 0.1, "c": 0}] * 10) == []


def test_integers_beyond_64_bits_are_no_measurements() -> None:
    fields = survey([{"a": 2**63, "b": 2**63 - 1}, {"a": -(2**63), "b": 0}, {"a": 10**400, "b": 5}])
    assert [(field.path, field.count) for field in fields] == [(("b",), 3)]


def test_a_field_whose_spread_overflows_is_left_out() -> None:
    assert survey([{"a": 1e308}, {"a": -1e308}]) == []


def test_fields_of_most_events_come_first_and_only_so_many() -> None:
    events = [{"b": n, "a": n, **({"rare": n} if n > 5 else {})} for n in range(10)]
    assert [field.path for field in survey(events)] == [("a",), ("b",), ("rare",)]
    assert [field.path for field in survey(events, most=2)] == [("a",), ("b",)]
    wide = [{f"f{place:03}": place + n for place in range(50)} for n in range(2)]
    assert [field.path for field in survey(wide)] == [(f"f{place:03}",) for place in range(32)]


def test_the_number_of_fields_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "_MOST_FIELDS", 3)
    events = [{f"k{n}-{m}": n for m in range(2)} for n in range(10)]
    found = NumericSurvey()
    for event in [*events, *[{"k0-0": 5}] * 2]:
        found.add(event)
    assert len(found._running) == 3
    assert [(field.path, field.count) for field in found.fields()] == [(("k0-0",), 3)]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6), min_size=2, max_size=50))
def test_mean_and_deviation_agree_with_the_textbook(values: list[float]) -> None:
    fields = survey([{"x": value} for value in values])
    deviation = statistics.pstdev(map(float, values))
    if len(set(values)) == 1:
        assert fields == []
    for field in fields:
        assert field.count == len(values)
        assert math.isclose(field.mean, statistics.fmean(values), rel_tol=1e-9, abs_tol=1e-6)
        assert math.isclose(field.deviation, deviation, rel_tol=1e-6, abs_tol=1e-6)
    if deviation > 1e-3:
        assert len(fields) == 1
