"""Reading events: any usual file, byte for byte, and every line that is no event named with its place."""

from __future__ import annotations

import gzip
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.errors import NotFoundError
from packflow_app.events import reading
from packflow_app.events.reading import InvalidEvent, RawEvent, read_events

if TYPE_CHECKING:
    from pathlib import Path

BOM = b"\xef\xbb\xbf"


def write(folder: Path, content: bytes, name: str = "events.ndjson") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def raws(path: Path) -> list[tuple[int, bytes]]:
    """Positions and bytes of a file in which everything is an event."""
    items = list(read_events(path))
    assert all(isinstance(item, RawEvent) for item in items), items
    assert all(json.loads(item.raw) == item.value for item in items)
    return [(item.position, item.raw) for item in items]


def failure(path: Path) -> NotFoundError:
    with pytest.raises(NotFoundError) as caught:
        list(read_events(path))
    return caught.value


def test_lines_are_given_verbatim(tmp_path: Path) -> None:
    lines = [b'{"a" : 1.50}', b' {"b":"\\u00e9 \xc3\xa9"}\t', b'{"a":1,"a":2}', b'{"n":123456789012345678901234567890}']
    path = write(tmp_path, b"\n".join(lines))
    assert raws(path) == list(enumerate(lines, 1))


def test_blank_lines_count_as_lines_only(tmp_path: Path) -> None:
    path = write(tmp_path, b'\n{"a":1}\n  \t\n\n{"a":2}\n\n')
    assert raws(path) == [(2, b'{"a":1}'), (5, b'{"a":2}')]


def test_a_carriage_return_before_the_newline_is_white_space(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a":1}\r\n\r\n{"a":2}\r\n')
    assert raws(path) == [(1, b'{"a":1}\r'), (3, b'{"a":2}\r')]


def test_only_newlines_end_a_line(tmp_path: Path) -> None:
    event = '{"a":"x\u2028y\u0085z"}'.encode()
    assert raws(write(tmp_path, event + b"\n")) == [(1, event)]


@pytest.mark.parametrize("content", [b'{"a":1}\n', b'[{"a":1}]'])
def test_a_byte_order_mark_is_no_part_of_the_first_event(tmp_path: Path, content: bytes) -> None:
    assert raws(write(tmp_path, BOM + content)) == [(1, b'{"a":1}')]


@pytest.mark.parametrize("name", ["events.ndjson.gz", "events.ndjson", "events"])
@pytest.mark.parametrize("content", [b'{"a":1}\n{"a":2}\n', b'[{"a":1},{"a":2}]'])
def test_gzip_is_told_by_content_not_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    assert raws(write(tmp_path, gzip.compress(content), name)) == [(1, b'{"a":1}'), (2, b'{"a":2}')]


def test_a_name_alone_does_not_make_gzip(tmp_path: Path) -> None:
    assert raws(write(tmp_path, b'{"a":1}\n', "events.ndjson.gz")) == [(1, b'{"a":1}')]


def test_gzip_members_follow_each_other(tmp_path: Path) -> None:
    content = gzip.compress(b'{"a":1}\n{"a"') + gzip.compress(b":2}\n")
    assert raws(write(tmp_path, content)) == [(1, b'{"a":1}'), (2, b'{"a":2}')]


def test_invalid_lines_are_named_with_their_place_and_reason(tmp_path: Path) -> None:
    content = b'{"a":1}\n\n[1]\nnot json\n{"a":NaN}\n\xff\n{"b":2}\n"text"\n{"a":\n'
    items = list(read_events(write(tmp_path, content)))
    assert items == [
        RawEvent(1, b'{"a":1}', {"a": 1}),
        InvalidEvent(3, "not-object", "an event must be a JSON object, this line is an array"),
        InvalidEvent(4, "not-json", "unexpected 'n' at column 1"),
        InvalidEvent(5, "not-json", "NaN is not JSON"),
        InvalidEvent(6, "not-utf8", "byte 1 is not UTF-8"),
        RawEvent(7, b'{"b":2}', {"b": 2}),
        InvalidEvent(8, "not-object", "an event must be a JSON object, this line is a string"),
        InvalidEvent(9, "not-json", "the line ends before its JSON value does"),
    ]


def test_a_line_beyond_the_limit_is_invalid_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a":"' + b"x" * (16 << 20) + b'"}\n{"a":2}\n')
    assert list(read_events(path)) == [
        InvalidEvent(1, "line-too-long", "the line is longer than 16,777,216 bytes"),
        RawEvent(2, b'{"a":2}', {"a": 2}),
    ]


def test_a_pretty_printed_array_gives_each_item_as_one_line(tmp_path: Path) -> None:
    events = [{"a": [1, {"b": "]},{["}]}, {"text": 'a "quoted\\" ] , [ line'}, {"nested": {"deep": [[[]]]}}]
    text = json.dumps(events, indent=2)
    found = raws(write(tmp_path, b"\r\n " + text.replace("\n", "\r\n").encode() + b"\r\n"))
    assert [json.loads(raw) for _, raw in found] == events
    assert [position for position, _ in found] == [1, 2, 3]
    assert not any(byte in raw for _, raw in found for byte in b"\r\n")
    # Nothing but line breaks has changed.
    first = text[text.index("{") : text.index("},\n  {") + 1]
    assert found[0][1] == first.replace("\n", "  ").encode()


def test_number_spellings_of_an_array_survive(tmp_path: Path) -> None:
    content = b'[{"n":1.50,"m":1E2} , {"n":123456789012345678901234567890}]'
    assert raws(write(tmp_path, content)) == [
        (1, b'{"n":1.50,"m":1E2}'),
        (2, b'{"n":123456789012345678901234567890}'),
    ]


def test_invalid_items_of_an_array_are_named_with_their_place(tmp_path: Path) -> None:
    items = list(read_events(write(tmp_path, b'[{"a":1}, 2, {"a":NaN}, {"a":"\\ud800"}, {"b":3}]')))
    assert items == [
        RawEvent(1, b'{"a":1}', {"a": 1}),
        InvalidEvent(2, "not-object", "an event must be a JSON object, this line is a number"),
        InvalidEvent(3, "not-json", "NaN is not JSON"),
        InvalidEvent(4, "lone-surrogate", "a string holds half of a surrogate pair"),
        RawEvent(5, b'{"b":3}', {"b": 3}),
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n", BOM, b"[]", b" [ \n ] ", gzip.compress(b"", mtime=0)])
def test_a_file_may_hold_no_event(tmp_path: Path, content: bytes) -> None:
    assert list(read_events(write(tmp_path, content))) == []


@pytest.mark.parametrize(
    "content",
    [b"[", b'[{"a":1}', b'[{"a":1},', b'[{"a":1},]', b'[{"a":1}] x', b'[{"a":1} {"a":2}]', b'[{"a":"\xff"}]', b"[,]"],
)
def test_a_broken_array_is_an_error_with_a_next_step(tmp_path: Path, content: bytes) -> None:
    error = failure(write(tmp_path, content))
    assert (error.code, error.exit_code) == ("events-invalid", 3)
    assert "is not a valid JSON array: " in error.title
    assert error.hint == "Mend the file, or name a file of JSON lines."


def test_an_array_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, b'[{"a":1}]')
    monkeypatch.setattr(reading, "_MOST_ARRAY_BYTES", 9)
    assert raws(path) == [(1, b'{"a":1}')]
    monkeypatch.setattr(reading, "_MOST_ARRAY_BYTES", 8)
    assert failure(path).code == "events-too-large"


@pytest.mark.parametrize("cut", [-1, -6, -9, 12])
def test_a_truncated_gzip_is_an_error_after_what_it_holds(tmp_path: Path, cut: int) -> None:
    content = gzip.compress(b"".join(b'{"a":%d}\n' % n for n in range(1000)), mtime=0)
    error = failure(write(tmp_path, content[:cut]))
    assert (error.code, error.exit_code) == ("events-not-found", 3)
    assert "cannot be read: " in error.title


def test_a_corrupt_gzip_is_an_error(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(b'{"a":1}\n' * 100))
    content[-8] ^= 0xFF  # the checksum
    assert failure(write(tmp_path, bytes(content))).code == "events-not-found"
    assert failure(write(tmp_path, b"\x1f\x8b" + os.urandom(8))).code == "events-not-found"


def test_a_missing_file_and_a_folder_are_errors_that_name_them(tmp_path: Path) -> None:
    missing = tmp_path / "nope.ndjson"
    assert failure(missing).title == f"The events file {missing} cannot be read: No such file or directory."
    assert failure(tmp_path).title == f"The events file {tmp_path} cannot be read: Is a directory."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything: run the tests as another user to check this")
def test_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a":1}\n')
    path.chmod(0)
    assert failure(path).title == f"The events file {path} cannot be read: Permission denied."


def test_binary_data_is_invalid_lines_not_a_crash(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8
    items = list(read_events(write(tmp_path, content)))
    assert len(items) == content.count(b"\n") + 1
    assert all(isinstance(item, InvalidEvent) for item in items)
    assert [item.position for item in items] == list(range(1, len(items) + 1))


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_gives_all_its_events(tmp_path: Path, *, packed: bool) -> None:
    lines = [b'{"a":%d}' % n for n in range(5000)]
    content = b"\n".join(lines) + b"\n"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(gzip.compress(content) if packed else content,))
    writer.start()
    try:
        assert raws(pipe) == list(enumerate(lines, 1))
    finally:
        writer.join(10)
    assert not writer.is_alive()


events = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text("ab[]{},", max_size=2), values),
        max_leaves=6,
    ),
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(events, max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    packed=st.booleans(),
)
def test_an_array_and_lines_of_the_same_events_read_alike(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[dict[str, Any]],
    indent: int | None,
    *,
    ascii_only: bool,
    packed: bool,
) -> None:
    folder = tmp_path_factory.mktemp("read")
    pack = gzip.compress if packed else bytes
    array = write(folder, pack(json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()), "array")
    lines = [json.dumps(value, ensure_ascii=ascii_only).encode() for value in values]
    plain = write(folder, pack(b"\n".join(lines)), "lines")
    assert raws(plain) == list(enumerate(lines, 1))
    assert [item.value for item in read_events(array)] == values
