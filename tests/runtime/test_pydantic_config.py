"""Configurations that are pydantic models, as packflow 0.4's were."""

from __future__ import annotations

import importlib.util
import tempfile
import unittest
from pathlib import Path

from packflow_runtime.errors import InferenceBackendInitializationError
from packflow_runtime.loading import load

BACKEND = """\
from packflow_runtime import InferenceBackend
from packflow_runtime.pydantic import BackendConfig, InputFormats
from pydantic import Field, field_validator
from typing import Any

class Config(BackendConfig):
    threshold: float = Field(default=0.5, ge=0, le=1)
    labels: list[str] = []
    strict: bool = False
    params: dict = {}
    anything: Any = None
    names: dict[str, str] = {}

    @field_validator("labels")
    @classmethod
    def upper(cls, labels):
        return [label.upper() for label in labels]

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        assert self.config.input_format == InputFormats.RECORDS
        self.logger.success("scored {} events", len(inputs))
        return [{"seen": dict(event), "config": self.config.model_dump(mode="json")} for event in inputs]
"""


@unittest.skipIf(importlib.util.find_spec("pydantic") is None, "needs pydantic: pip install pydantic")
class PydanticConfig(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.project = Path(holder.name)
        (self.project / "inference.py").write_text(BACKEND, encoding="utf-8")

    def write(self, config: str) -> None:
        (self.project / "packflow.yaml").write_text(f"name: model\nbackend_config:\n{config}", encoding="utf-8")

    def test_text_gets_its_type_and_validators_run(self) -> None:
        self.write("  threshold: 0.25\n  labels: [a, b]\n  strict: true\n  rename_fields: {old: new}\n")
        output = load(self.project)({"old": 1, "other": 2})
        self.assertEqual(output["seen"], {"new": 1, "other": 2})
        config = output["config"]
        self.assertEqual((config["threshold"], config["labels"], config["strict"]), (0.25, ["A", "B"], True))
        self.assertEqual(config["input_format"], "records")

    def test_places_without_a_type(self) -> None:
        self.write("  params: {n: 100, r: 0.5, v: 3.10, on: true, l: [1, x]}\n  anything: 7\n  names: {a: 5}\n")
        config = load(self.project)({})["config"]
        self.assertEqual(config["params"], {"n": 100, "r": 0.5, "v": "3.10", "on": True, "l": [1, "x"]})
        self.assertEqual((config["anything"], config["names"]), (7, {"a": "5"}))

    def test_overrides_win(self) -> None:
        self.write("  threshold: 0.25\n")
        self.assertEqual(load(self.project, threshold=1)({})["config"]["threshold"], 1.0)

    def test_what_does_not_fit_is_named(self) -> None:
        for config, expected in (
            ("  threshold: 2\n", "threshold: Input should be less than or equal to 1"),
            ("  threshold: much\n", "threshold: Input should be a valid number"),
            ("  unknown: 1\n", "unknown: Extra inputs are not permitted"),
            ("  missing: sometimes\n", "missing: "),
        ):
            with self.subTest(config):
                self.write(config)
                with self.assertRaises(InferenceBackendInitializationError) as caught:
                    load(self.project)
                self.assertIn(expected, caught.exception.title)
                self.assertIn("threshold", caught.exception.hint)
                self.assertEqual(caught.exception.code, "config-invalid")


if __name__ == "__main__":
    unittest.main()
