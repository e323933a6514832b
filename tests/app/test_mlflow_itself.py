"""Folders that MLflow itself saved, read without it: the model that is named gives MLflow's own predictions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from packflow_app.projects.mlflow_model import read_mlflow_model
from packflow_app.runtime import PackflowError

pytestmark = pytest.mark.slow

LIBRARIES = [
    *("mlflow-skinny", "scikit-learn", "pandas", "skops", "xgboost-cpu", "lightgbm", "onnx", "skl2onnx", "onnxruntime")
]
SAVE = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import numpy as np, pandas as pd, mlflow, mlflow.lightgbm, mlflow.onnx, mlflow.pyfunc, mlflow.sklearn, mlflow.xgboost
import lightgbm, xgboost
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from skl2onnx import to_onnx
out = Path(sys.argv[1])
random = np.random.default_rng(0)
frame = pd.DataFrame({"duration": random.random(60), "bytes": random.integers(0, 1000, 60), "rate": random.random(60)})
label = (frame["duration"] * 2 + frame["rate"] > 1.5).astype(int)
array = frame.to_numpy(np.float32)
classifier = LogisticRegression(max_iter=500).fit(frame, label)
signature = infer_signature(frame, classifier.predict(frame))
few = frame.head(5)
told = {"signature": signature, "input_example": few}
mlflow.sklearn.save_model(classifier, out / "sklearn", serialization_format="cloudpickle", **told)
mlflow.sklearn.save_model(LogisticRegression(max_iter=500).fit(array, label), out / "sklearn-array",
                          serialization_format="cloudpickle", input_example=array[:5])
mlflow.xgboost.save_model(xgboost.XGBClassifier(n_estimators=4).fit(frame, label), out / "xgboost", **told)
booster = lightgbm.LGBMClassifier(n_estimators=4, verbose=-1).fit(frame, label).booster_
mlflow.lightgbm.save_model(booster, out / "lightgbm", **told)
onnx = to_onnx(LogisticRegression(max_iter=500).fit(array, label), array[:1], options={"zipmap": False})
mlflow.onnx.save_model(onnx, out / "onnx", input_example=array[:5])
class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input
mlflow.pyfunc.save_model(out / "custom", python_model=Echo())
told = {}
for name in ("sklearn", "xgboost", "lightgbm"):
    told[name] = np.asarray(mlflow.pyfunc.load_model(str(out / name)).predict(few)).tolist()
told["sklearn-array"] = mlflow.pyfunc.load_model(str(out / "sklearn-array")).predict(array[:5]).tolist()
told["onnx"] = np.asarray(mlflow.pyfunc.load_model(str(out / "onnx")).predict(array[:5])["label"]).tolist()
print("@" + json.dumps(told))
"""
# Loads the file with its own library and gives it the example events, features in their order.
NATIVE = """
import json, sys, warnings
warnings.simplefilter("ignore")
flavor, file, names, events = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
import pandas as pd
frame = pd.DataFrame([{name: event[name] for name in names} for event in events])
if flavor == "sklearn":
    import pickle
    found = pickle.load(open(file, "rb")).predict(frame)
elif flavor == "xgboost":
    import xgboost
    model = xgboost.XGBClassifier()
    model.load_model(file)
    found = model.predict(frame)
elif flavor == "lightgbm":
    import lightgbm
    found = lightgbm.Booster(model_file=file).predict(frame)
assert not any(name.partition(".")[0] == "mlflow" for name in sys.modules)
print(json.dumps(found.tolist()))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlflow") / "environment"
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", *LIBRARIES], check=True)
    return python


@pytest.fixture(scope="module")
def saved(python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Any]]]:
    """The folders that MLflow saved, and what MLflow predicts with each."""
    folder = tmp_path_factory.mktemp("saved")
    ran = subprocess.run([python, "-c", SAVE, str(folder)], capture_output=True, text=True, check=False, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return folder, json.loads(ran.stdout.rpartition("@")[2])


@pytest.mark.parametrize("flavor", ["sklearn", "xgboost", "lightgbm"])
def test_the_model_gives_mlflows_own_predictions(
    python: Path, saved: tuple[Path, dict[str, list[Any]]], flavor: str
) -> None:
    folder, predictions = saved
    found = read_mlflow_model(folder / flavor)
    assert found.flavor == flavor
    assert found.feature_names == ("duration", "bytes", "rate")
    assert [one.type for one in found.inputs] == ["double", "long", "double"]
    assert len(found.events) == 5
    assert found.python_version == ".".join(map(str, sys.version_info[:3]))
    assert not [line for line in found.requirements if line.startswith("mlflow")]
    assert [line for line in found.requirements if line.startswith(("scikit-learn==", "xgboost", "lightgbm=="))]
    assert found.notes == ()
    command = [
        python,
        "-c",
        NATIVE,
        flavor,
        found.model_file,
        json.dumps(found.feature_names),
        json.dumps(found.events),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == predictions[flavor]


def test_models_of_arrays(python: Path, saved: tuple[Path, dict[str, list[Any]]]) -> None:
    folder, predictions = saved
    found = read_mlflow_model(folder / "sklearn-array")
    assert (found.feature_names, found.feature_count) == ((), 3)
    assert "without names" in found.notes[0]
    onnx = read_mlflow_model(folder / "onnx")
    assert onnx.model_file.name == "model.onnx"
    assert [line.partition("==")[0] for line in onnx.requirements] == ["onnxruntime"]
    program = (
        "import json, sys, numpy, onnxruntime\n"
        "rows = numpy.array(json.load(open(sys.argv[2])), dtype=numpy.float32)\n"
        "session = onnxruntime.InferenceSession(sys.argv[1])\n"
        "print(json.dumps(session.run(['label'], {session.get_inputs()[0].name: rows})[0].tolist()))"
    )
    example = folder / "onnx" / "input_example.json"
    ran = subprocess.run([python, "-c", program, onnx.model_file, example], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == predictions["onnx"]


def test_a_custom_model_says_what_to_do(saved: tuple[Path, dict[str, list[Any]]]) -> None:
    with pytest.raises(PackflowError, match="code of its own") as caught:
        read_mlflow_model(saved[0] / "custom")
    assert "execute()" in caught.value.hint
