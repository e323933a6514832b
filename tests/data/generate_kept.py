"""Export the small archive that later runtimes must run, and record what it gives: see tests/data/kept/README.md.

python tests/data/generate_kept.py [--force]
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "kept"
_BACKEND = '''\
"""Scores a connection: plain arithmetic, text and a table, the same on every machine."""

import json

from packflow_runtime import BackendConfig, InferenceBackend

from scoring import risk


class Config(BackendConfig):
    threshold: float = 0.5
    weights: dict[str, float] = {}


class Backend(InferenceBackend):
    backend_config_model = Config

    def initialize(self):
        self.table = json.loads((self.project_dir / "artifacts" / "table.json").read_text(encoding="utf-8"))

    def execute(self, inputs):
        scored = []
        for event in inputs:
            score = risk(event, self.config.weights, self.table)
            scored.append({"id": event["id"], "score": score, "alert": score > self.config.threshold})
        return scored
'''
_SCORING = '''\
"""How a connection is scored."""


def risk(event, weights, table):
    total = sum(weight * event[name] for name, weight in sorted(weights.items()))
    return round(total / 1024 + table.get(event["proto"], 0.25), 6)
'''
_CONFIG = """\
name: kept
version: 1.0.0
description: Scores connections; kept so that later runtimes prove that they still run it.
python_requires: '>=3.10'
backend_config:
  threshold: 0.75
  weights: {bytes: 0.5, packets: 2}
dry_run:
  events: samples/events.ndjson
golden: 10
"""
_FAILING = (
    b'not JSON\n\n{"id": 98, "proto": "udp"}\n'
    b'{"id": 99, "proto": "\xc3\xa9", "bytes": 18446744073709551616, "packets": 1}'
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Export the archive that later runtimes must run.")
    parser.add_argument("--force", action="store_true", help="replace the one of this version")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        events = _write_project(Path(folder, "kept"))
        _packflow("export", Path(folder, "kept"), "-o", folder)
        archive = Path(folder, "kept-1.0.0.zip")
        version = _packflow_runtime("--version").stdout.split()[1].decode()
        target = FOLDER / f"kept-1.0.0.runtime-{version}.zip.gz"
        if target.exists() and not options.force:
            print(f"{target.name} is there, and stays as it is", file=sys.stderr)
            return 1
        outcomes = _packflow_runtime("run", archive, "--codec", "stdlib", events=events).stdout
        stem = target.name.removesuffix(".zip.gz")
        target.write_bytes(gzip.compress(archive.read_bytes(), 9, mtime=0))
        (FOLDER / f"{stem}.events.ndjson").write_bytes(events)
        (FOLDER / f"{stem}.outcomes.ndjson").write_bytes(outcomes)
    return 0


def _write_project(folder: Path) -> bytes:
    """The project; returns the events to run, some of which fail."""
    lines = [
        b'{"id": %d, "proto": "%s", "bytes": %d, "packets": %d}\n'
        % (n, (b"tcp", b"udp", b"icmp")[n % 3], n * 97 % 1500, n % 7)
        for n in range(60)
    ]
    for name, content in {
        "packflow.yaml": _CONFIG.encode(),
        "inference.py": _BACKEND.encode(),
        "scoring.py": _SCORING.encode(),
        "requirements.txt": b"",
        "artifacts/table.json": b'{"tcp": 0.125, "udp": 0.5}\n',
        "samples/events.ndjson": b"".join(lines),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return b"".join(lines) + _FAILING


def _packflow(*words: object) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    command = [sys.executable, "-m", "packflow_app", *map(str, words)]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, env={**environment, "SOURCE_DATE_EPOCH": "1767225600"}
    )


def _packflow_runtime(*words: object, events: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    source = Path(__file__).resolve().parents[2] / "packflow_runtime" / "src"
    with tempfile.TemporaryDirectory() as cache_dir:
        return subprocess.run(
            [sys.executable, "-m", "packflow_runtime", *map(str, words)],
            input=events,
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(source), "PACKFLOW_CACHE": cache_dir},
        )


if __name__ == "__main__":
    sys.exit(main())
