"""Patterns of strings: what is a time, an address, a UUID or a number, and what only looks a little like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packflow_app.events.patterns import pattern_of


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("number", ["0", "-3", "+7", "1.5", ".5", "1.", "1e9", "-2.5E-3", "007"]),
        ("ip", ["10.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0", "2001:db8::8a2e:37:73", "::ffff:1.2.3.4"]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000", "{123E4567-E89B-12D3-A456-426614174000}"]),
        (
            "timestamp",
            [
                "2026-01-01T00:00:00Z",
                "2026-01-01 00:00:00.123456+02:00",
                "2026/01/01 00:00",
                "17/May/2015:08:05:32 +0000",
                "Jan  5 10:00:00",
                "Jan 15 10:00:00",
                "Tue, 03 Jun 2008 11:05:30 GMT",
                "3 Jun 2008 11:05:30 +0000",
            ],
        ),
        (
            "",
            [
                "", ".", "-", "e5", "1e", "1.2.3", "1,5", "٣", " 1", "1 ", "0x10", "nan", "256.1.1.1", "10.0.0",
                "12:30",
                "dead:beef", ":::", "1:2:3:4:5:6:7:8:9", "2026-01-01", "2026-01-01T", "Jan 5 10:00:00x",
                "x" * 100,
                "123e4567-e89b-12d3-a456-42661417400",
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_string_is(pattern: str, texts: list[str]) -> None:
    assert {text: pattern_of(text) for text in texts} == dict.fromkeys(texts, pattern)


@given(st.ip_addresses().map(str))
def test_every_address_is_one(text: str) -> None:
    assert pattern_of(text) == "ip"


@given(st.uuids().map(str))
def test_every_uuid_is_one(text: str) -> None:
    assert pattern_of(text) == "uuid"


@given(st.datetimes().map(lambda moment: moment.isoformat()))
def test_every_time_in_iso_8601_is_one(text: str) -> None:
    assert pattern_of(text) == "timestamp"


@given(st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers(-(10**30), 10**30).map(str))
def test_every_number_is_one(text: str) -> None:
    assert pattern_of(text) == "number"
