"""JSON codecs for streams: the same accepted language and equal values, whichever parser does the work.

The language is that of ``jsonlines``. A codec lets a fast parser read only lines that guards have cleared, that is,
lines on which it can do nothing but agree or refuse; ``jsonlines`` reads all others, and every line that was refused,
so that errors are the same too. The guards look at a whole batch at once, at single lines only where a batch hits.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from .errors import ExitCode, PackflowError
from .jsonlines import DEFAULT_LIMITS, BadLineError, Event, Limits, decode_event, encode, is_deeper, refuse_constant

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

CODEC_NAMES = ("auto", "stdlib", "orjson")

# What may stand before a number becomes ``:``, digits become ``0``, so that a few substrings find unusual numbers. A
# fraction follows a point, digits in a string mostly a quote or a letter: neither is taken for an integer.
_SIMPLER = bytes.maketrans(b"123456789ED \t\r\n,[", b"000000000ed::::::")
_FEWEST_DIGITS = 210  # 1.8e308 is the largest double: fewer digits stay below it with any exponent up to 99
_SHORT_BATCH = 64
_ALIKE = 3  # so many lines mostly tell how many brackets the others have
_ERROR_KEY = b'"packflow_error"'
_TEXT, _PLAIN = {str}, {str, int, float, bool}
_REFUSED = (ValueError, BadLineError, RecursionError)
_NOT_ENCODED = (ValueError, TypeError, RecursionError)


class Codec(Protocol):
    """Reads events within ``limits`` and writes outputs."""

    name: str
    limits: Limits

    def decode(self, lines: list[bytes]) -> tuple[list[Event], dict[int, BadLineError]]:
        """The events among ``lines``, in order, and for each other line, by its index, why it is none."""

    def encode(self, values: list[dict[str, Any]]) -> bytes:
        """Encode outputs, whose values are native and finite, as lines with newlines between them.

        They are as ``jsonlines.encode`` writes them, though spelling may differ; raises what that raises when any of
        them cannot be encoded.
        """

    def encode_plain(self, outputs: object, expected: int) -> bytes | None:
        """Encode what a backend gave, where a look at it all at once shows that it needs no conversion; else None.

        That is so for a list of ``expected`` dicts of text, finite numbers and booleans, none of them named as error
        records are. It saves looking at each value of most models' outputs.
        """


def choose_codec(name: str = "auto", limits: Limits = DEFAULT_LIMITS) -> Codec:
    """The codec of that name; ``auto`` is orjson where it can be imported. Raises PackflowError where it cannot."""
    if name != "stdlib":
        try:
            return OrjsonCodec(limits)
        except ImportError:
            if name == "orjson":
                raise PackflowError(
                    "The codec orjson is not installed.",
                    code="codec-not-found",
                    exit_code=ExitCode.NOT_FOUND,
                    hint="Run `pip install orjson` in this Python's environment, or use --codec stdlib.",
                ) from None
    return StdlibCodec(limits)


class _GuardedCodec:
    """Decoding with guards; subclasses have the fast parser and know the numbers that it gets wrong."""

    def __init__(self, limits: Limits, load: Callable[[bytes], Any]) -> None:
        self.limits = limits
        self._load = load

    def _has_unusual_numbers(self, simpler: bytes) -> bool:
        raise NotImplementedError

    def decode(self, lines: list[bytes]) -> tuple[list[Event], dict[int, BadLineError]]:
        """See Codec."""
        results: list[Any] = []
        loaded = map(self._load if self._clears(lines) else self._load_cleared, lines)
        while len(results) < len(lines):
            with suppress(*_REFUSED):
                results.extend(loaded)  # keeps what came before a line that is refused, and goes on after it
            # Outside the handler: a fault that knew of the refusal would keep this frame, and so all results, alive.
            if len(results) < len(lines):
                results.append(self._decode_strictly(lines[len(results)]))
        if set(map(type, results)) <= {dict}:
            return results, {}
        faults: dict[int, BadLineError] = {}
        for index in [index for index, result in enumerate(results) if type(result) is not dict]:
            result = results[index]
            if not isinstance(result, BadLineError):
                result = self._decode_strictly(lines[index])  # says what it is instead of an object
            if isinstance(result, BadLineError):
                faults[index] = result
            else:
                results[index] = result
        for index in reversed(faults):
            del results[index]
        return results, faults

    def _load_cleared(self, line: bytes) -> Any:  # noqa: ANN401 - any JSON value
        if not self._clears([line]):
            raise ValueError
        return self._load(line)

    def _decode_strictly(self, line: bytes) -> Event | BadLineError:
        try:
            return decode_event(line, self.limits)
        except BadLineError as fault:
            # Both keep frames alive, and with them all that was decoded.
            fault.__traceback__ = fault.__context__ = None
            return fault

    def _clears(self, lines: list[bytes]) -> bool:
        """Whether the fast parser may read these lines."""
        text = lines[0] if len(lines) == 1 else b"\n".join(lines)
        limits = self.limits
        if len(text) > limits.max_line_bytes and max(map(len, lines)) > limits.max_line_bytes:
            return False
        if _any_deeper(lines, text, limits.max_depth):
            return False
        return not self._has_unusual_numbers(text.translate(_SIMPLER))


_STDLIB = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _encode_with_stdlib(value: object) -> bytes:
    return _STDLIB.encode(value).encode("utf-8")


class StdlibCodec(_GuardedCodec):
    """The standard library's json: the same bytes on every Python."""

    name = "stdlib"

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        scan = json.JSONDecoder(parse_constant=refuse_constant).scan_once  # type: ignore[attr-defined]

        def load(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
            text = line.decode("utf-8")
            try:
                value, end = scan(text, 0)
            except StopIteration:  # which would silently end a map()
                raise ValueError from None
            if end != len(text) and text[end:].strip(" \t\r\n"):
                raise ValueError
            return value

        super().__init__(limits, load)
        self._many_digits = b"0" * min(_FEWEST_DIGITS, limits.max_digits + 1)

    def _has_unusual_numbers(self, simpler: bytes) -> bool:
        # Escaped surrogates are no numbers, but found alike: alone they decode, and cannot be encoded.
        return (
            self._many_digits in simpler
            or (b"\\" in simpler and b"\\ud" in simpler)
            or _has_large_exponent(simpler, b"0e000")
            or (b"+" in simpler and _has_large_exponent(simpler, b"0e+000"))
        )

    def encode(self, values: list[dict[str, Any]]) -> bytes:
        """See Codec; also refuses values that are not finite."""
        return _encode_together(values, _encode_with_stdlib)

    def encode_plain(self, outputs: object, expected: int) -> bytes | None:
        """See Codec."""
        if not _are_plain(outputs, expected) or set(map(type, chain.from_iterable(outputs))) != _TEXT:
            return None
        return _plain_lines(outputs, _encode_with_stdlib)


class OrjsonCodec(_GuardedCodec):
    """orjson, which reads integers beyond 64 bits as floats and nests deeper than the limits; raises ImportError."""

    name = "orjson"

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        orjson = import_module("orjson")
        super().__init__(limits, orjson.loads)
        options = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
        self._dumps: Callable[[object], bytes] = partial(orjson.dumps, option=options)
        # 19 digits fit into 64 bits, with a minus sign 18 do.
        self._many_digits = b":" + b"0" * min(20, limits.max_digits + 1)
        self._many_negative_digits = b"-" + b"0" * min(19, limits.max_digits + 1)
        self._digits_of_both = b"0" * min(19, limits.max_digits + 1)

    def _has_unusual_numbers(self, simpler: bytes) -> bool:
        # From the right: a needle's first byte is rarer than its last.
        return simpler.rfind(self._digits_of_both) >= 0 and (
            simpler.rfind(self._many_digits) >= 0 or simpler.rfind(self._many_negative_digits) >= 0
        )

    def encode(self, values: list[dict[str, Any]]) -> bytes:
        """See Codec."""
        return _encode_together(values, self._dumps)

    def encode_plain(self, outputs: object, expected: int) -> bytes | None:
        """See Codec; orjson itself refuses keys that are no text, and writes null for what is not finite."""
        text = _plain_lines(outputs, self._dumps) if _are_plain(outputs, expected) else None
        return text if text is not None and text.rfind(b":null") < 0 else None


def _are_plain(outputs: object, expected: int) -> TypeGuard[list[dict[Any, Any]]]:
    """Whether these are so many dicts of values that JSON has as they are; None is not among them, see orjson."""
    if type(outputs) is not list or len(outputs) != expected:
        return False
    try:  # a dict of another class is left to the encoders, which refuse it or take it as it is
        return _PLAIN.issuperset(map(type, chain.from_iterable(map(dict.values, outputs))))
    except TypeError:
        return False


def _plain_lines(outputs: list[dict[Any, Any]], encode_one: Callable[[object], bytes]) -> bytes | None:
    """Encode plain outputs as lines; None where they are not so simple after all."""
    try:
        text = encode_one(outputs)
    except _NOT_ENCODED:
        return None
    lines = text[1:-1].split(b"},{")
    ambiguous = len(lines) != len(outputs) or text.rfind(_ERROR_KEY) >= 0
    return None if ambiguous or len(text) > DEFAULT_LIMITS.max_line_bytes else b"}\n{".join(lines)


def _encode_together(values: list[dict[str, Any]], encode_one: Callable[[object], bytes]) -> bytes:
    """Encode all values as one array, whose separators become newlines; each alone where that is not safe.

    An array of n objects has ``},{`` n - 1 times between them: where it is there no more often, it is nowhere else.
    """
    try:
        text = encode_one(values)
    except _NOT_ENCODED:
        return b"\n".join(_encode_alone(value, encode_one) for value in values)
    ambiguous = text.count(b"},{") != len(values) - 1
    if ambiguous or len(text) > DEFAULT_LIMITS.max_line_bytes or _openings(text) > DEFAULT_LIMITS.max_depth:
        return b"\n".join(_encode_alone(value, encode_one) for value in values)
    return text[1:-1].replace(b"},{", b"}\n{")


def _encode_alone(value: dict[str, Any], encode_one: Callable[[object], bytes]) -> bytes:
    """One line, whose spelling does not depend on the others; what is refused goes to ``jsonlines`` for its error."""
    try:
        line = encode_one(value)
    except _NOT_ENCODED:  # for orjson also integers beyond 64 bits
        return encode(value)
    if len(line) > DEFAULT_LIMITS.max_line_bytes or is_deeper(line, DEFAULT_LIMITS.max_depth):
        return encode(value)
    return line


def _has_large_exponent(simpler: bytes, needle: bytes) -> bool:
    """Whether ``needle``, a digit and an exponent, ends a number and not a string of hexadecimal digits."""
    place = simpler.find(needle)
    while place >= 0:
        before = simpler[max(0, place - _FEWEST_DIGITS) : place + 1].rstrip(b"0.")
        if not before or before.endswith((b":", b"-")):
            return True
        place = simpler.find(needle, place + 1)
    return False


def _openings(text: bytes) -> int:
    """How many brackets open; ``replace`` finds them by memchr, far faster than ``count`` where they are few."""
    return 2 * len(text) - len(text.replace(b"{", b"")) - len(text.replace(b"[", b""))


def _any_deeper(lines: list[bytes], text: bytes, limit: int) -> bool:
    """Whether any line of a text nests deeper; counts in groups of lines whose brackets together should not."""
    size = len(lines)
    if size <= _SHORT_BATCH:
        openings = _openings(text)
        if openings <= limit:
            return False
        size = max(1, size * limit // (2 * openings))
    else:  # counting all only to count again is dearer than a guess
        size = max(1, _ALIKE * limit // (2 * _openings(b"".join(lines[:_ALIKE])) + 1))
    for start in range(0, len(lines), size):
        group = lines[start : start + size]
        if _openings(b"\n".join(group)) > limit and any(is_deeper(line, limit) for line in group):
            return True
    return False
