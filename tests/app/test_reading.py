"""Reading events: any usual file, byte for byte, and every line that is no event named with its place."""

from __future__ import annotations

import gzip
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.errors import NotFoundError
from packflow_app.events.profile import InvalidLine
from packflow_app.events.reading import RawEvent, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOM = b"\xef\xbb\xbf"


def write(folder: Path, content: bytes, name: str = "events.ndjson") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(path: Path) -> list[RawEvent | InvalidLine]:
    """Everything in the file, in order of position."""
    items: list[RawEvent | InvalidLine] = []
    for block in read_blocks(path):
        items += [*map(RawEvent, block.positions, block.raws, block.events), *block.invalid]
    return sorted(items, key=lambda item: item.position)


def raws(path: Path) -> list[tuple[int, bytes]]:
    """Positions and bytes of a file in which everything is an event."""
    found = []
    for item in read(path):
        assert isinstance(item, RawEvent), item
        assert json.loads(item.raw) == item.value
        found.append((item.position, item.raw))
    return found


def failure(path: Path) -> NotFoundError:
    with pytest.raises(NotFoundError) as caught:
        read(path)
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


@pytest.mark.parametrize("name", ["events.ndjson.gz", "events.csv", "events"])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("content", [b'{"a":1}\n{"a":2}\n', b'[{"a":1},{"a":2}]'])
def test_compression_is_told_by_content_not_by_name(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes], content: bytes
) -> None:
    assert raws(write(tmp_path, pack(content), name)) == [(1, b'{"a":1}'), (2, b'{"a":2}')]


def test_a_name_alone_does_not_make_gzip(tmp_path: Path) -> None:
    assert raws(write(tmp_path, b'{"a":1}\n', "events.ndjson.gz")) == [(1, b'{"a":1}')]


def test_gzip_members_follow_each_other(tmp_path: Path) -> None:
    content = gzip.compress(b'{"a":1}\n{"a"') + gzip.compress(b":2}\n")
    assert raws(write(tmp_path, content)) == [(1, b'{"a":1}'), (2, b'{"a":2}')]


def test_invalid_lines_are_named_with_their_place_and_reason(tmp_path: Path) -> None:
    content = b'{"a":1}\n\n[1]\nnot json\n{"a":NaN}\n\xff\n{"b":2}\n"text"\n{"a":\n'
    items = read(write(tmp_path, content))
    assert items == [
        RawEvent(1, b'{"a":1}', {"a": 1}),
        InvalidLine(3, "not-object", "an event must be a JSON object, this line is an array"),
        InvalidLine(4, "not-json", "unexpected 'n' at column 1", 1),
        InvalidLine(5, "not-json", "NaN is not JSON"),
        InvalidLine(6, "not-utf8", "byte 1 is not UTF-8", 1),
        RawEvent(7, b'{"b":2}', {"b": 2}),
        InvalidLine(8, "not-object", "an event must be a JSON object, this line is a string"),
        InvalidLine(9, "not-json", "the line ends before its JSON value does"),
    ]


def test_a_line_beyond_the_limit_is_invalid_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a":"' + b"x" * (16 << 20) + b'"}\n{"a":2}\n')
    assert read(path) == [
        InvalidLine(1, "line-too-long", "the line is longer than 16,777,216 bytes"),
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
    items = read(write(tmp_path, b'[{"a":1}, 2, {"a":NaN}, {"a":"\\ud800"}, {"b":3}]'))
    assert items == [
        RawEvent(1, b'{"a":1}', {"a": 1}),
        InvalidLine(2, "not-object", "an event must be a JSON object, this line is a number"),
        InvalidLine(3, "not-json", "NaN is not JSON"),
        InvalidLine(4, "lone-surrogate", "a string holds half of a surrogate pair"),
        RawEvent(5, b'{"b":3}', {"b": 3}),
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n", BOM, b"[]", b" [ \n ] ", gzip.compress(b"", mtime=0)])
def test_a_file_may_hold_no_event(tmp_path: Path, content: bytes) -> None:
    assert read(write(tmp_path, content)) == []


TRUNCATED_ARRAY = ("truncated", "the file ends before its array does", None)


@pytest.mark.parametrize(
    ("content", "events", "findings"),
    [
        (b"[", [], [(1, *TRUNCATED_ARRAY)]),
        (b'[{"a":1}', [1], [(2, *TRUNCATED_ARRAY)]),
        (b'[{"a":1},', [1], [(2, *TRUNCATED_ARRAY)]),
        (b'[{"a":1},]', [1], []),
        (b'[{"a":1} {"a":2}]', [1, 2], []),
        (b'[{"a":1}] x', [1], [(2, "not-json", "unexpected 'x' at column 1", 1)]),
        (b'[{"a":"\xff"},{"a":2}]', [2], [(1, "not-utf8", "byte 7 is not UTF-8", 7)]),
        (
            b'[{"a":1},\n{"a":"oops},\n{"a":3},\n{"a":4}]',
            [1, 3, 4],
            [(2, "not-json", "the string that starts at column 6 is not closed", 6)],
        ),
        (
            b'[\n  {\n    "a": 1\n  },\n  {\n    "a": [1\n  },\n  {\n    "a": 3\n  }\n]',
            [1, 3],
            [(2, "not-json", "unexpected '}' at column 17", 17)],
        ),
    ],
)
def test_a_broken_array_loses_only_what_is_broken(
    tmp_path: Path, content: bytes, events: list[int], findings: list[tuple[int, str, str, int | None]]
) -> None:
    items = read(write(tmp_path, content))
    assert [item.value["a"] for item in items if isinstance(item, RawEvent)] == events
    assert [item for item in items if isinstance(item, InvalidLine)] == [InvalidLine(*one) for one in findings]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("cut", [-1, -6, -40])
@pytest.mark.parametrize("form", ["lines", "array", "csv"])
def test_what_a_truncated_file_still_holds_is_read(
    tmp_path: Path, pack: Callable[[bytes], bytes], cut: int, form: str
) -> None:
    texts = [b"%d" % (n * 7919 % 100_003) for n in range(50_000)]  # zstd gives nothing of a block that is cut off
    contents = {
        "lines": b"".join(b'{"a":%s}\n' % text for text in texts),
        "array": b"[" + b",".join(b'{"a":%s}' % text for text in texts) + b"]",
        "csv": b"a,b\n" + b"".join(b"%s,1\n" % text for text in texts),
    }
    items = read(write(tmp_path, pack(contents[form])[:cut]))
    *events, finding = items
    assert isinstance(finding, InvalidLine)
    assert (finding.code, finding.message) == (
        "truncated",
        "the compressed file is cut off here; what follows is lost",
    )
    values = [event.value["a"] for event in events if isinstance(event, RawEvent)]
    assert len(values) == len(events)
    assert values == [int(text) for text in texts[: len(values)]]
    assert finding.position > items[-2].position if events else True


def test_a_checksum_that_does_not_match_is_a_finding_after_the_events(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(b'{"a":1}\n' * 100))
    content[-8] ^= 0xFF
    *events, finding = read(write(tmp_path, bytes(content)))
    assert isinstance(finding, InvalidLine)
    assert (finding.code, finding.position) == ("damaged", len(events) + 1)


@pytest.mark.parametrize("content", [b"\x1f\x8b" + bytes(8), gzip.compress(b'{"a":1}', mtime=0)[:9]])
def test_a_compressed_file_that_gives_nothing_is_an_error(tmp_path: Path, content: bytes) -> None:
    error = failure(write(tmp_path, content))
    assert (error.code, error.exit_code, error.hint) == ("events-damaged", 3, "Copy or download it again.")


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
    items = read(write(tmp_path, content))
    assert len(items) == content.count(b"\n") + 1
    assert all(isinstance(item, InvalidLine) for item in items)
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
    assert [item.value for item in read(array)] == values
