"""The profile: counts that another tool counted too, and what each kind of value adds to its path."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from packflow_app.events import path_statistics, profiling
from packflow_app.events.profile import EventsProfile, Numbers, Shape, TypeSeen, ValueSeen
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import open_events

ROOT = Path(__file__).parent.parent.parent
REAL = Path(os.environ.get("PACKFLOW_EVENTS_DIR", ROOT.parent / "shared" / "events"))


def profiled(content: bytes | Path, format_name: str | None = None) -> EventsProfile:
    profiler = Profiler()
    with open_events(content if isinstance(content, Path) else io.BytesIO(content), format=format_name) as events:
        for block in events:
            profiler.add(block)
        return profiler.profile(events.format, 0)


def of(*events: Any) -> EventsProfile:
    """The profile of events given as values, one a line."""
    return profiled(b"".join(json.dumps(event).encode() + b"\n" for event in events), "ndjson")


def real(name: str) -> EventsProfile:
    if not (REAL / name).is_file():
        pytest.skip(f"{name} is not there; set PACKFLOW_EVENTS_DIR to a folder of real events")
    return profiled(REAL / name)


def type_table(profile: EventsProfile) -> list[str]:
    """Lines of path, type and count, as ``event_values.jq``, sort and uniq give them; jq has one type of number."""
    rows = []
    for path in profile.paths:
        counts: Counter[str] = Counter()
        for seen in path.types:
            counts["number" if seen.name == "integer" else seen.name] += seen.count
        name = json.dumps(path.keys, ensure_ascii=False, separators=(",", ":"))
        rows += [f"{name}\t{kind}\t{count}" for kind, count in counts.items()]
    return sorted(rows, key=str.encode)


@pytest.mark.parametrize(
    ("name", "events", "rows", "digest", "shapes"),
    [
        (
            "zeek_dns.ndjson.gz", 53_615, 28,
            "abbc9f14c8047036cafce49feffb14c997ab6f46175f7c7155d7b0d94a69743e",
            [39_675, 9_497, 4_432, 7, 2, 2],
        ),
        (
            "cloudtrail_invictus.ndjson.gz", 2_900, 1_265,
            "da3fd3f0fa59976d36d0ac02c3d4e0a670f1a474703ce77e9ac5bd925250fa45",
            [1_618, 249, 213, 190],
        ),
        (
            "nginxplus.ndjson.gz", 500, 248,
            "4c8994da98aca1014e396b06620c7a582054d9f6387e0a04fe2a2946cbb2f2d8",
            [500],
        ),
        (
            "windows_sysmon.ndjson.gz", 2_744, 178,
            "be462c8906ff65a98a915d89d10364609292d0a313e09c4b5677499348e4ea67",
            [850, 344, 239],
        ),
        (
            "suricata_alerts.json", 207, 75,
            "e053e2907078974714331b71bd0e2ecab18988f63faf5a93cb2d965015948e1d",
            [53, 39, 22],
        ),
    ],
)  # fmt: skip
def test_every_count_of_every_type_at_every_path_of_real_events(
    name: str, events: int, rows: int, digest: str, shapes: list[int]
) -> None:
    """The digests were made with jq, sort and uniq: see the head of ``event_values.jq``."""
    profile = real(name)
    table = type_table(profile)
    assert (profile.events, profile.invalid_count, len(table)) == (events, 0, rows)
    assert hashlib.sha256("".join(f"{row}\n" for row in table).encode()).hexdigest() == digest
    assert [shape.count for shape in profile.shapes[: len(shapes)]] == shapes


def test_what_jq_and_awk_found_in_zeek_records() -> None:
    profile = real("zeek_dns.ndjson.gz")
    rtt = profile.path("rtt")
    assert rtt.numbers is not None
    assert (rtt.present, rtt.parents, rtt.numbers.count) == (39_677, 53_615, 39_677)
    assert (rtt.numbers.least, rtt.numbers.greatest) == (1.1920928955078125e-05, 5.007183074951172)
    assert rtt.numbers.mean == pytest.approx(0.00710295, abs=1e-8)
    assert not rtt.distinct_is_exact
    assert rtt.distinct == pytest.approx(6_754, rel=0.15)
    assert profile.path("uid").distinct == pytest.approx(19_183, rel=0.15)
    assert profile.path('"id.orig_p"').distinct == pytest.approx(15_070, rel=0.15)
    query = profile.path("query").strings
    assert query is not None
    assert (query.count, query.shortest, query.longest) == (53_613, 0, 73)
    assert query.mean_length == pytest.approx(16.9085, abs=1e-3)
    assert profile.path("proto").top == (ValueSeen('"udp"', 53_609), ValueSeen('"tcp"', 6))
    assert [seen.count for seen in profile.path("qtype_name").top] == [35_525, 12_597, 3_834, 1_358, 180]
    answers = profile.path("answers")
    assert answers.items is not None
    assert (answers.items.count, profile.path("answers[]").present) == (39_682, 79_672)
    patterns = {path.path: path.strings.pattern for path in profile.paths if path.strings is not None}
    assert (patterns["ts"], patterns['"id.orig_h"'], patterns["uid"]) == ("timestamp", "ip", None)


def test_the_fields_of_several_types_in_cloudtrail_events() -> None:
    profile = real("cloudtrail_invictus.ndjson.gz")
    assert {path.path: {seen.name for seen in path.conflict} for path in profile.conflicts} == {
        "requestParameters.bucketPolicy.Statement[].Resource": {"array", "string"},
        "requestParameters.tags": {"array", "object"},
        "requestParameters.DescribeEgressOnlyInternetGatewaysRequest": {"object", "string"},
        "requestParameters.disableApiTermination": {"boolean", "object"},
        "requestParameters.maxResults": {"integer", "string"},
        "responseElements.role": {"object", "string"},
        "requestParameters.CreateNatGatewayRequest.TagSpecification.Tag[].Value": {"boolean", "string"},
        "requestParameters.bucketPolicy.Statement[].Action": {"array", "string"},
        "responseElements.CreateNatGatewayResponse.natGateway.tagSet.item[].value": {"boolean", "string"},
        "responseElements.version": {"integer", "string"},
    }


def test_presence_null_and_types_are_kept_apart() -> None:
    profile = of({"a": 1, "b": None}, {"a": None}, {"a": "x", "c": 1.5}, {"a": 2.5})
    path = profile.path("a")
    assert (path.present, path.parents, path.nulls, path.is_optional) == (4, 4, 1, False)
    assert path.types == (
        TypeSeen("null", 1, 2), TypeSeen("integer", 1, 1), TypeSeen("number", 1, 4), TypeSeen("string", 1, 3),
    )  # fmt: skip
    assert path.conflict == path.types
    assert (profile.path("b").present, profile.path("b").nulls, profile.path("b").is_optional) == (1, 1, True)
    assert [one.path for one in profile.paths] == ["a", "b", "c"]
    assert of({"n": 1}, {"n": 1.5}, {"n": None}).conflicts == ()


def test_a_member_is_optional_in_the_objects_that_could_have_it() -> None:
    profile = of({"o": {"a": 1}}, {"o": {"a": 2, "b": 1}}, {"o": None}, {})
    assert [(one.path, one.present, one.parents) for one in profile.paths] == [
        ("o", 3, 4), ("o.a", 2, 2), ("o.b", 1, 2),
    ]  # fmt: skip


def test_items_of_arrays_and_their_members() -> None:
    profile = of({"l": []}, {"l": [{"a": 1}, {"a": "x"}, 7]}, {"l": [[1, 2], [3]]})
    items = profile.path("l").items
    assert items is not None
    assert (items.count, items.fewest, items.most, items.mean) == (3, 0, 3, 5 / 3)
    assert profile.path("l[]").types == (TypeSeen("array", 2, 3), TypeSeen("object", 2, 2), TypeSeen("integer", 1, 2))
    assert profile.path("l[].a").types == (TypeSeen("integer", 1, 2), TypeSeen("string", 1, 2))
    assert (profile.path("l[][]").present, profile.path("l[][]").numbers) == (
        3, Numbers(3, 1, 3, 2.0),
    )  # fmt: skip


def test_integers_beyond_64_bits_are_counted_and_the_first_is_named() -> None:
    events: list[Any] = [{"n": n} for n in range(3000)]
    events[2500] = {"n": 2**63}
    events[2600] = {"n": -(2**63) - 1}
    events[2700] = {"n": -(2**63)}
    events[2800] = {"n": 2**63}
    numbers = of(*events).path("n").numbers
    assert numbers is not None
    assert (numbers.beyond_64_bits, numbers.first_beyond, numbers.greatest) == (3, 2501, 2**63)


def test_sums_beyond_floats_leave_no_mean() -> None:
    assert of({"n": 1e308}, {"n": 1.5e308}).path("n").numbers == Numbers(2, 1e308, 1.5e308, None)
    assert of({"n": 10**400}, {"n": 0}).path("n").numbers == Numbers(2, 0, 10**400, None, 1, 1)
    assert of({"n": 10**400}, {"n": 0.5}).path("n").numbers == Numbers(2, 0.5, 10**400, None, 1, 1)
    many = [{"n": n + 0.5} for n in range(3000)]
    assert of({"n": 10**400}, *many).path("n").numbers == Numbers(3001, 0.5, 10**400, None, 1, 1)
    assert of(*many, {"n": 10**400}).path("n").numbers == Numbers(3001, 0.5, 10**400, None, 1, 3001)


def test_patterns_are_counted_and_long_strings_are_not_kept() -> None:
    texts = ["10.0.0.1", "10.0.0.2", "17", "x" * 100_000, "x" * 100_000, "y" * 100_000]
    path = of(*({"t": text} for text in texts)).path("t")
    assert path.strings is not None
    assert (path.strings.patterns, path.strings.looked_at) == ({"ip": 2, "number": 1}, 6)
    assert (path.strings.shortest, path.strings.longest, path.distinct) == (2, 100_000, 5)
    assert path.top[0] == ValueSeen('"' + "x" * 58 + "…", 2)


def test_shapes_are_sets_of_keys() -> None:
    profile = of({"a": 1, "b": 1}, {"a": 1}, {"b": 1, "a": 1}, {})
    assert profile.shapes == (Shape(("a", "b"), 2, 1), Shape(("a",), 1, 2), Shape((), 1, 4))
    assert profile.shape_count == 3


@pytest.mark.parametrize("count", [6, 40, 3000])
def test_keys_that_are_data_are_folded_into_one_path(count: int) -> None:
    events = [{"hosts": {f"10.0.{n % 256}.{n // 256}": {"up": n % 2 == 0, "n": n}}} for n in range(count)]
    profile = of(*events)
    assert [one.path for one in profile.paths] == ["hosts", "hosts.*", "hosts.*.up", "hosts.*.n"]
    folded = profile.path("hosts.*")
    assert folded.map_keys == pytest.approx(count, rel=0.15)
    assert (folded.present, folded.types) == (count, (TypeSeen("object", count, 1),))
    assert profile.path("hosts.*.n").numbers == Numbers(count, 0, count - 1, (count - 1) / 2)


def test_counters_by_label_are_folded_and_names_of_fields_are_not() -> None:
    labels = [{"counts": {f"label {n}": 1}, "fields": {f"f{m}": m for m in range(100)}} for n in range(200)]
    profile = of(*labels)
    assert profile.path("counts.*").map_keys == 200
    assert profile.path("fields.f99").present == 200
    mixed = [{"p": {f"name{n % 100}": n if n % 2 else "x"}} for n in range(1000)]
    assert of(*mixed).path("p.name7").present == 10


def test_paths_and_depth_are_bounded_and_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_statistics, "MOST_PATHS", 10)
    profile = of({f"k{n}": {"a": 1} for n in range(20)})
    assert (len(profile.paths), profile.paths_left_out) == (10, 15)
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    monkeypatch.setattr(path_statistics, "MOST_PATHS", 5000)
    profile = of({"a": deep})
    assert (len(profile.paths), profile.paths_left_out) == (64, 1)


def test_invalid_lines_are_counted_by_code_and_the_first_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "INVALID_KEPT", 2)
    profile = profiled(b'{"a":1}\nnope\n[1]\nno\n', "ndjson")
    assert (profile.invalid_count, profile.invalid_codes) == (3, {"not-json": 2, "not-object": 1})
    assert [(one.position, one.column) for one in profile.invalid] == [(2, 1), (3, None)]


def test_a_value_that_becomes_frequent_late_is_seen_and_the_estimate_is_close() -> None:
    events = [{"v": f"id-{n}" if n < 20_000 else "stuck"} for n in range(40_000)]
    path = of(*events).path("v")
    assert not path.distinct_is_exact
    assert path.distinct == pytest.approx(20_001, rel=0.15)
    assert path.top[0].value == '"stuck"'
    assert 10_000 < path.top[0].count <= 20_000
