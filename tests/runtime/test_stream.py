"""From a descriptor to a descriptor, and from lines to outcomes: what is run, and how a run ends."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import packflow_runtime
from packflow_runtime.backend import InferenceBackend
from packflow_runtime.codec import StdlibCodec, choose_codec
from packflow_runtime.error_limit import ErrorLimit
from packflow_runtime.errors import PackflowError
from packflow_runtime.jsonlines import Limits
from packflow_runtime.stream import CHUNK, StreamSettings, StreamSummary, run_stream, stream
from runtime.test_outcomes import BAD

SOURCES = str(Path(packflow_runtime.__file__).parents[1])
BOM = b"\xef\xbb\xbf"


class Echo(InferenceBackend):
    def initialize(self) -> None:
        self.sizes: list[int] = []

    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.sizes.append(len(inputs))
        return inputs


def pieces(*chunks: bytes) -> Callable[[int], bytes]:
    """Make a ``read`` that gives these chunks, then the end of input for ever."""
    waiting = list(chunks)

    def read(size: int) -> bytes:
        return waiting.pop(0) if waiting else b""

    return read


class Running(unittest.TestCase):
    def run_over(
        self, read: Callable[[int], bytes], backend: InferenceBackend | None = None, **options: Any
    ) -> tuple[StreamSummary, list[bytes]]:
        with tempfile.TemporaryFile() as sink:
            summary = run_stream(backend or Echo(), read, sink.fileno(), StreamSettings(**options))
            sink.seek(0)
            data = sink.read()
        self.assertTrue(data.endswith(b"\n") or not data)
        return summary, data.split(b"\n")[:-1]

    def test_outcomes_over_pipes(self) -> None:
        source, feed = os.pipe()
        outcomes, sink = os.pipe()
        try:
            os.write(feed, b'{"a":1}\n\nbad\n{"a":2}')
            os.close(feed)
            summary = run_stream(Echo(), lambda size: os.read(source, size), sink)
            os.close(sink)
            written = os.read(outcomes, 1 << 16).splitlines()
        finally:
            os.close(source)
            os.close(outcomes)
        self.assertEqual((written[0], written[2]), (b'{"a":1}', b'{"a":2}'))
        error = json.loads(written[1])["packflow_error"]
        self.assertEqual((error["line"], error["code"], error["step"]), (3, "not-json", "decode"))
        self.assertEqual(len(written), 3)
        self.assertEqual((summary.events, dict(summary.errors), summary.signal), (3, {"not-json": 1}, None))
        self.assertEqual(summary.exit_code, 0)

    def test_each_event_of_an_idle_stream_is_answered_at_once(self) -> None:
        source, feed = os.pipe()
        outcomes, sink = os.pipe()
        answers = []

        def ask() -> None:
            for number in range(3):
                os.write(feed, b'{"a":%d}\n' % number)
                answers.append(os.read(outcomes, 1 << 16))
            os.close(feed)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            run_stream(Echo(), lambda size: os.read(source, size), sink)
        finally:
            asking.join(10)
            for descriptor in (source, outcomes, sink):
                os.close(descriptor)
        self.assertEqual(answers, [b'{"a":%d}\n' % number for number in range(3)])

    def test_batches_and_outcomes_do_not_depend_on_how_bytes_arrive(self) -> None:
        data = b"".join(b'{"n":%d}\n' % number for number in range(150))
        expected = data.split(b"\n")[:-1]
        for step, fill, sizes in ((len(data), False, [64, 64, 22]), (len(data), True, [64, 64, 22])):
            backend = Echo()
            chunks = [data[start : start + step] for start in range(0, len(data), step)]
            summary, written = self.run_over(pieces(*chunks), backend, fill=fill)
            self.assertEqual((written, backend.sizes, summary.events), (expected, sizes, 150))
        for step in (1, 7, 100):
            backend = Echo()
            chunks = [data[start : start + step] for start in range(0, len(data), step)]
            _, written = self.run_over(pieces(*chunks), backend, fill=True, batch_size=40)
            self.assertEqual((written, backend.sizes), (expected, [40, 40, 40, 30]))

    def test_limits_are_in_force(self) -> None:
        summary, written = self.run_over(pieces(b'{"a":[[]]}\n{"a":[]}\n'), codec=StdlibCodec(Limits(max_depth=2)))
        self.assertEqual(written[1], b'{"a":[]}')
        self.assertEqual(dict(summary.errors), {"too-deep": 1})

    def test_the_summary(self) -> None:
        summary, _ = self.run_over(pieces(b'1\n2\n{"a":1}\nbad\n'))
        self.assertGreaterEqual(summary.seconds, 0)
        self.assertEqual(dict(summary.errors), {"not-object": 2, "not-json": 1})
        summary.seconds = 2.0
        self.assertEqual(
            summary.describe(),
            "4 events, 1 outputs, 3 failed (not-json 1, not-object 2), 2.0 s, 2 events/s",
        )
        self.assertEqual(StreamSummary(events=12345).describe(), "12,345 events, 12,345 outputs, 0 failed, 0.0 s")
        self.assertEqual(StreamSummary(signal=signal.SIGINT).exit_code, 130)
        self.assertEqual(StreamSummary(signal=signal.SIGTERM).exit_code, 143)

    def test_an_empty_stream(self) -> None:
        for chunks in ((), (b"\n\n",), (BOM,)):
            summary, written = self.run_over(pieces(*chunks))
            self.assertEqual((summary.events, written, summary.exit_code), (0, [], 0))

    def test_a_reader_that_went_away_ends_the_run_quietly(self) -> None:
        outcomes, sink = os.pipe()
        os.close(outcomes)
        backend = Echo()
        try:
            summary = run_stream(backend, pieces(b'{"a":1}\n', b'{"a":2}\n'), sink)
        finally:
            os.close(sink)
        self.assertEqual((summary.events, summary.exit_code, backend.sizes), (0, 0, [1]))

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full, which Linux has")  # noqa: PTH110
    def test_a_full_disk(self) -> None:
        sink = os.open("/dev/full", os.O_WRONLY)
        try:
            with self.assertRaises(PackflowError) as caught:
                run_stream(Echo(), pieces(b'{"a":1}\n'), sink)
        finally:
            os.close(sink)
        error = caught.exception
        self.assertEqual(error.title, f"The output cannot be written: {os.strerror(errno.ENOSPC)}.")
        self.assertEqual((error.code, error.exit_code), ("output-not-writable", 5))

    def test_a_source_that_cannot_be_read(self) -> None:
        def read(size: int) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        with self.assertRaises(PackflowError) as caught:
            self.run_over(read)
        error = caught.exception
        self.assertEqual(error.title, "The events cannot be read: Input/output error.")
        self.assertEqual((error.code, error.exit_code), ("events-not-readable", 3))

    def test_damaged_gzip_gives_the_outcomes_of_the_events_before_it(self) -> None:
        lines = [b'{"n":%d,"x":"%s"}' % (number, os.urandom(30).hex().encode()) for number in range(100)]
        packed = gzip.compress(b"\n".join(lines) + b"\n")
        wrong_sum = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
        for name, data, least in (("cut", packed[:-500], 70), ("no end", packed[:-8], 100), ("sum", wrong_sum, 100)):
            for fill in (True, False):
                with self.subTest(name, fill=fill), tempfile.TemporaryFile() as sink:
                    read = gzip.GzipFile(fileobj=io.BytesIO(data)).read1
                    with self.assertRaises(PackflowError) as caught:
                        run_stream(Echo(), read, sink.fileno(), StreamSettings(fill=fill))
                    self.assertEqual(caught.exception.code, "events-not-readable")
                    sink.seek(0)
                    written = sink.read().split(b"\n")[:-1]
                    self.assertGreaterEqual(len(written), least)
                    self.assertEqual(written, lines[: len(written)])

    def test_every_mix_of_bad_lines_gives_one_outcome_each_in_order(self) -> None:
        chance = random.Random(5)
        limits = Limits(max_line_bytes=200_000)
        for name in ("stdlib", "auto"):
            for size in (1, 7, 64):
                bad = [*(raw for raw, _ in BAD if b"\n" not in raw), b"x" * 300_000]
                raws = [b'{"n":%d}' % number for number in range(100)] + bad * 2 + [b"", b" \r"] * 5
                chance.shuffle(raws)
                data = b"\n".join(raws) + b"\n"
                chunks = [data[start : start + 50_000] for start in range(0, len(data), 50_000)]
                codec = choose_codec(name, limits)
                summary, written = self.run_over(pieces(*chunks), codec=codec, batch_size=size, fill=size != 7)
                events = [(number, raw) for number, raw in enumerate(raws, 1) if raw.strip(b" \r")]
                self.assertEqual((len(written), summary.events), (len(events), len(events)))
                for (number, raw), outcome in zip(events, written, strict=True):
                    value = json.loads(outcome.decode("utf-8", "strict"))
                    if raw in bad:
                        short = len(raw) < limits.max_line_bytes and b"xxx" in raw
                        if not short:  # 20,000 bytes are within this test's limit
                            self.assertEqual(value["packflow_error"]["line"], number)
                    else:
                        self.assertEqual(outcome, raw)

    def test_a_large_stream_in_chunks_of_the_usual_size(self) -> None:
        data = b"".join(b'{"n":%d,"x":"%s"}\n' % (number, b"\xc3\xa9" * (number % 97)) for number in range(5000))
        self.assertGreater(len(data), 3 * CHUNK)
        source = io.BytesIO(data)
        summary, written = self.run_over(source.read)
        self.assertEqual(summary.events, 5000)
        self.assertEqual(b"\n".join(written) + b"\n", data)


class FromLines(unittest.TestCase):
    def test_one_outcome_for_each_event_in_order(self) -> None:
        lines: list[bytes | str] = [b'{"n":1}\n', '{"n":"é"}', b"", " \r\n", b"bad", '{"n":"\ud800"}', b'{"n":2}\r\n']
        for codec in ("stdlib", "auto"):
            for size in (1, 2, 64):
                found = list(stream(Echo(), lines, batch_size=size, codec=codec))
                self.assertEqual((found[:2], found[4:]), ([b'{"n":1}', '{"n":"é"}'.encode()], [b'{"n":2}']))
                errors = [json.loads(record)["packflow_error"] for record in found[2:4]]
                self.assertEqual(
                    [(error["line"], error["code"]) for error in errors], [(5, "not-json"), (6, "not-utf8")]
                )

    def test_batches_and_limits(self) -> None:
        backend = Echo()
        found = list(stream(backend, [b'{"a":[[]]}', b'{"a":[]}'] * 3, batch_size=4, limits=Limits(max_depth=2)))
        self.assertEqual((len(found), backend.sizes), (6, [2, 1]))

    def test_each_event_is_answered_before_the_next_is_asked_for(self) -> None:
        asked: list[int] = []

        def lines() -> Iterator[bytes]:
            for number in range(3):
                asked.append(number)
                yield b'{"n":%d}' % number

        outcomes = stream(Echo(), lines(), batch_size=1)
        self.assertEqual((next(outcomes), asked), (b'{"n":0}', [0]))
        self.assertEqual(list(outcomes), [b'{"n":1}', b'{"n":2}'])

    def test_an_unknown_codec_is_told_at_once(self) -> None:
        with mock.patch.dict(sys.modules, {"orjson": None}), self.assertRaises(PackflowError):
            next(stream(Echo(), [], codec="orjson"))


class Refusing(Echo):
    """Refuses the events whose n is 5 or 9."""

    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if any(event["n"] in (5, 9) for event in inputs):
            raise ValueError("refused")
        return inputs


class EndingOnFailure(Running):
    """``on_error: raise``: the first event that the model fails on ends the stream; what came before it is written."""

    def test_the_outcomes_before_it_are_written(self) -> None:
        lines = [b"nonsense" if n == 2 else b'{"n":%d}' % n for n in range(12)]
        for size in (1, 4, 64):
            with self.subTest(size=size), tempfile.TemporaryFile() as sink:
                backend = Refusing(on_error="raise")
                with self.assertRaises(PackflowError) as caught:
                    run_stream(backend, pieces(b"\n".join(lines)), sink.fileno(), StreamSettings(size))
                error = caught.exception
                self.assertEqual((error.code, error.exit_code), ("backend-raised", 4))
                self.assertEqual(error.title, "The event on line 6 failed: execute: ValueError: refused")
                sink.seek(0)
                written = sink.read().split(b"\n")[:-1]
                self.assertEqual([json.loads(line).get("n") for line in written], [0, 1, None, 3, 4])

    def test_from_lines(self) -> None:
        found = []
        with self.assertRaises(PackflowError):
            for outcome in stream(Refusing(on_error="raise"), [b'{"n":%d}' % n for n in range(12)]):
                found += [outcome]
        self.assertEqual(found, [b'{"n":%d}' % n for n in range(5)])

    def test_otherwise_it_is_isolated(self) -> None:
        summary, found = self.run_over(pieces(b"".join(b'{"n":%d}\n' % n for n in range(12))), Refusing())
        self.assertEqual((summary.events, len(found), dict(summary.errors)), (12, 12, {"backend-raised": 2}))


class ErrorLimits(unittest.TestCase):
    def run_limited(self, limit: str, data: bytes, size: int = 4) -> tuple[StreamSummary, int]:
        with tempfile.TemporaryFile() as sink:
            settings = StreamSettings(size, fill=True, error_limit=ErrorLimit.parse(limit))
            summary = run_stream(Echo(), pieces(data), sink.fileno(), settings)
            sink.seek(0)
            return summary, sink.read().count(b"\n")

    def test_the_batch_in_hand_is_written_and_the_run_stops(self) -> None:
        data = b'{"n":1}\nbad\n' * 50
        for limit, events in (("0", 4), ("1", 4), ("2", 8), ("3", 8), ("49", 100)):
            summary, written = self.run_limited(limit, data)
            self.assertEqual((summary.events, written), (events, events))
            self.assertEqual((summary.too_many_errors, summary.exit_code, summary.complete), (True, 1, False))
        summary, written = self.run_limited("50", data)
        self.assertEqual((written, summary.too_many_errors, summary.exit_code, summary.complete), (100, False, 0, True))

    def test_a_percentage_is_judged_from_the_hundredth_event_and_at_the_end(self) -> None:
        summary, written = self.run_limited("10%", b"bad\n" * 20 + b'{"n":1}\n' * 480)
        self.assertEqual((written, summary.too_many_errors, summary.complete), (500, False, True))
        summary, written = self.run_limited("10%", b"bad\n" * 300)
        self.assertEqual((written, summary.too_many_errors, summary.complete), (100, True, False))
        summary, written = self.run_limited("10%", b"bad\n" * 2 + b'{"n":1}\n' * 8)
        self.assertEqual((written, summary.too_many_errors, summary.complete), (10, True, True))
        summary, _ = self.run_limited("0%", b"")
        self.assertEqual((summary.too_many_errors, summary.exit_code), (False, 0))

    def test_spelling(self) -> None:
        self.assertEqual((ErrorLimit.parse("7").number, ErrorLimit.parse("0.5%").number), (7, 0.5))
        for text in ("", "-1", "1.5", "%", "101%", "-1%", "nan%", "inf%", "x", "1e3"):
            with self.subTest(text), self.assertRaises(ValueError):
                ErrorLimit.parse(text)


_SLEEPER = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from packflow_runtime.backend import InferenceBackend
from packflow_runtime.stream import StreamSettings, run_stream
class Slow(InferenceBackend):
    def execute(self, inputs):
        os.write(2, b"working\\n")
        time.sleep(float(sys.argv[2]))
        return inputs
summary = run_stream(Slow(), lambda size: os.read(0, size), 1, StreamSettings(fill=len(sys.argv) > 3))
os.write(2, summary.describe().encode())
sys.exit(summary.exit_code)
"""


@unittest.skipUnless(os.name == "posix", "needs POSIX signals")
class Signals(unittest.TestCase):
    def start(self, seconds: str, *more: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SLEEPER, SOURCES, seconds, *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.addCleanup(self.end, process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()

    def finish(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes, int]:
        """Read all it writes without closing its standard input."""
        assert process.stdout is not None
        assert process.stderr is not None
        written = b"".join(iter(lambda: process.stdout.read(1 << 16), b""))  # type: ignore[union-attr]
        said = b"".join(iter(lambda: process.stderr.read(1 << 16), b""))  # type: ignore[union-attr]
        return written, said, process.wait(10)

    def test_the_batch_in_hand_is_finished(self) -> None:
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            with self.subTest(number):
                process = self.start("0.3")
                assert process.stdin is not None
                assert process.stderr is not None
                process.stdin.write(b'{"a":1}\n{"a":2}\n')
                self.assertEqual(process.stderr.read(8), b"working\n")
                process.stdin.write(b'{"a":3}\n')
                process.send_signal(number)
                written, said, exit_code = self.finish(process)
                self.assertEqual((written, exit_code), (b'{"a":1}\n{"a":2}\n', code))
                self.assertTrue(said.startswith(b"2 events, 2 outputs, 0 failed"), said)

    def test_a_wait_for_input_is_ended_and_a_line_that_is_cut_is_no_event(self) -> None:
        for more in ((), ("fill",)):
            with self.subTest(more):
                process = self.start("0", *more)
                assert process.stdin is not None
                assert process.stderr is not None
                process.stdin.write(b'{"a":1}\n' * 64)
                self.assertEqual(process.stderr.read(8), b"working\n")
                process.stdin.write(b'{"cut":')
                answered = b""
                while answered.count(b"\n") < 64:
                    assert process.stdout is not None
                    answered += process.stdout.read(1 << 16)
                process.send_signal(signal.SIGTERM)
                written, said, exit_code = self.finish(process)
                self.assertEqual((answered, written, exit_code), (b'{"a":1}\n' * 64, b"", 143))
                self.assertTrue(said.startswith(b"64 events, 64 outputs, 0 failed"), said)

    def test_asking_twice_ends_a_batch_that_does_not(self) -> None:
        process = self.start("60")
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b'{"a":1}\n')
        self.assertEqual(process.stderr.read(8), b"working\n")
        process.send_signal(signal.SIGTERM)
        # The handler runs between two steps of the interpreter; a second signal of the same kind would merge before.
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process), (b"", b"", -signal.SIGTERM))

    def test_the_hosts_handlers_come_back(self) -> None:
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        with tempfile.TemporaryFile() as sink:
            run_stream(Echo(), pieces(b'{"a":1}\n'), sink.fileno())
        self.assertEqual((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)), before)


if __name__ == "__main__":
    unittest.main()
