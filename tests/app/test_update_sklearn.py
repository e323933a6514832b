"""``update`` on a project of a real scikit-learn model: re-trained, the same, with another feature, stopped.

Slow: makes an environment that trains the models (PACKFLOW_TEST_MLFLOW_PYTHON names one that has the libraries).
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import commands
from library_environments import environment_with

pytestmark = pytest.mark.slow

TRAIN = """
import joblib, numpy as np, pandas as pd
from sklearn.ensemble import RandomForestClassifier
random = np.random.default_rng(0)
frame = pd.DataFrame({"duration": random.random(90), "bytes": random.integers(0, 1000, 90), "rate": random.random(90)})
frame["port"] = random.integers(1, 9, 90)
frame.to_json("events.ndjson", orient="records", lines=True)
wanted = (frame["duration"] + frame["rate"] > 1).astype(int)
def train(name, columns, seed):
    joblib.dump(RandomForestClassifier(12, random_state=seed).fit(frame[columns], wanted), name)
train("first.joblib", ["duration", "bytes", "rate"], 1)
train("again.joblib", ["duration", "bytes", "rate"], 2)
train("more.joblib", ["duration", "bytes", "rate", "port"], 2)
"""
DIRECT = """
import json, sys, joblib, pandas as pd
model = joblib.load(sys.argv[1])
frame = pd.read_json("events.ndjson", lines=True)
print(json.dumps(model.predict_proba(frame[[*model.feature_names_in_]]).tolist()))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    if "PACKFLOW_TEST_MLFLOW_PYTHON" in os.environ:
        return os.environ["PACKFLOW_TEST_MLFLOW_PYTHON"]
    folder = tmp_path_factory.mktemp("trains") / "environment"
    return str(environment_with(folder, "scikit-learn", "pandas", "joblib"))


told = partial(commands.told, timeout=600)  # a model's libraries may be installed


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".packflow" not in path.relative_to(folder).parts
    }


def test_a_model_is_retrained_and_grows(python: str, tmp_path: Path) -> None:
    subprocess.run([python, "-c", TRAIN], cwd=tmp_path, check=True)
    flags = ["--model", "first.joblib", "--trust-model", "--events", "events.ndjson", "--python", python]
    told("init", "d", *flags, cwd=tmp_path)
    project, word = tmp_path / "d", ["--trust-model", "--python", python]
    before = tree(project)

    same = told("update", "d", "--model", "first.joblib", "-y", cwd=tmp_path)["data"]
    assert (same["same"], same["applied"], tree(project) == before) == (True, False, True)

    refused = told("update", "d", "--model", "more.joblib", *word, "--plan", cwd=tmp_path, code=2)
    assert "also takes port" in refused["errors"][0]["message"]
    assert tree(project) == before

    command = [sys.executable, "-m", "packflow_app", "update", "d", "--model", "again.joblib", *word, "-y"]
    for seconds in (1.5, 4.0):
        stopped = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(seconds)
        stopped.send_signal(signal.SIGINT)
        stopped.communicate(timeout=60)
        assert (stopped.returncode, tree(project) == before) == (130, True)
        left = [path.name for path in project.glob(".packflow/*")]
        assert not [name for name in left if "update" in name]

    done = told("update", "d", "--model", "again.joblib", *word, "-y", cwd=tmp_path)["data"]
    assert (done["bump"], done["version"]["after"], done["features"]["added"]) == ("minor", "0.2.0", [])
    assert {one["path"] for one in done["comparison"]["fields"]} >= {"probabilities.0", "probabilities.1"}
    assert digests(tree(project), before) == {"MODEL_CARD.md", "artifacts/model.joblib", "packflow.yaml"}

    grown = told("update", "d", "--model", "more.joblib", *word, "-y", cwd=tmp_path)["data"]
    assert (grown["bump"], grown["version"]["after"], grown["features"]["added"]) == ("major", "1.0.0", ["port"])
    commands.packflow("run", "d", "events.ndjson", "--python", python, "-o", "out.ndjson", cwd=tmp_path, code=0)
    outputs = [json.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    direct = subprocess.run([python, "-c", DIRECT, "more.joblib"], cwd=tmp_path, capture_output=True, check=True)
    assert [[*one["probabilities"].values()] for one in outputs] == json.loads(direct.stdout)
    exported = told("export", "d", "-o", "dist", "--python", python, cwd=tmp_path)["data"]
    assert exported["path"].endswith("d-1.0.0.zip")


def digests(now: dict[str, str], before: dict[str, str]) -> set[str]:
    """The files that differ."""
    return {name for name in now | before if now.get(name) != before.get(name)}
