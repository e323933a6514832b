"""The parts that a run reports through: dead letters, output file, configuration, metrics, HTTP."""

from __future__ import annotations

import base64
import io
import json
import os
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from unittest import mock

from packflow_runtime.backend import InferenceBackend
from packflow_runtime.codec import StdlibCodec
from packflow_runtime.config import BackendConfig
from packflow_runtime.config_overrides import describe_config, parse_assignment, read_overrides
from packflow_runtime.dead_letters import DeadLetters
from packflow_runtime.drift import DriftCounters
from packflow_runtime.errors import PackflowError
from packflow_runtime.http_status import HttpStatus, parse_address
from packflow_runtime.jsonlines import BadLineError
from packflow_runtime.lines import Line, Lines
from packflow_runtime.outcomes import EventRunner
from packflow_runtime.output_file import OutputFile, check_output_path
from packflow_runtime.reporting import print_error, print_notice
from packflow_runtime.stream_metrics import StreamMetrics, as_json, as_prometheus


class Picky(InferenceBackend):
    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"n": event["n"]} for event in inputs]


class Service(BackendConfig):
    api_key: str = "sesame"
    tokenizer: str = "bpe"


class Connection(BackendConfig):
    db_password: str = "sesame"
    service: Service = Service()


class Connected(Picky):
    backend_config_model = Connection


class InFolder(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)


class Errors(unittest.TestCase):
    def test_terminal_escapes_are_spelled_out(self) -> None:
        error = PackflowError("a\x1b]0;owned\x07", detail="b\x9b2J\nc", file="d\r", line=1, hint="e\x08\nf")
        with mock.patch("sys.stderr", io.StringIO()) as stderr:
            print_error(error)
            print_notice("g\x1b[2J\u202e")
        self.assertEqual(
            stderr.getvalue(),
            "error: a\\x1b]0;owned\\x07\n  b\\x9b2J\n  c\n  at d\\r:1\n  next: e\\x08\n        f\n"
            "packflow: g\\x1b[2J\\u202e\n",
        )


class Letters(InFolder):
    def test_each_failed_line_has_its_error_and_its_bytes(self) -> None:
        fault = BadLineError("line-too-long", "long")
        raws = [b'{"n":1}', b'{"m":"\xc3\xa9\\n\x7f"}', b"\xff\0", b"bad\r", b'{"n":2}']
        lines = Lines.of([*(Line(number, raw) for number, raw in enumerate(raws, 3)), Line(9, b"", fault)])
        outcomes = EventRunner(Picky(), StdlibCodec()).run(lines)
        path = self.folder / "dead.ndjson"
        for _ in range(2):
            with DeadLetters(path) as letters:
                self.assertEqual(letters.separate(lines, outcomes), b'{"n":1}\n{"n":2}')
        written = [json.loads(line) for line in path.read_bytes().decode("utf-8", "strict").splitlines()]
        self.assertEqual(written[:4], written[4:])  # appended, never replaced
        self.assertEqual([letter["packflow_error"]["line"] for letter in written[:4]], [4, 5, 6, 9])
        self.assertEqual([list(letter)[1:] for letter in written[:4]], [["raw"], ["raw_base64"], ["raw"], ["raw"]])
        self.assertEqual([letter.get("raw") for letter in written[:4]], ['{"m":"é\\n\x7f"}', None, "bad\r", None])
        self.assertEqual(base64.b64decode(written[1]["raw_base64"]), b"\xff\0")
        self.assertEqual(written[0]["packflow_error"]["code"], "backend-raised")

    def test_only_failures_leave_no_outcome(self) -> None:
        lines = Lines([1, 2], [b"bad", b"bad"])
        with DeadLetters(self.folder / "dead.ndjson") as letters:
            self.assertEqual(letters.separate(lines, EventRunner(Picky(), StdlibCodec()).run(lines)), b"")

    def test_a_file_that_cannot_be_written(self) -> None:
        with self.assertRaises(PackflowError) as caught:
            DeadLetters(self.folder / "missing" / "dead.ndjson")
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("output-not-writable", 5))


class Output(InFolder):
    def test_the_name_appears_when_all_is_written(self) -> None:
        path = self.folder / "out.ndjson"
        path.write_bytes(b"old")
        with OutputFile(path) as output:
            os.write(output.descriptor, b"new")
            self.assertEqual((path.read_bytes(), output.partial), (b"old", self.folder / "out.ndjson.partial"))
            output.finish()
            self.assertIsNone(output.partial)
        self.assertEqual((path.read_bytes(), os.listdir(self.folder)), (b"new", ["out.ndjson"]))

    def test_what_is_not_finished_stays_partial(self) -> None:
        with OutputFile(self.folder / "out") as output:
            os.write(output.descriptor, b"some")
        self.assertEqual((output.partial, os.listdir(self.folder)), (self.folder / "out.partial", ["out.partial"]))

    def test_what_is_no_file_is_written_as_it_is(self) -> None:
        with OutputFile(Path(os.devnull)) as output:
            self.assertIsNone(output.partial)
            output.finish()

    def test_paths_that_cannot_be_the_output(self) -> None:
        events = self.folder / "events.ndjson"
        events.write_bytes(b"")
        for path, code in (
            (self.folder, "output-not-writable"),
            (self.folder / "missing" / "out", "output-not-writable"),
            (self.folder / "." / "events.ndjson", "output-is-input"),
        ):
            with self.subTest(path), self.assertRaises(PackflowError) as caught:
                check_output_path(path, events)
            self.assertEqual(caught.exception.code, code)
        check_output_path(self.folder / "out", events)
        check_output_path(Path("out"), None)


class Overrides(InFolder):
    def write(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def test_the_last_layer_wins_and_mappings_merge(self) -> None:
        variable = self.write("env.json", '{"a": 1, "b": 1, "c": 1, "nested": {"x": 1, "y": 1}}')
        file = self.write("file.json", '{"b": 2, "c": 2, "nested": {"y": 2}}')
        sets = [parse_assignment(text) for text in ("c=3", "nested.z=3", "d=a=b", "e=")]
        self.assertEqual(
            read_overrides(file, sets, {"PACKFLOW_CONFIG": str(variable)}, self.fail),
            {"a": 1, "b": 2, "c": "3", "d": "a=b", "e": "", "nested": {"x": 1, "y": 2, "z": "3"}},
        )
        self.assertEqual(read_overrides(None, [], {"PACKFLOW_CONFIG": ""}, self.fail), {})

    def test_files_that_are_wrong_are_named(self) -> None:
        for content, line, said in (
            ("{\n  'a': 1\n}", 2, "is not JSON"),
            ("[1]", None, "must hold a JSON object"),
            ('{"a": NaN}', None, "is not JSON"),
            ('{"a": 1e999}', None, "is not JSON"),
        ):
            path = self.write("config.json", content)
            for file, environment in ((path, {}), (None, {"PACKFLOW_CONFIG": str(path)})):
                with self.subTest(content), self.assertRaises(PackflowError) as caught:
                    read_overrides(file, [], environment, self.fail)
                error = caught.exception
                self.assertEqual((error.code, error.exit_code, error.line), ("config-invalid", 3, line))
                self.assertIn(str(path), error.title)
                self.assertIn(said, error.title)
                self.assertEqual("PACKFLOW_CONFIG" in error.title, bool(environment))
        with self.assertRaises(PackflowError) as caught:
            read_overrides(self.folder / "none.json", [], {}, self.fail)
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("config-not-found", 3))

    def test_the_variable_of_older_versions_is_read_below_all_others(self) -> None:
        old = self.write("old.json", '{"configs": {"a": 1, "b": 1}}')
        new = self.write("new.json", '{"b": 2}')
        told: list[str] = []
        environment = {"BACKEND_CONFIG_FILE_PATH": str(old), "PACKFLOW_CONFIG": str(new)}
        self.assertEqual(read_overrides(None, [], environment, told.append), {"a": 1, "b": 2})
        self.assertEqual(len(told), 1)
        self.assertIn("BACKEND_CONFIG_FILE_PATH is deprecated", told[0])
        for content in ('{"a": 1}', '{"configs": [1]}'):
            old.write_text(content, encoding="utf-8")
            with self.subTest(content), self.assertRaises(PackflowError) as caught:
                read_overrides(None, [], environment, told.append)
            self.assertIn("must hold an object under the key configs", caught.exception.title)
            self.assertEqual((caught.exception.code, caught.exception.file), ("config-invalid", str(old)))

    def test_keys_that_contradict_each_other_are_named(self) -> None:
        for first, second in (("a=1", "a.b=2"), ("a.b=2", "a=1"), ("a.b=1", "a.b.c=2")):
            with self.subTest(first), self.assertRaises(PackflowError) as caught:
                read_overrides(None, [parse_assignment(first), parse_assignment(second)], {}, self.fail)
            self.assertIn(second.partition("=")[0], caught.exception.title)
        for text in ("a", "=1", ".a=1", "a..b=1", ""):
            with self.subTest(text), self.assertRaises(ValueError):
                parse_assignment(text)

    def test_the_configuration_in_force_has_a_digest(self) -> None:
        first = describe_config(Picky())
        assert first is not None
        self.assertRegex(first, r"^configuration \{\} sha256 [0-9a-f]{64}$")
        self.assertEqual(first, describe_config(Picky()))
        other = describe_config(Picky(feature_names=["a"]))
        assert other is not None
        self.assertRegex(other, r'^configuration \{"feature_names": \["a"\]\} sha256 [0-9a-f]{64}$')
        self.assertNotEqual(first[-64:], other[-64:])

    def test_secrets_are_not_shown(self) -> None:
        told = describe_config(Connected())
        assert told is not None
        shown = '{"db_password": "***", "service": {"api_key": "***", "tokenizer": "bpe"}}'
        self.assertIn(f"configuration {shown} sha256", told)


class Metrics(unittest.TestCase):
    def test_counts_rates_and_percentiles(self) -> None:
        metrics = StreamMetrics()
        for number in range(1, 101):
            metrics.batch_done(10, ["not-json"] if number == 1 else [], number * 1_000_000)
        now = metrics.snapshot()
        line = as_json(now, metrics.started, metrics.started)["packflow_metrics"]
        self.assertEqual((line["events"], line["errors"]), (1000, {"not-json": 1}))
        self.assertGreater(line["events_per_second"], 0)
        self.assertAlmostEqual(line["batch_ms"]["p50"], 50, delta=50 * 0.07)
        self.assertAlmostEqual(line["batch_ms"]["p95"], 95, delta=95 * 0.07)
        metrics.batch_done(1, [], 7_000)
        later = as_json(metrics.snapshot(), now, metrics.started)["packflow_metrics"]
        self.assertEqual(later["events"], 1001)
        self.assertAlmostEqual(later["batch_ms"]["p95"], 0.007, delta=0.0006)
        self.assertEqual(as_json(now, now, now)["packflow_metrics"]["batch_ms"], {"p50": None, "p95": None})

    def test_what_the_model_says_of_itself(self) -> None:
        backend = Picky()
        backend.drift = DriftCounters({"type": "object", "required": ["m"]})
        runner = EventRunner(backend, StdlibCodec(), recorded=True)
        runner.run(Lines([1, 2, 3], [b'{"n":1}', b'{"o":1}', b'{"n":1,"m":1}']))
        now = StreamMetrics().snapshot()
        line = as_json(now, now, now, backend.call_metrics.snapshot())["packflow_metrics"]
        self.assertEqual(list(line["steps_ms"]), ["execute", "check_outputs"])
        self.assertGreater(line["steps_ms"]["execute"]["p50"], 0)
        self.assertEqual(
            line["drift"], {"missing": {"m": 2}, "new_types": {}}
        )  # once an event, though one was isolated

    def test_times_of_every_size(self) -> None:
        metrics = StreamMetrics()
        for elapsed in (0, 1, 7, 8, 15, 16, 10**15, 10**20):
            metrics.batch_done(1, [], elapsed)
        self.assertEqual(sum(metrics.snapshot().buckets), 8)
        for elapsed in (10, 100, 12_345, 10**6, 10**9, 10**13):
            metrics = StreamMetrics()
            metrics.batch_done(1, [], elapsed)
            self.assertAlmostEqual(
                metrics.snapshot().batch_seconds(0.5) or 0, elapsed / 1e9, delta=elapsed / 1e9 * 0.0626
            )

    def test_prometheus_text(self) -> None:
        metrics = StreamMetrics()
        self.assertIn('packflow_batch_seconds{quantile="0.5"} NaN\n', as_prometheus(metrics.snapshot()))
        metrics.batch_done(64, ["not-json", "not-json", "too-deep"], 2_000_000)
        text = as_prometheus(metrics.snapshot())
        for row in (
            "packflow_events_total 64",
            'packflow_errors_total{code="not-json"} 2',
            'packflow_errors_total{code="too-deep"} 1',
            "packflow_batch_seconds_count 1",
            "packflow_batch_seconds_sum 0.002000000",
        ):
            self.assertIn(f"{row}\n", text)

    def test_threads_lose_nothing(self) -> None:
        metrics = StreamMetrics()
        threads = [
            threading.Thread(target=lambda: [metrics.batch_done(1, ["x"], 5) for _ in range(2000)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        now = metrics.snapshot()
        self.assertEqual((now.events, now.batches, now.errors["x"]), (8000, 8000, 8000))


class Http(unittest.TestCase):
    def ask(self, url: str, method: str = "GET") -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def test_health_readiness_and_metrics(self) -> None:
        class Backend(Picky):
            verdict: Any = True

            def ready(self) -> bool:
                if isinstance(self.verdict, Exception):
                    raise self.verdict
                return bool(self.verdict)

        metrics = StreamMetrics()
        with HttpStatus(("127.0.0.1", 0), metrics) as status:
            self.assertRegex(status.url, r"^http://127\.0\.0\.1:[1-9][0-9]*$")
            self.assertEqual(self.ask(f"{status.url}/healthz"), (200, "ok\n"))
            self.assertEqual(self.ask(f"{status.url}/readyz"), (503, "the model is being loaded\n"))
            status.backend = backend = Backend()
            self.assertEqual(self.ask(f"{status.url}/readyz?verbose"), (200, "ready\n"))
            backend.verdict = False
            self.assertEqual(self.ask(f"{status.url}/readyz")[0], 503)
            backend.verdict = KeyError("x")
            self.assertEqual(self.ask(f"{status.url}/readyz"), (503, "ready() raised KeyError\n"))
            metrics.batch_done(3, [], 1000)
            self.assertIn("packflow_events_total 3\n", self.ask(f"{status.url}/metrics")[1])
            self.assertEqual(self.ask(f"{status.url}/metrics", "HEAD"), (200, ""))
            self.assertEqual(self.ask(f"{status.url}/other")[0], 404)
            with self.assertRaises(PackflowError) as caught:
                HttpStatus(("127.0.0.1", int(status.url.rpartition(":")[2])), metrics)
            self.assertEqual((caught.exception.code, caught.exception.exit_code), ("address-not-available", 2))

    def test_addresses(self) -> None:
        for text, address in (
            ("8080", ("127.0.0.1", 8080)),
            (":0", ("127.0.0.1", 0)),
            ("0.0.0.0:1", ("0.0.0.0", 1)),
            ("[::1]:80", ("::1", 80)),
            ("localhost:80", ("localhost", 80)),
        ):
            self.assertEqual(parse_address(text), address)
        for text in ("", "host", "host:", "host:x", "1:70000", "1:-1"):
            with self.subTest(text), self.assertRaises(ValueError):
                parse_address(text)


if __name__ == "__main__":
    unittest.main()
