"""What is made from a profile: the schema, what a second sample changed, what packflow.yaml may want."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.cli.inspect_view import yaml_lines
from packflow_app.events.comparison import BREAKING, compare_profiles
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import open_events
from packflow_app.events.schema import DIALECT, schema_of
from packflow_app.events.suggestions import suggest
from packflow_runtime.drift import DriftCounters
from packflow_runtime.yaml_subset import parse

if TYPE_CHECKING:
    from packflow_app.events.profile import EventsProfile


def profiled(*events: Any) -> EventsProfile:
    profiler = Profiler()
    content = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    with open_events(io.BytesIO(content), format="ndjson") as reader:
        for block in reader:
            profiler.add(block)
    return profiler.profile("ndjson", len(content))


def schema(*events: Any) -> dict[str, Any]:
    return schema_of(profiled(*events)).as_json_schema()


def changes(before: list[Any], after: list[Any]) -> list[tuple[str, str]]:
    return [(one.path, one.kind) for one in compare_profiles(profiled(*before), profiled(*after))]


def test_optional_and_nullable_are_kept_apart() -> None:
    found = schema({"a": 1, "b": None, "c": "x"}, {"a": 1.5, "b": None}, {"a": 2, "b": None, "c": None})
    assert found == {
        "$schema": DIALECT,
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "null"}, "c": {"type": ["string", "null"]}},
        "required": ["a", "b"],
    }
    fields = {field.path: field for field in schema_of(profiled({"a": None}, {"a": 1}, {})).fields}
    assert (fields["a"].types, fields["a"].required, fields["a"].nullable) == (("integer",), False, True)


def test_nested_objects_arrays_and_map_keys() -> None:
    found = schema(
        {"o": {"x": 1}, "l": [{"y": True}, {"y": "s", "z": 1}], "m": {f"10.0.0.{n}": n for n in range(9)}}, {"o": None}
    )
    assert found["properties"] == {
        "o": {"type": ["object", "null"], "properties": {"x": {"type": "integer"}}, "required": ["x"]},
        "l": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"y": {"type": ["boolean", "string"]}, "z": {"type": "integer"}},
                "required": ["y"],
            },
        },
        "m": {"type": "object", "additionalProperties": {"type": "integer"}},
    }
    assert found["required"] == ["o"]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.sampled_from(["", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
events = st.lists(st.dictionaries(st.sampled_from("abc"), values, max_size=3), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(events)
def test_the_events_a_schema_was_made_from_do_not_drift_from_it(found: list[Any]) -> None:
    counters = DriftCounters(schema(*found))
    counters.observe_all(found)
    assert counters.snapshot() == {"missing": {}, "new_types": {}}


def test_events_that_drift_are_counted_against_the_schema() -> None:
    counters = DriftCounters(schema({"a": 1, "o": {"x": "s"}}, {"a": 2, "o": {"x": "t"}, "c": None}))
    counters.observe_all([{"a": "1", "o": {}}, {"o": {"x": None}}])
    assert counters.snapshot() == {
        "missing": {"a": 1, "o.x": 1},
        "new_types": {"a": {"string": 1}, "o.x": {"null": 1}},
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([{"a": 1}], [{"a": 1}], []),
        ([{"a": 1}], [{"a": 1.0}], []),
        ([{"a": 1, "o": {"x": 1}}], [{"a": 1}], [("o", "removed")]),
        ([{"a": 1}], [{"a": 1, "o": {"x": 1, "y": {"z": 1}}}], [("o", "added")]),
        ([{"o": {"x": 1}}], [{"o": {"x": 1, "y": 1}}], [("o.y", "added")]),
        ([{"a": 1}], [{"a": "x"}], [("a", "new-type"), ("a", "lost-type")]),
        ([{"a": 1}], [{"a": 1}, {"a": None}], [("a", "now-null")]),
        ([{"a": 1}], [{"a": 1}, {}], [("a", "now-optional")]),
        ([{"a": 1}, {}], [{"a": 1}], [("a", "now-required")]),
        ([{"a": 1}, {}], [{"a": 1}, {}, {}, {}], [("a", "presence")]),
        ([{"a": 1}, {"a": 5}], [{"a": 6}], [("a", "range")]),
        ([{"a": 10**400}], [{"a": 10**401}], [("a", "range")]),
        ([{"a": "x"}, {"a": "y"}], [{"a": "z"}, {"a": "x"}], [("a", "values")]),
        ([{"n": 1}], [{"n": 9, "new": 1}, {"new": 1}], [("n", "now-optional"), ("new", "added"), ("n", "range")]),
    ],
)
def test_what_a_second_sample_changed(before: list[Any], after: list[Any], expected: list[tuple[str, str]]) -> None:
    assert changes(before, after) == expected
    found = compare_profiles(profiled(*before), profiled(*after))
    assert [one.is_breaking for one in found] == [kind in BREAKING for _, kind in expected]


@settings(max_examples=100, deadline=None)
@given(events)
def test_a_sample_compared_with_itself_has_no_changes(found: list[Any]) -> None:
    assert changes(found, found) == []


def zeek(n: int) -> dict[str, Any]:
    return {
        "uid": f"C{n}", "id.orig_h": f"10.0.0.{n}", "id.orig_p": n, "proto": "udp" if n % 2 else "tcp",
        "rtt": n / 7, "label": n % 2, "constant": 1, "late": None if n else 1,
    }  # fmt: skip


def test_suggestions_for_keys_with_dots() -> None:
    found = suggest(profiled(*map(zeek, range(20))))
    assert found.settings == {
        "nested_field_delimiter": "/",
        "rename_fields": {"id.orig_p": "id_orig_p"},
        "feature_names": ["id_orig_p", "rtt"],
    }
    assert (found.numeric, found.categorical) == (("id_orig_p", "rtt"), ("proto",))
    assert found.reasons.keys() == found.settings.keys()
    assert found.reasons["nested_field_delimiter"] == "keys such as id.orig_h have dots, and none has '/'"


def test_suggestions_for_nested_events_and_for_keys_with_every_delimiter() -> None:
    nested = suggest(profiled(*({"src": {"port": n}, "deep": {"er": {"x": n / 3}}} for n in range(9))))
    assert nested.settings == {"flatten_nested_inputs": True, "feature_names": ["src.port", "deep.er.x"]}
    every = suggest(profiled(*({"a./__|:->~": n} for n in range(9))))
    assert every.settings["ignore_delimiter_collisions"] is True
    assert every.settings["rename_fields"] == {"a./__|:->~": "a"}


def test_suggestions_are_settings_that_packflow_yaml_takes() -> None:
    for found in (suggest(profiled(*map(zeek, range(20)))), suggest(profiled(*({"o": {"x y": n}} for n in range(9))))):
        text = "\n".join(line for key, value in found.settings.items() for line in yaml_lines(key, value))
        assert plain(parse(text)) == {
            key: str(value).lower() if isinstance(value, bool) else value for key, value in found.settings.items()
        }


def plain(node: Any) -> Any:
    """What a file says, without the lines it says it on."""
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    return [plain(value) for value in node.value] if isinstance(node.value, list) else node.value


def test_events_without_numbers_suggest_nothing() -> None:
    assert suggest(profiled({"a": "x"})).settings == {}
