"""A model that dies or hangs in its child costs the one event it dies of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from packflow_runtime.errors import PackflowError
from packflow_runtime.jsonlines import BadLineError
from packflow_runtime.lines import Line, Lines
from packflow_runtime.progress import SIZE
from packflow_runtime.protocol import write_frame
from packflow_runtime.supervised import ModelChild, ModelSource, SupervisedModel

BACKEND = """\
import ctypes, os, sys, time
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    step: int = 1

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        print("noise on standard output")
        for event in inputs:
            kind = event.get("do")
            if kind == "crash":
                ctypes.string_at(0)
            elif kind == "exit":
                os._exit(3)
            elif kind == "hang":
                time.sleep(60)
            elif kind == "raise":
                raise ValueError("no")
        return [{"n": event["n"] + self.config.step, "pid": os.getpid()} for event in inputs]
"""


class Supervised(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.project = Path(holder.name)
        (self.project / "packflow.yaml").write_text("name: model\n", encoding="utf-8")
        (self.project / "inference.py").write_text(BACKEND, encoding="utf-8")

    def model(self, *, timeout: float = 20.0, **source: object) -> SupervisedModel:
        model = SupervisedModel(ModelChild(ModelSource(self.project, **source), timeout=timeout))  # type: ignore[arg-type]
        self.addCleanup(model.close)
        model.start()
        return model

    def lines(self, *kinds: str | None) -> list[Line]:
        events = [{"n": n, **({"do": kind} if kind else {})} for n, kind in enumerate(kinds, 1)]
        return [Line(event["n"], json.dumps(event).encode()) for event in events]

    def codes(self, model: SupervisedModel, lines: list[Line]) -> list[str]:
        outcomes = model.run(Lines.of(lines))
        self.assertEqual(len(outcomes.encoded), len(lines))
        for index, (line, encoded) in enumerate(zip(lines, outcomes.encoded, strict=True)):
            value = json.loads(encoded)
            if index in outcomes.codes:
                self.assertEqual(value["packflow_error"]["line"], line.number)
                self.assertEqual(value["packflow_error"]["code"], outcomes.codes[index])
            else:
                self.assertEqual(value["n"], line.number + 1)
        return [outcomes.codes.get(index, "") for index in range(len(lines))]

    def first(self, model: SupervisedModel, *kinds: str | None) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(model.run(Lines.of(self.lines(*kinds))).encoded[0])
        return value

    def test_nothing_happens(self) -> None:
        model = self.model()
        self.assertEqual(self.codes(model, self.lines(None, None, None)), ["", "", ""])
        self.assertEqual(model.restarts, 0)
        self.assertNotEqual(self.first(model, None)["pid"], os.getpid())

    def test_a_crash_and_an_exit_cost_their_events(self) -> None:
        model = self.model()
        kinds = [None, "crash", None, None, "exit", None]
        expected = ["", "model-died", "", "", "model-died", ""]
        self.assertEqual(self.codes(model, self.lines(*kinds)), expected)
        self.assertEqual(model.restarts, 3)  # the batch, and each of the two alone
        self.assertEqual(self.codes(model, self.lines(None)), [""])

    def test_the_record_says_how_it_died(self) -> None:
        record = self.first(self.model(), "crash")["packflow_error"]
        self.assertEqual((record["step"], record["type"]), ("process", "ChildDiedError"))
        self.assertEqual(record["message"], "the model's process died of this event: it was killed by SIGSEGV")

    def test_a_hang_costs_its_event(self) -> None:
        started = time.monotonic()
        model = self.model(timeout=0.5)
        self.assertEqual(self.codes(model, self.lines(None, "hang", None)), ["", "model-timeout", ""])
        self.assertLess(time.monotonic() - started, 15)

    def test_what_is_no_death_stays_what_it_was(self) -> None:
        model = self.model()
        lines = [*self.lines(None, "raise"), Line(7, b"nonsense"), Line(9, b"", BadLineError("line-too-long", "long"))]
        self.assertEqual(self.codes(model, lines), ["", "backend-raised", "not-json", "line-too-long"])
        self.assertEqual(model.restarts, 0)

    def test_configuration_reaches_the_child(self) -> None:
        model = self.model(overrides={"step": 5})
        self.assertEqual(self.first(model, None)["n"], 6)
        model = self.model(config={"name": "model", "backend_config": {"step": "3"}})
        self.assertEqual(self.first(model, None)["n"], 4)

    def test_a_model_that_does_not_load(self) -> None:
        (self.project / "inference.py").write_text("raise RuntimeError('broken')\n", encoding="utf-8")
        with self.assertRaises(PackflowError) as caught:
            self.model()
        self.assertEqual(caught.exception.title, "Importing inference raised RuntimeError: broken")
        (self.project / "inference.py").write_text("import os; os._exit(7)\n", encoding="utf-8")
        with self.assertRaises(PackflowError) as caught:
            self.model()
        self.assertEqual(
            caught.exception.title, "The model's process could not load it: it ended itself with exit code 7."
        )

    def test_state_is_not_lost_in_silence(self) -> None:
        (self.project / "packflow.yaml").write_text("name: model\nstateful: true\n", encoding="utf-8")
        with self.assertRaises(PackflowError) as caught:
            self.model()
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("stateful", 2))

    def test_a_child_whose_parent_is_gone_ends_without_a_word(self) -> None:
        with tempfile.TemporaryFile() as record, tempfile.TemporaryFile() as errors:
            record.truncate(SIZE)
            gone, sink = os.pipe()
            child = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "import sys; from packflow_runtime.worker import main; sys.exit(main(sys.argv[1:]))",
                    str(record.fileno()),
                ],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=errors,
                pass_fds=[record.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            os.close(sink)
            os.close(gone)
            assert child.stdin is not None
            write_frame(child.stdin.fileno(), {"op": "run", "numbers": [], "batches": []})
            self.assertEqual(child.wait(30), 0)
            child.stdin.close()
            errors.seek(0)
            self.assertEqual(errors.read(), b"")

    def test_closing_ends_the_child(self) -> None:
        model = self.model()
        pid = self.first(model, None)["pid"]
        model.close()
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)
        model.close()


if __name__ == "__main__":
    unittest.main()
