"""An SQL expression over the fields of events: types as they were seen, odd events never in the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packflow_app.errors import UsageError
from packflow_app.events.profile import Numbers, PathProfile, TypeSeen
from packflow_app.events.query import EventFilter

EVENTS: list[dict[str, Any]] = [
    {"id.orig_h": "10.0.0.1", "n": 1, "dst": {"port": 443, "mixed": 5}, "tags": ["a", "b"], "big": 2**70, "ok": True},
    {"id.orig_h": "10.0.0.2", "n": 2.5, "dst": {"port": 53, "mixed": "5"}, "tags": [], "big": 1, "ok": False},
    {"id.orig_h": None, "n": "three", "dst": "gone", "tags": None, "big": 10**300, "labels": {"x": 1}},
    {},
    {"id.orig_h": "nul \x00 and 防火墙", "dst": {"port": "443"}, "packflow_row": 9, "packflow_raw": "raw"},
]
RAWS = [json.dumps(event).encode() for event in EVENTS]


def path(*keys: str, types: str = "string", greatest: int = 0) -> PathProfile:
    seen = tuple(TypeSeen(name, 1, 1) for name in types.split())
    numbers = Numbers(1, 0, greatest, 0.0) if greatest else None
    return PathProfile(path=".".join(keys), keys=keys, present=1, parents=1, types=seen, numbers=numbers)


PATHS = [
    path("id.orig_h"),
    path("n", types="integer number null"),
    path("dst", types="object"),
    path("dst", "port", types="integer"),
    path("dst", "mixed", types="string integer"),
    path("tags", types="array"),
    path("tags", "[]"),
    path("big", types="integer", greatest=2**70),
    path("ok", types="boolean"),
    path("labels", types="object"),
    path("labels", "*", types="integer"),
    path("packflow_row", types="integer"),
]


def matching(expression: str) -> list[int]:
    return EventFilter(PATHS, expression).matching(RAWS)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("dst.port = 443", [0, 4]),
        ("\"id.orig_h\" like '10.%'", [0, 1]),
        ("\"id.orig_h\" like '%防火墙'", [4]),
        ("n > 1", [1]),
        ("N >= 1 and not ok", [1]),
        ("dst.mixed = '5'", [0, 1]),
        ("list_contains(tags, 'b')", [0]),
        ("len(tags) = 0", [1]),
        ("big > 9223372036854775807", [0]),
        ("ok is null", [2, 3, 4]),
        ("ok", [0]),
        ("labels like '%x%'", [2]),
        ("n = 1 -- a remark", [0]),
        ("n in (1, 2.5) or dst.port is null", [0, 1, 2, 3]),
    ],
)
def test_what_is_true_is_chosen(expression: str, found: list[int]) -> None:
    assert matching(expression) == found


@pytest.mark.parametrize(
    ("expression", "told", "hint"),
    [
        ("", "no expression", "--filter"),
        ("n =", "it ends too early", "--filter"),
        ("nope > 1", 'the events have no field "nope".', 'There is: "'),
        ("nope.port = 1", 'the events have no field "nope".', "--filter"),
        ("dst.nope = 1", 'that field has no key "nope".', 'There is: "port"'),
        ("n > 1; drop table x", "evaluated: syntax error at or near", "--filter"),
        ("(select count(*) from read_csv('/etc/passwd')) > 0", "evaluated: Cannot access file", "--filter"),
    ],
)
def test_what_is_no_expression_is_said(expression: str, told: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        EventFilter(PATHS, expression)
    assert (caught.value.code, told in caught.value.title) == ("filter-invalid", True), caught.value.title
    assert hint in caught.value.hint
    assert "packflow_" not in caught.value.hint


def test_keys_that_sql_cannot_tell_apart_are_no_error() -> None:
    paths = [path("Name"), path("name"), path(""), path("o", types="object")]
    assert EventFilter(paths, "name = 'a'").matching([b'{"Name":"a","name":"b","":"c"}', b"{}"]) == [0]
