"""Strict JSON lines: the language that is accepted, the code and words of each refusal, and what is written."""

from __future__ import annotations

import json
import math
import sys
import time
import tracemalloc
import unittest
from unittest import mock

from packflow_runtime.jsonlines import (
    DEFAULT_LIMITS,
    BadLineError,
    Limits,
    decode_event,
    decode_value,
    encode,
    is_blank,
    is_deeper,
)

# Line, code, message. The columns are those of characters, from 1, and the words are the same on every Python.
NOT_JSON = (
    # trailing and doubled commas
    (b'{"a":1,}', "unexpected '}' at column 8"),
    (b'{"a":1 , }', "unexpected '}' at column 10"),
    (b'{"a":1,\t\r\n}', "unexpected '}' at column 11"),
    (b'{"a":[1,]}', "unexpected ']' at column 9"),
    (b'{"a":[1,2, ]}', "unexpected ']' at column 12"),
    (b'{"\xc3\xa9":1,}', "unexpected '}' at column 8"),
    (b"{,}", "unexpected ',' at column 2"),
    (b'{"a":1,,}', "unexpected ',' at column 8"),
    (b'{"a":[1,,2]}', "unexpected ',' at column 9"),
    (b"[,1]", "unexpected ',' at column 2"),
    # cut short
    (b"{", "the line ends before its JSON value does"),
    (b'{"a"', "the line ends before its JSON value does"),
    (b'{"a":', "the line ends before its JSON value does"),
    (b'{"a": \r', "the line ends before its JSON value does"),
    (b'{"a":1', "the line ends before its JSON value does"),
    (b'{"a":1,', "the line ends before its JSON value does"),
    (b'{"a":[1,', "the line ends before its JSON value does"),
    (b'{"a":"x"', "the line ends before its JSON value does"),
    (b"", "the line ends before its JSON value does"),
    (b'{"a":"x', "the string that starts at column 6 is not closed"),
    (b'{"a":"x\\"}', "the string that starts at column 6 is not closed"),
    (b'{"abc', "the string that starts at column 2 is not closed"),
    # more than one value, comments
    (b'{"a":1} {"b":2}', "more text follows the JSON value at column 9"),
    (b'{"a":1}{"b":2}', "more text follows the JSON value at column 8"),
    (b'{"a":1}}', "more text follows the JSON value at column 8"),
    (b'{"a":1} // no', "more text follows the JSON value at column 9"),
    (b'{"a":1 /* no */}', "unexpected '/' at column 8"),
    (b"# no", "unexpected '#' at column 1"),
    # not JSON's words, quotes, numbers
    (b'{"a":NaN}', "NaN is not JSON"),
    (b'{"a":[Infinity]}', "Infinity is not JSON"),
    (b'{"a":-Infinity}', "-Infinity is not JSON"),
    (b"NaN", "NaN is not JSON"),
    (b'{"a":nan}', "unexpected 'n' at column 6"),
    (b'{"a":True}', "unexpected 'T' at column 6"),
    (b'{"a":None}', "unexpected 'N' at column 6"),
    (b"{a:1}", "unexpected 'a' at column 2"),
    (b"{'a':1}", 'unexpected "\'" at column 2'),
    (b'{"a":01}', "unexpected '1' at column 7"),
    (b'{"a":-01}', "unexpected '1' at column 8"),
    (b'{"a":+1}', "unexpected '+' at column 6"),
    (b'{"a":.5}', "unexpected '.' at column 6"),
    (b'{"a":1.}', "unexpected '.' at column 7"),
    (b'{"a":1e}', "unexpected 'e' at column 7"),
    (b'{"a":0x1F}', "unexpected 'x' at column 7"),
    (b'{"a":1_000}', "unexpected '_' at column 7"),
    (b'{"a":\xd9\xa1}', "unexpected '\\u0661' at column 6"),
    (b'{"a":-}', "unexpected '-' at column 6"),
    (b'{"a" 1}', "unexpected '1' at column 6"),
    (b'{"a":}', "unexpected '}' at column 6"),
    (b'{"a":1 "b":2}', "unexpected '\"' at column 8"),
    (b"{1:2}", "unexpected '1' at column 2"),
    # control characters and bad escapes in strings
    (b'{"a":"\x00"}', "unexpected '\\x00' at column 7"),
    (b'{"a":"x\x1f"}', "unexpected '\\x1f' at column 8"),
    (b'{"a":"\t"}', "unexpected '\\t' at column 7"),
    (b'{"a":"\r"}', "unexpected '\\r' at column 7"),
    (b'{"a":"\x1b[31m"}', "unexpected '\\x1b' at column 7"),
    (b'{"a":"\\x41"}', "unexpected '\\\\' at column 7"),
    (b'{"a":"\\u12"}', "unexpected 'u' at column 8"),
    (b'{"a":"\\u12g4"}', "unexpected 'u' at column 8"),
    (b'{"a":"\\u+123"}', "unexpected 'u' at column 8"),
    (b'{"a":"\\u00_1"}', "unexpected 'u' at column 8"),
    # white space that is not JSON's
    (b'\x00{"a":1}', "unexpected '\\x00' at column 1"),
    (b'{"a":1}\x00', "more text follows the JSON value at column 8"),
    (b'{"a":1}\x0c', "more text follows the JSON value at column 8"),
    (b'{"a":1}\xc2\xa0', "more text follows the JSON value at column 8"),
    (b'{"a":1,\xe2\x80\xa8"b":2}', "unexpected '\\u2028' at column 8"),
    (b'\xef\xbb\xbf{"a":1}', "unexpected '\\ufeff' at column 1"),  # the reader takes one off the first line only
    (b"\xef\xbb\xbf", "unexpected '\\ufeff' at column 1"),
    # UTF-16 and UTF-32 without a byte order mark are UTF-8 with NULs
    ('{"a":1}'.encode("utf-16-le"), "unexpected '\\x00' at column 2"),
    ('{"a":1}'.encode("utf-16-be"), "unexpected '\\x00' at column 1"),
    ('{"a":1}'.encode("utf-32-le"), "unexpected '\\x00' at column 2"),
)

NOT_UTF8 = (
    ('{"a":1}'.encode("utf-16"), 1),
    ('{"a":1}'.encode("utf-32"), 1),
    (b'{"a":"\xe9"}', 7),  # Latin-1
    (b'{"a":"\xc3', 7),  # cut inside a character
    (b'{"a":"\xed\xa0\x80"}', 7),  # a surrogate
    (b'{"a":"\xc0\xaf"}', 7),  # a longer form than needed
    (b'{"a":"\xf4\x90\x80\x80"}', 7),  # beyond U+10FFFF
    (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", 2),  # gzip
    (b"\x28\xb5\x2f\xfd\x04\x00", 2),  # zstd
)

ACCEPTED = (
    (b"{}", {}),
    (b' \t{"a":1}\r', {"a": 1}),
    (b'{"a":1}\r\n', {"a": 1}),
    (b'{"a":18446744073709551616}', {"a": 18446744073709551616}),
    (b'{"a":-9223372036854775809}', {"a": -9223372036854775809}),
    (b'{"a":' + b"7" * 400 + b"}", {"a": int("7" * 400)}),
    (b'{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}),
    (b'{"":1}', {"": 1}),
    (b'{"__proto__":{"x":1},"constructor":2}', {"__proto__": {"x": 1}, "constructor": 2}),
    ('{"é":"日本 😀"}'.encode(), {"é": "日本 😀"}),
    (b'{"a":"\xe2\x80\xa8\xe2\x80\xa9\xc2\x85"}', {"a": "\u2028\u2029\x85"}),
    (b'{"a":"\\u0000"}', {"a": "\0"}),
    (b'{"a":"\\u001b[31m\x7f"}', {"a": "\x1b[31m\x7f"}),
    (b'{"a":"\xef\xbb\xbf"}', {"a": "\ufeff"}),
    (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
    (b'{"a":"\\uD83D\\uDE00"}', {"a": "😀"}),
    (b'{"a":"\\\\ud800"}', {"a": "\\ud800"}),
    (b'{"a":"\\/\\b\\f\\n\\r\\t\\"\\\\"}', {"a": '/\b\f\n\r\t"\\'}),
    (b'{"a":[true,false,null]}', {"a": [True, False, None]}),
    (b'{"a":1e308,"b":-1.7976931348623157e308}', {"a": 1e308, "b": -1.7976931348623157e308}),
    (b'{"a":1E+5,"b":0.1e-2}', {"a": 100000.0, "b": 0.001}),
    (b'{"a":1e0000000005}', {"a": 100000.0}),
    (b'{"a":0.' + b"0" * 400 + b"1}", {"a": 0.0}),
    (b'{"a":1e-400}', {"a": 0.0}),
    (b'{"a":' + b"1" * 209 + b"e99}", {"a": float("1" * 209 + "e99")}),
    (b'{"a":"' + b"9" * 5000 + b'"}', {"a": "9" * 5000}),
    (b'{"a":"1e999 NaN Infinity"}', {"a": "1e999 NaN Infinity"}),
)

# Values beyond the largest double, in every spelling: digits, exponent, and digits that an exponent makes too many.
TOO_LARGE = (
    "1e400",
    "-1e400",
    "1E400",
    "1e+400",
    "1e0400",
    "1e309",
    "1.8e308",
    "-1.8e+308",
    "9" * 250 + "e99",
    "9" * 210 + "E+99",
    "1" * 300 + "e10",
    "9" * 309 + ".0",
    "9" * 310 + "e0",
    "123456789" * 30 + "e50",
)


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


class Refusing(unittest.TestCase):
    def refuse(self, line: bytes, code: str, message: str, limits: Limits = DEFAULT_LIMITS) -> None:
        with self.subTest(line=line[:80], size=len(line)):
            with self.assertRaises(BadLineError) as caught:
                decode_event(line, limits)
            self.assertEqual((caught.exception.code, str(caught.exception)), (code, message))

    def test_text_that_is_not_json(self) -> None:
        for line, message in NOT_JSON:
            self.refuse(line, "not-json", message)

    def test_bytes_that_are_not_utf8(self) -> None:
        for line, place in NOT_UTF8:
            self.refuse(line, "not-utf8", f"byte {place} is not UTF-8")

    def test_a_value_that_is_not_an_object(self) -> None:
        for line, kind in (
            (b"[]", "an array"),
            (b'[{"a":1}]', "an array"),
            (b'"text"', "a string"),
            (b"1", "a number"),
            (b"1.5", "a number"),
            (b"true", "a boolean"),
            (b"false", "a boolean"),
            (b"null", "null"),
        ):
            self.refuse(line, "not-object", f"an event must be a JSON object, this line is {kind}")

    def test_half_of_a_surrogate_pair(self) -> None:
        for text in (
            rb'{"a":"\ud800"}',
            rb'{"a":"\uD800"}',
            rb'{"a":"\udc00x"}',
            rb'{"a":"\ud83d\ud83d"}',
            rb'{"a":"\ude00\ud83d"}',
            rb'{"\udfff":1}',
            rb'{"a":[{"b":["\uDbff"]}]}',
        ):
            self.refuse(text, "lone-surrogate", "a string holds half of a surrogate pair")

    def test_numbers_beyond_the_largest_double(self) -> None:
        for text in TOO_LARGE:
            shown = text if len(text) <= 20 else f"{text[:16]}…"
            message = f"{shown} is beyond the largest 64-bit float"
            self.refuse(b'{"a":' + text.encode() + b"}", "number-out-of-range", message)
            self.refuse(b'{"a":[0,' + text.encode() + b"]}", "number-out-of-range", message)

    def test_integers_with_too_many_digits(self) -> None:
        message = "an integer has more than 4,300 digits"
        for sign in (b"", b"-"):
            self.refuse(b'{"a":' + sign + b"9" * 4301 + b"}", "number-too-long", message)
        self.refuse(b'{"a":' + b"1" * 100_000 + b"}", "number-too-long", message)
        self.refuse(b'{"a":1234}', "number-too-long", "an integer has more than 3 digits", Limits(max_digits=3))

    def test_values_nested_too_deep(self) -> None:
        for depth in (201, 500, 1000, 100_000):
            self.refuse(nested(depth), "too-deep", "the value is nested deeper than 200")
        self.refuse(b"[" * 100_000, "too-deep", "the value is nested deeper than 200")
        self.refuse(b'{"a":' + b"[{" * 100 + b"}]" * 100 + b"}", "too-deep", "the value is nested deeper than 200")
        self.refuse(nested(4), "too-deep", "the value is nested deeper than 3", Limits(max_depth=3))

    def test_lines_that_are_too_long(self) -> None:
        limits = Limits(max_line_bytes=20)
        self.refuse(b'{"a":"0123456789abc"}', "line-too-long", "the line is longer than 20 bytes", limits)
        message = "the line is longer than 16,777,216 bytes"
        self.refuse(b" " * (DEFAULT_LIMITS.max_line_bytes + 1), "line-too-long", message)

    def test_what_this_python_does_not_convert_is_refused_and_not_raised(self) -> None:
        before = sys.get_int_max_str_digits()
        sys.set_int_max_str_digits(700)
        try:
            message = "an integer has more digits than this Python converts"
            self.refuse(b'{"a":' + b"9" * 701 + b"}", "number-too-long", message)
            self.assertEqual(decode_event(b'{"a":' + b"9" * 700 + b"}"), {"a": int("9" * 700)})
        finally:
            sys.set_int_max_str_digits(before)

    def test_time_does_not_grow_faster_than_the_line(self) -> None:
        # Brackets beyond the limit make the reader look for strings; these escapes once made it look at them squared.
        started = time.perf_counter()
        self.refuse(b"[" * 201 + b'"' + b'\\"' * 100_000, "too-deep", "the value is nested deeper than 200")
        self.refuse(
            b'{"a":"' + b"[" * 201 + b'\\"' * 200_000,
            "not-json",
            "the string that starts at column 6 is not closed",
        )
        self.refuse(b'{"a":' + b'"' * 200_000 + b"[" * 201, "too-deep", "the value is nested deeper than 200")
        self.assertLess(time.perf_counter() - started, 5)


class Accepting(unittest.TestCase):
    def test_values(self) -> None:
        for line, event in ACCEPTED:
            with self.subTest(line=line[:80]):
                decoded = decode_event(line)
                self.assertEqual(decoded, event)
                # Types too: 1 == 1.0 == True.
                self.assertEqual(repr(decoded), repr(event))

    def test_any_value_may_stand_alone(self) -> None:
        for line, value in ((b"null", None), (b"-0", 0), (b'"x"', "x"), (b"[1, 2.5]", [1, 2.5]), (b" true ", True)):
            with self.subTest(line=line):
                self.assertEqual(repr(decode_value(line)), repr(value))

    def test_the_sign_of_zero(self) -> None:
        self.assertEqual(math.copysign(1, decode_value(b"-0.0")), -1.0)
        self.assertEqual(math.copysign(1, decode_value(b"0.0")), 1.0)

    def test_integers_at_the_limit_are_exact(self) -> None:
        for sign in ("", "-"):
            text = sign + "7" * 4300
            self.assertEqual(decode_event(f'{{"a":{text}}}'.encode()), {"a": int(text)})
        self.assertEqual(decode_value(b"-123", Limits(max_digits=3)), -123)

    def test_depth_at_the_limit(self) -> None:
        value = decode_event(nested(200))
        for _ in range(199):
            value = value["a"]
        self.assertEqual(value, {})
        self.assertEqual(decode_value(b"[[[]]]", Limits(max_depth=3)), [[[]]])

    def test_many_brackets_are_not_depth(self) -> None:
        self.assertEqual(decode_event(b'{"a":[' + b"{}," * 5000 + b"[]]}"), {"a": [{}] * 5000 + [[]]})
        for text in ("[" * 5000, '\\"' + "{" * 5000, "\\\\", "\\\\\\" + '"' + "[" * 5000):
            with self.subTest(text=text[:10]):
                line = f'{{"a":"{text}","b":{"[" * 198}{"]" * 198}}}'.encode()
                self.assertEqual(decode_event(line), json.loads(line))

    def test_brackets_in_strings_are_not_depth_anywhere_in_a_long_line(self) -> None:
        for shift in range(3):  # the long line is looked at in slices, whose ends meet each byte of a string
            start = b'{"a":[' + b"[]," * shift + b'"[",' * 30_000
            self.assertEqual(len(decode_event(start + b"1]}")["a"]), shift + 30_001)
            with self.assertRaises(BadLineError) as caught:
                decode_event(start + b"[" * 199 + b"]" * 199 + b"]}")
            self.assertEqual(caught.exception.code, "too-deep")

    def test_depth_is_found_in_the_memory_of_a_few_lines(self) -> None:
        for line in (b'["[",' + b'"[",' * 500_000 + b"1]", b'["' * 1_000_000, b'{"a":' * 400_000):
            tracemalloc.start()
            try:
                is_deeper(line, 200)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            self.assertLess(peak, 4 * len(line) + (1 << 20))

    def test_line_length_at_the_limit(self) -> None:
        self.assertEqual(decode_event(b'{"a":"0123456789ab"}', Limits(max_line_bytes=20)), {"a": "0123456789ab"})

    def test_many_keys(self) -> None:
        line = b"{" + b",".join(b'"%d":0' % number for number in range(200_000)) + b"}"
        self.assertEqual(len(decode_event(line)), 200_000)

    def test_blank_lines(self) -> None:
        for line in (b"", b" ", b"\t \r", b"\r\n"):
            self.assertTrue(is_blank(line), line)
        for line in (b"{}", b"\x0b", b"\x0c", b"\x00", b"\xc2\xa0", b"\xef\xbb\xbf", b" 0 "):
            self.assertFalse(is_blank(line), line)


class Encoding(unittest.TestCase):
    def test_bytes(self) -> None:
        for value, line in (
            ({}, b"{}"),
            ({"b": 1, "a": [1.5, None, True, "x"]}, b'{"b":1,"a":[1.5,null,true,"x"]}'),
            ({"é": "日本 😀"}, '{"é":"日本 😀"}'.encode()),
            ({"a": '"\\/\n\r\t\0\x1b\x7f'}, b'{"a":"\\"\\\\/\\n\\r\\t\\u0000\\u001b\x7f"}'),
            ({"a": "\u2028\u2029"}, b'{"a":"\xe2\x80\xa8\xe2\x80\xa9"}'),
            ({"a": 2**64, "b": -0.0, "c": 1e16}, b'{"a":18446744073709551616,"b":-0.0,"c":1e+16}'),
            ({"a": 0.1 + 0.2}, b'{"a":0.30000000000000004}'),
        ):
            with self.subTest(line=line):
                self.assertEqual(encode(value), line)

    def test_refuses_what_decoding_refuses(self) -> None:
        deep: list[object] = []
        for _ in range(200):
            deep = [deep]
        cycle: list[object] = []
        cycle.append(cycle)
        for name, value in (
            ("NaN", float("nan")),
            ("infinity", [float("inf")]),
            ("minus infinity", {"a": -float("inf")}),
            ("lone surrogate", {"a": "\ud800"}),
            ("lone surrogate in a key", {"\udfff": 1}),
            ("digits", 10**4300),
            ("depth", deep),
            ("cycle", cycle),
            ("length", "x" * DEFAULT_LIMITS.max_line_bytes),
        ):
            with self.subTest(name), self.assertRaises(ValueError):
                encode(value)
        for value in (b"x", {1, 2}, object(), {"a": 1j}, {(1, 2): 3}):
            with self.subTest(value=value), self.assertRaises(TypeError):
                encode(value)

    def test_writes_what_is_at_the_limits(self) -> None:
        deep: list[object] = []
        for _ in range(199):
            deep = [deep]
        self.assertEqual(encode(deep), b"[" * 200 + b"]" * 200)
        self.assertEqual(encode(10**4299), b"1" + b"0" * 4299)
        longest = "x" * (DEFAULT_LIMITS.max_line_bytes - 2)
        self.assertEqual(decode_value(encode(longest)), longest)

    def test_what_is_read_can_be_written_and_read_again(self) -> None:
        for line, event in ACCEPTED:
            with self.subTest(line=line[:80]):
                written = encode(decode_event(line))
                self.assertEqual(repr(decode_event(written)), repr(event))
                self.assertEqual(encode(decode_event(written)), written)
                self.assertNotIn(b"\n", written)

    def test_another_reader_agrees(self) -> None:
        for line, event in ACCEPTED:
            with self.subTest(line=line[:80]):
                self.assertEqual(repr(json.loads(encode(event).decode("utf-8", "strict"))), repr(event))

    def test_ordinary_lines_take_the_fast_way(self) -> None:
        slow = AssertionError("looked at every number")
        with mock.patch("packflow_runtime.jsonlines._exact_decoder", side_effect=slow):
            self.assertEqual(decode_event(b'{"a":1.5e10,"b":[12345678901234567890]}')["a"], 1.5e10)
            with self.assertRaises(AssertionError):
                decode_event(b'{"a":1e400}')


if __name__ == "__main__":
    unittest.main()
