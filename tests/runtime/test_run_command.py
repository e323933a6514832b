"""``run`` as its user starts it: a process, its descriptors, its options, and what ends it."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import packflow_runtime
from packflow_runtime.errors import PackflowError
from packflow_runtime.run_options import add_run_options
from packflow_runtime.stdio import require_input, require_output

SOURCES = str(Path(packflow_runtime.__file__).parents[1])
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from packflow_runtime.cli import main; sys.exit(main())"
BACKEND = """\
import os, time
from packflow_runtime import BackendConfig, InferenceBackend

class Limits(BackendConfig):
    low: int = 0

class Config(BackendConfig):
    threshold: float = 0.5
    name: str = "default"
    limits: Limits = Limits()

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        print("printed by the model")
        outputs = []
        for event in inputs:
            if event.get("do") == "raise":
                raise ValueError("no")
            if event.get("do") == "interrupt":
                raise KeyboardInterrupt
            if event.get("do") == "sleep":
                os.write(2, b"working\\n")
                time.sleep(0.3)
            outputs.append({"n": event["n"], "over": self.config.threshold})
        return outputs

    def close(self):
        print("closed")
        if self.config.name == "bad close":
            raise OSError("cannot close")
"""
EVENTS = b'{"n":1}\nbad\n\n{"n":2,"do":"raise"}\n{"n":3}\n'
OUTPUTS = b'{"n":1,"over":0.5}\n{"n":3,"over":0.5}\n'


class Case(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.project = self.folder / "project"
        self.project.mkdir()
        (self.project / "packflow.yaml").write_text("name: model\nbackend_config:\n  name: from yaml\n")
        (self.project / "inference.py").write_text(BACKEND)
        self.events = self.folder / "events.ndjson"
        self.events.write_bytes(EVENTS)

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-I", "-c", START, SOURCES, "run", str(self.project), *map(str, arguments)]

    def environment(self, **variables: object) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PACKFLOW_CONFIG"}
        return {**kept, **{name: str(value) for name, value in variables.items()}}

    def run_it(
        self, *arguments: object, stdin: bytes | None = None, redirect: str = "", **variables: object
    ) -> tuple[int, bytes, str]:
        command = self.command(*arguments)
        if redirect:
            command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *command]
        environment = self.environment(**variables)
        done = subprocess.run(command, input=stdin or b"", capture_output=True, env=environment, timeout=60)
        said = done.stderr.decode()
        self.assertNotIn("Traceback", said)
        return done.returncode, done.stdout, said

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(self.command(*arguments), bufsize=0, env=self.environment(), **pipes)  # type: ignore[call-overload]
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process  # type: ignore[no-any-return]


class Input(Case):
    def test_one_json_object_and_the_outcomes_do_not_share_standard_output(self) -> None:
        code, written, said = self.run_it(self.events, "--json")
        self.assertEqual(code, 2)
        problem = json.loads(written)["errors"][0] if written else {"message": said}
        self.assertIn("--json needs -o OUT", problem["message"])

    def test_a_file_and_standard_input_give_the_same(self) -> None:
        code, written, said = self.run_it(self.events, "--codec", "stdlib")
        lines = written.splitlines()
        self.assertEqual((code, len(lines), lines[0], lines[3]), (0, 4, *OUTPUTS.splitlines()))
        self.assertEqual(json.loads(lines[1])["packflow_error"]["line"], 2)
        self.assertIn("4 events, 2 outputs, 2 failed (backend-raised 1, not-json 1)", said)
        self.assertIn("closed", said)
        self.assertEqual(self.run_it(stdin=EVENTS)[:2], (0, written))
        with self.events.open("rb") as file:
            done = subprocess.run(self.command(), stdin=file, capture_output=True, env=self.environment())
        self.assertEqual(done.stdout, written)

    def test_compressed_events_from_everywhere(self) -> None:
        packed = gzip.compress(b'{"n":1}\n{"n":3}\n')
        self.events.write_bytes(packed)
        self.assertEqual(self.run_it(self.events)[:2], (0, OUTPUTS))
        self.assertEqual(self.run_it(stdin=packed)[:2], (0, OUTPUTS))
        code, written, said = self.run_it(stdin=packed[:-3])
        self.assertEqual((code, written), (3, OUTPUTS))
        self.assertIn("error: The events cannot be read: the compressed data is cut off.", said)
        self.assertIn("closed", said)

    @unittest.skipUnless(find_spec("zstandard"), "needs zstandard: pip install zstandard")
    def test_zstd(self) -> None:
        import zstandard

        packed = zstandard.ZstdCompressor().compress(b'{"n":1}\n{"n":3}\n')
        self.assertEqual(self.run_it(stdin=packed)[:2], (0, OUTPUTS))

    @unittest.skipUnless(hasattr(os, "mkfifo"), "needs fifos, which POSIX has")
    def test_a_fifo(self) -> None:
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        for data in (b'{"n":1}\n{"n":3}\n', gzip.compress(b'{"n":1}\n{"n":3}\n')):
            writer = threading.Thread(target=fifo.write_bytes, args=(data,))
            writer.start()
            self.assertEqual(self.run_it(fifo)[:2], (0, OUTPUTS))
            writer.join()

    def test_events_that_are_not_there(self) -> None:
        for path, said in ((self.folder / "none", "No such file"), (self.folder, "it is a folder")):
            code, written, shown = self.run_it(path)
            self.assertEqual((code, written), (3, b""))
            self.assertIn(said, shown)

    def test_limits_are_options(self) -> None:
        data = b'{"n":1,"a":[[]]}\n{"n":2,"a":"0123456789012345678901234567890"}\n{"n":3}\n'
        code, written, _ = self.run_it("--max-depth", 2, "--max-line-bytes", 30, stdin=data)
        codes = [json.loads(line).get("packflow_error", {}).get("code") for line in written.splitlines()]
        self.assertEqual((code, codes), (0, ["too-deep", "line-too-long", None]))


class Options(unittest.TestCase):
    def test_options_that_are_wrong(self) -> None:
        parser = argparse.ArgumentParser()
        add_run_options(parser)
        for option, value in (
            *(("--batch-size", value) for value in ("0", "x", "٣", "-1")),
            ("--max-line-bytes", "1e6"),
            ("--max-depth", "501"),
            ("--max-errors", "1.5"),
            ("--metrics-every", "0"),
            ("--http", "host"),
            ("--set", "x"),
            ("--codec", "other"),
        ):
            said = io.StringIO()
            with self.subTest(option), contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as caught:
                parser.parse_args([option, value])
            self.assertEqual(caught.exception.code, 2)
            self.assertIn(f"argument {option}", said.getvalue())
        self.assertIn("--max-errors N|P%", parser.format_help())

    def test_strict_bears_no_error(self) -> None:
        parser = argparse.ArgumentParser()
        add_run_options(parser)
        self.assertEqual(
            parser.parse_args(["--strict"]).max_errors, parser.parse_args(["--max-errors", "0"]).max_errors
        )


class Failures(Case):
    def test_dead_letters(self) -> None:
        path = self.folder / "dead.ndjson"
        code, written, said = self.run_it(self.events, "--dead-letters", path)
        self.assertEqual((code, written), (0, OUTPUTS))
        letters = [json.loads(line) for line in path.read_bytes().splitlines()]
        self.assertEqual([letter["raw"] for letter in letters], ["bad", '{"n":2,"do":"raise"}'])
        self.assertNotIn("appended", said)
        self.assertIn("dead letters are appended", self.run_it(self.events, "--dead-letters", path)[2])
        self.assertEqual(len(path.read_bytes().splitlines()), 4)

    def test_error_limits(self) -> None:
        for options, code in ((("--strict",), 1), (("--max-errors", "1"), 1), (("--max-errors", "2"), 0)):
            found, written, said = self.run_it(self.events, *options)
            self.assertEqual((found, len(written.splitlines())), (code, 4))
            self.assertEqual("error: 2 of 4 events failed, more than --max-errors" in said, code == 1)
        self.assertEqual(self.run_it(self.events, "--max-errors", "49%")[0], 1)
        self.assertEqual(self.run_it(self.events, "--strict", "--batch-size", 1)[1].count(b"\n"), 2)

    def test_a_close_that_raises(self) -> None:
        code, written, said = self.run_it("--set", "name=bad close", stdin=b'{"n":1}\n')
        self.assertEqual((code, written.count(b"\n")), (4, 1))
        self.assertIn("error: close raised OSError: cannot close\n  at inference.py:32\n", said)
        code, _, said = self.run_it("--set", "name=bad close", "--strict", stdin=b"bad\n")
        self.assertEqual((code, said.count("error: ")), (1, 2))

    def test_a_model_that_interrupts_is_closed(self) -> None:
        code, written, said = self.run_it(stdin=b'{"n":1,"do":"interrupt"}\n')
        self.assertEqual((code, written), (130, b""))
        self.assertIn("interrupted", said)
        self.assertIn("closed", said)


class Outputs(Case):
    def test_to_a_file(self) -> None:
        path = self.folder / "out.ndjson"
        self.assertEqual(self.run_it("-o", path, stdin=b'{"n":1}\n{"n":3}\n')[:2], (0, b""))
        self.assertEqual(path.read_bytes(), OUTPUTS)
        self.assertFalse(path.with_name("out.ndjson.partial").exists())
        code, _, said = self.run_it("-o", path, "--strict", stdin=EVENTS)
        partial = path.with_name("out.ndjson.partial")
        self.assertEqual((code, path.read_bytes(), partial.read_bytes().count(b"\n")), (1, OUTPUTS, 4))
        self.assertIn(f"the outcomes so far are in {partial}", said)
        code, _, said = self.run_it(self.events, "-o", self.events)
        self.assertEqual((code, self.events.read_bytes()), (2, EVENTS))

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full, which Linux has")  # noqa: PTH110
    def test_a_full_disk(self) -> None:
        for arguments, redirect in (((self.events,), ">/dev/full"), ((self.events, "-o", "/dev/full"), "")):
            code, _, said = self.run_it(*arguments, redirect=redirect)
            self.assertEqual(code, 5)
            self.assertIn("error: The output cannot be written: No space left on device.", said)
            self.assertIn("closed", said)
        code, _, said = self.run_it(self.events, "--dead-letters", "/dev/full")
        self.assertEqual(code, 5)
        self.assertIn("error: The dead letters file /dev/full cannot be written", said)

    def test_a_reader_that_went_away(self) -> None:
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b'{"n":1}\n' * 10)
        process.stdin.close()
        said = process.stderr.read().decode()
        self.assertEqual(process.wait(20), 0)
        self.assertNotIn("Traceback", said)
        self.assertNotIn("error", said)
        process.stdin = process.stdout = None

    def test_streams_that_were_closed_have_codes(self) -> None:
        with mock.patch.object(sys, "stdin", None), self.assertRaises(PackflowError) as caught:
            require_input()
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("input-closed", 3))
        with mock.patch.object(sys, "stdout", None), self.assertRaises(PackflowError) as caught:
            require_output("Redirect it.")
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("output-closed", 5))

    @unittest.skipUnless(os.name == "posix", "needs a POSIX shell")
    def test_closed_standard_streams(self) -> None:
        for arguments, redirect, code, said in (
            ((), "<&-", 3, "error: Standard input is closed"),
            ((self.events,), ">&-", 5, "error: Standard output is closed"),
            ((), "<&- >&-", 5, "error: Standard output is closed"),
            ((self.events,), "2>&-", 0, ""),
            ((self.events, "-o", self.folder / "out"), "<&- >&- 2>&-", 0, ""),
        ):
            with self.subTest(redirect):
                found, written, shown = self.run_it(*arguments, redirect=redirect)
                self.assertEqual(found, code)
                self.assertIn(said, shown)
                self.assertNotIn(b"printed by the model", written)
        self.assertEqual((self.folder / "out").read_bytes().count(b"\n"), 4)
        self.assertEqual(self.run_it(self.events, redirect="<&-")[0], 0)


class Signals(Case):
    def test_an_end_is_asked_for(self) -> None:
        path = self.folder / "out"
        process = self.start("-o", path)
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b'{"n":1,"do":"sleep"}\n')
        seen = b""
        while b"working\n" not in seen:
            seen += process.stderr.read(100)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read().decode()
        self.assertEqual(process.wait(20), 143)
        self.assertIn("the outcomes so far are in", said)
        self.assertIn("closed", said)
        self.assertEqual(Path(f"{path}.partial").read_bytes(), b'{"n":1,"over":0.5}\n')

    def test_an_end_is_asked_for_before_the_first_byte(self) -> None:
        process = self.start("--http", "0")
        assert process.stderr is not None
        url = process.stderr.readline().decode().split()[1]
        while True:  # ready once it waits for events
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                    self.assertEqual(answer.status, 200)
                break
            except urllib.error.HTTPError as error:
                error.close()
        time.sleep(0.5)  # it is ready just before it begins to wait
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        self.assertEqual(process.wait(20), 130)
        self.assertIn("0 events, 0 outputs, 0 failed", said)


class Watching(Case):
    def test_progress_and_metrics(self) -> None:
        code, written, said = self.run_it(
            self.events, "--progress", "--metrics-every", "0.2", "--batch-size", 1, "--codec", "stdlib"
        )
        self.assertEqual((code, len(written.splitlines())), (0, 4))
        self.assertIn("packflow: 4 events, 2 failed, ", said)
        last = [json.loads(line) for line in said.splitlines() if line.startswith("{")][-1]["packflow_metrics"]
        self.assertEqual((last["events"], last["errors"]), (4, {"backend-raised": 1, "not-json": 1}))
        self.assertGreater(last["batch_ms"]["p95"], 0)

    def test_metrics_over_http(self) -> None:
        process = self.start("--http", "127.0.0.1:0")
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stderr.readline().decode()
        self.assertRegex(first, r"^packflow: http://127\.0\.0\.1:\d+ serves /healthz, /readyz and /metrics\n$")
        process.stdin.write(b'{"n":1}\n')
        self.assertTrue(process.stdout.readline())
        with urllib.request.urlopen(f"{first.split()[1]}/metrics", timeout=5) as answer:
            self.assertIn(b"packflow_events_total", answer.read())
        process.stdin.close()
        process.stderr.read()
        self.assertEqual(process.wait(20), 0)
        process.stdin = None


class Configuration(Case):
    def settings(self, *arguments: object, **variables: object) -> dict[str, Any]:
        code, _, said = self.run_it(*arguments, **variables)
        self.assertEqual(code, 0, said)
        line = next(line for line in said.splitlines() if line.startswith("packflow: configuration "))
        shown, _, digest = line.removeprefix("packflow: configuration ").rpartition(" sha256 ")
        self.assertRegex(digest, "^[0-9a-f]{64}$")
        found: dict[str, Any] = json.loads(shown)
        return found

    def test_the_last_one_wins(self) -> None:
        variable, file = self.folder / "env.json", self.folder / "file.json"
        variable.write_text('{"threshold": 0.6, "name": "env", "limits": {"low": 1}}')
        file.write_text('{"name": "file"}')
        for arguments, variables, name, threshold, low in (
            ((), {}, "from yaml", 0.5, 0),
            ((), {"PACKFLOW_CONFIG": variable}, "env", 0.6, 1),
            (("--config", file), {"PACKFLOW_CONFIG": variable}, "file", 0.6, 1),
            (
                ("--config", file, "--set", "name=3.10", "--set", "threshold=1", "--set", "limits.low=2"),
                {"PACKFLOW_CONFIG": variable},
                "3.10",
                1.0,
                2,
            ),
        ):
            found = self.settings(*arguments, **variables)
            self.assertEqual((found["name"], found["threshold"], found["limits"]["low"]), (name, threshold, low))

    def test_what_is_wrong_is_named(self) -> None:
        code, _, said = self.run_it("--set", "threshold=high")
        self.assertNotEqual(code, 0)
        self.assertIn("threshold", said)
        code, _, said = self.run_it("--set", "limits.unknown=1")
        self.assertNotEqual(code, 0)
        self.assertIn("limits.unknown", said)
        code, _, said = self.run_it("--config", self.folder / "none.json")
        self.assertEqual(code, 3)
        self.assertIn("none.json", said)


if __name__ == "__main__":
    unittest.main()
