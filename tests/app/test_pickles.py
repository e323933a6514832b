"""Honest artifacts raise no question, and hostile ones are stopped under the libraries that load them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from library_environments import environment_with
from packflow_runtime.pickle_containers import list_pickles
from packflow_runtime.pickle_findings import questions_about

TESTS = Path(__file__).parents[1]
HONEST = TESTS / "data" / "pickles"
KINDS = {
    "lightgbm.txt": "none",
    "logistic_regression.joblib": "joblib",
    "random_forest.joblib": "joblib",
    "random_forest_compressed.joblib": "joblib",
    "state_dict.pt": "torch",
    "state_dict_legacy.pt": "torch-legacy",
    "tfidf.joblib": "joblib",
    "thresholds.pkl": "raw",
    "weights.npy": "npy",
}
LIBRARIES = ("scikit-learn", "joblib", "lightgbm", "torch==2.13.0")


def test_the_honest_artifacts_are_the_seven() -> None:
    assert {path.name for path in HONEST.iterdir()} == set(KINDS)
    assert all(path.stat().st_size < 30_000 for path in HONEST.iterdir())


@pytest.mark.parametrize("name", KINDS)
def test_an_honest_artifact_raises_no_question(name: str) -> None:
    listing = list_pickles(HONEST / name)
    assert listing.kind == KINDS[name]
    assert listing.problems == ()
    assert questions_about(listing) == ()
    assert bool(listing.names) is (name not in {"lightgbm.txt", "thresholds.pkl", "weights.npy"})


@pytest.fixture(scope="session")
def ml_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has the libraries: the one PACKFLOW_TEST_ML_PYTHON names, else one made for these tests."""
    named = os.environ.get("PACKFLOW_TEST_ML_PYTHON")
    if named:
        return named
    return str(environment_with(tmp_path_factory.mktemp("ml") / "venv", *LIBRARIES))


def run_check(python: str, check: str, folder: Path) -> Any:
    command = [python, str(TESTS / "app" / "pickle_checks.py"), check, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_real_libraries_load_honest_artifacts_under_the_guard(ml_python: str, tmp_path: Path) -> None:
    subprocess.run([ml_python, str(TESTS / "data" / "generate_pickles.py"), str(tmp_path)], check=True)
    assert run_check(ml_python, "honest", tmp_path) == {name: [] for name in KINDS}


@pytest.mark.slow
def test_the_real_libraries_run_hostile_files_which_the_guard_stops(ml_python: str, tmp_path: Path) -> None:
    for name, result in run_check(ml_python, "hostile", tmp_path).items():
        assert result["unguarded"][1] is True, f"{name} is harmless, so that it proves nothing: {result}"
        assert result["resolving"] == ["refused", False], name
        assert result["opening"] == ["refused", False], name
        assert "dangerous" in result["questions"], name


@pytest.mark.slow
def test_no_estimator_of_scikit_learn_raises_a_question(ml_python: str, tmp_path: Path) -> None:
    found = run_check(ml_python, "estimators", tmp_path)
    assert found["asked"] == {}
    assert found["fitted"] > 120


@pytest.mark.slow
def test_classes_of_reviewed_modules_are_their_librarys_own(ml_python: str, tmp_path: Path) -> None:
    """Whatever those modules import under a name in CamelCase can be asked for under it; so it is looked at here."""
    found = run_check(ml_python, "reviewed_modules", tmp_path)
    harmless = (
        "typing.",
        "abc.",
        "collections.",
        "numbers.",
        "numpy.",
        "scipy.",
        "types.",
        "builtins.",
        "_io.StringIO",
    )
    assert [name for name in found["outside"] if not name.startswith(harmless)] == []
    assert found["looked at"] > 1000
