"""Pickles in a dry run: nothing hostile runs, honest ones pass, and the question comes with its answer."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from packflow_app.errors import UsageError
from packflow_app.runtime import PackflowError
from projects import backend, run_dry, write_project

LOADING = backend(
    "return [{'n': event['n'] + self.model['add']} for event in inputs]",
    "def initialize(self):\n    import pickle\n"
    "    with open(self.project_dir / 'artifacts' / 'model.pkl', 'rb') as file: self.model = pickle.load(file)",
)


class Hostile:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        import os

        return os.system, (f"touch {self.witness}",)


def project_with(folder: Path, content: bytes, source: str = LOADING, **files: str | bytes) -> Path:
    return write_project(folder / "model", source, files={"artifacts/model.pkl": content, **files})


def test_plain_data_raises_no_question(tmp_path: Path) -> None:
    report = run_dry(project_with(tmp_path, pickle.dumps({"add": 1}))).report
    assert report.ok
    assert [file["path"] for file in report.pickles.files] == ["artifacts/model.pkl"]
    assert report.pickles.allowlist == []


@pytest.mark.parametrize("protocol", range(6))
def test_what_would_run_a_command_is_refused_before_it_is_opened(tmp_path: Path, protocol: int) -> None:
    witness = tmp_path / "it-ran"
    project = project_with(tmp_path, pickle.dumps(Hostile(witness), protocol))
    with pytest.raises(PackflowError) as caught:
        run_dry(project)
    error = caught.value
    assert not witness.exists()
    assert (error.code, error.exit_code, error.file) == ("pickle-not-allowed", 1, "artifacts/model.pkl")
    assert ".system" in error.title
    assert "--trust-pickle" in error.hint


def test_a_hidden_pickle_is_refused_while_it_loads(tmp_path: Path) -> None:
    """Behind a header of the project's own nothing is found in the file; the guard still refuses the global."""
    witness = tmp_path / "it-ran"
    source = backend(
        "return [{} for event in inputs]",
        "def initialize(self):\n    import pickle\n"
        "    data = (self.project_dir / 'artifacts' / 'model.pkl').read_bytes()\n"
        "    pickle.loads(bytes(255 - byte for byte in data))",
    )
    content = bytes(255 - byte for byte in pickle.dumps(Hostile(witness)))
    with pytest.raises(PackflowError) as caught:
        run_dry(project_with(tmp_path, content, source))
    assert caught.value.code == "pickle-not-allowed"
    assert not witness.exists()


def test_trust_is_asked_once(tmp_path: Path) -> None:
    content = b"cpackaging.version\nVersion\n(V1.0\ntR."
    source = LOADING.replace("self.model['add']", "int(str(self.model)[0])")
    project = project_with(tmp_path, content, source)
    python = sys.executable
    with pytest.raises(PackflowError) as caught:
        run_dry(project, python=python)
    assert "--trust-pickle packaging.version.Version" in caught.value.hint
    report = run_dry(project, python=python, trust_pickles=["packaging.version.Version"]).report
    assert report.ok
    assert report.pickles.files[0]["globals"] == [{"name": "packaging.version.Version", "verdict": "trusted"}]
    assert run_dry(project, python=python).report.pickles.allowlist == ["packaging.version.Version"]


def test_the_projects_own_classes_are_its_own(tmp_path: Path) -> None:
    content = b"cscoring\nScorer\n(tR."
    source = LOADING.replace("self.model['add']", "self.model.add")
    report = run_dry(project_with(tmp_path, content, source, **{"scoring.py": "class Scorer:\n    add = 1\n"})).report
    assert report.ok
    assert report.pickles.files[0]["globals"] == [{"name": "scoring.Scorer", "verdict": "project"}]


def test_a_class_of_the_script_that_saved_it_comes_with_the_lines_that_mend_it(tmp_path: Path) -> None:
    project = project_with(tmp_path, b"c__main__\nScorer\n(tR.")
    command = [sys.executable, "-m", "packflow_app", "dry-run", "--json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    (error,) = json.loads(done.stdout)["errors"]
    assert error["code"] == "pickle-not-allowed"
    assert "Move the class Scorer from the script or notebook that saved model.pkl" in error["hint"]
    assert "from inference import Scorer" in error["hint"]


def test_what_is_no_name_is_refused(tmp_path: Path) -> None:
    project = project_with(tmp_path, pickle.dumps({"add": 1}))
    for name in ("", "system", "os system", "os/system", "../x.y"):
        with pytest.raises(UsageError):
            run_dry(project, trust_pickles=[name])
