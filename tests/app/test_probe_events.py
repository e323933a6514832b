"""Probes: what is made from sample events, and that the same samples give the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packflow_app.dryrun.probe_events import KINDS, Probe, probes_of

SAMPLES: list[dict[str, Any]] = [
    {"n": 1, "host": "a", "up": True, "ips": ["10.0.0.1"], "id": {"orig.h": 1.5}, "gone": None},
    {"n": "2", "host": "b", "up": False, "ips": [], "id": {}, "gone": "x"},
]


def made(*events: dict[str, Any]) -> list[Probe]:
    return probes_of([json.dumps(event).encode() for event in events])


def of(probes: list[Probe], kind: str, path: str = "") -> list[Any]:
    return [json.loads(probe.line) for probe in probes if probe.kind == kind and probe.path == path]


def test_whole_events_come_first() -> None:
    probes = made(*SAMPLES)
    assert [probe.kind for probe in probes[:4]] == list(KINDS[:4])
    assert json.loads(probes[0].line) == {}
    assert json.loads(probes[1].line) == dict.fromkeys(SAMPLES[0])
    assert json.loads(probes[2].line) == {**SAMPLES[0], "packflow_probe": "unexpected"}
    nested = json.loads(probes[3].line)["packflow_probe"]
    depth = 0
    while isinstance(nested, list):
        nested, depth = nested[0], depth + 1
    assert (nested, depth) == (1, 100)


def test_a_field_is_missing_or_null_everywhere_it_can_be() -> None:
    probes = made(*SAMPLES)
    paths = ["n", "host", "up", "ips", "id", "gone", "ips[]", 'id."orig.h"']
    assert [probe.path for probe in probes if probe.kind == "missing"] == paths
    assert [probe.path for probe in probes if probe.kind == "null"] == [path for path in paths if path != "gone"]
    assert of(probes, "missing", 'id."orig.h"') == [{**SAMPLES[0], "id": {}}]
    assert of(probes, "null", "ips[]") == [{**SAMPLES[0], "ips": [None]}]


def test_a_wrong_type_is_one_that_no_sample_has_there() -> None:
    probes = made(*SAMPLES)
    assert of(probes, "wrong-type", "n")[0]["n"] is True  # the samples have a number and a text
    assert of(probes, "wrong-type", "host")[0]["host"] == 7
    assert of(probes, "wrong-type", "up")[0]["up"] == "unexpected"
    assert of(probes, "wrong-type", "gone")[0]["gone"] == 7


def test_a_field_that_is_null_at_first_is_probed_where_it_is_not() -> None:
    assert [event["gone"] for event in of(made(*SAMPLES), "empty", "gone")] == [""]


def test_values_beyond_what_was_seen() -> None:
    probes = made(*SAMPLES)
    assert [event["n"] for event in of(probes, "extreme", "n")] == [0, -1, 10**30, -1.7e308]
    assert [event["n"] for event in of(probes, "number-as-text", "n")] == ["1"]
    assert [event["id"] for event in of(probes, "extreme", 'id."orig.h"')] == [
        {"orig.h": value} for value in (0, -1, 10**30, -1.7e308)
    ]
    assert of(probes, "non-ascii", "host")[0]["host"].count("\0") == 1
    assert len(of(probes, "long-text", "host")[0]["host"]) == 20_000
    assert [event["ips"] for event in of(probes, "empty", "ips")] == [[]]
    assert [event["id"] for event in of(probes, "empty", "id")] == [{}]


def test_only_one_thing_is_wrong_and_the_sample_is_named() -> None:
    for probe in made(*SAMPLES)[4:]:
        sample, event = SAMPLES[probe.base], json.loads(probe.line)
        top = probe.path.partition(".")[0].partition("[")[0]
        assert {key: value for key, value in event.items() if key != top} == {
            key: value for key, value in sample.items() if key != top
        }
        assert json.dumps(event) != json.dumps(sample)


def test_fields_that_most_events_have_come_first_and_their_number_is_bounded() -> None:
    events = [{"rare": 1, "common": 1}, {"common": 2}, {"common": 3, **{f"f{n}": n for n in range(1000)}}]
    probes = made(*events)
    missing = [probe.path for probe in probes if probe.kind == "missing"]
    assert missing[:2] == ["common", "rare"]
    assert len(missing) == 200


@pytest.mark.parametrize("event", [{}, {"": 1}, {"a": {}}, {"a": [[[1]]]}, {"a": 10**4000}, {"a.b": {"c[]": 1}}])
def test_odd_events_give_probes_too(event: dict[str, Any]) -> None:
    probes = made(event)
    assert len(probes) >= 3
    assert all(isinstance(json.loads(probe.line), dict) for probe in probes)
    assert len({(probe.kind, probe.path, probe.value) for probe in probes}) == len(probes)
    assert all(len(probe.value) <= 60 for probe in probes)
