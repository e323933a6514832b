"""Changing several files: all of them or none, at whatever point the process is killed, and back again."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from packflow_app.errors import CheckFailedError, NotFoundError, NotWritableError, UsageError
from packflow_app.locations import migration_dir
from packflow_app.projects.migration.journal import apply_changes, take_back, undo_migration
from packflow_app.projects.migration.plan import FileChange
from packflow_app.projects.project import open_project

OLD = {"packflow.yaml": b"name: old\n", "inference.py": b"old\n", "deep/er/code.py": b"old\n"}
CHANGES = [
    FileChange("packflow.yaml", OLD["packflow.yaml"], b"name: new\n"),
    FileChange("inference.py", OLD["inference.py"], b"new\n"),
    FileChange("deep/er/code.py", OLD["deep/er/code.py"], b"new\n"),
    FileChange("samples/made/events.ndjson", None, b"{}\n"),
]
NEW = {change.name: change.after for change in CHANGES}


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that ends, as by a kill, before its change of the disk of this number; if it got there."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = number

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: Any, **options: Any) -> object:
            nonlocal left
            if left == 0:
                os._exit(9)
            left -= 1
            return original(*arguments, **options)

        return call

    for name in ("rename", "replace", "mkdir", "unlink", "rmdir", "fsync"):
        for owner in (os, Path):
            if hasattr(owner, name):
                setattr(owner, name, counted(getattr(owner, name)))
    try:
        work()
    finally:
        os._exit(0 if sys.exc_info()[0] is None else 1)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in OLD.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "project"


def files(project: Path) -> dict[str, bytes]:
    """Everything but Packflow's own notes."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and ".packflow" not in path.parts
    }


def test_there_and_back(project: Path) -> None:
    (project / "inference.py").chmod(0o755)
    backup = apply_changes(project, CHANGES)
    assert files(project) == NEW
    assert stat.S_IMODE((project / "inference.py").stat().st_mode) == 0o755
    assert backup == project / ".packflow" / "before-migration-1"
    assert (project / ".packflow" / ".gitignore").read_text() == "*\n"
    restored = undo_migration(project)
    assert restored.files == list(NEW)
    assert files(project) == OLD
    assert stat.S_IMODE((project / "inference.py").stat().st_mode) == 0o755
    assert not (project / "samples").exists()
    with pytest.raises(UsageError, match="no migration to take back"):
        undo_migration(project)


def test_undo_takes_the_last_of_several(project: Path) -> None:
    apply_changes(project, CHANGES[:1])
    assert apply_changes(project, CHANGES[1:]).name == "before-migration-2"
    assert undo_migration(project).files == [change.name for change in CHANGES[1:]]
    assert files(project) == {**OLD, "packflow.yaml": b"name: new\n"}
    undo_migration(project)
    assert files(project) == OLD


def test_what_was_edited_since_is_not_overwritten(project: Path) -> None:
    apply_changes(project, CHANGES)
    (project / "inference.py").write_bytes(b"edited\n")
    with pytest.raises(CheckFailedError, match=r"inference\.py was changed after the migration") as caught:
        undo_migration(project)
    assert (caught.value.code, "before-migration-1" in caught.value.hint) == ("changed-since", True)
    assert files(project) == {**NEW, "inference.py": b"edited\n"}


def test_a_backup_that_says_nothing_is_left_as_it_is(project: Path) -> None:
    backup = apply_changes(project, CHANGES)
    (backup / "record.json").write_text("{")
    with pytest.raises(NotFoundError, match=r"record\.json cannot be read, so nothing is taken back") as caught:
        undo_migration(project)
    assert (caught.value.code, str(backup / "old") in caught.value.hint) == ("backup-unreadable", True)
    assert files(project) == NEW


def test_a_file_that_changed_meanwhile(project: Path) -> None:
    (project / "deep/er/code.py").write_bytes(b"other\n")
    with pytest.raises(NotWritableError, match="was changed by somebody else"):
        apply_changes(project, CHANGES)
    assert files(project) == {**OLD, "deep/er/code.py": b"other\n"}
    assert not (project / ".packflow").exists()


def test_a_failure_half_way_takes_everything_back(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = Path.replace, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(NotWritableError, match="No space left"):
        apply_changes(project, CHANGES)
    monkeypatch.undo()
    assert files(project) == OLD
    assert not migration_dir(project).exists()


def test_a_folder_that_is_read_only(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.access  # as it answers to a user who is not root
    monkeypatch.setattr(os, "access", lambda path, mode: original(path, mode) and Path(path).name != "er")
    with pytest.raises(NotWritableError, match="may not be written to"):
        apply_changes(project, CHANGES)
    assert files(project) == OLD
    assert not (project / ".packflow").exists()


def test_a_project_that_was_left_half_changed_is_not_opened(project: Path) -> None:
    migration_dir(project).mkdir(parents=True)
    with pytest.raises(CheckFailedError, match="was interrupted") as caught:
        open_project(project)
    assert caught.value.code == "migration-unfinished"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked child: run on a POSIX system")
@pytest.mark.parametrize("doing", ["apply", "undo"])
def test_killed_at_every_point(tmp_path: Path, doing: str) -> None:
    """Wherever it ends, ``take_back`` gives the old files, unless all of it was done already."""
    number = seen_old = seen_new = 0
    while True:
        project = tmp_path / f"at-{number}"
        for name, content in OLD.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_bytes(content)
        if doing == "undo":
            apply_changes(project, CHANGES)
        undo, apply = partial(undo_migration, project), partial(apply_changes, project, CHANGES)
        killed = killed_at(number, undo if doing == "undo" else apply)
        mixed = migration_dir(project).exists()
        take_back(project)
        assert not migration_dir(project).exists()
        assert files(project) in (OLD, NEW), number
        if mixed:
            assert files(project) == OLD
        seen_old += files(project) == OLD
        seen_new += files(project) == NEW
        assert {path.name for path in project.iterdir()} <= {
            ".packflow",
            "packflow.yaml",
            "inference.py",
            "deep",
            "samples",
        }
        if not killed:
            break
        number += 1
    assert seen_old > 5
    assert seen_new >= 1
    assert number > 8
