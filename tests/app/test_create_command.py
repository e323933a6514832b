"""``packflow create`` as packflow 0.4 spelled it."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import packflow, told
from packflow_app.cli.top_help import TOP_HELP
from projects import run_dry


def test_a_project_that_runs_from_a_name(tmp_path: Path) -> None:
    shown = packflow("create", "churn_scorer-2", "--no-input", cwd=tmp_path, code=0).stdout
    assert shown.startswith("Created churn_scorer-2/ (")
    for step in ("cd churn_scorer-2", "packflow dry-run", "edit inference.py", "packflow validate", "packflow export"):
        assert f"\n  {step}" in shown
    assert "its example events are generated" in shown
    done = run_dry(tmp_path / "churn_scorer-2")
    assert done.report.ok
    assert done.report.name == "churn_scorer-2"


def test_a_folder_that_exists_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    answer = told("create", "taken", cwd=tmp_path, code=2)
    assert answer["errors"][0]["code"] == "target-exists"
    assert "create -f taken" in answer["errors"][0]["hint"]
    assert list((tmp_path / "taken").iterdir()) == []


def test_force_adds_what_is_missing_and_overwrites_nothing(tmp_path: Path) -> None:
    project = tmp_path / "mine"
    (project / "samples").mkdir(parents=True)
    (project / "inference.py").write_text("mine\n")
    (project / "other.txt").write_text("other\n")
    data = told("create", "mine", "-f", cwd=tmp_path)["data"]
    assert data["kept"] == ["inference.py"]
    assert "packflow.yaml" in data["written"]
    assert "samples/events.ndjson" in data["written"]
    assert (project / "inference.py").read_text() == "mine\n"
    assert (project / "other.txt").read_text() == "other\n"
    assert {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()} == {
        *data["written"], "inference.py", "other.txt",
    }  # fmt: skip
    assert told("create", "mine", "-f", cwd=tmp_path)["data"]["written"] == []
    assert "left as they were: " in packflow("create", "--force", "mine", cwd=tmp_path, code=0).stdout


def test_a_failure_on_the_way_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    project = tmp_path / "mine"
    project.mkdir()
    (project / "tests").write_text("a file where a folder should be\n")
    answer = told("create", "mine", "-f", cwd=tmp_path, code=5)
    assert answer["errors"][0]["code"] == "not-writable"
    assert [path.name for path in project.iterdir()] == ["tests"]


def test_events_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.ndjson").write_text('{"n": 1}\n{"n": 5}\n')
    data = told("create", "own", "--events", "mine.ndjson", cwd=tmp_path)["data"]
    assert data["generated_events"] is False
    assert (tmp_path / "own/samples/events.ndjson").read_text() == '{"n": 1}\n{"n": 5}\n'
    assert told("create", "none", "--events", "none.ndjson", cwd=tmp_path, code=3)["errors"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["5a", "a/b", "a.b", "", "é", "a" * 65, "CON"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    assert told("create", name, cwd=tmp_path, code=2)["errors"][0]["code"] == "name-invalid"
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_needed(tmp_path: Path) -> None:
    assert told("create", "--no-input", cwd=tmp_path, code=2)["errors"][0]["code"] == "input-missing"


def test_it_is_in_no_list(tmp_path: Path) -> None:
    assert "create" not in TOP_HELP
    assert "\n  create" not in packflow("-q", "--help", cwd=tmp_path, code=0).stdout
    assert "as packflow 0.4 spelled it" in packflow("create", "--help", cwd=tmp_path, code=0).stdout
