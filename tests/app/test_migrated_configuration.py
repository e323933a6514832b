"""packflow.yaml of packflow 0.4: every value keeps its meaning, every comment its place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.errors import CheckFailedError
from packflow_app.projects.migration.configuration import migrated_configuration, quoted, with_sample_events
from packflow_app.projects.migration.old_scalars import is_date, old_value
from packflow_app.runtime import PackflowError, parse_project_config, parse_yaml


def migrated(text: str) -> str:
    return migrated_configuration(text.encode()).after.decode()


def section(value: str) -> str:
    """How a value of backend_config is spelled afterwards."""
    text = migrated(f"name: a\nbackend_config:\n  key: {value} # why\n")
    head, tail = "name: a\nbackend_config:\n  key: ", " # why\n"
    assert text.startswith(head)
    assert text.endswith(tail)
    return text[len(head) : -len(tail)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("yes", "true"),
        ("No", "false"),
        ("ON", "true"),
        ("off", "false"),
        ("True", "true"),
        ("true", "true"),
        ("012", "10"),
        ("0x1F", "31"),
        ("-0b11", "-3"),
        ("1_000", "1000"),
        ("12:30", "750"),
        ("+7", "7"),
        ("0", "0"),
        ("3.10", "3.1"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("1.0e+3", "1000.0"),
        ("1_0.5", "10.5"),
        ("1:30.5", "90.5"),
        (".inf", "inf"),
        ("-.INF", "-inf"),
        (".NaN", "nan"),
        ("0.75", "0.75"),
        # What YAML 1.1 left as text stays as it is.
        ("y", "y"),
        ("1e3", "1e3"),
        ("1.0e3", "1.0e3"),
        ("0o17", "0o17"),
        ("08", "08"),
        ("yEs", "yEs"),
        ("1.2.3", "1.2.3"),
        ("'no'", "'no'"),
        ('"5"', '"5"'),
        ("~", "~"),
        ("text with no", "text with no"),
        ("[yes, {a: 012}]", "[true, {a: 10}]"),
    ],
)
def test_values_are_spelled_as_what_they_were(old: str, new: str) -> None:
    assert section(old) == new


def test_only_open_sections_are_touched() -> None:
    text = "name: on\nversion: 1.10\ndescription: no\nenv:\n  A: 012\n  B: yes\nextra: {a: yes}\n"
    assert migrated(text) == text.replace("{a: yes}", "{a: true}")


def test_scalars_that_span_lines_come_on_one() -> None:
    text = (
        "name: a\n"
        "description: one\n  two # not three\n"
        'extra:\n  a: "x\n    y \\\n    z"\n'
        "  b: 'it''s\n\n    so'\n"
        "  c: |\n    kept\n    as it is\n"
    )
    assert migrated(text) == (
        "name: a\n"
        'description: "one two" # not three\n'
        'extra:\n  a: "x y z"\n'
        '  b: "it\'s\\nso"\n'
        "  c: |\n    kept\n    as it is\n"
    )


def test_bytes_around_stay() -> None:
    text = "\ufeff# é\r\nname: a\r\nbackend_config: {x: yes}  # ü\r\n"
    assert migrated(text).encode() == text.replace("yes", "true").encode()


def test_a_folder_in_the_entry() -> None:
    assert migrated("name: a\ninference_backend: steps/model:Backend # x\n") == (
        "name: a\ninference_backend: steps.model:Backend # x\n"
    )


def test_what_works_otherwise_is_told() -> None:
    text = (
        "name: a\nenv:\n  BACKEND_CONFIG_FILE_PATH: x.json\n"
        "backend_config:\n  rename_fields: {a: b}\n  1: x\n  day: 2024-01-01\n  text: '5'\n"
    )
    found = migrated_configuration(text.encode()).found
    assert {(one.code, one.line) for one in found} == {
        ("old-variable", 3),
        ("key-is-text", 6),
        ("date-is-text", 7),
        ("quoted-number", 8),
        ("nulls-are-kept", 4),
        ("renames-move", 4),
    }
    assert {one.kind for one in found} == {"note"}
    found = migrated_configuration(b"name: a\nbackend_config: {input_format: numpy, feature_names: [x]}\n").found
    assert [one.code for one in found] == ["one-dtype"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (b"name: a\nextra: &x {a: 1}\n", 2, "anchor"),
        (b"name: a\nextra: *x\n", 2, ""),
        (b"name: a\nextra: !!str 5\n", 2, "tag"),
        (b"name: a\nextra:\n  - !own {a: 1}\n", 3, "tag"),
        (b"name: a\nextra: !!python/object/apply:os.system ['true']\n", 2, "tag"),
        (b"name: a\nextra: {<<: {a: 1}}\n", 2, ""),
        (b"name: a\nname: b\n", 2, ""),
        (b"name: a\n? [x]\n: 1\n", 2, "collection"),
        (b"name: a\nextra: [\n", 3, "not valid YAML"),
        (b"name: a\n\xff\n", 2, "UTF-8"),
        (b"", None, "empty"),
        (b"# only\n", None, "empty"),
        (b"- a\n", 1, "mapping"),
        (b"name: a\nunknown: 1\n", 2, "unknown"),
        (b"name: a\ninference_backend: nonsense\n", 2, "inference_backend"),
        (b"name: " + b"a" * 65, 1, "64"),
        (b"name: a\n--- \nname: b\n", 2, ""),
        (b"name: a\nextra: " + b"[" * 3000 + b"]" * 3000, 2, "nested too deeply"),
    ],
)
def test_what_is_refused(text: bytes, line: int | None, says: str) -> None:
    with pytest.raises(PackflowError) as caught:
        migrated_configuration(text)
    assert says in f"{caught.value.title} {caught.value.detail}"
    assert caught.value.hint
    if line is not None:
        assert caught.value.line == line
        assert caught.value.file == "packflow.yaml"
    if isinstance(caught.value, CheckFailedError):
        assert caught.value.exit_code == 1


def test_sample_events_are_added_once() -> None:
    text = b"name: a"
    after = with_sample_events(text, "my events/\u00e9.ndjson")
    assert parse_project_config(after).dry_run.events == "my events/\u00e9.ndjson"
    assert with_sample_events(after, "other.ndjson") == after
    assert after.startswith(text)
    own = b"name: a\r\ndry_run:\r\n  batch_sizes: [2]\r\n"
    assert with_sample_events(own, "x.ndjson") == own
    assert with_sample_events(b"name: a\r\n", "x.ndjson").count(b"\r\n") == 5


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_quoted_text_reads_back(text: str) -> None:
    assert parse_yaml(b"key: " + quoted(text).encode()).data() == {"key": text}


@settings(deadline=None)
@given(st.integers() | st.floats())
def test_numbers_are_told_by_their_own_spelling(number: float) -> None:
    text = repr(number)
    if "e" in text and "." not in text:
        assert old_value(text) is None  # YAML 1.1 wants the point
    elif "e" in text or math.isfinite(number):
        assert old_value(text) == number


@settings(deadline=None)
@given(st.text("0123456789_.:+-exobinfaNyYesONno", max_size=12))
def test_any_scalar_is_told_without_failing(text: str) -> None:
    value = old_value(text)
    assert value is None or old_value(repr(value)) in (value, None) or math.isnan(value) or is_date(text)
