"""``serve`` as its user starts it: a process, pipes at its ends, and what it says before any broker is asked."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock

import packflow_runtime
from packflow_runtime.engines.broker.addresses import Pipe
from packflow_runtime.engines.broker.standard_streams import LinesSource
from packflow_runtime.errors import PackflowError
from runtime.archives import archive_of, runnable_files

SOURCES = str(Path(packflow_runtime.__file__).parents[1])
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from packflow_runtime.cli import main; sys.exit(main())"
LOADED = START.replace(
    "sys.exit(main())",
    "main(); print(*sorted(name for name in sys.modules if 'engines' in name or name in {'redis', 'nats', 'asyncio'}))",
)
BACKEND = """\
import os
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    step: int = 1

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        print("printed by the model")
        for event in inputs:
            if event.get("do") == "raise":
                raise ValueError("no")
            if event.get("do") == "die":
                os._exit(3)
        return [{"n": event["n"] + self.config.step} for event in inputs]
"""
EVENTS = b'{"n":1}\nbad\n\n{"n":2,"do":"raise"}\n{"n":3}\n'


class Case(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.project = self.folder / "project"
        self.project.mkdir()
        self.write_config("")
        (self.project / "inference.py").write_text(BACKEND)

    def write_config(self, more: str) -> None:
        (self.project / "packflow.yaml").write_text(f"name: model\n{more}")

    def command(self, *arguments: object, code: str = START) -> list[str]:
        return [sys.executable, "-I", "-c", code, SOURCES, "serve", str(self.project), *map(str, arguments)]

    def serve(self, *arguments: object, stdin: bytes = EVENTS) -> tuple[int, bytes, str]:
        words = ["--source", "stdin:", "--sink", "stdout:", *arguments]
        done = subprocess.run(self.command(*words), input=stdin, capture_output=True, timeout=60)
        said = done.stderr.decode()
        self.assertNotIn("Traceback", said)
        return done.returncode, done.stdout, said

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(self.command(*arguments), bufsize=0, **pipes)  # type: ignore[call-overload]
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process  # type: ignore[no-any-return]


class Pipes(Case):
    def test_one_outcome_for_each_line_with_its_id(self) -> None:
        code, written, said = self.serve("--codec", "stdlib")
        first, bad, raised, last = (json.loads(line) for line in written.splitlines())
        self.assertEqual((code, first, last), (0, {"n": 2}, {"n": 4}))
        self.assertEqual([one["packflow_error"]["event"] for one in (bad, raised)], ["stdin:2", "stdin:4"])
        self.assertIn("serving stdin: to stdout:", said)
        self.assertIn("4 events, 2 outputs, 2 failed (backend-raised 1, not-json 1)", said)
        self.assertIn("printed by the model", said)

    def test_options_of_run_mean_what_they_mean_there(self) -> None:
        code, written, said = self.serve("--set", "step=5", "--max-errors", "1", "--batch-size", "1")
        self.assertEqual((code, written.splitlines()[0]), (1, b'{"n":6}'))
        self.assertIn("2 of 3 events failed, more than --max-errors 1 allows", said)
        code, written, _ = self.serve("--supervise", stdin=b'{"n":1}\n{"n":2,"do":"die"}\n{"n":3}\n')
        self.assertEqual((code, len(written.splitlines())), (0, 3))
        self.assertEqual(json.loads(written.splitlines()[1])["packflow_error"]["code"], "model-died")
        self.write_config("backend_config:\n  on_error: raise\n")
        code, written, said = self.serve(stdin=b'{"n":1}\n{"n":2,"do":"raise"}\n{"n":3}\n')
        self.assertEqual((code, written), (4, b'{"n":2}\n'))
        self.assertIn("error: The event stdin:2 failed: execute: ValueError: no", said)

    def test_dead_letters_in_a_file(self) -> None:
        letters = self.folder / "letters"
        code, written, _ = self.serve(
            "--dead-letters", f"file:{letters}", "--max-line-bytes", 40, stdin=EVENTS + b"x" * 99
        )
        self.assertEqual((code, written), (0, b'{"n":2}\n{"n":4}\n'))
        bad, raised, long = (json.loads(line) for line in letters.read_bytes().splitlines())
        self.assertEqual(list(bad), ["packflow_error", "raw", "headers"])
        self.assertEqual((bad["raw"], raised["raw"], long["raw"]), ("bad", '{"n":2,"do":"raise"}', None))
        self.assertEqual(bad["headers"], [{"name": "packflow-id", "value": "stdin:2"}])
        self.assertEqual(long["packflow_error"]["code"], "line-too-long")

    def test_a_line_that_was_cut_keeps_its_place(self) -> None:
        out = self.folder / "out"
        command = self.command("--source", "stdin:", "--sink", f"file:{out}")
        for _ in range(2):
            subprocess.run(command, input=b'{"n":1}\n', check=True, timeout=60)
        out.write_bytes(out.read_bytes() + b'{"n":')
        subprocess.run(command, input=b'{"n":2}\n', check=True, timeout=60)
        self.assertEqual(out.read_bytes(), b'{"n":2}\n{"n":2}\n{"n":\n{"n":3}\n')

    def test_a_pipe_that_cannot_be_read_is_told(self) -> None:
        read = mock.Mock(side_effect=OSError(errno.EIO, "Input/output error"))
        with (self.folder / "events").open("w+b") as file:
            source = LinesSource(Pipe(file.fileno(), read, 99))
            with self.assertRaises(PackflowError) as caught:
                source.take(1, 0.1)
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("events-not-readable", 3))
        self.assertIn("Input/output error", caught.exception.title)

    def test_a_program_is_told_at_the_end(self) -> None:
        out = self.folder / "out"
        command = self.command("--source", "stdin:", "--sink", f"file:{out}", "--json")
        done = subprocess.run(command, input=EVENTS, capture_output=True, timeout=60)
        told = json.loads(done.stdout)
        self.assertEqual((told["schema"], told["ok"], told["data"]["events"]), ("packflow.serve/1", True, 4))
        self.assertEqual(told["data"]["unacknowledged"], 0)
        self.assertEqual(len(out.read_bytes().splitlines()), 4)

    def test_a_reader_that_has_seen_enough_ends_it_quietly(self) -> None:
        words = self.command("--source", "stdin:", "--sink", "stdout:", "--batch-size", 1)
        shell = ["sh", "-c", '"$@" | head -1', "sh", *words]
        done = subprocess.run(shell, input=b'{"n":1}\n' * 50_000, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, b'{"n":2}\n'))
        self.assertNotIn(b"error", done.stderr)

    def test_signals_end_it_between_two_lines(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start("--source", "stdin:", "--sink", "stdout:")
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b'{"n":1}\n{"n"')
            self.assertEqual(process.stdout.readline(), b'{"n":2}\n')
            time.sleep(0.1)
            process.send_signal(number)
            self.assertEqual(process.wait(20), 128 + number)
            self.assertEqual(process.stdout.read(), b"")

    def test_a_stateful_model_says_what_that_means(self) -> None:
        self.write_config("stateful: true\n")
        code, _, said = self.serve()
        self.assertEqual(code, 0)
        self.assertIn("the model is stateful: what it remembers begins anew at each start", said)
        code, _, said = self.serve("--supervise")
        self.assertEqual(code, 2)


class Refusals(Case):
    def test_a_missing_client_is_told_before_the_model_is_loaded(self) -> None:
        (self.project / "inference.py").write_text("raise RuntimeError('loaded')\n")
        command = self.command("--source", "stdin:", "--sink", "redis://127.0.0.1:1/x")
        command[1:2] = ["-I", "-S"]
        done = subprocess.run(command, input=b"", capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"error: The client library redis is not installed in this Python.", done.stderr)
        self.assertIn(b"-m pip install redis\n", done.stderr)

    def test_what_is_wrong_on_the_command_line(self) -> None:
        wrong = [
            (["--sink", "stdout:"], "required: --source"),
            (["--source", "stdin:", "--sink", "amqp://x/y"], "an address starts with"),
            (["--source", "redis://me:secret@h/s", "--sink", "stdout:"], "does not belong on a command line"),
            (["--source", "redis://h/s?group=g", "--sink", "redis://h/s"], "Give --sink another place."),
            (
                ["--source", "nats://h/a.>?group=g", "--sink", "stdout:", "--dead-letters", "nats://h/a.b"],
                "Give --dead-letters another place.",
            ),
            (["--source", "stdin:", "--sink", "stdout:", "--json"], "Two things would be written to standard output"),
            (["--source", "stdin:", "--sink", "stdout:", "--dead-letters", "stdout:"], "Two things would be written"),
        ]
        for words, expected in wrong:
            with self.subTest(words):
                done = subprocess.run(self.command(*words), input=b"", capture_output=True, timeout=60)
                self.assertEqual(done.returncode, 2)
                self.assertIn(expected, done.stderr.decode())
                self.assertNotIn(b"secret", done.stderr)
        done = subprocess.run(
            self.command("--source", "stdin:", "--sink", "stdout:", "--source-properties", self.folder / "none"),
            input=b"",
            capture_output=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"properties file", done.stderr)

    def test_an_archive_that_is_not_whole_is_refused_before_anything_is_connected_to(self) -> None:
        data = bytearray(archive_of(runnable_files()))
        place = data.rindex(b"def add(n, offset)")
        data[place] ^= 1
        path = self.folder / "model.zip"
        path.write_bytes(data)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(0.2)
            address = f"127.0.0.1:{listening.getsockname()[1]}"
            for kind in ("redis", "kafka", "nats"):
                words = ["--source", f"{kind}://{address}/in?group=g", "--sink", f"{kind}://{address}/out"]
                command = [sys.executable, str(path), "serve", *words]
                environment = {**os.environ, "PACKFLOW_CACHE": str(self.folder / "cache")}
                done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(b"project/steps.py", done.stderr)
                with self.assertRaises(TimeoutError):
                    listening.accept()


class Watching(Case):
    def test_health_and_the_counts_of_both_ends(self) -> None:
        process = self.start("--source", "stdin:", "--sink", "stdout:", "--http", "0")
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stderr.readline().decode()
        url = next(word for word in said.split() if word.startswith("http://"))
        process.stdin.write(b'{"n":1}\n')
        self.assertEqual(process.stdout.readline(), b'{"n":2}\n')
        with urllib.request.urlopen(f"{url}/readyz") as answer:
            self.assertEqual(answer.read(), b"ready\n")
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            text = answer.read().decode()
        self.assertIn('packflow_broker_up{end="source"} 1\n', text)
        self.assertIn('packflow_broker_failures_total{end="sink"} 0\n', text)
        self.assertIn("packflow_backend_events_total", text)

    def test_run_loads_nothing_of_it(self) -> None:
        command = self.command(code=LOADED)
        command[command.index("serve")] = "run"
        done = subprocess.run(command, input=b'{"n":1}\n', capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, b'{"n":2}\n'), done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], b"")


if __name__ == "__main__":
    unittest.main()
