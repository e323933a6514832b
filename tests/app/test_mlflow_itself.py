"""Folders that MLflow itself saved, read without it: the model that is named gives MLflow's own predictions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import commands
from packflow_app.projects.mlflow_model import read_mlflow_model
from packflow_app.runtime import PackflowError

pytestmark = pytest.mark.slow

LIBRARIES = [
    *("mlflow-skinny", "scikit-learn", "pandas", "skops", "xgboost-cpu", "lightgbm", "onnx", "skl2onnx", "onnxruntime"),
    "torch==2.13.0",
]
SAVE = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import numpy as np, pandas as pd, mlflow, mlflow.lightgbm, mlflow.onnx, mlflow.pyfunc, mlflow.pytorch, mlflow.sklearn
import mlflow.xgboost
import lightgbm, torch, xgboost
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
mlflow.sklearn.save_model(classifier, out / "skops", serialization_format="skops", **told)
mlflow.sklearn.save_model(LogisticRegression(max_iter=500).fit(array, label), out / "sklearn-array",
                          serialization_format="cloudpickle", input_example=array[:5])
mlflow.xgboost.save_model(xgboost.XGBClassifier(n_estimators=4).fit(frame, label), out / "xgboost", **told)
booster = lightgbm.LGBMClassifier(n_estimators=4, verbose=-1).fit(frame, label).booster_
mlflow.lightgbm.save_model(booster, out / "lightgbm", **told)
mlflow.sklearn.save_model(classifier, out / "no-example", serialization_format="cloudpickle", signature=signature)
onnx = to_onnx(LogisticRegression(max_iter=500).fit(array, label), array[:1], options={"zipmap": False})
mlflow.onnx.save_model(onnx, out / "onnx", input_example=array[:5])
network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).eval()
script = torch.jit.trace(network, torch.from_numpy(array[:2]))
given = {"signature": infer_signature(array, network(torch.from_numpy(array)).detach().numpy())}
given["input_example"] = array[:5]
mlflow.pytorch.save_model(script, out / "torchscript", serialization_format="pickle", **given)
mlflow.pytorch.save_model(network, out / "torch-module", serialization_format="pickle", **given)
class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input
mlflow.pyfunc.save_model(out / "custom", python_model=Echo())
told = {}
for name in ("sklearn", "skops", "xgboost", "lightgbm"):
    told[name] = np.asarray(mlflow.pyfunc.load_model(str(out / name)).predict(few)).tolist()
told["sklearn-array"] = mlflow.pyfunc.load_model(str(out / "sklearn-array")).predict(array[:5]).tolist()
told["onnx"] = np.asarray(mlflow.pyfunc.load_model(str(out / "onnx")).predict(array[:5])["label"]).tolist()
told["torchscript"] = mlflow.pyfunc.load_model(str(out / "torchscript")).predict(array[:5]).tolist()
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
    if "PACKFLOW_TEST_MLFLOW_PYTHON" in os.environ:
        return Path(os.environ["PACKFLOW_TEST_MLFLOW_PYTHON"])
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


told = partial(commands.told, timeout=600)  # a model's libraries may be installed


ORDER = "duration,bytes,rate"


@pytest.mark.parametrize(
    ("flavor", "kind", "flags", "answer"),
    [
        ("sklearn", "sklearn", ["--trust-model"], "prediction"),
        ("skops", "sklearn", [], "prediction"),
        ("xgboost", "xgboost", [], "prediction"),
        ("lightgbm", "lightgbm", [], "score"),
        ("sklearn-array", "sklearn", ["--trust-model", "--features", ORDER], "prediction"),
        ("onnx", "onnx", ["--features", ORDER], "label"),
        ("torchscript", "torch", ["--features", ORDER], "values"),
    ],
)
def test_a_converted_project_gives_mlflows_own_predictions(
    python: Path,
    saved: tuple[Path, dict[str, list[Any]]],
    tmp_path: Path,
    flavor: str,
    kind: str,
    flags: list[str],
    answer: str,
) -> None:
    folder, predictions = saved
    made = told("init", "d", "--from-mlflow", folder / flavor, "--python", python, *flags, cwd=tmp_path)["data"]
    assert (made["kind"], made["made_environment"], made["events"]["read"]) == (kind, False, 5)
    assert [one["field"] for one in made["features"]] == ORDER.split(",")
    sources = made["mlflow"]["sources"]
    assert (sources["events"], sources["python"]) == ("input_example.json", "flag")
    assert sources["features"] == ("flag" if "--features" in flags else "MLmodel, signature")
    assert not any(line.startswith("mlflow") for line in made["requirements"])
    tested = told("-C", "d", "dry-run", "--python", python, cwd=tmp_path)["data"]
    assert (tested["failed"], tested["parity"]["equal"]) == (0, True)
    commands.packflow(
        "run", "d", "d/samples/events.ndjson", "--python", python, "-o", "out.ndjson", cwd=tmp_path, code=0
    )
    outputs = [json.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [one[answer] for one in outputs] == predictions[flavor]


def test_what_a_folder_does_not_tell_is_asked_for(
    python: Path, saved: tuple[Path, dict[str, list[Any]]], tmp_path: Path
) -> None:
    def refused(flavor: str, *flags: object) -> dict[str, Any]:
        failed = told("init", "d", "--from-mlflow", saved[0] / flavor, *flags, cwd=tmp_path, code=2)
        assert not any(tmp_path.iterdir())
        return failed["errors"][0]

    assert refused("sklearn")["code"] == "model-not-trusted"
    assert refused("custom")["code"] == "flavor-unsupported"
    missing = refused("no-example", "--trust-model")
    assert missing["code"] == "input-missing"
    assert "--events FILE" in missing["hint"]
    assert "duration, bytes, rate" in missing["hint"]
    unnamed = refused("sklearn-array", "--trust-model")
    assert "--features a,b,c" in unnamed["hint"]


def test_flags_outrank_the_folder(python: Path, saved: tuple[Path, dict[str, list[Any]]], tmp_path: Path) -> None:
    rows = [{"time": {"duration": n / 7}, "bytes": n * 10, "rate": n / 9} for n in range(9)]
    (tmp_path / "events.ndjson").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    flags = ["--events", "events.ndjson", "--features", "duration=time.duration", "--trust-model", "--python", python]
    made = told("init", "d", "--from-mlflow", saved[0] / "no-example", *flags, cwd=tmp_path)["data"]
    assert [one["field"] for one in made["features"]] == ["time.duration", "bytes", "rate"]
    sources = made["mlflow"]["sources"]
    assert (sources["events"], sources["features"], sources["model"]) == ("flag", "flag", "model.pkl")
    assert made["mlflow"]["notes"] == []
