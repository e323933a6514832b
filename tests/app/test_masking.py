"""Stand-ins: same type, same form, the same for the same value, and not a byte besides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.events.event_paths import ANY_KEY, ITEMS
from packflow_app.events.masking import Masker
from packflow_app.events.patterns import pattern_of

KEY = b"k" * 32


def masked(event: Any, *paths: tuple[str, ...]) -> Any:
    return json.loads(Masker(paths, KEY).masked(json.dumps(event).encode()))


def test_only_the_bytes_of_the_values_change() -> None:
    raw = b' { "a" : "Anna" ,"b":[ 1.50 ,"Anna"], "c" : {"a":"Anna"}, "d\\u0041":"x" }\r'
    found = Masker([("a",), ("b", ITEMS)], KEY).masked(raw)
    name, number = json.loads(found)["a"], json.loads(found)["b"][0]
    assert name != "Anna"
    assert found == raw.replace(b'"a" : "Anna"', f'"a" : "{name}"'.encode()).replace(
        b'[ 1.50 ,"Anna"]', f'[ {number:.2f} ,"{name}"]'.encode()
    )


@pytest.mark.parametrize(
    "text",
    [
        "Anna Müller", "10.1.2.3", "fe80::1", "2026-01-01T10:00:00.123Z", "Jan  5 10:00:00", "17", "-3.50e10",
        "user@host.org",
        "123e4567-e89b-12d3-a456-426614174000", "Ab9-x",
    ],
)  # fmt: skip
def test_a_stand_in_has_the_form_of_its_value(text: str) -> None:
    found = masked({"v": text}, ("v",))["v"]
    assert found != text
    assert pattern_of(found) == pattern_of(text)
    if pattern_of(text) != "ip":
        assert len(found) == len(text)
        assert [char.isdecimal() for char in found if not char.isalpha()] == [
            char.isdecimal() for char in text if not char.isalpha()
        ] or pattern_of(text) == "uuid"


@pytest.mark.parametrize(
    "literal", ["7", "1234567", "-42", "0.25", "-1.50", "1.5e-7", "6.02E+23", "123456789012345678901"]
)
def test_a_number_keeps_its_spelling(literal: str) -> None:
    found = Masker([("v",)], KEY).masked(b'{"v":%s}' % literal.encode()).decode()[5:-1]
    assert found != literal
    assert [char for char in found if not char.isdecimal()] == [char for char in literal if not char.isdecimal()]
    assert len(found) == len(literal)
    json.loads(found)


def test_the_same_value_gets_the_same_stand_in_everywhere_and_another_key_another() -> None:
    event = {"src": "10.0.0.1", "dst": "10.0.0.1", "via": ["10.0.0.2", "10.0.0.1"]}
    found = masked(event, ("src",), ("dst",), ("via",))
    assert found["src"] == found["dst"] == found["via"][1] != found["via"][0]
    assert found == masked(event, ("src",), ("dst",), ("via",))
    assert json.loads(Masker([("src",)]).masked(json.dumps(event).encode()))["src"] != found["src"]


def test_a_path_masks_all_inside_it_and_wildcards_any_key_or_item() -> None:
    event = {"o": {"x": [1234, {"y": "text"}], "t": True, "n": None, "e": ""}, "p": {"x": 1234}}
    found = masked(event, ("o",))
    assert found["p"] == {"x": 1234}
    assert found["o"]["x"][0] != 1234
    assert found["o"]["x"][1]["y"] != "text"
    assert (found["o"]["t"], found["o"]["n"], found["o"]["e"]) == (True, None, "")
    assert (
        masked({"hosts": {"a": {"ip": "1.2.3.4", "up": "yes"}}}, ("hosts", ANY_KEY, "ip"))["hosts"]["a"]["up"] == "yes"
    )


def test_few_possible_values_are_told_apart_as_long_as_they_can_be() -> None:
    masker = Masker([("v",)], KEY)
    found = {json.loads(masker.masked(b'{"v":"%d"}' % n))["v"] for n in range(8)}
    assert len(found) == 8


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\{', max_size=2), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def form(value: Any) -> Any:
    """A value with each scalar replaced by its type, and how long its text is."""
    if isinstance(value, dict):
        return {key: form(member) for key, member in value.items()}
    if isinstance(value, list):
        return [form(item) for item in value]
    return type(value)


@settings(max_examples=200, deadline=None)
@given(event=st.dictionaries(st.sampled_from("ab"), values, max_size=2), indent=st.sampled_from([None, 1]))
def test_any_event_keeps_its_form_and_what_is_not_masked(event: dict[str, Any], indent: int | None) -> None:
    raw = json.dumps(event, indent=indent).replace("\n", " ").encode()
    found = json.loads(Masker([("a",)]).masked(raw))
    assert form(found) == form(event)
    assert found.get("b") == event.get("b")
