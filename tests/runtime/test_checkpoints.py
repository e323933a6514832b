"""Checkpoints: what is kept, what is cut, and what is refused."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from packflow_runtime.checkpoints import Checkpoints, after_line, has_its_name, input_identity
from packflow_runtime.errors import PackflowError
from packflow_runtime.lines import Lines
from packflow_runtime.output_file import OutputFile

IDENTITY = {"archive": "a" * 64, "batch_size": 64}


class Resuming(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.path = self.folder / "out.checkpoint"
        self.output = self.folder / "out.partial"

    def open(self, identity: dict[str, object] = IDENTITY, **options: object) -> tuple[Checkpoints, int]:
        descriptor = os.open(self.output, os.O_RDWR | os.O_CREAT, 0o666)
        self.addCleanup(os.close, descriptor)
        return Checkpoints(self.path, identity, {"output": descriptor}, interval=0, **options), descriptor  # type: ignore[arg-type]

    def refused(self, **identity: object) -> PackflowError:
        with self.assertRaises(PackflowError) as caught:
            self.open({**IDENTITY, **identity})
        self.assertEqual(caught.exception.exit_code, 2)
        return caught.exception

    def test_a_new_run_starts_with_nothing(self) -> None:
        self.output.write_bytes(b"left by an older run")
        checkpoints, _ = self.open()
        self.assertIsNone(checkpoints.resumed)
        self.assertEqual(self.output.read_bytes(), b"")

    def test_what_was_written_after_the_checkpoint_is_cut(self) -> None:
        checkpoints, descriptor = self.open()
        os.write(descriptor, b"one\ntwo\n")
        checkpoints.batch_done(7, 2, {"not-json": 1})
        os.write(descriptor, b"three\nfo")
        again, descriptor = self.open()
        assert again.resumed is not None
        self.assertEqual((again.resumed.line, again.resumed.events), (7, 2))
        self.assertEqual((again.resumed.errors, again.resumed.snapshot), ({"not-json": 1}, None))
        os.write(descriptor, b"THREE\n")
        self.assertEqual(self.output.read_bytes(), b"one\ntwo\nTHREE\n")

    def test_a_snapshot_is_kept(self) -> None:
        state = mock.Mock(snapshot=lambda: b'{"seen": [1, 2]}')
        checkpoints, _ = self.open(state=state)
        checkpoints.batch_done(1, 1, {})
        again, _ = self.open()
        assert again.resumed is not None
        self.assertEqual(again.resumed.snapshot, {"seen": [1, 2]})
        self.assertEqual(again.resumed.state, b'{"seen": [1, 2]}')

    def test_a_complete_run_leaves_nothing(self) -> None:
        checkpoints, _ = self.open()
        checkpoints.batch_done(1, 1, {})
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"out.checkpoint", "out.partial"})
        checkpoints.remove()
        checkpoints.remove()
        self.assertFalse(self.path.exists())

    def test_a_run_that_was_killed_after_it_gave_its_output_its_name(self) -> None:
        checkpoints, descriptor = self.open()
        os.write(descriptor, b"one\n")
        checkpoints.batch_done(1, 1, {})
        output = self.folder / "out"
        self.assertFalse(has_its_name(output, self.path, self.output))
        checkpoints.complete()
        self.assertFalse(has_its_name(output, self.path, self.output))
        self.output.rename(output)
        self.assertTrue(has_its_name(output, self.path, self.output))
        file = OutputFile(output, keep=True, is_named=True)
        self.addCleanup(os.close, file.descriptor)
        again = Checkpoints(self.path, IDENTITY, {"output": file.descriptor}, interval=0)
        assert again.resumed is not None
        self.assertEqual((again.resumed.line, output.read_bytes()), (1, b"one\n"))
        output.write_bytes(b"o")
        self.assertFalse(has_its_name(output, self.path, self.output))

    def test_another_run_is_refused_by_name(self) -> None:
        checkpoints, _ = self.open()
        checkpoints.batch_done(1, 1, {})
        error = self.refused(archive="b" * 64, codec="orjson")
        self.assertEqual(error.title, f"{self.path} is the checkpoint of another run: archive, codec differ.")
        self.assertEqual(error.code, "checkpoint-differs")

    def test_an_output_that_lost_bytes_is_refused(self) -> None:
        checkpoints, descriptor = self.open()
        os.write(descriptor, b"one\n")
        checkpoints.batch_done(1, 1, {})
        self.output.write_bytes(b"o")
        self.assertIn("is shorter than its checkpoint", self.refused().title)

    def test_what_is_no_checkpoint_is_refused(self) -> None:
        valid = {"version": 1, "identity": IDENTITY, "outputs": {"output": 0}}
        valid["progress"] = {"line": 1, "events": 1, "errors": {}, "snapshot": None}
        for broken in (b"", b"{", b"[]", b"\xff", b"{}", *(json.dumps({**valid, key: 0}).encode() for key in valid)):
            with self.subTest(broken):
                self.path.write_bytes(broken)
                self.assertEqual(self.refused().code, "checkpoint-invalid")
        self.path.write_bytes(json.dumps(valid).encode())
        self.open()

    def test_a_checkpoint_is_due_only_after_its_interval(self) -> None:
        descriptor = os.open(self.output, os.O_RDWR | os.O_CREAT, 0o666)
        self.addCleanup(os.close, descriptor)
        checkpoints = Checkpoints(self.path, IDENTITY, {"output": descriptor}, interval=3600)
        checkpoints.batch_done(1, 1, {})
        checkpoints.batch_done(2, 2, {})
        self.assertEqual(json.loads(self.path.read_bytes())["progress"]["line"], 1)


class Skipping(unittest.TestCase):
    def test_lines_after_a_number(self) -> None:
        blocks = [Lines([1, 3, 4], [b"a", b"b", b"c"]), Lines([], []), Lines([6, 9], [b"d", b"e"])]
        for line, expected in ((0, [1, 3, 4, 6, 9]), (3, [4, 6, 9]), (4, [6, 9]), (5, [6, 9]), (9, []), (99, [])):
            with self.subTest(line):
                found = [number for block in after_line(iter(blocks), line) for number in block.numbers]
                self.assertEqual(found, expected)

    def test_input_identity(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "events")
            path.write_bytes(b"x" * 100_000)
            before = input_identity(path)
            self.assertEqual(input_identity(path), before)
            path.write_bytes(b"y" + b"x" * 99_999)
            self.assertNotEqual(input_identity(path)["head"], before["head"])
            path.write_bytes(b"x" * 100_001)
            self.assertNotEqual(input_identity(path)["size"], before["size"])


if __name__ == "__main__":
    unittest.main()
