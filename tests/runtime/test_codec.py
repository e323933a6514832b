"""Codecs: every class of line gives the same events, values and refusals, and what is written reads back equal."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
import unittest
from importlib.util import find_spec
from typing import Any
from unittest import mock

from packflow_runtime.codec import Codec, OrjsonCodec, StdlibCodec, choose_codec
from packflow_runtime.errors import ExitCode, PackflowError
from packflow_runtime.jsonlines import DEFAULT_LIMITS, BadLineError, Limits, decode_event
from runtime.test_jsonlines import ACCEPTED, NOT_JSON, NOT_UTF8, TOO_LARGE, nested

HAS_ORJSON = find_spec("orjson") is not None
NEEDS_ORJSON = "needs orjson: pip install orjson"

NUMBERS = [
    *TOO_LARGE,
    *(f"{sign}{number}" for sign in ("", "-") for number in (2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64, 10**19)),
    *("9" * digits for digits in (17, 18, 19, 20, 21, 209, 210, 308, 309, 310, 4299, 4300, 4301, 5000)),
    *("-" + "9" * digits for digits in (17, 18, 19, 20, 21, 310, 4300, 4301)),
    *(
        "0",
        "-0",
        "0.0",
        "-0.0",
        "0e0",
        "-0e5",
        "0e999",
        "1e-999",
        "5e-324",
        "2e-324",
        "1e22",
        "1e23",
        "9007199254740993",
    ),
    *("0." + "1" * digits for digits in (16, 17, 25, 400)),
    *("1" * 25 + ".5", "1" * 20 + "e2", "123456789012345678901e-5", "1E5", "1e+5", "1e+005", "1e0005", "1.5E+308"),
    *("01", "-01", "+1", "1.", ".5", "1e", "1e+", "--1", "1_0", "0x10", "1" * 20 + "x"),
]
LINES = [
    *(line for line, _ in NOT_JSON),
    *(line for line, _ in NOT_UTF8),
    *(line for line, _ in ACCEPTED),
    *(b'{"a":%s}' % number.encode() for number in NUMBERS),
    *(b'{"a":[0, %s ,1]}' % number.encode() for number in NUMBERS),
    *(number.encode() for number in NUMBERS),
    *(nested(depth) for depth in (199, 200, 201, 500, 1000, 1024, 1025, 100_000)),
    *(b'{"a":' + b"[" * depth + b"]" * depth + b"}" for depth in (199, 200, 255, 1100)),
    b'{"a":[' + b"{}," * 300 + b"[]]}",
    b'{"a":"' + b"[" * 300 + b'"}',
    b'{"a":"\\ud800"}',
    b'{"\\uDfff":1}',
    b'{"a":"\\ud83d\\ude00"}',
    b'{"a":"\\\\ud800"}',
    b'{"a":"e400 1e400 12345678901234567890123"}',
    b'{"sha":"0e400c0e4001","b":1}',
    b'{"a":1,"a":{"b":2},"a":3}',
    b"{}",
    b"[]",
    b"null",
    b'"x"',
    b" {} \r",
]
CODECS: list[type[StdlibCodec | OrjsonCodec]] = [StdlibCodec, *([OrjsonCodec] if HAS_ORJSON else [])]


def strictly(line: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """What ``jsonlines`` makes of a line, told apart by type too: 1 is not 1.0 nor True."""
    try:
        return repr(decode_event(line, limits))
    except BadLineError as fault:
        return f"{fault.code}: {fault}"


def decoded(codec: Codec, lines: list[bytes]) -> list[str]:
    events, faults = codec.decode(lines)
    good = iter(events)
    found = [
        f"{faults[index].code}: {faults[index]}" if index in faults else repr(next(good)) for index in range(len(lines))
    ]
    assert next(good, None) is None
    return found


class Decoding(unittest.TestCase):
    def test_every_class_of_line_alone(self) -> None:
        for codec in CODECS:
            for line in LINES:
                with self.subTest(codec=codec.name, line=line[:60], size=len(line)):
                    self.assertEqual(decoded(codec(), [line]), [strictly(line)])

    def test_every_class_of_line_among_others(self) -> None:
        expected = [strictly(line) for line in LINES]
        for codec in CODECS:
            self.assertEqual(decoded(codec(), LINES), expected)
            for index, line in enumerate(LINES):
                with self.subTest(codec=codec.name, line=line[:60]):
                    found = decoded(codec(), [b'{"n":1}', line, b'{"n":2}', LINES[index - 1]])
                    self.assertEqual(found, ["{'n': 1}", expected[index], "{'n': 2}", expected[index - 1]])

    def test_limits(self) -> None:
        lines = [b'{"a":1234}', b'{"a":-123}', b'{"a":[[1]]}', b'{"a":"0123456789abcdef"}', b'{"a":[{},{},{}]}', b"{}"]
        for limits in (Limits(20, 2, 3), Limits(max_digits=3), Limits(max_depth=2), Limits(max_line_bytes=20)):
            for codec in CODECS:
                with self.subTest(codec=codec.name, limits=limits):
                    self.assertEqual(decoded(codec(limits), lines), [strictly(line, limits) for line in lines])

    def test_nothing_to_decode(self) -> None:
        for codec in CODECS:
            self.assertEqual(codec().decode([]), ([], {}))

    def test_brackets_across_lines_are_not_depth(self) -> None:
        lines = [b'{"a":[{"b":[]}],"c":{}}'] * 200
        for codec in CODECS:
            with mock.patch("packflow_runtime.codec.decode_event", side_effect=AssertionError("read slowly")):
                self.assertEqual(len(codec().decode(lines)[0]), 200)

    def test_a_line_too_deep_is_found_wherever_it_stands(self) -> None:
        """Of long batches the first lines tell how many are looked at together: with few brackets, many, or none."""
        deep = b'{"a":' + b"[" * 200 + b"]" * 200 + b"}"
        for others in (b'{"n":1}', b'{"n":[' + b"[]," * 99 + b"[]]}", b"no JSON"):
            for size, place in ((2, 1), (64, 0), (64, 63), (120, 0), (120, 3), (120, 119)):
                lines = [others] * size
                lines[place] = deep
                for codec in CODECS:
                    with self.subTest(codec=codec.name, others=others[:10], size=size, place=place):
                        self.assertEqual(codec().decode(lines)[1][place].code, "too-deep")

    def test_ordinary_lines_take_the_fast_way(self) -> None:
        fast = [
            b'{"ns":1714567890123456789,"f":0.12345678901234567890123,"small":1e-05,"big":1e+16,"id":"0e400a0e4000"}',
            b'{"hash":"123456789012345678901234567890","when":"2024-05-06T07:08:09.123456Z"}\r',
        ]
        for codec in CODECS:
            with mock.patch("packflow_runtime.codec.decode_event", side_effect=AssertionError("read slowly")):
                self.assertEqual(len(codec().decode(fast)[0]), 2, codec)

    def test_time_does_not_grow_faster_than_the_lines(self) -> None:
        started = time.perf_counter()
        for codec in CODECS:
            codec().decode([b'{"a":"' + b"0e000" * 100_000 + b'"}', b'{"a":' + b"0" * 500_000 + b"e000}"])
            codec().decode([b'{"a":"' + b"[" * 300_000 + b'"}', b"[{" * 100_000, b'{"a":' + b'"' * 200_000])
            codec().decode([b'{"a":"' + b":00000000000000000-" * 20_000 + b'"}'])
        self.assertLess(time.perf_counter() - started, 10)

    def test_a_parser_that_recurses_too_far_refuses_the_line(self) -> None:
        limits = Limits(max_depth=100_000)
        deep = b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
        for codec in CODECS:
            events, faults = codec(limits).decode([deep, b'{"n":1}'])
            self.assertEqual((events[-1], [fault.code for fault in faults.values()]), ({"n": 1}, ["too-deep"]))


class Encoding(unittest.TestCase):
    def test_values_read_back_equal(self) -> None:
        values = [event for _, event in ACCEPTED]
        values += [{"a": [{"b": 1}, {"c": 2}]}, {"a": "},{"}, {"a": {"},{": 1}}, {"a": 2**64, "b": -(2**200)}, {}]
        values += [{"a": [1e16, 1e-7, 5e-324, -0.0, 1.7976931348623157e308], "b": "\u2028\x7f\0é😀", "": None}]
        for codec in CODECS:
            with self.subTest(codec=codec.name):
                lines = codec().encode(values).split(b"\n")
                self.assertEqual(
                    [repr(json.loads(line.decode("utf-8", "strict"))) for line in lines], list(map(repr, values))
                )
                for value in values:
                    self.assertEqual(repr(decode_event(codec().encode([value]))), repr(value))

    def test_the_standard_library_writes_the_same_bytes_alone_and_together(self) -> None:
        codec, value = StdlibCodec(), {"é": [1.5, None, True, {"x": "y"}], "b": 1e16}
        self.assertEqual(codec.encode([value]), '{"é":[1.5,null,true,{"x":"y"}],"b":1e+16}'.encode())
        self.assertEqual(
            codec.encode([value, {}, value]).split(b"\n"), [codec.encode([value]), b"{}", codec.encode([value])]
        )

    def test_refuses_what_json_or_the_limits_refuse(self) -> None:
        deep: list[Any] = []
        for _ in range(199):
            deep = [deep]
        cycle: dict[str, Any] = {}
        cycle["a"] = cycle
        for codec in CODECS:
            self.assertEqual(codec().encode([{"a": deep[0]}] * 2).count(b"["), 398)
            for name, value, kind in (
                ("depth", {"a": deep}, ValueError),
                ("surrogate", {"a": "\ud800"}, ValueError),
                ("surrogate in a key", {"\udc00": 1}, ValueError),
                ("cycle", cycle, (ValueError, RecursionError)),
                ("digits", {"a": 10**4300}, ValueError),
                ("length", {"a": "x" * DEFAULT_LIMITS.max_line_bytes}, ValueError),
                ("bytes", {"a": b"x"}, TypeError),
                ("date", {"a": dt.date(2024, 5, 6)}, TypeError),
            ):
                for values in ([value], [{"n": 1}, value]):
                    with self.subTest(name, codec=codec.name), self.assertRaises(kind):  # type: ignore[arg-type]
                        codec().encode(values)


class Choosing(unittest.TestCase):
    def test_stdlib_is_always_there(self) -> None:
        self.assertEqual(choose_codec("stdlib").name, "stdlib")

    @unittest.skipUnless(HAS_ORJSON, NEEDS_ORJSON)
    def test_auto_is_orjson_where_it_is_installed(self) -> None:
        self.assertEqual([choose_codec(name).name for name in ("auto", "orjson")], ["orjson", "orjson"])

    def test_without_orjson(self) -> None:
        with mock.patch.dict(sys.modules, {"orjson": None}):
            self.assertEqual(choose_codec("auto").name, "stdlib")
            with self.assertRaises(PackflowError) as caught:
                choose_codec("orjson")
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("codec-not-found", ExitCode.NOT_FOUND))
        self.assertIn("pip install orjson", caught.exception.hint)

    def test_limits_are_kept(self) -> None:
        limits = Limits(max_depth=3)
        self.assertEqual([choose_codec(name, limits).limits for name in ("auto", "stdlib")], [limits, limits])


if __name__ == "__main__":
    unittest.main()
