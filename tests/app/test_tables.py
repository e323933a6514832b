"""Rows of CSV, TSV and Parquet as events: the file's own text of each value, and every odd row named."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packflow_app.errors import NotFoundError
from packflow_app.events.reading import read_blocks
from packflow_app.runtime import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.events.profile import EventBlock, InvalidLine


def blocks(content: bytes, form: str | None = None, limits: Limits | None = None) -> list[EventBlock]:
    return list(read_blocks(io.BytesIO(content), format=form, limits=limits or Limits()))


def rows(content: bytes, form: str | None = None) -> list[tuple[int, bytes]]:
    return [row for block in blocks(content, form) for row in zip(block.positions, block.raws, strict=True)]


def findings(content: bytes, limits: Limits | None = None) -> list[InvalidLine]:
    return [one for block in blocks(content, limits=limits) for one in block.invalid]


def test_numbers_keep_their_spelling_and_columns_of_codes_stay_text() -> None:
    content = b"n,code,ok,mixed,empty,text\n1.50,007,true,1,,a\n-2e3,1e5,false,N/A,,\n"
    assert rows(content) == [
        (2, b'{"n":1.50,"code":"007","ok":true,"mixed":"1","empty":null,"text":"a"}'),
        (3, b'{"n":-2e3,"code":"1e5","ok":false,"mixed":"N/A","empty":null,"text":null}'),
    ]


def test_text_among_numbers_far_into_a_file_shows_as_text() -> None:
    content = b"n,m\n" + b"1,2\n" * 2000 + b"N/A,3\n"
    assert rows(content)[-1] == (2002, b'{"n":"N/A","m":3}')


def test_quotes_line_breaks_and_delimiters_within_fields() -> None:
    assert rows(b'a,b\r\n"x, ""y""\r\nz",1\r\n\r\nlast,2\r\n') == [
        (2, b'{"a":"x, \\"y\\"\\r\\nz","b":1}'),
        (5, b'{"a":"last","b":2}'),
    ]


def test_columns_without_a_name_and_names_that_come_twice() -> None:
    assert rows(b"a,a,,b\n1,2,3,4\n") == [(2, b'{"a":1,"a_2":2,"column_3":3,"b":4}')]


def test_tabs_and_other_delimiters() -> None:
    expected = [(2, b'{"a":1,"b":"x y"}')]
    assert rows(b"a\tb\n1\tx y\n") == rows(b"a;b\n1;x y\n") == rows(b"a|b\n1|x y\n") == expected
    assert rows(b"\xef\xbb\xbfa,b\n1,x y", "csv") == expected


def test_ragged_rows_are_findings_with_their_line() -> None:
    content = b'a,b\n1,2\n3\n4,5,6\n"x\ny",7\n"open,8\n9,10\n'
    assert [raw for _, raw in rows(content)] == [b'{"a":"1","b":2}', b'{"a":"x\\ny","b":7}', b'{"a":"9","b":10}']
    assert [(one.position, one.code, one.message) for one in findings(content)] == [
        (3, "ragged-row", "the row has 1 field, the header names 2"),
        (4, "ragged-row", "the row has 3 fields, the header names 2"),
        (7, "not-csv", "the row cannot be read: unexpected end of data"),
    ]


def test_bytes_that_are_no_text_are_a_finding() -> None:
    assert [(one.position, one.code) for one in findings(b"a,b\n\xff,1\nx,2\n")] == [(2, "not-utf8")]


@pytest.mark.parametrize("row", [b"1,%s\n" % (b"x" * 5000), b"1,2" + b",3" * 5000 + b"\n"])
@pytest.mark.parametrize("most", [200, 2000])
def test_a_row_over_the_limit_is_a_finding_and_lines_are_counted_on(row: bytes, most: int) -> None:
    content = b"a,b\n" + row + b"3,4\n" * 20_000
    assert [one.position for one in findings(content, Limits(max_line_bytes=most))] == [2]
    read = [row for block in blocks(content, limits=Limits(max_line_bytes=most)) for row in block.positions]
    assert read == list(range(3, 20_003))


fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@settings(max_examples=200, deadline=None)
@example(table=[["", "0E0"], ["1.50", "-0"]])  # numbers, which are spelled otherwise when they are written again
@given(table=st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(fields, min_size=width, max_size=width))))
def test_what_a_csv_writer_wrote_is_read_back(table: list[list[str]]) -> None:
    """The module that writes is the one that reads, so what is tested is all that stands around it."""
    written = io.StringIO()
    width = len(table[0]) if table else 2
    names = [f"c{index}" for index in range(width)]
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([names, *table])
    read = blocks(written.getvalue().encode(), "csv")
    events = [list(event.values()) for block in read for event in block.events]
    assert list(map(len, events)) == list(map(len, table))
    for values, texts in zip(events, table, strict=True):
        assert [_is_of(value, text) for value, text in zip(values, texts, strict=True)] == [True] * width
    assert not any(block.invalid for block in read)


def _is_of(value: Any, text: str) -> bool:
    """Whether a field of this text is read as this value: the text itself, nothing, or the number that it spells."""
    if isinstance(value, str):
        return value == text
    return text == "" if value is None else repr(json.loads(text)) == repr(value)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "events.bin"
    query = """
        SELECT 9223372036854775807 - i AS big, i / 4 AS ratio, CASE WHEN i % 2 = 0 THEN 'é "' || i END AS "a.b",
               [{'k': i, 'tags': ['x', NULL]}] AS nested, CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i END AS gap
        FROM range(1500) t(i)
    """
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("piped", [False, True])
def test_parquet_rows_with_nested_lists(parquet: Path, *, packed: bool, piped: bool) -> None:
    if packed:
        parquet.write_bytes(gzip.compress(parquet.read_bytes()))
    found = [
        event for block in read_blocks(io.BytesIO(parquet.read_bytes()) if piped else parquet) for event in block.events
    ]
    assert len(found) == 1500
    assert found[3] == {
        "big": 2**63 - 4,
        "ratio": 0.75,
        "a.b": None,
        "nested": [{"k": 3, "tags": ["x", None]}],
        "gap": None,
    }
    assert found[1498]["a.b"] == 'é "1498'


def test_an_infinity_in_parquet_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a UNION ALL SELECT 'inf'::DOUBLE) TO '{path}' (FORMAT parquet)")
    (block,) = read_blocks(path)
    assert ([one.position for one in block.invalid], block.events) == ([2], [{"a": 1.0}])


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_a_cut_off_parquet_file_is_an_error_that_names_it(parquet: Path, keep: float) -> None:
    content = parquet.read_bytes()
    parquet.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(NotFoundError) as caught:
        list(read_blocks(parquet))
    assert caught.value.title.startswith(f"{parquet} cannot be read as Parquet: ")
    assert caught.value.code == "events-invalid"
