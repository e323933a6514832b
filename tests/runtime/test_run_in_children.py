"""`run --supervise` and `run --workers N`: a crash costs its event, and order is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import packflow_runtime
from runtime.archives import archive_of, runnable_files

SOURCE = str(Path(packflow_runtime.__file__).parent.parent)
BACKEND = """\
import ctypes, os, time
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    step: int = 1

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        if any(event["n"] in (77, 1234, 1999) for event in inputs):
            ctypes.string_at(0)
        if any(event["n"] == 500 for event in inputs):
            time.sleep(60)
        return [{"n": event["n"] + self.config.step, "pid": os.getpid()} for event in inputs]
"""


class Children(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.project = self.folder / "model"
        self.project.mkdir()
        (self.project / "packflow.yaml").write_text("name: model\n", encoding="utf-8")
        (self.project / "inference.py").write_text(BACKEND, encoding="utf-8")
        self.events = self.folder / "events.ndjson"
        self.events.write_text("".join(f'{{"n":{n}}}\n' for n in range(2000)), encoding="utf-8")

    def run_it(self, *arguments: str, target: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "packflow_runtime", "run", str(target or self.project), *arguments]
        environment = {**os.environ, "PYTHONPATH": SOURCE, "PACKFLOW_CACHE": str(self.folder / "cache")}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)

    def assert_outcomes(self, done: subprocess.CompletedProcess[str], step: int = 1) -> set[int]:
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        outcomes = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(outcomes), 2000)
        pids = set()
        for n, outcome in enumerate(outcomes):
            if n in (77, 1234, 1999, 500):
                record = outcome["packflow_error"]
                self.assertEqual((record["line"], record["step"]), (n + 1, "process"))
                self.assertEqual(record["code"], "model-timeout" if n == 500 else "model-died")
            else:
                self.assertEqual(outcome["n"], n + step)
                pids.add(outcome["pid"])
        return pids

    def test_a_supervised_run_loses_exactly_the_events_it_dies_of(self) -> None:
        done = self.run_it(str(self.events), "--supervise", "--timeout", "1", "--set", "step=3")
        self.assert_outcomes(done, step=3)
        self.assertIn("2,000 events, 1,996 outputs, 4 failed (model-died 3, model-timeout 1)", done.stderr)

    def test_untyped_values_of_the_command_line_are_alike_in_children(self) -> None:
        untyped = BACKEND.replace("step: int = 1", "step: int = 1\n    more: dict = {}").replace(
            'event["n"] + self.config.step', "repr(self.config.more)"
        )
        (self.project / "inference.py").write_text(untyped, encoding="utf-8")
        self.events.write_text('{"n":1}\n', encoding="utf-8")
        config = self.folder / "config.json"
        config.write_text('{"more": {"text": "5"}}', encoding="utf-8")
        found = set()
        for options in ((), ("--supervise",)):
            done = self.run_it(str(self.events), "--config", str(config), "--set", "more.number=5", *options)
            found.add(json.loads(done.stdout)["n"])
        self.assertEqual(found, {"{'text': '5', 'number': 5}"})

    def test_workers_keep_the_order(self) -> None:
        pids = self.assert_outcomes(self.run_it(str(self.events), "--workers", "2", "--timeout", "1"))
        self.assertGreaterEqual(len(pids), 2)

    def test_an_archive_runs_in_children_too(self) -> None:
        path = self.folder / "tiny.zip"
        path.write_bytes(archive_of(runnable_files()))
        done = self.run_it(str(self.events), "--workers", "2", target=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([json.loads(line)["n"] for line in done.stdout.splitlines()], [n + 10 for n in range(2000)])

    def test_without_children_the_crash_is_the_end(self) -> None:
        self.assertEqual(self.run_it(str(self.events)).returncode, -11)

    def test_a_model_that_does_not_load_is_one_clear_error(self) -> None:
        (self.project / "inference.py").write_text("raise RuntimeError('broken')\n", encoding="utf-8")
        done = self.run_it(str(self.events), "--workers", "2")
        self.assertEqual(done.returncode, 4)
        self.assertIn("error: Importing inference raised RuntimeError: broken", done.stderr)

    def test_no_child_outlives_a_run_that_is_killed(self) -> None:
        command = [sys.executable, "-m", "packflow_runtime", "run", str(self.project), "--workers", "2"]
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b'{"n":1}\n')
            process.stdin.flush()
            child = json.loads(process.stdout.readline())["pid"]
            process.kill()
        for _ in range(200):
            if not _lives(child):
                return
            subprocess.run(["sleep", "0.02"], check=True)
        self.fail("the child lives on")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
