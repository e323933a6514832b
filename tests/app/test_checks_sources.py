"""Which paths in a model's code depend on the current folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from packflow_app.checks.context import look_at
from packflow_app.checks.sources import path_relative
from projects import write_project


def lines_found(tmp_path: Path, expression: str, name: str = "package.py") -> list[int | None]:
    """The lines at which the check finds something in a module with this expression on its second line."""
    files: dict[str, str | bytes] = {name: f"import x\n{expression}\n", "data/table.json": "{}"}
    folder = write_project(tmp_path / "model", files=files)
    return [finding.line for finding in path_relative.findings(look_at(folder, sys.executable))]


@pytest.mark.parametrize(
    "expression",
    [
        'open("data/table.json")',
        'open("./data/table.json", encoding="utf-8")',
        'Path("data/table.json").read_text()',
        'joblib.load("data/table.json")',
        'np.load(Path("data/table.json"))',
        'onnxruntime.InferenceSession("data/table.json")',
        'pathlib.Path("data/table.json").open()',
    ],
)
def test_paths_relative_to_the_current_folder_are_seen(tmp_path: Path, expression: str) -> None:
    assert lines_found(tmp_path, expression) == [2]


@pytest.mark.parametrize(
    "expression",
    [
        '(self.project_dir / "data/table.json").open()',
        'open(self.project_dir / "data/table.json")',
        'open(self.project_dir / Path("data/table.json"))',
        'self.project_dir.joinpath("data/table.json").read_text()',
        'open("data/other.json")',
        'open("/data/table.json")',
        'print("data/table.json")',
        '(self.project_dir / "data" / "table.json").open("r")',
        "open()",
    ],
)
def test_other_paths_are_left_alone(tmp_path: Path, expression: str) -> None:
    assert lines_found(tmp_path, expression) == []


@pytest.mark.parametrize("name", ["tests/test_it.py", "test_it.py", "conftest.py"])
def test_tests_may_open_what_they_like(tmp_path: Path, name: str) -> None:
    assert lines_found(tmp_path, 'open("data/table.json")', name) == []


@pytest.mark.parametrize("source", [b"def (", b"\0", b"\xff\xfe", b"(" * 400, b""])
def test_code_that_is_none_is_for_the_dry_run_to_tell(tmp_path: Path, source: bytes) -> None:
    folder = write_project(tmp_path / "model", files={"sibling.py": source})
    assert path_relative.findings(look_at(folder, sys.executable)) == []
