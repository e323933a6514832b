"""One pass over an events file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from packflow_app.errors import NotFoundError
from packflow_app.events.generated import firewall_events
from packflow_app.events.profile import InvalidLine
from packflow_app.events.survey import survey_events

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, content: bytes) -> Path:
    path = folder / "events.ndjson"
    path.write_bytes(content)
    return path


def failure(path: Path, max_bytes: int = 1 << 20) -> NotFoundError:
    with pytest.raises(NotFoundError) as caught:
        survey_events(path, max_bytes=max_bytes)
    assert caught.value.exit_code == 3
    return caught.value


def test_events_invalid_lines_sample_and_fields_of_one_file(tmp_path: Path) -> None:
    found = survey_events(write(tmp_path, b'{"a":1}\nnope\n{"a":3}\n\n[]\n'))
    assert (found.events, found.invalid_count) == (2, 2)
    assert found.invalid == [
        InvalidLine(2, "not-json", "unexpected 'n' at column 1", 1),
        InvalidLine(5, "not-object", "an event must be a JSON object, this line is an array"),
    ]
    assert [(event.position, event.raw) for event in found.sample] == [(1, b'{"a":1}'), (3, b'{"a":3}')]
    assert [(field.path, field.mean, field.deviation) for field in found.numeric_fields] == [(("a",), 2.0, 1.0)]


def test_counts_are_of_the_whole_file_and_only_the_first_invalid_lines_are_kept(tmp_path: Path) -> None:
    found = survey_events(write(tmp_path, b'{"a":1}\nx\n' * 500), limit=10)
    assert (found.events, found.invalid_count, len(found.sample)) == (500, 500, 10)
    assert [item.position for item in found.invalid] == list(range(2, 42, 2))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]"])
def test_a_file_without_events_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, content)
    error = failure(path)
    assert (error.code, error.title) == ("events-empty", f"{path} holds no events.")
    assert (
        error.hint == "Name a file of JSON objects, CSV rows or Parquet; packflow inspect FILE tells what a file holds."
    )


def test_a_file_of_invalid_lines_names_the_first(tmp_path: Path) -> None:
    path = write(tmp_path, b"\nname: bob\nage: 3\n")
    assert failure(path).title == f"{path} holds no events; line 2: unexpected 'n' at column 1."


def test_a_file_of_events_too_large_for_a_sample_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a":"' + b"x" * 2000 + b'"}\n')
    error = failure(path, max_bytes=1000)
    assert (error.code, error.title) == ("events-empty", f"{path} holds only events over 1,000 bytes.")


def test_generated_events_are_the_same_for_the_same_seed_and_all_readable(tmp_path: Path) -> None:
    lines = list(firewall_events(300))
    assert lines == list(firewall_events(300))
    assert lines[:50] == list(firewall_events(50))
    assert lines != list(firewall_events(300, seed=8))
    found = survey_events(write(tmp_path, b"\n".join(lines)))
    assert (found.events, found.invalid_count) == (300, 0)
    assert {("duration",), ("bytes_sent",), ("src", "port")} <= {field.path for field in found.numeric_fields}
    shapes = [json.loads(line) for line in lines]
    assert any("duration" not in event for event in shapes)
    assert any("rule" in event for event in shapes)
