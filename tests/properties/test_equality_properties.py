"""What holds of the equality rule for every pair of runs."""

import copy
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from packflow_runtime.equality import Rule, compare

KEYS = st.one_of(st.sampled_from(["", "a", "a.b", "[]", 'q"', "packflow_error", "type"]), st.text(max_size=4))
DISCRETE = st.one_of(st.booleans(), st.integers(), st.integers(-(2**200), 2**200), st.text(max_size=5))
SCALARS = st.one_of(st.none(), DISCRETE, st.floats(), st.floats(width=32), st.sampled_from([0.0, -0.0, 1e-300]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
RUNS = st.lists(VALUES, max_size=5)
RULES = st.one_of(
    st.just(Rule()),
    st.builds(
        Rule,
        rtol=st.one_of(st.none(), st.floats(0, 2)),
        atol=st.floats(0, 1),
        ignore=st.lists(st.sampled_from(["a", "[]", '"a.b"', '""']), max_size=2).map(tuple),
        narrow=st.frozensets(st.sampled_from(["", "a", "[]"])),
    ),
)


def leaves(value: Any, path: str = "", at: tuple[Any, ...] = ()) -> list[tuple[str, tuple[Any, ...], Any]]:
    """Every scalar with its folded path and the keys that lead to it, found by the plainest recursion."""
    if isinstance(value, dict):
        found = []
        for key, member in value.items():
            name = json.dumps(key, ensure_ascii=False) if not key or set(key) & set('."[') else key
            found += leaves(member, f"{path}.{name}" if path else name, (*at, key))
        return found
    if isinstance(value, list):
        return [leaf for i, member in enumerate(value) for leaf in leaves(member, f"{path}[]", (*at, i))]
    return [(path, at, value)]


def replaced(value: Any, at: tuple[Any, ...], leaf: Any) -> Any:
    if not at:
        return leaf
    value = copy.copy(value)
    value[at[0]] = replaced(value[at[0]], at[1:], leaf)
    return value


@given(RUNS, RULES)
def test_run_equals_itself(run: Any, rule: Rule) -> None:
    result = compare(run, copy.deepcopy(run), rule)
    assert result.equal
    assert (result.differing, result.ties, result.not_bit_equal) == (0, 0, 0)
    assert (result.largest, result.first, result.mismatches, result.tied) == (None, None, (), ())


@given(RUNS, RUNS, RULES)
def test_verdict_is_symmetric(left: Any, right: Any, rule: Rule) -> None:
    ahead, back = compare(left, right, rule), compare(right, left, rule)
    for name in ("equal", "events", "differing", "ties", "values", "not_bit_equal", "tolerances"):
        assert getattr(ahead, name) == getattr(back, name), name
    assert [found.event for found in ahead.mismatches] == [found.event for found in back.mismatches]
    assert (ahead.largest and ahead.largest.difference) == (back.largest and back.largest.difference)


@given(RUNS, RUNS, RULES)
def test_counts_agree_with_each_other(left: Any, right: Any, rule: Rule) -> None:
    result = compare(left, right, rule)
    assert result.equal == (result.differing == 0) == (result.first is None)
    assert result.differing + result.ties <= result.events == max(len(left), len(right))
    assert result.not_bit_equal <= result.values


@given(RUNS, RUNS, RULES)
def test_report_is_strict_json(left: Any, right: Any, rule: Rule) -> None:
    shown = compare(left, right, rule).as_json()
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


@given(RUNS.filter(bool), DISCRETE, st.data())
def test_changed_discrete_leaf_is_found_at_its_path(run: Any, new: Any, data: st.DataObject) -> None:
    event = data.draw(st.integers(0, len(run) - 1))
    places = [place for place in leaves(run[event]) if type(place[2]) in (bool, int, str)]
    assume(places)
    path, at, old = data.draw(st.sampled_from(places))
    assume(type(new) is not type(old) or new != old)
    assume(not (isinstance(run[event], dict) and list(run[event]) == ["packflow_error"]))
    result = compare(run, [*run[:event], replaced(run[event], at, new), *run[event + 1 :]])
    assert not result.equal
    assert (result.differing, result.ties, len(result.mismatches)) == (1, 0, 1)
    assert (result.first.event, result.first.path) == (event, path)
    assert result.first.kind == ("value" if type(new) is type(old) else "type")
    assert (result.first.left, result.first.right) == (old, new)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1), st.data())
def test_rule_is_the_formula(left: list[float], data: st.DataObject) -> None:
    right = [data.draw(st.one_of(st.just(a), st.floats(width=32, allow_nan=False, allow_infinity=False))) for a in left]
    scale = max(abs(value) for value in left + right)
    beyond = [abs(a - b) > 1e-5 * max(abs(a), abs(b), scale) for a, b in zip(left, right, strict=True)]
    result = compare([*left], [*right])
    assert result.differing == sum(beyond)
    assert result.tolerances == {"": 1e-5}
