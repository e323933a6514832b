"""`run --resume`: killed at any point and started again, the output has the bytes of a run that was never killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import packflow_runtime

SOURCE = str(Path(packflow_runtime.__file__).parent.parent)
PLAIN = """\
import time
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        time.sleep(0.002)
        return [{"n": event["n"], "third": event["n"] / 3} for event in inputs]
"""
COUNTING = """\
import time
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    stateful = True

    def initialize(self):
        self.total = 0

    def execute(self, inputs):
        time.sleep(0.002)
        return [{"total": self.add(event)} for event in inputs]

    def add(self, event):
        self.total += event["n"]
        if event["n"] % 500 == 499:
            raise ValueError("it counts, and fails")
        return self.total

    def snapshot(self):
        return self.total

    def restore(self, value):
        self.total = value
"""


class Resuming(unittest.TestCase):
    kills = 6

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        (self.folder / "model").mkdir()
        (self.folder / "model" / "packflow.yaml").write_text("name: model\n", encoding="utf-8")
        self.events = self.folder / "events.ndjson"
        lines = ["nonsense" if n % 211 == 0 else f'{{"n":{n}}}' + ("\n" if n % 97 == 0 else "") for n in range(3000)]
        self.events.write_text("\n".join(lines), encoding="utf-8")

    def command(self, output: str, *more: str) -> list[str]:
        command = [sys.executable, "-B", "-m", "packflow_runtime", "run", str(self.folder / "model"), str(self.events)]
        return [*command, "-o", str(self.folder / output), "--batch-size", "16", "--codec", "stdlib", *more]

    def start(self, output: str, *more: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        return subprocess.Popen(self.command(output, *more), stderr=subprocess.PIPE, env=environment)

    def finish(self, output: str, *more: str) -> tuple[int, str]:
        with self.start(output, *more) as process:
            assert process.stderr is not None
            text = process.stderr.read().decode()
        return process.returncode, text

    def check(self, backend: str, *, letters: bool = False) -> None:
        (self.folder / "model" / "inference.py").write_text(backend, encoding="utf-8")
        whole, options = ["whole"], ["out", "--resume", "--checkpoint-every", "0"]
        if letters:  # both files hold what an earlier run left
            for command, name in ((whole, "whole.dead"), (options, "out.dead")):
                (self.folder / name).write_text("earlier\n", encoding="utf-8")
                command += ["--dead-letters", str(self.folder / name)]
        self.assertEqual(self.finish(*whole)[0], 0)
        expected = (self.folder / "whole").read_bytes()
        source = random.Random(11)
        for _ in range(self.kills):
            if (self.folder / "out").exists():
                break  # that run came to its end before it was killed
            with self.start(*options) as process:
                time.sleep(source.uniform(0.15, 0.5))
                process.send_signal(signal.SIGKILL)
            self.assertFalse((self.folder / "out").exists() and (self.folder / "out").read_bytes() != expected)
        if not (self.folder / "out").exists():
            code, text = self.finish(*options)
            self.assertEqual(code, 0, text)
            self.assertIn("events, ", text)
        self.assertEqual((self.folder / "out").read_bytes(), expected)
        if letters:
            self.assertEqual((self.folder / "out.dead").read_bytes(), (self.folder / "whole.dead").read_bytes())
            self.assertEqual((self.folder / "out.dead").read_bytes().count(b"\n"), 1 + 15)
            for name in ("out.dead", "whole.dead"):
                (self.folder / name).unlink()
        left = {path.name for path in self.folder.iterdir()}
        self.assertEqual(left, {"model", "events.ndjson", "whole", "out"})

    def test_a_plain_backend(self) -> None:
        self.check(PLAIN)

    def test_dead_letters(self) -> None:
        self.check(PLAIN, letters=True)

    def test_a_stateful_backend_with_snapshots(self) -> None:
        self.check(COUNTING)

    def test_counts_go_on_too(self) -> None:
        (self.folder / "model" / "inference.py").write_text(PLAIN, encoding="utf-8")
        with self.start("out", "--resume", "--checkpoint-every", "0") as process:
            while not (self.folder / "out.checkpoint").exists():
                time.sleep(0.01)
            process.kill()
        code, text = self.finish("out", "--resume")
        self.assertEqual(code, 0)
        self.assertIn("going on after line", text)
        self.assertIn("3,000 events, 2,985 outputs, 15 failed (not-json 15)", text)

    def test_what_cannot_be_resumed_is_refused(self) -> None:
        (self.folder / "model" / "inference.py").write_text(
            COUNTING.replace("def snapshot", "def other"), encoding="utf-8"
        )
        code, text = self.finish("out", "--resume")
        self.assertEqual(code, 2)
        self.assertIn("no snapshot() and restore(value)", text)
        start = [sys.executable, "-m", "packflow_runtime", "run", str(self.folder / "model")]
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        for more, told in (
            ([], "EVENTS and -o OUT are missing."),
            ([str(self.events)], "-o OUT is missing."),
            ([str(self.folder), "-o", "out"], "an events file that can be read again."),
        ):
            done = subprocess.run([*start, *more, "--resume"], capture_output=True, text=True, env=environment)
            self.assertEqual(done.returncode, 2)
            self.assertIn(told, done.stderr)

    def test_another_run_is_refused(self) -> None:
        (self.folder / "model" / "inference.py").write_text(PLAIN, encoding="utf-8")
        with self.start("out", "--resume", "--checkpoint-every", "0") as process:
            while not (self.folder / "out.checkpoint").exists():
                time.sleep(0.01)
            process.kill()
        code, text = self.finish("out", "--resume", "--batch-size", "8")
        self.assertEqual(code, 2)
        self.assertIn("is the checkpoint of another run: batch size differs.", text)


if __name__ == "__main__":
    unittest.main()
