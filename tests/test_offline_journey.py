"""Across an air gap: a scikit-learn project's archive and a folder of wheels, then everything without any index."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commands import told
from packflow_runtime.manifest import LOCK_NAME, MANIFEST_NAME, FileRecord, parse_manifest
from runtime.archives import archive_of

HERE = Path(__file__).resolve().parent
EVENTS = HERE / "data" / "deep_audit.ndjson"


@dataclass(frozen=True)
class Delivery:
    """What is carried over: one file, and a folder."""

    archive: Path
    wheels: Path
    events: bytes
    outputs: bytes


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """The builder's side, with a network: project, environment, joblib model, lock, archive, wheels."""
    folder = tmp_path_factory.mktemp("builder")
    project = folder / "sklearn-model"
    shutil.copytree(HERE / "models" / "sklearn", project, ignore=shutil.ignore_patterns("train.py", "__pycache__"))
    shutil.copy(HERE / "models" / "shape.py", project)
    (project / "samples").mkdir()
    shutil.copy(EVENTS, project / "samples")
    (project / "packflow.yaml").write_text(f"name: sklearn-model\ndry_run: {{events: samples/{EVENTS.name}}}\n")
    told("env", "sync", project, timeout=900)
    (project / "artifacts").mkdir()
    python = project / ".venv" / "bin" / "python"
    train = HERE / "models" / "sklearn" / "train.py"
    subprocess.run([python, train, project / "artifacts" / "pipeline.joblib"], check=True)
    told("env", "lock", project, timeout=900)
    exported = Path(told("export", project, "-o", folder)["data"]["path"])
    archive = with_lock(exported, (project / "requirements.lock").read_bytes())
    wheels = folder / "wheels"
    download = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", wheels]
    subprocess.run([*download, "-r", project / "requirements.lock"], check=True)
    events = EVENTS.read_bytes()
    run = subprocess.run(
        [python, archive, "run", "--codec", "stdlib"],
        input=events,
        capture_output=True,
        check=True,
        env={**os.environ, "PACKFLOW_CACHE": str(folder / "cache")},
    )
    return Delivery(archive, wheels, events, run.stdout)


def with_lock(archive: Path, lock: bytes) -> Path:
    """The archive with its project's lock inside, if the export has not put it there."""
    with zipfile.ZipFile(archive) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    manifest = parse_manifest(contents.pop(MANIFEST_NAME))
    if LOCK_NAME not in contents:
        contents[LOCK_NAME] = lock
        files = {**manifest.files, LOCK_NAME: FileRecord(len(lock), hashlib.sha256(lock).hexdigest())}
        archive.write_bytes(archive_of(contents, replace(manifest, files=files)))
    return archive


def receiver(
    delivery: Delivery, folder: Path, *words: object, events: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """The receiver's side: a bare Python, an empty home, and nothing that could reach an index."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    variables = {
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "UV_OFFLINE": "1",
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "PYTHONNOUSERSITE": "1",
    }
    command = [base, str(delivery.archive), *map(str, words)]
    return subprocess.run(command, input=events, capture_output=True, check=False, env=variables, cwd=folder)


@pytest.mark.slow
def test_install_replay_and_run_with_no_index_reachable(delivery: Delivery, tmp_path: Path) -> None:
    before = receiver(delivery, tmp_path, "install")
    assert before.returncode == 3, "without the wheels there is nothing to install from"
    done = receiver(delivery, tmp_path, "install", "--wheelhouse", delivery.wheels)
    assert done.returncode == 0, done.stderr.decode()
    replayed = receiver(delivery, tmp_path, "replay", "--json")
    assert replayed.returncode == 0, replayed.stdout.decode() + replayed.stderr.decode()
    data = json.loads(replayed.stdout)["data"]
    assert (data["equal"], data["failed"]) == (True, 0)
    assert data["events"] > 0
    assert data["locked"]
    assert {one["name"] for one in data["libraries"]} >= {"scikit-learn", "numpy", "joblib"}
    assert all(one["same"] for one in data["libraries"] if one["here"] is not None)
    ran = receiver(delivery, tmp_path, "run", "--codec", "stdlib", events=delivery.events)
    assert (ran.returncode, ran.stdout) == (0, delivery.outputs), ran.stderr.decode()
    assert b"packflow_error" not in ran.stdout
    listed = json.loads(receiver(delivery, tmp_path, "cache", "list", "--json").stdout)["data"]
    assert [one["models"] for one in listed["environments"]] == [["sklearn-model-0.1.0"]]


@pytest.mark.slow
def test_a_pickle_that_asks_for_more_than_the_dry_run_saw_is_refused(delivery: Delivery, tmp_path: Path) -> None:
    """The exported archive itself, with one name less on its allowlist."""
    assert receiver(delivery, tmp_path, "install", "--wheelhouse", delivery.wheels).returncode == 0
    with zipfile.ZipFile(delivery.archive) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    manifest = parse_manifest(contents.pop(MANIFEST_NAME))
    name = next(one for one in manifest.pickle_allowlist if one.startswith("sklearn."))
    fewer = [one for one in manifest.pickle_allowlist if one != name]
    changed = replace(delivery, archive=tmp_path / "fewer.zip")
    changed.archive.write_bytes(archive_of(contents, replace(manifest, pickle_allowlist=fewer)))
    for words in (("run",), ("replay",), ("run", "--workers", "2")):
        done = receiver(changed, tmp_path, *words, events=delivery.events)
        assert (done.returncode, done.stdout) == (1, b"")
        assert f"error: A pickle asks for {name}, which is not allowed." in done.stderr.decode()
