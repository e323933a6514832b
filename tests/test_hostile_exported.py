"""The hostile corpus made from an archive that was really exported: verified, started on every Python, measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from packflow_app.actions.export import ExportOptions, export
from packflow_app.runtime import verify_archive
from projects import HONEST, write_project
from pythons import Python, supported_pythons
from runtime.archives import archive_of, tiny_files
from runtime.costly_archives import STATUS, beyond_bounds, costly_archives
from runtime.hostile_archives import hostile_archives
from runtime.second_reader import RefusedError, read
from runtime.test_hostile_archives import refused_at_start


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("good")
    project = write_project(folder / "tiny", HONEST, config="golden: 5\nversion: '1.0'\n")
    return export(ExportOptions(project=project, output=folder)).exported.path.read_bytes()


def test_every_class_is_refused_by_verify(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    path.write_bytes(good)
    assert verify_archive(path).passed
    seen = 0
    for hostile in hostile_archives(good):
        path.write_bytes(hostile.data)
        fault = verify_archive(path).faults[0]
        assert (fault.reason, hostile.words in fault.message) == (hostile.reason, True), (hostile, fault)
        seen += 1
    assert seen > 180
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize("python", supported_pythons(), ids=lambda python: python.minor)
def test_every_class_is_refused_at_start(good: bytes, python: Python, tmp_path: Path) -> None:
    wrong = [
        (hostile.kind, hostile.what)
        for hostile in hostile_archives(good)
        if not refused_at_start(python.path, hostile, tmp_path / "evil.zip")
    ]
    assert wrong == []


@pytest.mark.slow
def test_both_readers_take_more_files_than_a_plain_end_record_can_count(tmp_path: Path) -> None:
    files = {**tiny_files(), **{f"project/{number:05}": b"" for number in range(66_000)}}
    data = archive_of(files)
    assert data[-98:-94] == b"PK\6\6"
    path = tmp_path / "many.zip"
    path.write_bytes(data)
    assert verify_archive(path).passed
    assert len(read(data)["files"]) == len(files)
    for place in (-98 + 24, -98 + 32, -42 + 8, -22 + 8):
        damaged = bytearray(data)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        assert not verify_archive(path).passed
        with pytest.raises(RefusedError):
            read(bytes(damaged))


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="reads memory from /proc: run it on Linux")
def test_memory_and_time_stay_within_bounds(good: bytes) -> None:
    assert [(costly.what, wrong) for costly in costly_archives(good) if (wrong := beyond_bounds(costly))] == []
