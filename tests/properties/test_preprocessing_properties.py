"""Compiled preprocessing against an implementation too plain to be wrong, on random events and configurations."""

import copy
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_runtime import BackendConfig, PreprocessorRuntimeError
from packflow_runtime.preprocessing import compile_preprocessing


class Absent:
    """Stands for a field that is not there; the class itself does, which ``deepcopy`` leaves alone."""


ABSENT: Any = Absent
KEYS = st.sampled_from(["a", "b", "c", "a.b", "b.c", "", "é", "_", "a_"])
ANY_KEYS = st.one_of(KEYS, KEYS, KEYS, st.sampled_from([0, 1, True, None, 1.5, "0", "1"]))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9), st.just("text"), st.just("5"))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.dictionaries(ANY_KEYS, inner, max_size=4), st.lists(inner, max_size=3)),
    max_leaves=10,
)
EVENTS = st.dictionaries(ANY_KEYS, VALUES, max_size=6)
NAMES = st.one_of(KEYS, st.lists(KEYS, min_size=1, max_size=3).map(".".join), st.just("a.0"), st.just("a__b"))
CONFIGS = st.fixed_dictionaries(
    {
        "rename_fields": st.dictionaries(NAMES, NAMES, max_size=3),
        "feature_names": st.one_of(st.just([]), st.lists(NAMES, max_size=5)),
        "flatten_nested_inputs": st.booleans(),
        "flatten_lists": st.booleans(),
        "nested_field_delimiter": st.sampled_from([".", ".", "__"]),
        "ignore_delimiter_collisions": st.booleans(),
        "missing": st.sampled_from(["omit", "null", "error"]),
    }
)


class RefusedError(Exception):
    pass


class Plain:
    """The rules, one after the other, with no thought for speed."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.renames = list(config["rename_fields"].items())
        self.features = config["feature_names"]
        self.flatten = config["flatten_nested_inputs"]
        self.lists = config["flatten_lists"]
        self.delimiter = config["nested_field_delimiter"]
        self.ignore = config["ignore_delimiter_collisions"]
        self.missing = config["missing"]

    def record(self, event: dict[Any, Any]) -> dict[Any, Any]:
        if self.flatten:
            return self.of_flat(self.leaves(event))
        return self.selected(event) if self.features else self.renamed(event)

    def keys(self, name: str) -> list[str]:
        return name.split(self.delimiter)

    def sources(self, name: str) -> list[str]:
        """Where the field ``name`` of the result may come from, the best first."""
        old = [old for old, new in reversed(self.renames) if new == name]
        renamed_away = any(old == name for old, _ in self.renames)
        return old if old and renamed_away else [*old, name]

    def names(self) -> list[str]:
        names: list[str] = []
        for name in [*self.features, *(new for _, new in self.renames)]:
            if name not in names:
                names.append(name)
        return names

    def nested(self, event: Any, keys: list[str]) -> Any:
        for key in keys:
            if not isinstance(event, dict) or key not in event:
                return ABSENT
            event = event[key]
        return event

    def read(self, event: dict[Any, Any], name: str) -> Any:
        literal = event.get(name, ABSENT)
        if len(self.keys(name)) == 1:
            return literal
        if literal is not ABSENT and self.ignore:
            return literal
        nested = self.nested(event, self.keys(name))
        if literal is not ABSENT and nested is not ABSENT:
            raise RefusedError
        return nested if literal is ABSENT else literal

    def first(self, event: dict[Any, Any], name: str) -> Any:
        for source in self.sources(name):
            value = self.read(event, source)
            if value is not ABSENT:
                return value
        return ABSENT

    def put(self, record: dict[Any, Any], name: str, value: Any) -> None:
        filling = value is ABSENT
        if filling and self.missing == "error":
            raise RefusedError
        if filling and self.missing == "omit":
            return
        *parents, last = self.keys(name)
        inside = record
        for depth in range(1, len(parents) + 1):
            child = self.nested(record, parents[:depth])
            if child is not ABSENT and not isinstance(child, dict):
                if filling:
                    return
                raise RefusedError
        for key in parents:
            inside = inside.setdefault(key, {})
        inside[last] = None if filling else value

    def in_order(self) -> list[str]:
        """The names, each after the names it lies in."""
        ordered: list[str] = []
        for name in self.names():
            keys = self.keys(name)
            for depth in range(1, len(keys) + 1):
                whole = self.delimiter.join(keys[:depth])
                if whole in self.names() and whole not in ordered:
                    ordered.append(whole)
        return ordered

    def selected(self, event: dict[Any, Any]) -> dict[Any, Any]:
        record: dict[Any, Any] = {}
        for name in self.in_order():
            self.put(record, name, copy.deepcopy(self.first(event, name)))
        return record

    def renamed(self, event: dict[Any, Any]) -> dict[Any, Any]:
        record = copy.deepcopy(event)
        for old, _ in self.renames:
            if self.read(event, old) is ABSENT:
                continue
            if old in event:
                del record[old]
                continue
            *parents, last = self.keys(old)
            inside = self.nested(record, parents)
            if isinstance(inside, dict):
                inside.pop(last, None)
        for name in self.in_order():
            self.put(record, name, copy.deepcopy(self.first(event, name)))
        return record

    def leaves(self, event: Any, prefix: str = "", depth: int = 1) -> list[tuple[str, int, Any]]:
        found = []
        for key, value in event.items() if isinstance(event, dict) else enumerate(event):
            name = prefix + str(key)
            if value and (isinstance(value, dict) or (self.lists and isinstance(value, list))):
                found += self.leaves(value, name + self.delimiter, depth + 1)
            else:
                found.append((name, depth, value))
        return found

    def of_flat(self, leaves: list[tuple[str, int, Any]]) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        twice = set()
        for name, _, _ in leaves:
            same = [leaf for leaf in leaves if leaf[0] == name]
            flat[name] = min(same, key=lambda leaf: leaf[1])[2]
            if len(same) > 1:
                twice.add(name)
        if not self.features:
            if twice and not self.ignore:
                raise RefusedError
            return self.renamed_flat(flat)
        record = {}
        for name in self.names():
            for source in self.sources(name):
                if source in twice and not self.ignore:
                    raise RefusedError
                if source in flat:
                    record[name] = flat[source]
                    break
            else:
                self.fill(record, name)
        return record

    def renamed_flat(self, flat: dict[str, Any]) -> dict[str, Any]:
        record = {name: value for name, value in flat.items() if name not in dict(self.renames)}
        for name in self.names():
            source = next((source for source in self.sources(name) if source in flat), None)
            if source is None:
                self.fill(record, name)
            else:
                record[name] = flat[source]
        return record

    def fill(self, record: dict[str, Any], name: str) -> None:
        if self.missing == "error":
            raise RefusedError
        if self.missing == "null":
            record[name] = None


def expected(config: dict[str, Any], event: dict[Any, Any]) -> Any:
    try:
        return Plain(config).record(event)
    except RefusedError:
        return RefusedError


def given_by(function: Any, argument: Any) -> Any:
    try:
        return function(argument)
    except PreprocessorRuntimeError:
        return RefusedError


@settings(max_examples=400)
@given(CONFIGS, st.lists(EVENTS, min_size=1, max_size=4))
def test_records(config: dict[str, Any], events: list[dict[Any, Any]]) -> None:
    plan = compile_preprocessing(BackendConfig(**config))
    before = repr(events)
    wanted = [expected(config, event) for event in events]
    for event, record in zip(events, wanted, strict=True):
        single = given_by(plan.run_one, event)
        assert repr(single) == repr(record if record is RefusedError else [record])
        assert repr(given_by(plan.run_many, [event])) == repr(single)
    batch = given_by(plan.run_many, events)
    if RefusedError in wanted:
        assert batch is RefusedError
        with pytest.raises(PreprocessorRuntimeError, match=rf"^records\[{wanted.index(RefusedError)}\]: "):
            plan.run_many(events)
    else:
        assert repr(batch) == repr(wanted)
    assert repr(events) == before


@settings(max_examples=300)
@given(CONFIGS, st.lists(NAMES, min_size=1, max_size=5), st.lists(EVENTS, min_size=1, max_size=4))
def test_arrays(config: dict[str, Any], names: list[str], events: list[dict[Any, Any]]) -> None:
    pytest.importorskip("numpy", reason="pip install numpy would un-skip this")
    config = {**config, "feature_names": names}
    plan = compile_preprocessing(BackendConfig(**config, input_format="numpy"))
    wanted = [row(config, event) for event in events]
    for event, numbers in zip(events, wanted, strict=True):
        single = given_by(plan.run_one, event)
        if numbers is RefusedError:
            assert single is RefusedError
        else:
            assert repr(single.tolist()) == repr([numbers])
    batch = given_by(plan.run_many, events)
    if RefusedError in wanted:
        assert batch is RefusedError
    else:
        assert batch.shape == (len(events), len(names))
        assert str(batch.dtype) == "float64"
        assert repr(batch.tolist()) == repr(wanted)


def row(config: dict[str, Any], event: dict[Any, Any]) -> Any:
    """The numbers of one event, column by column, or RefusedError."""
    plain = Plain(config)
    leaves = plain.leaves(event) if plain.flatten else []
    try:
        return [number(plain, event, leaves, name) for name in config["feature_names"]]
    except RefusedError:
        return RefusedError


def number(plain: Plain, event: dict[Any, Any], leaves: list[tuple[str, int, Any]], name: str) -> float:
    value = flat_value(plain, leaves, name) if plain.flatten else plain.first(event, name)
    if value is ABSENT and plain.missing == "error":
        raise RefusedError
    if value is ABSENT or value is None:
        return math.nan
    if isinstance(value, (bool, int, float)):
        return float(value)
    raise RefusedError


def flat_value(plain: Plain, leaves: list[tuple[str, int, Any]], name: str) -> Any:
    for source in plain.sources(name):
        same = [leaf for leaf in leaves if leaf[0] == source]
        if len(same) > 1 and not plain.ignore:
            raise RefusedError
        if same:
            return min(same, key=lambda leaf: leaf[1])[2]
    return ABSENT
