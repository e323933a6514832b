"""Finding a model's features among the fields of events: by name, never by a guess."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.events.profile import EventBlock, EventsProfile
from packflow_app.events.profiling import Profiler
from packflow_app.models.description import ModelDescription
from packflow_app.models.feature_list import read_features
from packflow_app.models.features import FeatureMatch, match_features
from packflow_runtime import BackendConfig
from packflow_runtime.preprocessing import compile_preprocessing

EVENT = {
    "duration": 1.5,
    "bytesSent": 10,
    "id.resp_p": 53,
    "src": {"ip": "10.0.0.1", "port": 1},
    "dst": {"ip": "10.0.0.2", "port": 2, "zone": 7},
    "service": "dns",
    "answers": [1, 2],
    "label": 1,
    "y": 2.0,
    "flag": True,
}


def profile_of(*events: dict[str, Any]) -> EventsProfile:
    profiler = Profiler()
    profiler.add(EventBlock(list(range(1, len(events) + 1)), [b"{}"] * len(events), list(events)))
    return profiler.profile("ndjson", 0)


PROFILE = profile_of(EVENT, {**EVENT, "duration": None}, {key: value for key, value in EVENT.items() if key != "flag"})


def model(*names: str, count: int | None = None) -> ModelDescription:
    return ModelDescription("t", names or None, count if count is not None else len(names) or None)


def match(
    names: tuple[str, ...] = (), given_: str | None = None, *, count: int | None = None, numbers: bool = False
) -> FeatureMatch:
    listed = read_features(given_) if given_ is not None else None
    return match_features(model(*names, count=count), PROFILE, listed, numbers=numbers, named=True)


@pytest.mark.parametrize(
    ("name", "field", "how"),
    [
        ("duration", "duration", "exact"),
        ("id.resp_p", "id.resp_p", "exact"),
        ("src.port", "src.port", "exact"),
        ("bytes_sent", "bytesSent", "similar"),
        ("Bytes Sent", "bytesSent", "similar"),
        ("src_port", "src.port", "similar"),
        ("zone", "dst.zone", "last-part"),
        ("flag", "flag", "exact"),
        ("service", "service", "exact"),
    ],
)
def test_how_a_feature_is_found(name: str, field: str, how: str) -> None:
    found = match((name,))
    assert [(one.feature, one.field, one.how) for one in found.features] == [(name, field, how)]
    assert found.renames == ({} if name == field else {field: name})


def test_the_models_order_is_kept_and_presence_is_told() -> None:
    found = match(("zone", "duration", "flag"))
    assert found.feature_names == ["zone", "duration", "flag"]
    assert [(one.kind, one.present, one.events) for one in found.features] == [
        ("integer", 3, 3),
        ("number", 2, 3),
        ("boolean", 2, 3),
    ]


@pytest.mark.parametrize(
    ("names", "given_", "options", "code", "words"),
    [
        (("port",), None, {}, "features-ambiguous", "may be src.port and dst.port"),
        (("label",), None, {}, "features-answer", "named as an answer is"),
        (("Y",), None, {}, "features-answer", "named as an answer is"),
        (("duration", "dur_ation"), None, {}, "features-ambiguous", "would both be duration"),
        ((), None, {"count": 4}, "features-unnamed", "takes 4 features and has no names"),
        ((), None, {}, "features-unnamed", "in an order that only its author knows"),
        ((), "duration,flag", {"count": 3}, "features-count", "lists 2 fields; the model takes 3"),
        ((), "a=duration", {"count": 1}, "usage", "names none of them"),
        (("duration", "flag"), "duration", {}, "features-count", "the model takes 2: duration, flag"),
        (("duration", "flag"), "flag,duration", {}, "features-order", "its own order is duration, flag"),
        (("duration",), "length=duration", {}, "features-unknown", "has no feature length"),
        (("duration", "flag"), "duration=flag,flag", {}, "usage", "mixes fields"),
        (("service",), None, {"numbers": True}, "features-not-numbers", "holds strings; the model takes numbers"),
        ((), "src.ip", {"count": 1, "numbers": True}, "features-not-numbers", "holds strings"),
    ],
)
def test_what_only_the_user_can_decide(
    names: tuple[str, ...], given_: str | None, options: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        match(names, given_, **options)
    assert caught.value.code == code
    assert words in caught.value.title
    assert "--features" in caught.value.hint + caught.value.title
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "names", [("durations",), ("answers",), ("src",), ("nothing",), ("answers[]",), ("length (cm)",)]
)
def test_a_feature_that_is_not_there_names_the_closest(names: tuple[str, ...]) -> None:
    with pytest.raises(NotFoundError) as caught:
        match(names)
    assert caught.value.code == "features-missing"
    assert caught.value.title.startswith(f"The events do not contain {names[0]}")
    assert ("closest: duration" in caught.value.title) is (names[0] == "durations")
    assert caught.value.hint.endswith(f"--features {shlex.quote(f'{names[0]}=FIELD')}")
    for own, given_, count in (((), names[0], 1), (("duration",), f"duration={names[0]}", None)):
        with pytest.raises(NotFoundError) as caught:  # it is the field that is wrong, not the feature
            match(own, given_, count=count)
        assert "=FIELD" not in caught.value.hint


def test_candidates_leave_out_what_is_named_as_an_answer_or_is_no_number() -> None:
    with pytest.raises(UsageError) as caught:
        match(count=2)
    assert caught.value.detail == (
        "Numbers in the events: duration, bytesSent, id.resp_p, src.port, dst.port, dst.zone, flag."
    )


def test_a_list_stands_for_the_fields_in_the_models_order() -> None:
    found = match((), "flag,id.resp_p", count=2, numbers=True)
    assert (found.feature_names, found.renames, found.named) == (["flag", "id.resp_p"], {}, False)
    found = match(("a", "b"), "flag,dst.port")
    assert (found.feature_names, found.renames) == (["a", "b"], {"flag": "a", "dst.port": "b"})


def test_some_features_may_be_said_and_the_others_found() -> None:
    found = match(("port", "duration", "label"), "port=dst.port,label=label")
    assert [(one.field, one.how) for one in found.features] == [
        ("dst.port", "given"),
        ("duration", "exact"),
        ("label", "given"),
    ]


def test_a_delimiter_is_chosen_where_dots_would_lead_elsewhere() -> None:
    profile = profile_of({"a.b": {"c": 1}, "d": 2})
    found = match_features(model(count=2), profile, ["a.b.c", "d"], numbers=True, named=False)
    assert (found.delimiter, found.feature_names) == ("/", ["a.b/c", "d"])
    both = profile_of({"a.b": 1, "a": {"c": 1}})
    assert match_features(model(count=1), both, ["a.b"], numbers=True, named=False).delimiter == "."
    with pytest.raises(UsageError, match=r"a\.b is both a key of the events and a path"):
        match_features(model(count=1), profile_of({"a.b": 1, "a": {"b": 1}}), ["a.b"], numbers=True, named=False)


def _nested(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    names = st.text("ab._", min_size=1, max_size=3)
    value = st.integers(0, 99) if depth == 0 else st.integers(0, 99) | _nested(depth - 1)
    return st.dictionaries(names, value, min_size=1, max_size=3)


def _leaves(event: dict[str, Any], before: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], int]]:
    found: list[tuple[tuple[str, ...], int]] = []
    for key, value in event.items():
        found += _leaves(value, (*before, key)) if isinstance(value, dict) else [((*before, key), value)]
    return found


@settings(max_examples=200, deadline=None)
@given(_nested(2))
def test_the_configuration_reads_what_was_matched(event: dict[str, Any]) -> None:
    """Whatever the keys are like, the runtime's own preprocessing finds the value that the match found."""
    leaves = _leaves(event)
    names = [".".join(keys) for keys, _ in leaves]
    if len({*names}) < len(names):
        return  # what is there twice is refused, which another test shows
    found = match_features(model(count=len(names)), profile_of(event), names, numbers=True, named=False)
    config = BackendConfig(feature_names=found.feature_names, nested_field_delimiter=found.delimiter, missing="error")
    columns = replace_format(config)
    assert compile_preprocessing(columns).run_one(event)[0].tolist() == [float(value) for _, value in leaves]


def replace_format(config: BackendConfig) -> BackendConfig:
    return BackendConfig(**{**config.as_dict(), "input_format": "numpy"})


def test_names_that_a_library_made_up_are_none() -> None:
    base = {"type": "t", "inputs": [], "outputs": [], "classes": None, "methods": [], "objective": None, "warnings": []}
    for names in (["f0", "f1"], ["Column_0", "Column_1"], ["0", "1"]):
        described = ModelDescription.from_json({**base, "feature_names": names, "feature_count": None})
        assert (described.feature_names, described.feature_count) == (None, 2)
    described = ModelDescription.from_json({**base, "feature_names": ["f0", "port"], "feature_count": 2})
    assert described.feature_names == ("f0", "port")
    assert replace(described, warnings=("w",)).warnings == ("w",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b , c", ["a", "b", "c"]),
        ("a\nb\n\n# no\n c \n", ["a", "b", "c"]),
        ('["a,1", "b"]', ["a,1", "b"]),
        ("\ufeffa\r\nb", ["a", "b"]),
    ],
)
def test_lists_of_features(tmp_path: Path, text: str, names: list[str]) -> None:
    if "\n" not in text and not text.startswith("["):
        assert read_features(text) == names
        return
    (tmp_path / "features").write_bytes(text.encode())
    assert read_features(f"@{tmp_path / 'features'}") == names


@pytest.mark.parametrize("text", ["", " , ", "a,a"])
def test_lists_that_name_nothing_or_something_twice(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_features(text)
    assert caught.value.code == "features-invalid"


def test_files_of_features_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("[1, ")
    (tmp_path / "latin").write_bytes(b"\xff\n")
    for name in ("nothing", "broken", "latin"):
        with pytest.raises(NotFoundError) as caught:
            read_features(f"@{tmp_path / name}")
        assert caught.value.code == "features-file"
    (tmp_path / "numbers").write_text(json.dumps([1, 2]))
    assert read_features(f"@{tmp_path / 'numbers'}") == ["1", "2"]
