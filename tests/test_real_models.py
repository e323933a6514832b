"""Models as people have them, in environments of their own: synced, dry-run, compared, exported and run.

The events are real ones where ``PACKFLOW_EVENTS_DIR`` has them, else those of tests/data.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import told

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
ARTIFACTS = {"sklearn": "pipeline.joblib", "onnx": "model.onnx", "torch": "network.pt"}
TRAINED_WITH = {"onnx": ["onnx==1.19.0"]}
REAL = Path(os.environ.get("PACKFLOW_EVENTS_DIR", HERE.parent.parent / "shared" / "events"))
NAMES = ["cloudtrail_invictus.ndjson.gz", "windows_sysmon.ndjson.gz", "suricata_alerts.json"]
GENERATED = ["deep_audit.ndjson", "dotted_dns.ndjson.gz", "flows.json"]
EVENTS = [
    REAL / name if (REAL / name).is_file() else HERE / "data" / own for name, own in zip(NAMES, GENERATED, strict=True)
]


def make_project(folder: Path, kind: str) -> Path:
    """The project of one kind of model, its environment synced and its artifact made there."""
    project = folder / f"{kind}_model"
    shutil.copytree(MODELS / kind, project, ignore=shutil.ignore_patterns("train.py", "__pycache__"))
    shutil.copy(MODELS / "shape.py", project)
    (project / "packflow.yaml").write_text(f"name: {kind}-model\n", encoding="utf-8")
    told("env", "sync", project, timeout=900)
    if kind in ARTIFACTS:
        (project / "artifacts").mkdir()
        python = str(project / ".venv" / "bin" / "python")
        if kind in TRAINED_WITH:  # kept out of the project's environment
            subprocess.run([sys.executable, "-m", "venv", folder / "training"], check=True)
            python = str(folder / "training" / "bin" / "python")
            subprocess.run([python, "-m", "pip", "install", "-q", *TRAINED_WITH[kind]], check=True)
        subprocess.run([python, MODELS / kind / "train.py", project / "artifacts" / ARTIFACTS[kind]], check=True)
    return project


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numpy", "sklearn", "onnx", "torch"])
def test_a_real_model(kind: str, tmp_path: Path) -> None:
    project = make_project(tmp_path, kind)
    for events in EVENTS:
        found = told("-C", project, "dry-run", events, timeout=900)["data"]
        parity = found["parity"]
        assert found["failed"] == 0, events
        assert parity["equal"], (events, parity["first_difference"], parity["cause"])
        assert found["python_path"].startswith(str(project / ".venv"))
        assert found["peak_memory"] > 10_000_000
    (project / "samples").mkdir()
    sample = project / "samples" / EVENTS[0].name.removesuffix(".gz")
    raw = gzip.decompress(EVENTS[0].read_bytes()) if EVENTS[0].suffix == ".gz" else EVENTS[0].read_bytes()
    sample.write_bytes(raw)
    with (project / "packflow.yaml").open("a", encoding="utf-8") as file:
        file.write(f"dry_run: {{events: samples/{sample.name}}}\n")
    exported = told("export", project, "-o", tmp_path, timeout=900)["data"]
    run = subprocess.run(
        [project / ".venv" / "bin" / "python", exported["path"], "run", sample],
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "PACKFLOW_CACHE": str(tmp_path / "cache")},
    )
    assert run.returncode == 0, run.stderr.decode()
    outcomes = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(outcomes) == len(raw.splitlines())
    assert not any("packflow_error" in outcome for outcome in outcomes)
