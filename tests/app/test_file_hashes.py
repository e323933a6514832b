"""Hashes that are remembered are those that reading again would give, whatever was done to the files."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.export import ExportOptions, export
from packflow_app.errors import CheckFailedError, NotFoundError
from packflow_app.projects import file_hashes
from packflow_app.projects.file_hashes import file_digest, forget_hashes, hashes_of
from projects import HONEST, write_project

REST = 0.06  # seconds; more than a tick of the clock that stamps files here


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(file_hashes, "_AT_REST_NS", int(REST / 2 * 1e9))
    (tmp_path / ".packflow").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    return tmp_path


def files(project: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(project.iterdir()) if path.is_file()}


def truth(project: Path) -> dict[str, str]:
    return {name: file_digest(path) for name, path in files(project).items()}


def known(project: Path) -> dict[str, str]:
    return hashes_of(project, files(project), reuse=True)


def remembered(project: Path) -> set[str]:
    notes = project / ".packflow" / "hashes.json"
    return set(json.loads(notes.read_text())["files"]) if notes.exists() else set()


def test_what_rests_is_not_read_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time.sleep(REST)
    first = known(project)
    assert first == truth(project)
    assert remembered(project) == {"a", "b", "c"}
    read: list[Path] = []
    real = file_hashes._hashed
    monkeypatch.setattr(file_hashes, "_hashed", lambda path, now: read.append(path) or real(path, now))
    assert known(project) == first
    assert read == []
    (project / "b").write_bytes(b"other")
    assert known(project) == truth(project) | {}
    assert {path.name for path in read[:1]} == {"b"}


def test_what_changed_a_moment_ago_is_not_remembered(project: Path) -> None:
    file_hashes._AT_REST_NS = 10**12
    assert known(project) == truth(project)
    assert remembered(project) == set()


def test_without_reuse_all_is_read_and_then_remembered(project: Path) -> None:
    time.sleep(REST)
    (project / ".packflow" / "hashes.json").write_text(
        json.dumps({"version": 1, "files": {"a": [*about(project / "a"), "0" * 64]}})
    )
    assert hashes_of(project, files(project), reuse=False) == truth(project)
    assert known(project) == truth(project)


def about(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


@pytest.mark.parametrize("seed", range(6))
def test_no_series_of_changes_fools_it(project: Path, seed: int) -> None:
    """Same sizes, times set back, files swapped, replaced and linked, with and without rests in between."""
    source = random.Random(seed)
    other = project.parent / f"{project.name}-other"
    other.mkdir()

    def rewrite(path: Path) -> None:
        path.write_bytes(bytes([source.randrange(256)]) * 1000)

    def rewrite_and_set_back(path: Path) -> None:
        status = path.stat()
        rewrite(path)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def replace(path: Path) -> None:
        new = other / "new"
        rewrite(new)
        os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        new.replace(path)

    def swap(path: Path) -> None:
        second = source.choice(list(files(project).values()))
        path.rename(other / "held")
        if second != path:
            second.rename(path)
        (other / "held").rename(second)

    def link(path: Path) -> None:
        (other / "link").unlink(missing_ok=True)
        os.link(path, other / "link")
        rewrite(other / "link")

    def in_place(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(source.randrange(900))
            file.write(b"!")

    changes = [rewrite, rewrite_and_set_back, replace, swap, link, in_place, lambda path: None]
    for _ in range(60):
        source.choice(changes)(source.choice(list(files(project).values())))
        if source.random() < 0.3:
            time.sleep(REST)
        assert known(project) == truth(project)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 2, "files": {}}', '{"version": 1, "files": {"a": 1}}', "\x00"]
)
def test_notes_that_are_none_are_passed_over(project: Path, content: str) -> None:
    (project / ".packflow" / "hashes.json").write_text(content)
    assert known(project) == truth(project)


@pytest.mark.parametrize("hash_", ["x", "", 7, None])
def test_a_remembered_hash_that_is_none_is_passed_over(project: Path, hash_: object) -> None:
    notes = {"version": 1, "files": {"a": [*about(project / "a"), hash_]}}
    (project / ".packflow" / "hashes.json").write_text(json.dumps(notes))
    assert known(project) == truth(project)


def test_without_a_folder_for_notes_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    assert hashes_of(tmp_path, {"a": tmp_path / "a"}, reuse=True) == {"a": file_digest(tmp_path / "a")}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    forget_hashes(tmp_path)


def test_a_file_that_is_gone_is_named(project: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be read"):
        hashes_of(project, {"x": project / "x"}, reuse=True)


def test_a_lie_in_the_notes_never_reaches_an_archive(tmp_path: Path) -> None:
    """Whoever forges them gets an error, not an archive whose verdict is about other bytes."""
    project = write_project(tmp_path / "model", HONEST, config="golden: none\n")
    dry_run(DryRunOptions(project=project, probes=False))
    backend = project / "inference.py"
    before = file_digest(backend)
    backend.write_text(backend.read_text().replace("* 2", "* 3"))
    notes = project / ".packflow" / "hashes.json"
    notes.write_text(json.dumps({"version": 1, "files": {"inference.py": [*about(backend), before]}}))
    with pytest.raises(CheckFailedError) as caught:
        export(ExportOptions(project, tmp_path / "out"))
    assert caught.value.code == "project-changed"
    assert not (tmp_path / "out").exists()
    assert not notes.exists()
    assert export(ExportOptions(project, tmp_path / "out")).ran_dry_run
