"""``check_backend`` without pytest: it passes an honest backend and names what another breaks."""

from __future__ import annotations

import gzip
import json
import tempfile
import unittest
from pathlib import Path

from packflow_runtime.backend import InferenceBackend
from packflow_runtime.errors import PackflowError
from packflow_runtime.loading import load_project
from packflow_runtime.sample_events import read_sample_events
from packflow_runtime.testing import check_backend

EVENTS = [{"n": n} for n in range(20)]
SOURCE = (
    "from packflow_runtime import InferenceBackend\nclass Backend(InferenceBackend):\n    def execute(self, inputs):\n"
)


class CheckBackend(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def load(self, body: str, config: str = "") -> InferenceBackend:
        (self.folder / "packflow.yaml").write_text(f"name: model\nversion: '1.0'\n{config}")
        (self.folder / "inference.py").write_text(f"{SOURCE}        {body}\n")
        return load_project(self.folder)

    def test_an_honest_backend_passes(self) -> None:
        check_backend(self.load("return [{'n': e['n'] * 2} for e in inputs]"), EVENTS)

    def test_what_is_broken_is_named_all_of_it(self) -> None:
        backend = self.load("return [{'n': e.pop('n') / len(inputs)} for e in inputs]")
        with self.assertRaises(AssertionError) as caught:
            check_backend(backend, EVENTS)
        said = str(caught.exception)
        self.assertIn("model 1.0 does not keep its promises on 20 events:", said)
        self.assertIn("- the model changes field n of event 1", said)
        self.assertIn("- one by one and batch 8 differ, first on event 2, field n: 1.0 one by one, 0.125", said)
        self.assertIn("Events 1 and 2 together are enough to show it.", said)

    def test_batch_sizes_are_the_projects(self) -> None:
        backend = self.load("return [{'big': len(inputs) > 12} for e in inputs]", "dry_run:\n  batch_sizes: [16]\n")
        with self.assertRaisesRegex(AssertionError, "one by one and batch 16 differ"):
            check_backend(backend, EVENTS)

    def test_a_backend_without_a_project(self) -> None:
        class Backend(InferenceBackend):
            def execute(self, inputs: list[dict[str, int]]) -> list[dict[str, int]]:
                return [{"size": len(inputs)} for _ in inputs]

        backend = Backend()
        backend.project_dir = self.folder
        with self.assertRaisesRegex(AssertionError, "Backend does not keep its promises on 20 events"):
            check_backend(backend, EVENTS)

    def test_no_events_prove_nothing(self) -> None:
        with self.assertRaises(PackflowError) as caught:
            check_backend(self.load("return [{} for e in inputs]"), [])
        self.assertEqual(caught.exception.code, "events-empty")


class SampleEvents(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "packflow.yaml").write_text("name: model\ndry_run:\n  events: events.data\n")

    def read(self, content: bytes, most: int = 1000) -> list[dict[str, object]]:
        (self.folder / "events.data").write_bytes(content)
        return read_sample_events(self.folder, most)

    def test_lines_an_array_and_either_compressed(self) -> None:
        lines = b"\n".join(json.dumps(event).encode() for event in EVENTS)
        array = json.dumps(EVENTS, indent=2).encode()
        for content in (lines, b"\xef\xbb\xbf" + lines, b"\n\n" + array, gzip.compress(lines), gzip.compress(array)):
            with self.subTest(content[:20]):
                self.assertEqual(self.read(content), EVENTS)

    def test_what_is_no_event_is_passed_over_and_the_first_are_taken(self) -> None:
        self.assertEqual(self.read(b'{"a":1}\nno\n[]\n\n{"a":2}\n{"a":3}\n', most=2), [{"a": 1}, {"a": 2}])

    def test_what_cannot_be_read_is_said(self) -> None:
        for content, told in (
            (b"", "holds no events"),
            (b"[1, 2", "no JSON array"),
            (b"\x1f\x8b\x08", "cannot be read"),
        ):
            with self.subTest(content), self.assertRaises(PackflowError) as caught:
                self.read(content)
            self.assertIn(told, caught.exception.title)


if __name__ == "__main__":
    unittest.main()
