"""The sample events that a project's tests get, however they lie on the disk."""

from __future__ import annotations

import gzip
import json
import tempfile
import unittest
from pathlib import Path

from packflow_runtime.errors import PackflowError
from packflow_runtime.sample_events import read_sample_events

EVENTS = [{"n": n} for n in range(20)]


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
