"""How bytes become lines, and lines batches."""

from __future__ import annotations

import tracemalloc
import unittest
from collections.abc import Callable, Iterator

from packflow_runtime.errors import PackflowError
from packflow_runtime.jsonlines import BadLineError, Limits
from packflow_runtime.lines import Line, LineReader, Lines, batches

BOM = b"\xef\xbb\xbf"


def pieces(*chunks: bytes) -> Callable[[int], bytes]:
    """Make a ``read`` that gives these chunks, then the end of input for ever."""
    waiting = list(chunks)

    def read(size: int) -> bytes:
        return waiting.pop(0) if waiting else b""

    return read


def read_lines(*chunks: bytes, limits: Limits | None = None) -> list[tuple[int, bytes]]:
    reader = LineReader(pieces(*chunks), limits or Limits())
    return [(line.number, line.raw) for lines in reader.arrivals() for line in lines]


class Splitting(unittest.TestCase):
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
                    for line, whole in ((lines[1], b"x" * size), (lines[3], b"y" * size)):
                        if size <= 10:
                            self.assertEqual((line.fault, line.raw), (None, whole))
                        else:
                            assert line.fault is not None
                            self.assertEqual((line.fault.code, line.raw), ("line-too-long", b""))
                            self.assertEqual(str(line.fault), "the line is longer than 10 bytes")

    def test_white_space_is_no_event_at_any_length_and_however_it_arrives(self) -> None:
        limits = Limits(max_line_bytes=10)
        for blank in (b" " * 25, b"\t\r" * 20, b" " * 11):
            for data in (blank + b"\n1", b"\n" + blank + b"\n1\n", b"1\n" + blank, b"1\n" + blank + b"\n" + blank):
                expected = [(data[: data.index(b"1")].count(b"\n") + 1, b"1")]
                for step in (1, 4, 100):
                    chunks = [data[start : start + step] for start in range(0, len(data), step)]
                    with self.subTest(data, step=step):
                        self.assertEqual(read_lines(*chunks, limits=limits), expected)

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
        blocks = [Lines([next(numbers) for _ in range(count)], [b""] * count) for count in arrivals]
        return [list(batch.numbers) for batch in batches(iter(blocks), size, fill=fill)]

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
        def blocks() -> Iterator[Lines]:
            yield Lines([1], [b"a"])
            raise AssertionError("asked for more before the batch was given")

        self.assertEqual(next(batches(blocks(), 64, fill=False)), Lines([1], [b"a"]))

    def test_whole_lines_before_an_unreadable_place_are_a_batch(self) -> None:
        def blocks() -> Iterator[Lines]:
            yield Lines(range(1, 8), [b""] * 7)
            raise PackflowError("broken")

        given = batches(blocks(), 5, fill=True)
        self.assertEqual(list(next(given).numbers), [1, 2, 3, 4, 5])
        self.assertEqual(list(next(given).numbers), [6, 7])
        with self.assertRaises(PackflowError):
            next(given)

    def test_lines_in_columns_keep_their_numbers_and_faults(self) -> None:
        fault = BadLineError("line-too-long", "long")
        lines = [Line(2, b"a"), Line(5, b"", fault), Line(6, b"b")]
        columns = Lines.of(lines)
        self.assertEqual([columns.line(index) for index in range(3)], lines)
        joined = columns + Lines(range(7, 9), [b"c", b"d"])
        self.assertEqual([joined.line(index) for index in (1, 4)], [Line(5, b"", fault), Line(8, b"d")])
        self.assertEqual(joined.part(1, 3).line(0), Line(5, b"", fault))


if __name__ == "__main__":
    unittest.main()
