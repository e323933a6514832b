"""From a model file to an archive that runs, for every skeleton, with nothing edited: what a stranger does first.

Slow: each makes an environment and installs what its model needs.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import commands
from packflow_app.locations import skeletons_dir
from packflow_app.projects.skeletons import skeleton_kinds

ZEEK = Path(os.environ.get("PACKFLOW_EVENTS_DIR", Path(__file__).resolve().parents[2] / "shared" / "events"))
ZEEK /= "zeek_dns.ndjson.gz"
# What CI takes where the model file does not tell.
ASKED = {"torch": ["--require", "torch==2.13.0"]}
TRAIN = """\
import gzip, json, sys
import joblib, pandas
from sklearn.ensemble import RandomForestClassifier

events, named, bare = sys.argv[1:]
rows = pandas.json_normalize([json.loads(line) for line in gzip.open(events)][:4000])
columns = ["rtt", "qtype", "id.resp_p", "AA"]
wanted = rows["rtt"].fillna(0) > 0.001
forest = RandomForestClassifier(15, random_state=1)
joblib.dump(forest.fit(rows[columns], wanted), named)
joblib.dump(forest.fit(rows[columns].to_numpy(dtype=float), wanted), bare)
"""
DIRECT = """\
import gzip, json, sys
import joblib, pandas

events, path = sys.argv[1:]
rows = pandas.json_normalize([json.loads(line) for line in gzip.open(events)])
model = joblib.load(path)
inputs = rows[[*model.feature_names_in_]]
json.dump([[bool(a), *map(float, b)] for a, b in zip(model.predict(inputs), model.predict_proba(inputs))], sys.stdout)
"""


told = partial(commands.told, timeout=1200)  # a model's libraries may be installed


def run_archive(python: Path | str, archive: str, events: Path, folder: Path) -> list[dict[str, Any]]:
    environment = {**os.environ, "PACKFLOW_CACHE": str(folder / "cache")}
    done = subprocess.run(
        [str(python), archive, "run", str(events)], capture_output=True, timeout=600, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", skeleton_kinds())
def test_every_skeleton_from_its_defaults_to_an_archive_that_runs(kind: str, tmp_path: Path) -> None:
    made = told("init", "d", "--kind", kind, "-y", *ASKED.get(kind, []), cwd=tmp_path)["data"]
    project = tmp_path / "d"
    assert made["kind"] == kind
    assert all((project / name).is_file() for name in made["files"])
    assert made["made_environment"] is bool(made["requirements"])
    assert all("==" in line for line in made["requirements"])
    tested = told("-C", "d", "dry-run", cwd=tmp_path)
    assert tested["data"]["failed"] == 0
    assert tested["data"]["parity"]["equal"], tested["data"]["parity"]
    assert [one["code"] for one in tested["warnings"]] == []
    checked = told("validate", "d", cwd=tmp_path)
    assert {one["code"] for one in checked["warnings"]} <= {"document-template", "lock-missing"}
    exported = told("export", "d", "-o", "dist", cwd=tmp_path)["data"]
    python = project / ".venv" / "bin" / "python"
    outcomes = run_archive(
        python if python.exists() else sys.executable, exported["path"], project / "samples" / "events.ndjson", tmp_path
    )
    assert len(outcomes) == made["events"]["sample"]
    assert not any("packflow_error" in outcome for outcome in outcomes)
    _check_own_tests(project, python)


def _check_own_tests(project: Path, python: Path) -> None:
    """The project's own tests, in the project's own environment where it has one."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON", "COV"))}
    if python.exists():
        subprocess.run([sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, *_PYTEST], check=True)
    else:
        from packflow_app.runtime import runtime_wheel

        python = Path(sys.executable)
        inherited["PYTHONPATH"] = str(runtime_wheel())
    ran = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", project, "."],
        cwd=project,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


_PYTEST = ["pytest>=8.2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of four named columns, the same of a bare array, and the environment that trained them."""
    if not ZEEK.is_file():
        pytest.skip("real events are needed: name their folder with PACKFLOW_EVENTS_DIR")
    folder = tmp_path_factory.mktemp("training")
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    wanted = ["scikit-learn==1.7.2", "joblib", "pandas"]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    arguments = [ZEEK, folder / "model.joblib", folder / "bare.joblib"]
    subprocess.run([python, "-c", TRAIN, *arguments], check=True)
    return folder


@pytest.mark.slow
def test_a_classifier_of_named_columns_answers_as_the_model_itself_does(trained: Path, tmp_path: Path) -> None:
    flags = ["--no-input", "--model", trained / "model.joblib", "--trust-model", "--events", ZEEK]
    made = told("init", "d", *flags, cwd=tmp_path)["data"]
    assert [one["field"] for one in made["features"]] == ["rtt", "qtype", "id.resp_p", "AA"]
    assert "scikit-learn==1.7.2" in made["requirements"]
    exported = told("export", "d", "-o", "dist", cwd=tmp_path)["data"]
    python = tmp_path / "d" / ".venv" / "bin" / "python"
    outcomes = run_archive(python, exported["path"], ZEEK, tmp_path)
    direct = subprocess.run(
        [trained / "env" / "bin" / "python", "-c", DIRECT, ZEEK, trained / "model.joblib"],
        capture_output=True,
        check=True,
    )
    expected = json.loads(direct.stdout)
    assert len(outcomes) == len(expected) == 53_615
    given = [[one["prediction"], *one["probabilities"].values()] for one in outcomes]
    assert given == expected


@pytest.mark.slow
def test_a_model_of_a_bare_array_refuses_to_guess_and_says_which_flag_it_needs(trained: Path, tmp_path: Path) -> None:
    python = ["--python", trained / "env" / "bin" / "python"]  # which has all it needs: no environment is made
    flags = ["--no-input", "--model", trained / "bare.joblib", "--trust-model", "--events", ZEEK, *python]
    refused = told("init", "d", *flags, cwd=tmp_path, code=2)["errors"][0]
    assert refused["code"] == "features-unnamed"
    assert "takes 4 features and has no names for them" in refused["message"]
    assert "--features a,b,c" in refused["hint"]
    assert list(tmp_path.iterdir()) == []
    made = told("init", "d", *flags, "--features", "rtt,qtype,id.resp_p,AA", cwd=tmp_path)["data"]
    assert not made["made_environment"]
    assert not (tmp_path / "d" / ".venv").exists()
    tested = told("-C", "d", "dry-run", *python, cwd=tmp_path)["data"]
    assert (tested["failed"], tested["parity"]["equal"]) == (0, True)


@pytest.mark.slow
def test_events_without_the_features_name_the_closest(trained: Path, tmp_path: Path) -> None:
    with gzip.open(ZEEK) as source:
        rows = [json.loads(line) for _, line in zip(range(50), source, strict=False)]
    for row in rows:
        row["round_trip"] = row.pop("rtt", 0)
        row["qtyp"] = row.pop("qtype", 0)
    (tmp_path / "events.ndjson").write_text("\n".join(map(json.dumps, rows)))
    flags = ["--model", trained / "model.joblib", "--trust-model", "--events", "events.ndjson"]
    python = ["--python", trained / "env" / "bin" / "python"]
    refused = told("init", "d", *flags, *python, cwd=tmp_path, code=3)["errors"][0]
    assert refused["code"] == "features-missing"
    assert "rtt" in refused["message"]
    assert "qtype (closest: qtyp" in refused["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["events.ndjson"]


@pytest.mark.slow
def test_a_package_that_no_index_has_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x03cno_such_package_of_ours.parts\nModel\n)\x81.")
    flags = ["--model", "model.pkl", "--trust-model", "--trust-pickle", "no_such_package_of_ours.parts.Model"]
    refused = told("init", "d", *flags, "--events", "example", cwd=tmp_path, code=3)["errors"][0]
    assert refused["message"].startswith("What the model needs cannot be installed: no-such-package-of-ours.")
    assert "--python" in refused["hint"]
    assert [path.name for path in tmp_path.iterdir()] == ["model.pkl"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_the_environment_is_made_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    shutil.copy(skeletons_dir() / "xgboost" / "example" / "model.json", tmp_path)
    command = [sys.executable, "-m", "packflow_app", "init", "d", "--model", "model.json", "--events", "example"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (tmp_path / "d" / ".venv").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]


@pytest.mark.slow
def test_a_kill_while_the_environment_is_made_is_made_good_by_the_next_run(tmp_path: Path) -> None:
    shutil.copy(skeletons_dir() / "lightgbm" / "example" / "model.txt", tmp_path)
    words = ["init", "d", "--model", "model.txt", "--events", "example"]
    process = subprocess.Popen([sys.executable, "-m", "packflow_app", *words], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "d" / ".venv").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tmp_path / "d" / "packflow.yaml").exists()
    made = told(*words, cwd=tmp_path)["data"]
    assert all((tmp_path / "d" / name).is_file() for name in made["files"])
    assert not (tmp_path / "d" / ".packflow" / "init-unfinished").exists()
