"""No model is opened that its user did not say yes to, and none that asks for more than models need."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from packflow_app.errors import CheckFailedError, UsageError
from packflow_app.locations import skeletons_dir
from packflow_app.models.consent import check_consent
from packflow_app.models.model_file import read_model_file

EXAMPLE = skeletons_dir() / "sklearn" / "example" / "model.joblib"


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch evil-was-here",)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "model.pkl"
    path.write_bytes(content)
    return path


def test_a_pickle_needs_a_yes_that_names_what_it_would_import() -> None:
    file = read_model_file(EXAMPLE)
    with pytest.raises(UsageError) as caught:
        check_consent(file, frozenset(), yes=False)
    assert (caught.value.code, caught.value.exit_code) == ("model-not-trusted", 2)
    assert caught.value.title.startswith("model.joblib is a pickle: opening it runs what its author put in")
    assert "sklearn.impute._base.SimpleImputer" in caught.value.detail
    assert "--trust-model" in caught.value.hint
    check_consent(file, frozenset(), yes=True)


def test_formats_without_code_need_none() -> None:
    for name in ("xgboost/example/model.json", "onnx/example/model.onnx", "torch/example/model.pt"):
        check_consent(read_model_file(skeletons_dir() / name), frozenset(), yes=False)


def test_a_yes_is_not_enough_for_what_is_not_reviewed(tmp_path: Path) -> None:
    file = read_model_file(write(tmp_path, pickle.dumps({"model": Evil()})))
    name = f"{os.system.__module__}.system"
    with pytest.raises(CheckFailedError) as caught:
        check_consent(file, frozenset(), yes=True)
    assert (caught.value.code, caught.value.exit_code) == ("model-untrusted", 1)
    assert caught.value.detail == f"It asks for {name} (it starts programs and changes files)."
    assert caught.value.hint.endswith(f"--trust-pickle {name}")
    check_consent(file, frozenset({name}), yes=True)
    assert not Path("evil-was-here").exists()


def test_a_class_of_the_script_that_saved_it_is_moved_and_saved_again(tmp_path: Path) -> None:
    file = read_model_file(write(tmp_path, b"\x80\x03c__main__\nScorer\n)\x81."))
    with pytest.raises(UsageError) as caught:
        check_consent(file, frozenset(), yes=True)
    assert (caught.value.code, caught.value.exit_code) == ("model-of-main", 2)
    assert caught.value.title.startswith("model.pkl needs __main__.Scorer")
    lines = caught.value.hint.split("\n")
    assert lines[0].startswith("Move the class Scorer")
    assert "    from scoring import Scorer" in lines
    assert "packflow init . --model model.pkl --trust-model" in lines[-1]


def test_what_cannot_be_told_for_sure_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, EXAMPLE.read_bytes()[:900])
    with pytest.raises(CheckFailedError) as caught:
        check_consent(read_model_file(path), frozenset(), yes=True)
    assert caught.value.code == "model-damaged"
