"""Random access: page by page, from any position, what reading from the start gives there."""

from __future__ import annotations

import gzip
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.errors import CancelledError, NotFoundError
from packflow_app.events.index import open_index
from packflow_app.events.reading import read_blocks
from packflow_app.events.sampling import open_sample

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packflow_app.events.profile import EventBlock


def write(folder: Path, content: bytes) -> Path:
    path = folder / "events"
    path.write_bytes(content)
    return path


def flat(blocks: Iterable[EventBlock]) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for block in blocks:
        found += zip(block.positions, block.raws, strict=True)
        found += [(one.position, one) for one in block.invalid]
    return sorted(found, key=lambda item: item[0])


LINES = b"".join(
    b"\n" if n % 97 == 0 else b"broken %d\n" % n if n % 1013 == 0 else b'{"n":%d,"pad":"%s"}\n' % (n, b"x" * (n % 300))
    for n in range(1, 5000)
)
CONTENTS = {
    "lines": LINES,
    "lines with a byte order mark": b"\xef\xbb\xbf" + LINES,
    "no newline at the end": LINES[:-1],
    "packed": gzip.compress(LINES),
    "array": b"[" + b",\n".join(b'{"n":%d}' % n if n % 7 else b"7" for n in range(1, 5000)) + b"]",
    "csv": b"n,m\n" + b"".join(b"%d,1\n" % n if n % 11 else b"%d\n" % n for n in range(5000)),
    "cut off": gzip.compress(LINES)[:-3000],
}


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("first", [1, 2, 97, 1013, 2500, 4999, 5000, 9999])
def test_a_page_is_what_stands_there(tmp_path: Path, name: str, first: int) -> None:
    path = write(tmp_path, CONTENTS[name])
    every = flat(read_blocks(path))
    with open_index(path) as index:
        assert index.positions in (every[-1][0], 4999)  # blank lines may follow the last event
        page = index.page(first, 50)
        expected = [item for item in every if first <= item[0] < first + 50]
        assert flat([page]) == expected


def test_an_empty_file_has_no_positions(tmp_path: Path) -> None:
    with open_index(write(tmp_path, b"")) as index:
        assert index.positions == 0
        assert index.page(1, 10).events == []


def test_indexing_can_be_stopped(tmp_path: Path) -> None:
    stopped = threading.Event()
    stopped.set()
    for content in (LINES, gzip.compress(LINES)):
        with pytest.raises(CancelledError), open_index(write(tmp_path, content), cancelled=stopped):
            pass


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.sampled_from([b"", b'{"a":1}', b'{"a":"%s"}' % (b"x" * 90), b"nope"]), max_size=60),
    sizes=st.tuples(st.integers(1, 400), st.integers(64, 4000), st.integers(1, 400)),
    mark=st.booleans(),
)
def test_a_sample_is_of_whole_lines_with_the_positions_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], sizes: tuple[int, int, int], *, mark: bool
) -> None:
    content = (b"\xef\xbb\xbf" if mark else b"") + b"".join(line + b"\n" for line in lines)
    path = write(tmp_path_factory.mktemp("sample"), content)
    every = flat(read_blocks(path))
    with open_sample(path, head=sizes[0], spread=sizes[1], tail=sizes[2]) as sample:
        assert (sample is None) == (len(content) <= sum(sizes))
        if sample is not None:
            found = flat(sample)
            assert set(map(str, found)) <= set(map(str, every))
            assert [place for place, _ in found] == sorted({place for place, _ in found})
            assert not lines[0] or every[0] in found
            assert not 0 < len(lines[-1]) < sizes[2] or every[-1] in found
            assert sample.sampling.size == len(content)


def test_what_cannot_be_entered_in_the_middle_is_not_sampled(tmp_path: Path) -> None:
    for content in (CONTENTS["packed"], CONTENTS["array"], CONTENTS["csv"]):
        with open_sample(write(tmp_path, content), head=10, spread=640, tail=10) as sample:
            assert sample is None


def test_a_line_is_given_as_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, LINES)
    with open_index(path) as index:
        assert index.line(1013) == b"broken 1013"
        assert index.line(97) == b""
        assert index.line(1012, most=5) == b'{"n":'
        assert index.line(0) == index.line(index.positions + 1) == b""
    with open_index(write(tmp_path, CONTENTS["csv"])) as index:
        assert index.line(3) == b""


def test_a_file_that_shrinks_while_it_is_open(tmp_path: Path) -> None:
    path = write(tmp_path, LINES)
    with open_index(path) as index:
        path.write_bytes(b"")
        with pytest.raises(NotFoundError, match="was changed while it was open") as caught:
            index.page(1000, 1)
    assert caught.value.code == "events-changed"
