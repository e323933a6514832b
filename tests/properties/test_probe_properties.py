"""Probes of any events: valid events, the same each time, never more than one thing away from a sample."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from packflow_app.dryrun.probe_events import KINDS, probes_of
from packflow_app.runtime import decode_event, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
EVENTS = st.lists(st.dictionaries(TEXT, VALUES, max_size=5), min_size=1, max_size=4)


@given(EVENTS)
def test_every_probe_is_an_event_and_the_same_each_time(events: list[dict[str, object]]) -> None:
    lines = [encode(event) for event in events]
    probes = probes_of(lines)
    assert probes == probes_of(lines)
    for probe in probes:
        assert probe.kind in KINDS
        assert encode(decode_event(probe.line)) == probe.line
        assert 0 <= probe.base < len(lines)
        assert (probe.path == "") == (probe.kind in ("empty-event", "all-null"))
    tells = [(probe.kind, probe.path, probe.value) for probe in probes if len(probe.value) < 60]
    assert len(set(tells)) == len(tells)


@given(EVENTS)
def test_samples_are_left_as_they_are(events: list[dict[str, object]]) -> None:
    lines = [encode(event) for event in events]
    before = [json.loads(line) for line in lines]
    probes_of(lines)
    assert [json.loads(line) for line in lines] == before
