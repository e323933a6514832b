"""A new project: all of it, or nothing."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from packflow_app.errors import CancelledError, NotWritableError, UsageError
from packflow_app.placing import make_folders, remove_empty
from packflow_app.projects import scaffold
from packflow_app.projects.scaffold import add_files, check_free, check_project_name, create_project, remove_files

FILES = {"packflow.yaml": b"name: p\n", "a/b/c.txt": b"\x00\xff", "a/d.txt": b"", "z.py": b"pass\n"}


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every name below the folder, with the content of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


def is_complete(folder: Path) -> bool:
    return {name: content for name, content in tree(folder).items() if content is not None} == FILES


def test_files_appear_byte_for_byte_with_their_folders(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "project"
    create_project(target, FILES)
    assert is_complete(target)
    assert [path.name for path in target.parent.iterdir()] == ["project"]


def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "project"
    target.mkdir(mode=0o750)
    before = target.stat()
    monkeypatch.chdir(target)  # as `packflow init .` is used
    create_project(Path(), FILES)
    after = target.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert Path.cwd() == target
    assert is_complete(target)
    assert sorted(os.listdir(tmp_path)) == ["project"]


def test_a_link_to_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    create_project(tmp_path / "link", FILES)
    assert is_complete(tmp_path / "real")


@pytest.mark.parametrize("kind", ["file", "full folder", "dangling link"])
def test_a_target_that_is_taken_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "project"
    if kind == "file":
        target.write_bytes(b"mine")
    elif kind == "full folder":
        target.mkdir()
        (target / "mine.txt").write_bytes(b"mine")
    else:
        target.symlink_to("nowhere")
    before = tree(tmp_path)
    with pytest.raises(UsageError) as caught:
        create_project(target, FILES)
    suffix = " and is not empty" if kind == "full folder" else ""
    assert caught.value.title == f"{target} already exists{suffix}."
    assert (caught.value.code, caught.value.exit_code) == ("target-exists", 2)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("place", ["file/p", "file/a/b/p", "x" * 300, "x" * 300 + "/p"])
def test_a_target_that_cannot_be_made_leaves_nothing(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    before = tree(tmp_path)
    with pytest.raises(NotWritableError) as caught:
        create_project(tmp_path / place, FILES)
    assert caught.value.exit_code == 5
    assert caught.value.title.startswith(f"{tmp_path / place} cannot be written: ")
    assert tree(tmp_path) == before


class Failing:
    """Stands for a method of Path: raises at the n-th call, works before it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, call: int, error: BaseException) -> None:
        self.calls = 0
        original = getattr(Path, name)

        def stand_in(path: Path, *arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == call:
                raise error
            return original(path, *arguments, **options)

        monkeypatch.setattr(Path, name, stand_in)


STEPS = [("mkdir", call) for call in range(1, 7)] + [("write_bytes", call) for call in range(1, 5)] + [("replace", 1)]
STEPS_INSIDE = [("mkdir", call) for call in range(1, 4)] + [("write_bytes", 2)]
STEPS_INSIDE += [("rename", 1), ("rename", 2), ("rename", 3), ("rmdir", 1)]


@pytest.mark.parametrize(("name", "call"), STEPS)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_failure_at_any_step_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: int, error: BaseException
) -> None:
    (tmp_path / "other.txt").write_bytes(b"mine")
    before = tree(tmp_path)
    target = tmp_path / "new" / "deep" / "project"
    with monkeypatch.context() as patch:
        failing = Failing(patch, name, call, error)
        with pytest.raises(NotWritableError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
            create_project(target, FILES)
        assert failing.calls >= call
    if isinstance(caught.value, NotWritableError):
        assert caught.value.title == f"{target} cannot be written: No space left on device."
    assert tree(tmp_path) == before
    create_project(target, FILES)
    assert is_complete(target)


@pytest.mark.parametrize(("name", "call"), STEPS_INSIDE)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_failure_in_an_empty_folder_leaves_it_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: int, error: BaseException
) -> None:
    target = tmp_path / "project"
    target.mkdir()
    with monkeypatch.context() as patch:
        Failing(patch, name, call, error)
        with pytest.raises(NotWritableError if isinstance(error, OSError) else KeyboardInterrupt):
            create_project(target, FILES)
    assert tree(tmp_path) == {"project": None}
    create_project(target, FILES)
    assert is_complete(target)


def test_what_others_put_into_a_new_parent_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put_and_fail(*_given: object) -> None:
        (tmp_path / "new" / "theirs.txt").write_bytes(b"theirs")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scaffold, "_fill", put_and_fail)
    with pytest.raises(NotWritableError):
        create_project(tmp_path / "new" / "project", FILES)
    assert tree(tmp_path) == {"new": None, "new/theirs.txt": b"theirs"}


def test_nothing_is_seen_at_the_target_before_all_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "project"
    seen: list[bool] = []
    original = Path.write_bytes

    def watched(path: Path, content: bytes) -> int:
        seen.append(target.exists())
        return original(path, content)

    monkeypatch.setattr(Path, "write_bytes", watched)
    create_project(target, FILES)
    assert seen == [False] * len(FILES)


def test_folders_are_made_outermost_first_and_removed_while_empty(tmp_path: Path) -> None:
    made = make_folders(tmp_path / "a" / "b" / "c")
    assert made == [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    assert make_folders(tmp_path / "a" / "b") == []
    (tmp_path / "a" / "mine.txt").write_bytes(b"")
    remove_empty(made)
    assert sorted(tree(tmp_path)) == ["a", "a/mine.txt"]


def test_an_empty_folder_and_a_free_name_are_free(tmp_path: Path) -> None:
    check_free(tmp_path / "nothing")
    check_free(tmp_path)


@pytest.mark.parametrize("name", ["a", "Z", "churn-scorer", "model_2", "x" * 64, "console", "com", "com10"])
def test_names_that_a_project_can_have(name: str) -> None:
    check_project_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1a",
        "-a",
        "_a",
        "a b",
        "a.b",
        "a/b",
        "..",
        "é",
        "a\n",
        "x" * 65,
        "con",
        "NUL",
        "aux",
        "com1",
        "LPT9",
        "\x1b",
    ],
)
def test_names_that_a_project_cannot_have(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_project_name(name)
    assert (caught.value.code, caught.value.exit_code) == ("name-invalid", 2)
    assert "--name" in caught.value.hint
    assert "\x1b" not in caught.value.title


def test_files_that_were_added_are_taken_away_with_their_folders(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("1")
    names = add_files(tmp_path, {"there/new": b"2", "deep/er/new": b"3", "top": b"4"})
    remove_files(tmp_path, names)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == ["there", "there/mine"]


def test_a_stop_between_files_leaves_nothing(tmp_path: Path) -> None:
    seen: list[int] = []

    def go_on() -> None:
        seen.append(len(seen))
        if len(seen) == 3:  # after the last file, before it is put in place
            raise CancelledError("stop")

    (tmp_path / "new").mkdir()
    for write in (create_project, partial(add_files, replacing=())):
        seen.clear()
        with pytest.raises(CancelledError):
            write(tmp_path / "new", {"a": b"1", "b/c": b"2"}, go_on=go_on)
        assert not list((tmp_path / "new").rglob("*"))
