"""Strict JSON lines: one event in, one JSON object out, the same on every Python.

The accepted language is RFC 8259 in UTF-8 with the limits of I-JSON where Python would otherwise guess: no NaN or
Infinity, no number that overflows to infinity, no lone surrogate, bounded depth, digits and line length. Integers of
up to ``max_digits`` digits stay exact. The last of duplicate keys wins. The encoder never writes what the decoder
refuses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

Event = dict[str, Any]

_BLANK = b" \t\r\n"
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_SLICE = 1 << 16
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789E", b"000000000e")
_MANY_DIGITS = b"0" * 210  # 1.8e308 is the largest double: fewer digits stay below it with any exponent up to 99


class BadLineError(Exception):
    """A line that is not one JSON object within the limits; ``code`` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Limits:
    """Bounds on one line: bytes, nesting of arrays and objects, decimal digits of an integer."""

    max_line_bytes: int = 16 * 1024 * 1024
    max_depth: int = 200
    max_digits: int = 4300


DEFAULT_LIMITS = Limits()


def is_blank(line: bytes) -> bool:
    """Whether the line holds only JSON white space, and so is no event."""
    return not line.strip(_BLANK)


def decode_event(line: bytes, limits: Limits = DEFAULT_LIMITS) -> Event:
    """Decode one line into an event; raises BadLineError for anything but one JSON object within the limits."""
    value = decode_value(line, limits)
    if type(value) is not dict:
        raise BadLineError("not-object", f"an event must be a JSON object, this line is {_kind(value)}")
    return value


def decode_value(line: bytes, limits: Limits = DEFAULT_LIMITS) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one JSON value; raises BadLineError for what the module's docstring excludes."""
    if len(line) > limits.max_line_bytes:
        raise BadLineError("line-too-long", f"the line is longer than {limits.max_line_bytes:,} bytes")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadLineError("not-utf8", f"byte {error.start + 1} is not UTF-8") from None
    if is_deeper(line, limits.max_depth):
        raise BadLineError("too-deep", f"the value is nested deeper than {limits.max_depth}")
    digits = line.translate(_DIGITS_TO_ZERO)
    exact = len(line) > limits.max_digits or _MANY_DIGITS in digits or b"e000" in digits or b"e+000" in digits
    decoder = _exact_decoder(limits) if exact else _DECODER
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise BadLineError("not-json", _describe(error)) from None
    except ValueError:  # sys.set_int_max_str_digits() is stricter than the limits
        raise BadLineError("number-too-long", "an integer has more digits than this Python converts") from None
    except RecursionError:  # so is sys.setrecursionlimit()
        raise BadLineError("too-deep", "the value is nested deeper than this Python reads") from None
    if b"\\ud" in line or b"\\uD" in line:
        _refuse_lone_surrogates(value)
    return value


def encode(value: object) -> bytes:
    """Encode one value as a JSON line without its newline.

    Raises ValueError for NaN, infinities, cycles, lone surrogates and what is beyond the default limits, TypeError for
    types JSON does not have.
    """
    line = _ENCODER.encode(value).encode("utf-8")
    if len(line) > DEFAULT_LIMITS.max_line_bytes:
        raise ValueError(f"the line is longer than {DEFAULT_LIMITS.max_line_bytes:,} bytes")
    if is_deeper(line, DEFAULT_LIMITS.max_depth):
        raise ValueError(f"the value is nested deeper than {DEFAULT_LIMITS.max_depth}")
    return line


def refuse_constant(name: str) -> NoReturn:
    """Raise BadLineError for NaN and the infinities; a ``parse_constant`` of ``json.JSONDecoder``."""
    raise BadLineError("not-json", f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _exact_decoder(limits: Limits) -> json.JSONDecoder:
    """A slower decoder that looks at every number; used only for lines a cheap test finds suspicious."""

    def parse_int(digits: str) -> int:
        if len(digits.lstrip("-")) > limits.max_digits:
            raise BadLineError("number-too-long", f"an integer has more than {limits.max_digits:,} digits")
        return int(digits)

    def parse_float(text: str) -> float:
        value = float(text)
        if value in (float("inf"), float("-inf")):
            shown = text if len(text) <= 20 else f"{text[:16]}…"
            raise BadLineError("number-out-of-range", f"{shown} is beyond the largest 64-bit float")
        return value

    return json.JSONDecoder(parse_constant=refuse_constant, parse_int=parse_int, parse_float=parse_float)


def is_deeper(line: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than ``limit``; of a line that is no JSON, at a rough guess."""
    if line.count(b"[") + line.count(b"{") <= limit:
        return False
    without_escapes = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes beside each other open and close: without them, most strings are gone.
    structure = without_escapes.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    depth, is_outside = 0, True
    for start in range(0, len(structure), _SLICE):  # a whole long line in parts would take fifty times its memory
        for part in structure[start : start + _SLICE].split(b'"'):
            if is_outside:
                for byte in part:
                    depth += 1 if byte in b"[{" else -1
                    if depth > limit:
                        return True
            is_outside = not is_outside
        is_outside = not is_outside  # a slice does not end with a quote
    return False


def _refuse_lone_surrogates(value: object) -> None:
    try:
        _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise BadLineError("lone-surrogate", "a string holds half of a surrogate pair") from None


def _describe(error: json.JSONDecodeError) -> str:
    """Say where the JSON breaks, in words and columns that do not differ between Python versions."""
    text, position = error.doc, error.pos
    if error.msg.startswith("Unterminated string"):
        return f"the string that starts at column {position + 1} is not closed"
    if error.msg.startswith("Extra data"):
        return f"more text follows the JSON value at column {position + 1}"
    if error.msg.startswith("Illegal trailing comma"):  # 3.13 points at the comma, earlier versions at what follows it
        position += 1
        while text[position] in " \t\r\n":
            position += 1
    if position >= len(text.rstrip(" \t\r\n")):
        return "the line ends before its JSON value does"
    return f"unexpected {text[position]!a} at column {position + 1}"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names[type(value)]
