"""Whatever the names and contents: one set of bytes, read back by us and by zipfile, and no other bytes accepted."""

from __future__ import annotations

import io
import zipfile
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from packflow_runtime.portable_names import ArchiveFormatError, check_name, check_names
from packflow_runtime.zip_reader import open_entry, read_entries
from packflow_runtime.zip_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

Files = dict[str, bytes]


def fault_of(check: Callable[[], object]) -> ArchiveFormatError | None:
    try:
        check()
    except ArchiveFormatError as error:
        return error
    return None


def is_valid(name: str) -> bool:
    return fault_of(lambda: check_name(name)) is None


components = st.text("abAB01._-é日😀ß ", min_size=1, max_size=6) | st.text(min_size=1, max_size=4)
valid_names = st.lists(components, min_size=1, max_size=4).map("/".join).filter(is_valid)
any_names = st.text() | st.text(st.characters(categories=None)) | st.text("./\\ :aA\0\ud800é\u0301¹com1", max_size=20)


@st.composite
def file_sets(draw: st.DrawFn) -> Files:
    files = draw(st.dictionaries(valid_names, st.binary(max_size=50), max_size=6))
    assume(fault_of(lambda: check_names(files)) is None)
    return files


def write(files: Files, *, stream: bool = False) -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    for name in sorted(files, key=str.encode):
        if stream:
            writer.add(name, io.BytesIO(files[name]), len(files[name]))
        else:
            writer.add_bytes(name, files[name])
    writer.finish()
    return out.getvalue()


def read(data: bytes) -> Files:
    file = io.BytesIO(data)
    return {entry.name: open_entry(file, entry).read() for entry in read_entries(file)}


@given(file_sets())
def test_round_trip(files: Files) -> None:
    data = write(files)
    assert write(files, stream=True) == data
    assert read(data) == files
    with zipfile.ZipFile(io.BytesIO(data)) as peer:
        assert peer.testzip() is None
        assert {name: peer.read(name) for name in peer.namelist()} == files
        assert peer.namelist() == sorted(files, key=str.encode)


@given(file_sets(), st.data())
def test_changed_bytes_are_refused(files: Files, data: st.DataObject) -> None:
    archive = bytearray(write(files))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(archive) - 1))
        end = at + data.draw(st.integers(0, 4))
        archive[at:end] = data.draw(st.binary(max_size=4))
        assume(archive)
    assume(archive != write(files))
    with pytest.raises(ArchiveFormatError):
        read(bytes(archive))


@given(
    st.binary(max_size=200)
    | st.binary(max_size=80).map(lambda middle: b"PK\x03\x04" + middle + b"PK\x05\x06" + bytes(18))
)
def test_what_is_accepted_has_no_second_form(data: bytes) -> None:
    fault = fault_of(lambda: read(data))
    if fault is None:
        assert write(read(data)) == data
    else:
        assert fault.title.isprintable()


@given(any_names)
@example("\ud800" * 2000)
@example("a/" * 5000)
def test_checking_a_name_only_raises_its_error(name: str) -> None:
    fault = fault_of(lambda: check_name(name))
    if fault is None:
        assert name.encode().decode() == name
    else:
        assert fault.reason.startswith("name-")
        assert fault.title.isprintable()


@given(st.lists(valid_names, max_size=6))
def test_checking_names_does_not_depend_on_their_order(names: list[str]) -> None:
    assert (fault_of(lambda: check_names(names)) is None) == (fault_of(lambda: check_names(names[::-1])) is None)


@given(st.lists(st.lists(st.sampled_from("aAbc-"), min_size=1, max_size=3).map("/".join), min_size=2, max_size=5))
def test_names_clash_exactly_when_their_paths_meet(names: list[str]) -> None:
    paths = [tuple(name.casefold().split("/")) for name in names]
    meet = any(first == second[: len(first)] for first, second in permutations(paths, 2))
    assert (fault_of(lambda: check_names(names)) is not None) == meet
