"""Where an archive comes from: commit, cleanliness, and the moment it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from packflow_app.errors import UsageError
from packflow_app.packaging.provenance import read_provenance
from packflow_app.runtime import Provenance
from repositories import git

COMMITTED = "2024-02-29T12:34:56Z"


@pytest.fixture(autouse=True)
def _no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "project").mkdir(parents=True)
    git(folder, "init", "-q")
    return folder


def commit(repository: Path) -> str:
    (repository / "project" / "packflow.yaml").write_text("name: p\n")
    git(repository, "add", ".")
    # Another zone than UTC, so that a local time would be found out.
    date = "2024-02-29T14:34:56+0200"
    git(repository, "commit", "-q", "-m", "first", GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    return git(repository, "rev-parse", "HEAD")


def test_no_repository(tmp_path: Path) -> None:
    assert read_provenance(tmp_path) == (Provenance(None, None), None)


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commit(repository)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_provenance(repository / "project") == (Provenance(None, None), None)


def test_no_commit(repository: Path) -> None:
    assert read_provenance(repository / "project") == (Provenance(None, None), None)


def test_a_clean_folder_stands_for_its_commit(repository: Path) -> None:
    head = commit(repository)
    assert len(head) == 40
    assert read_provenance(repository / "project") == (Provenance(head, True), COMMITTED)


@pytest.mark.parametrize("change", ["modified", "untracked", "deleted", "staged"])
def test_a_changed_folder_has_a_commit_and_no_moment(repository: Path, change: str) -> None:
    head = commit(repository)
    tracked = repository / "project" / "packflow.yaml"
    if change == "deleted":
        tracked.unlink()
    elif change == "modified":
        tracked.write_text("name: q\n")
    else:
        (repository / "project" / "new.txt").write_text("")
    if change == "staged":
        git(repository, "add", ".")
    assert read_provenance(repository / "project") == (Provenance(head, False), None)


def test_only_the_projects_folder_counts_and_ignored_files_do_not(repository: Path) -> None:
    (repository / ".gitignore").write_text("*.log\n")
    head = commit(repository)
    (repository / "elsewhere.txt").write_text("")
    (repository / "project" / "a.log").write_text("")
    assert read_provenance(repository / "project") == (Provenance(head, True), COMMITTED)


def test_gits_own_variables_do_not_mislead(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook runs with GIT_DIR set, which would name another repository."""
    head = commit(repository)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    assert read_provenance(repository / "project") == (Provenance(head, True), COMMITTED)


@pytest.mark.parametrize(
    ("epoch", "moment"),
    [
        ("0", "1970-01-01T00:00:00Z"),
        ("315532800", "1980-01-01T00:00:00Z"),
        ("0000000001", "1970-01-01T00:00:01Z"),
        ("253402300799", "9999-12-31T23:59:59Z"),
    ],
)
def test_source_date_epoch_is_the_moment(
    repository: Path, monkeypatch: pytest.MonkeyPatch, epoch: str, moment: str
) -> None:
    head = commit(repository)
    (repository / "project" / "new.txt").write_text("")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert read_provenance(repository / "project") == (Provenance(head, False), moment)


def test_source_date_epoch_needs_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert read_provenance(tmp_path) == (Provenance(None, None), "1970-01-01T00:00:01Z")


@pytest.mark.parametrize("epoch", ["", " ", "x", "-1", "1.5", "1e9", "٣", "253402300800", "9" * 5000, "2024-01-01"])
def test_a_source_date_epoch_that_is_no_moment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(UsageError) as caught:
        read_provenance(tmp_path)
    assert caught.value.title == f"SOURCE_DATE_EPOCH is {epoch!r}, not a number of seconds."
    assert caught.value.hint == "Unset it, or give seconds since 1970."
