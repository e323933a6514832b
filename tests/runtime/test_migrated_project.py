"""A project as users of packflow 0.4.1 write them, with nothing changed but its imports.

The expected values are those that packflow 0.4.1 gives for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import packflow_runtime
from packflow_runtime.loaders import LocalLoader

SOURCE = str(Path(packflow_runtime.__file__).parent.parent)
FILES = {
    "packflow.yaml": """\
# === METADATA ===
name: beacon-score
version: 0.2.0
description: Scores how regular connections are.
maintainers:
- ana@example.org

# === RUNTIME ===
inference_backend: scoring.model:Backend
loader: local
python_version: 3.11.4

# === ENVIRONMENT ===
env:
  BEACON_MODE: fast

# === BACKEND CONFIG ===
backend_config:
  rename_fields: {id.orig_h: src, ts: time}
  feature_names: [time, conn.bytes, src]
  threshold: 0.75
  labels: [quiet, loud]
  output_keys: [label]

# === CUSTOM ===
extra:
  team: network
""",
    "requirements.txt": "packflow==0.4.1\n",
    "scoring/__init__.py": "",
    "scoring/weights.py": "FACTOR = 2\n",
    "scoring/model.py": """\
import os
from typing import Any, Dict, List, Optional

from packflow import BackendConfig, InferenceBackend
from packflow.backend import BackendConfig as SameConfig
from packflow.loaders import InferenceBackendLoader, LocalLoader, ModuleLoader
from packflow.logger import get_logger

from scoring.weights import FACTOR

log = get_logger()


class Config(BackendConfig):
    threshold: float = 0.5
    labels: List[str] = []
    limits: Dict[str, int] = {"bytes": 1}
    note: Optional[str] = None


class Backend(InferenceBackend):
    backend_config_model = Config

    def initialize(self):
        assert SameConfig is BackendConfig
        self.mode = os.environ["BEACON_MODE"]
        self.logger.success("model {} is ready, {mode}", self.config.labels, mode=self.mode)
        log.debug("not shown")

    def transform_inputs(self, inputs: List[dict]) -> Any:
        self.logger.debug(f"{len(inputs)} records")
        return [(record.get("time"), record.get("conn", {}).get("bytes", 0), record) for record in inputs]

    def execute(self, inputs):
        return [(time, count * FACTOR, record) for time, count, record in inputs]

    def transform_outputs(self, outputs):
        quiet, loud = self.config.labels
        return [
            {"label": loud if score > self.config.threshold else quiet, "score": score, "seen": record}
            for _, score, record in outputs
        ]

    def ready(self):
        return self.mode == "fast"
""",
}
EVENTS: list[dict[str, Any]] = [
    {"id": {"orig_h": "10.0.0.1", "orig_p": 5}, "ts": 1.5, "conn": {"bytes": 3, "state": "SF"}, "extra": True},
    {"id": {}, "ts": 2, "conn": {}},
]
OUTPUTS = [
    {"label": "loud", "score": 6, "seen": {"time": 1.5, "conn": {"bytes": 3}, "src": "10.0.0.1"}},
    {"label": "quiet", "score": 0, "seen": {"time": 2}},
]


class Migrated(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.project = Path(holder.name)
        for name, text in FILES.items():
            path = self.project / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("from packflow", "from packflow_runtime"), encoding="utf-8")
        environment = mock.patch.dict(os.environ, {"PACKFLOW_LOG_LEVEL": "ERROR"})
        environment.start()
        self.addCleanup(environment.stop)

    def test_outputs(self) -> None:
        backend = LocalLoader.from_project(self.project)
        self.assertTrue(backend.ready())
        self.assertEqual(backend(EVENTS), OUTPUTS)
        self.assertEqual([backend(event) for event in EVENTS], OUTPUTS)
        self.assertEqual(backend.check_io(EVENTS), OUTPUTS)
        self.assertEqual(backend.validate(EVENTS[0]), OUTPUTS[0])
        self.assertEqual(backend([]), [])

    def test_overrides_win_over_the_file(self) -> None:
        backend = LocalLoader.from_project(self.project, threshold=10, verbose=True)
        self.assertEqual([output["label"] for output in backend(EVENTS)], ["quiet", "quiet"])
        self.assertEqual(backend.config.limits, {"bytes": 1})

    def test_metrics(self) -> None:
        backend = LocalLoader.from_project(self.project)
        backend(EVENTS)
        metrics = backend.get_metrics()
        times = metrics.execution_times
        self.assertEqual(metrics.batch_size, 2)
        for step in ("preprocess", "transform_inputs", "execute", "transform_outputs"):
            self.assertGreater(getattr(times, step), 0)
        self.assertAlmostEqual(metrics.total_execution_time, times.total())
        self.assertEqual(list(metrics.model_dump()), ["batch_size", "execution_times", "total_execution_time"])

    def test_in_a_process_of_its_own(self) -> None:
        program = (
            f"import sys; sys.path.insert(0, {SOURCE!r})\n"
            "from packflow_runtime.loaders import LocalLoader\n"
            "print(LocalLoader.from_project('.')({'ts': 1})['label'])"
        )
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            cwd=self.project,
            env={**os.environ, "PACKFLOW_LOG_LEVEL": "INFO", "BEACON_MODE": "the-old-secret"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(ran.stdout, "quiet\n", ran.stderr)
        self.assertIn("SUCCESS packflow.Backend: model ['quiet', 'loud'] is ready, fast", ran.stderr)
        self.assertNotIn("not shown", ran.stderr)
        self.assertNotIn("the-old-secret", ran.stderr)


if __name__ == "__main__":
    unittest.main()
