"""What a file is, is told by its content; a file of another kind is refused by its name, with what to do."""

from __future__ import annotations

import gzip
import io

import pytest
import zstandard

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.events.reading import open_events

ROWS = b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n'
TEXTS = [
    (b"", "ndjson"),
    (b"\n \n", "ndjson"),
    (ROWS, "ndjson"),
    (b"\xef\xbb\xbf" + ROWS, "ndjson"),
    (b'not json\n{"a":1}\n', "ndjson"),
    (b'[1]\n{"a":1}\n', "ndjson"),
    (b'{"a":\n{"a":1}\n{"a":2}\n', "ndjson"),
    (b"hello world\nsecond line\n", "ndjson"),
    (b"one line, no more\n", "ndjson"),
    (b'{"a":1}', "ndjson"),
    (b'[{"a":1}]', "json"),
    (b'\n [\n{"a":1},\n{"a":2}]', "json"),
    (b'[{"a":1}]\n[{"a":2}]\n', "json"),
    (b'{\n "a": 1\n}\n{\n "a": 2\n}\n', "json"),
    (b'{"a":1}{"a":2}', "json"),
    (b'{"a":1},\n{"a":2}\n', "json"),
    (b"[]", "json"),
    (b"a,b\n1,x\n", "csv"),
    (b"a;b\n1;x\n", "csv"),
    (b"a|b\n1|x\n", "csv"),
    (b'"a, b",c\n"1, 2",3\n', "csv"),
    (b"a\tb\n1\tx\n", "tsv"),
    (b"PAR1....", "parquet"),
]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize(("content", "name"), TEXTS)
def test_the_format_is_told_by_content(pack: type[bytes], content: bytes, name: str) -> None:
    with open_events(io.BytesIO(pack(content))) as events:
        assert events.format == name
        assert events.is_packed is (pack is not bytes)


def test_a_long_first_event_is_looked_at_whole() -> None:
    """The answer does not hang on where the first piece of the file ends."""
    long = b'{"a":"%s"}' % (b"x" * 300_000)
    for content, name in [
        (long + b"\n" + long, "ndjson"),
        (b"[" + long + b"]", "json"),
        (b'{\n"a":"%s"\n}\n{\n"a":1\n}' % (b"x" * 300_000), "json"),
    ]:
        with open_events(io.BytesIO(content)) as events:
            assert events.format == name
            assert sum(len(block.events) for block in events) == len(content) // 300_000 + (b'"a":1' in content)


def test_an_asked_format_wins() -> None:
    with open_events(io.BytesIO(ROWS), format="JSON") as events:
        assert events.format == "json"
        assert [event["a"] for block in events for event in block.events] == [1, 2]
    with open_events(io.BytesIO(b"a,b\n1,2\n"), format="ndjson") as events:
        assert [len(block.invalid) for block in events] == [2]
    with pytest.raises(UsageError) as caught, open_events(io.BytesIO(ROWS), format="xml"):
        pass
    assert caught.value.title == "There is no events format 'xml'."


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04\0\0", "a zip file"),
        (b"BZh9\0", "compressed with bzip2"),
        (b"\xfd7zXZ\x00\0", "compressed with xz"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"Obj\x01\0", "an Avro file"),
        (b"ORC\0", "an ORC file"),
        (b"ARROW1\0\0", "an Arrow file"),
        ('{"a":1}\n'.encode("utf-16"), "text in UTF-16"),
    ],
)
def test_a_file_of_another_kind_is_named(content: bytes, kind: str) -> None:
    with pytest.raises(NotFoundError) as caught, open_events(io.BytesIO(content)):
        pass
    assert caught.value.title == f"standard input is {kind}, not a file of events."
    assert caught.value.code == "events-format"
    assert caught.value.hint
