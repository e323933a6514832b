"""From a descriptor to a descriptor: how bytes become lines and batches, and how a run ends."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import tracemalloc
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import packflow_runtime
from packflow_runtime.backend import InferenceBackend
from packflow_runtime.errors import PackflowError
from packflow_runtime.jsonlines import Limits
from packflow_runtime.outcomes import Line
from packflow_runtime.stream import CHUNK, LineReader, StreamSummary, _batches, run_stream

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


def read_lines(*chunks: bytes, limits: Limits | None = None) -> list[tuple[int, bytes]]:
    reader = LineReader(pieces(*chunks), limits or Limits())
    return [(line.number, line.raw) for lines in reader.arrivals() for line in lines]


class Lines(unittest.TestCase):
    def test_only_a_newline_ends_a_line(self) -> None:
        for inside in (b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\0"):
            with self.subTest(inside):
                raw = b'{"a":"' + inside + b'"}'
                self.assertEqual(read_lines(raw + b"\n" + raw + b"\n"), [(1, raw), (2, raw)])

    def test_chunks_may_end_anywhere(self) -> None:
        data = '{"a":"é😀\u2028"}\r\n\r\n{"b":1}\n  \n{"c":"日"}\r\n{"d":2}'.encode()
        expected = [
            (1, '{"a":"é😀\u2028"}\r'.encode()),
            (3, b'{"b":1}'),
            (5, '{"c":"日"}\r'.encode()),
            (6, b'{"d":2}'),
        ]
        self.assertEqual(read_lines(data), expected)
        for cut in range(1, len(data)):
            self.assertEqual(read_lines(data[:cut], data[cut:]), expected, cut)
        for size in (1, 2, 3, 5):
            chunks = [data[start : start + size] for start in range(0, len(data), size)]
            self.assertEqual(read_lines(*chunks), expected, size)

    def test_lines_are_given_as_soon_as_they_are_whole(self) -> None:
        reader = LineReader(pieces(b"1", b"\n2\n3", b"", b"never read"))
        arrivals = reader.arrivals()
        self.assertEqual(next(arrivals), [Line(1, b"1"), Line(2, b"2")])
        self.assertEqual(next(arrivals), [Line(3, b"3")])
        with self.assertRaises(StopIteration):
            next(arrivals)

    def test_blank_lines_count_in_the_numbering_only(self) -> None:
        self.assertEqual(read_lines(b"\n \n\t\r\n1\n\n\n2\n\n"), [(4, b"1"), (7, b"2")])
        self.assertEqual(read_lines(b""), [])
        self.assertEqual(read_lines(b"\n\n\n"), [])
        self.assertEqual(read_lines(b"   "), [])

    def test_the_last_line_needs_no_newline(self) -> None:
        for end in (b"", b"\n"):
            self.assertEqual(read_lines(b"1\n2" + end), [(1, b"1"), (2, b"2")])

    def test_a_byte_order_mark_is_taken_off_the_start_only(self) -> None:
        self.assertEqual(read_lines(BOM + b"1\n" + BOM + b"2\n"), [(1, b"1"), (2, BOM + b"2")])
        self.assertEqual(read_lines(BOM[:1], BOM[1:2], BOM[2:], b"1"), [(1, b"1")])
        self.assertEqual(read_lines(BOM + BOM + b"1"), [(1, BOM + b"1")])
        self.assertEqual(read_lines(BOM), [])
        self.assertEqual(read_lines(BOM + b"\n1\n"), [(2, b"1")])
        self.assertEqual(read_lines(b"\n" + BOM + b"1\n"), [(2, BOM + b"1")])

    def test_lines_at_and_over_the_limit(self) -> None:
        limits = Limits(max_line_bytes=10)
        for size in range(8, 14):
            for step in (1, 4, 100):
                data = b"a\n" + b"x" * size + b"\nb\n" + b"y" * size
                chunks = [data[start : start + step] for start in range(0, len(data), step)]
                lines = [line for lines in LineReader(pieces(*chunks), limits).arrivals() for line in lines]
                with self.subTest(size=size, step=step):
                    self.assertEqual([line.number for line in lines], [1, 2, 3, 4])
                    self.assertEqual((lines[0].raw, lines[2].raw), (b"a", b"b"))
                    for line, kept in ((lines[1], b"x" * size), (lines[3], b"y" * size)):
                        if line.fault is not None:
                            self.assertGreater(size, 10)
                            self.assertEqual((line.fault.code, line.raw), ("line-too-long", b""))
                            self.assertEqual(str(line.fault), "the line is longer than 10 bytes")
                        else:
                            # A long line that one read completed is kept: decoding refuses it by the same limit.
                            self.assertEqual(line.raw, kept)
                            self.assertTrue(size <= 10 or step == 100)

    def test_a_line_of_any_length_is_read_in_bounded_memory(self) -> None:
        left = [100 * 16]  # 100 MiB in chunks of 64 KiB

        def read(size: int) -> bytes:
            left[0] -= 1
            return b"x" * size if left[0] > 0 else b'\n{"a":1}\n' if left[0] == 0 else b""

        tracemalloc.start()
        try:
            reader = LineReader(read, Limits(max_line_bytes=1 << 20))
            first, second = [line for lines in reader.arrivals() for line in lines]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertEqual(first.fault and first.fault.code, "line-too-long")
        self.assertEqual((second.number, second.raw), (2, b'{"a":1}'))
        self.assertLess(peak, 3 << 20)


class Batches(unittest.TestCase):
    def batches(self, arrivals: list[int], size: int, *, fill: bool) -> list[list[int]]:
        numbers = iter(range(1, sum(arrivals) + 1))
        lines = ([Line(next(numbers), b"") for _ in range(count)] for count in arrivals)
        return [[line.number for line in batch] for batch in _batches(iter(list(lines)), size, fill=fill)]

    def sizes(self, arrivals: list[int], size: int, *, fill: bool) -> list[int]:
        batches = self.batches(arrivals, size, fill=fill)
        self.assertEqual([number for batch in batches for number in batch], list(range(1, sum(arrivals) + 1)))
        return [len(batch) for batch in batches]

    def test_what_has_arrived_is_taken_at_once(self) -> None:
        self.assertEqual(self.sizes([1, 1, 1], 64, fill=False), [1, 1, 1])
        self.assertEqual(self.sizes([5, 0, 64, 65, 130], 64, fill=False), [5, 64, 64, 1, 64, 64, 2])
        self.assertEqual(self.sizes([3], 1, fill=False), [1, 1, 1])
        self.assertEqual(self.sizes([], 64, fill=False), [])
        self.assertEqual(self.sizes([0, 0], 64, fill=False), [])

    def test_a_file_fills_every_batch_but_the_last(self) -> None:
        self.assertEqual(self.sizes([1] * 130, 64, fill=True), [64, 64, 2])
        self.assertEqual(self.sizes([100, 28], 64, fill=True), [64, 64])
        self.assertEqual(self.sizes([0, 3, 0], 64, fill=True), [3])
        self.assertEqual(self.sizes([7, 7, 7], 5, fill=True), [5, 5, 5, 5, 1])
        self.assertEqual(self.sizes([], 64, fill=True), [])

    def test_an_idle_stream_does_not_wait_to_fill(self) -> None:
        def arrivals() -> Iterator[list[Line]]:
            yield [Line(1, b"")]
            raise AssertionError("asked for more before the batch was given")

        self.assertEqual(next(_batches(arrivals(), 64, fill=False)), [Line(1, b"")])

    def test_whole_lines_before_an_unreadable_place_are_a_batch(self) -> None:
        def arrivals() -> Iterator[list[Line]]:
            yield [Line(number, b"") for number in range(1, 8)]
            raise PackflowError("broken")

        batches = _batches(arrivals(), 5, fill=True)
        self.assertEqual([line.number for line in next(batches)], [1, 2, 3, 4, 5])
        self.assertEqual([line.number for line in next(batches)], [6, 7])
        with self.assertRaises(PackflowError):
            next(batches)


class Running(unittest.TestCase):
    def run_over(
        self, read: Callable[[int], bytes], backend: InferenceBackend | None = None, **options: Any
    ) -> tuple[StreamSummary, list[bytes]]:
        with tempfile.TemporaryFile() as sink:
            summary = run_stream(backend or Echo(), read, sink.fileno(), **options)
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
        summary, written = self.run_over(pieces(b'{"a":[[]]}\n{"a":[]}\n'), limits=Limits(max_depth=2))
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
        self.assertEqual(error.title, "The events cannot be read: [Errno 5] Input/output error.")
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
                        run_stream(Echo(), read, sink.fileno(), fill=fill)
                    self.assertEqual(caught.exception.code, "events-not-readable")
                    sink.seek(0)
                    written = sink.read().split(b"\n")[:-1]
                    self.assertGreaterEqual(len(written), least)
                    self.assertEqual(written, lines[: len(written)])

    def test_a_large_stream_in_chunks_of_the_usual_size(self) -> None:
        data = b"".join(b'{"n":%d,"x":"%s"}\n' % (number, b"\xc3\xa9" * (number % 97)) for number in range(5000))
        self.assertGreater(len(data), 3 * CHUNK)
        source = io.BytesIO(data)
        summary, written = self.run_over(source.read)
        self.assertEqual(summary.events, 5000)
        self.assertEqual(b"\n".join(written) + b"\n", data)


_SLEEPER = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from packflow_runtime.backend import InferenceBackend
from packflow_runtime.stream import run_stream
class Slow(InferenceBackend):
    def execute(self, inputs):
        os.write(2, b"working\\n")
        time.sleep(float(sys.argv[2]))
        return inputs
summary = run_stream(Slow(), lambda size: os.read(0, size), 1, fill=len(sys.argv) > 3)
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
