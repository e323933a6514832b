"""Projects as users of packflow 0.4 write them, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PYDANTIC_BACKEND = '''\
"""Scores connections."""
from packflow import BackendConfig, InferenceBackend  # the framework
from packflow.exceptions import InferenceBackendRuntimeError
from pydantic import Field, field_validator


class Config(BackendConfig):
    threshold: float = Field(0.5, ge=0, le=1)
    labels: list[str] = ["quiet", "loud"]
    limits: dict = {}
    strict: bool = False

    @field_validator("labels")
    @classmethod
    def two(cls, value):
        if len(value) != 2:
            raise ValueError("two labels are needed")
        return value


class Backend(InferenceBackend):
    backend_config_model = Config

    def initialize(self):
        self.settings = self.config.model_dump()
        self.logger.success("ready with {} labels, threshold {threshold}", len(self.config.labels), threshold=0.5)

    def execute(self, inputs):
        return [self.score(event) for event in inputs]

    def score(self, event):
        if self.config.strict and "bytes" not in event:
            raise InferenceBackendRuntimeError("no bytes")
        share = min(event.get("bytes", 0) / self.settings["limits"]["bytes"], 1.0)
        quiet, loud = self.config.labels
        label = loud if share >= self.config.threshold else quiet
        return {"share": share, "label": label, "limits": self.config.limits}
'''
PYDANTIC_YAML = """\
# === METADATA ===
name: shares
version: 0.1.0
description: How much of what is usual a connection moves, which is told as a share of the limit that the
  configuration sets
maintainers:
- ana@example.org

# === RUNTIME ===
inference_backend: inference:Backend
loader: local

# === BACKEND CONFIG ===
backend_config:
  threshold: 0.25  # of the limit
  strict: yes
  limits:
    bytes: 1_000
    rate: 0.50
"""
PYDANTIC_EVENTS = [{"bytes": 10}, {"bytes": 250, "note": "é"}, {"bytes": 5000}, {"packets": 3}]

NESTED_BACKEND = """\
import packflow
from packflow.utils import flatten_records


class Backend(packflow.InferenceBackend):
    def transform_inputs(self, inputs):
        return flatten_records(inputs)

    def execute(self, inputs):
        return [
            {"keys": sorted(event), "total": sum(value for value in event.values() if isinstance(value, int))}
            for event in inputs
        ]
"""
NESTED_YAML = """\
name: nested-totals
inference_backend: inference:Backend
backend_config:
  feature_names:
  - conn.bytes.sent
  - conn.bytes.received
  - id.port
"""
NESTED_EVENTS: list[dict[str, Any]] = [
    {"conn": {"bytes": {"sent": 3, "received": 4}, "state": "SF"}, "id": {"host": "a", "port": 53}},
    {"conn": {"bytes": {"sent": 1}}, "id": {}},
    {"other": True},
]

NUMPY_BACKEND = """\
import numpy as np
from packflow.backend import InferenceBackend
from packflow.utils.normalize import ensure_valid_output


class Backend(InferenceBackend):
    def initialize(self):
        self.weights = np.array([0.5, 2.0])

    def execute(self, inputs):
        return inputs @ self.weights

    def transform_outputs(self, outputs):
        return ensure_valid_output({"score": value} for value in outputs.tolist())
"""
NUMPY_YAML = """\
name: weighted
inference_backend: inference:Backend
backend_config:
  input_format: numpy
  feature_names: [x, y.z]
"""
NUMPY_EVENTS = [{"x": 1.5, "y": {"z": 2.0}}, {"x": 0.25, "y": {"z": -1.0}}, {"x": 4.0, "y": {"z": 0.0}}]

TESTS = """\
import pytest
from packflow.loaders import LocalLoader

EVENTS = {events!r}


@pytest.fixture
def backend():
    return LocalLoader.from_project(".")


def test_check_io(backend):
    assert backend.check_io(EVENTS) is not None
"""


def write_old_project(
    folder: Path, backend: str, config: str, events: list[Any], *, recorded: bool = False, requirements: str = ""
) -> Path:
    """The files of a project of packflow 0.4, with its events in a file, or as what its tests give to the backend."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inference.py").write_text(backend, encoding="utf-8")
    (folder / "packflow.yaml").write_text(config, encoding="utf-8")
    (folder / "requirements.txt").write_text(f"packflow==0.4.1\n{requirements}", encoding="utf-8")
    (folder / "tests.py").write_text(TESTS.format(events=[] if recorded else events), encoding="utf-8")
    if recorded:
        lines = "".join(json.dumps(event) + "\n" for event in events)
        (folder / "events.jsonl").write_text(lines, encoding="utf-8")
    return folder
