"""Columns of values: what is told of them at a glance is what looking at each value tells."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.events.columns import are_texts, columns_of, grouped, of_types, within
from packflow_app.events.few_values import few_counts
from packflow_app.events.value_counts import ValueBudget, ValueCounts

TEXTS = st.sampled_from(["", "a", "b", "0", "true", None])
OTHERS = st.sampled_from([True, False, 0, 1, 1.0, 1.5, "c", [], {}, ["a"], {"a": 1}])


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=8) | st.lists(TEXTS | OTHERS, max_size=8), st.lists(TEXTS, unique=True))
def test_few_values_are_counted_or_the_column_is_left_alone(column: list[Any], values: list[str | None]) -> None:
    counts = few_counts(column, values)
    if column and all(any(value is known or value == known for known in values) for value in column):
        assert counts == Counter(column)
    else:
        assert counts is None
    assert are_texts(column) == all(type(value) is str for value in column)


VALUES = st.one_of(
    OTHERS, TEXTS, st.dictionaries(st.sampled_from(["a", "b", "c", ""]), st.integers(), max_size=3), st.just("ab")
)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=6)
    | st.lists(st.fixed_dictionaries({"b": st.integers(), "a": TEXTS}), min_size=1, max_size=6),
    st.sampled_from([(), ("a",), ("a", "b"), ("b", "a"), ("a", "b", "c"), ("",)]),
)
def test_columns_are_of_objects_with_exactly_these_keys(values: list[Any], keys: tuple[str, ...]) -> None:
    columns = columns_of(values, keys)
    if keys and all(type(value) is dict and value.keys() == set(keys) for value in values):
        assert columns is not None
        assert [list(column) for column in columns] == [[value[key] for value in values] for key in keys]
    else:
        assert columns is None


def test_groups_are_by_keys_in_their_order() -> None:
    assert grouped([{"a": 1, "b": 2}, {"a": 3}, {"b": 1, "a": 2}, {"a": 4}]) == {
        ("a", "b"): [0], ("a",): [1, 3], ("b", "a"): [2],
    }  # fmt: skip
    assert grouped([{"a": 1}, {"a": 2}]) == {("a",): range(2)}


def test_positions_are_those_of_the_events_that_hold_the_values() -> None:
    positions = [10, 20, 30, 40].__getitem__
    numbers = of_types([str, int, float, int], (int, float), positions)
    assert [numbers(index) for index in range(3)] == [20, 30, 40]
    items = within([2, 0, 1, 0], positions)
    assert [items(index) for index in range(3)] == [10, 10, 30]


@pytest.mark.parametrize(
    "values",
    [
        range(30_000),
        range(0, -30_000_000, -1000),
        [n / 50 for n in range(30_000)],
        [1_767_225_600 + n / 1000 for n in range(30_000)],
        [n * n for n in range(30_000)],
        [n % 2500 for n in range(30_000)],
    ],
    ids=["whole", "thousands", "fractions", "times", "squares", "often"],
)
@pytest.mark.parametrize("are_texts", [False, True], ids=["numbers", "texts"])
def test_the_number_of_different_values_is_estimated_well(values: Any, are_texts: bool) -> None:
    budget = ValueBudget()
    budget.most = 500
    column = list(map(str, values)) if are_texts else list(values)
    counts = ValueCounts(budget, are_texts=are_texts)
    for start in range(0, len(column), 300):
        counts.add(column[start : start + 300])
    assert not counts.is_exact
    assert counts.distinct == pytest.approx(len(set(column)), rel=0.15)
    assert counts.count == len(column)
