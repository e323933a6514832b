"""Fuzzing event lines: the line reader and both codecs against a slow reference, at every way to cut the input."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import mutation
import proof  # noqa: F401 - makes the imports below possible
from reference_json import RefusedError, read_event

from packflow_runtime.backend import InferenceBackend
from packflow_runtime.codec import Codec, OrjsonCodec, StdlibCodec
from packflow_runtime.compression import PlainReader
from packflow_runtime.jsonlines import DEFAULT_LIMITS, Limits
from packflow_runtime.lines import LineReader, Lines, batches
from packflow_runtime.outcomes import EventRunner
from packflow_runtime.outputs import ERROR_KEY
from runtime.test_codec import LINES, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_CODECS: list[type[StdlibCodec | OrjsonCodec]] = [StdlibCodec, *([OrjsonCodec] if find_spec("orjson") else [])]
_LIMITS = (
    *(DEFAULT_LIMITS,) * 6,
    *(Limits(max_digits=3), Limits(max_digits=18), Limits(max_depth=2), Limits(max_depth=5, max_digits=4300)),
    *(Limits(max_line_bytes=40), Limits(max_line_bytes=1, max_depth=1, max_digits=1)),
)
_TEXTS = ("", "a", "packflow_error", "},{", "]\n[", "\u2028", "\0", "\x1b[31m", "é", "😀", "0e400", "1" * 25, "\\ud800")
_PIECES = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\t", b"\r", b"\n", b"\n\n", b" \r\n", b"\0", b"\x7f"),
    *(b"\\ud800", b"\\uDC00", b"\\ud83d\\ude00", b"\\u0000", b"\\x", b"\\u12", b"\xff", b"\xc3", b"\xed\xa0\x80"),
    *(b"\xef\xbb\xbf", b"//", b"null", b"true", b"nul", b"NaN", b"-Infinity", b'"a":', b'"a"', b"{}", b"[]", b"\xf0"),
    *(b"\xe2\x80\xa8", b"\xc2\x85", b"e400", b"0e000", b"[" * 199, b"]" * 199, b'{"a":' * 100, b"}" * 100),
    *(b"[" * 1100, b"]" * 1100, b"0" * 210, b"9" * 18, b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb", b"\x0c"),
    *(number.encode() for number in NUMBERS),
]


class Target:
    """Streams of a few lines; most are events, or were before they were damaged."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()
        self._known = [line for line in LINES if len(line) < 20_000 and b"\n" not in line]

    def generate(self, chance: Random) -> bytes:
        lines = [self._line(chance) for _ in range(chance.choice((1, 1, 2, 3, 5, 9)))]
        stream = b"\n".join(lines) + chance.choice((b"\n", b"\n", b"", b"\r\n", b" "))
        if chance.random() < 0.1:
            stream = b"\xef\xbb\xbf" + stream
        return mutation.mutated(stream, _PIECES, chance, 2) if chance.random() < 0.2 else stream

    def _line(self, chance: Random) -> bytes:
        kind = chance.random()
        if kind < 0.05:
            return chance.choice((b"", b" ", b"\r", b" \t\r", b" " * 50))
        if kind < 0.2:
            return chance.choice(self._known)
        line = _spelled(_event(chance), chance)
        if kind < 0.3:
            line = chance.choice((b" ", b"", b"\t")) + line + chance.choice((b" ", b"\r", b""))
        elif kind > 0.55:
            line = mutation.mutated(line, _PIECES, chance)
        return line

    def check(self, source: bytes, chance: Random) -> None:
        limits = chance.choice(_LIMITS)
        expected = [(number, raw, _read(raw, limits)) for number, raw in _events(source, limits)]
        self.tally["streams"] += 1
        self.tally["events"] += len(expected)
        self.tally["accepted"] += sum(isinstance(found, dict) for _, _, found in expected)
        pieces = [_in_pieces(source, chance) for _ in range(2)]
        for read in [*pieces, _packed(source, chance)]:
            _check_lines(_all_lines(read, limits), expected, limits)
        for kind in _CODECS:
            sizes = (chance.choice((1, 2, 7)), 64)
            texts = [_outcomes(kind(limits), _in_pieces(source, chance), size) for size in sizes]
            assert kind is not StdlibCodec or texts[0] == texts[1], f"{kind.name}: bytes depend on how events arrive"
            for text in texts:
                _check_outcomes(kind.name, text, expected)
        _check_damaged(source, limits, chance)


def _event(chance: Random, depth: int = 0) -> Any:
    if depth == 0 or (depth < 4 and chance.random() < 0.2):
        return {_text(chance): _event(chance, depth + 1) for _ in range(chance.randrange(4))}
    if depth < 4 and chance.random() < 0.1:
        return [_event(chance, depth + 1) for _ in range(chance.randrange(4))]
    return chance.choice((_text, _text, _word, _integer, _float, _spelled_number))(chance)


def _word(chance: Random) -> bool | None:
    return chance.choice((None, True, False))


def _integer(chance: Random) -> int:
    number = chance.choice((0, 7, 2**53, 2**63, 2**64 - 1, 10**19, chance.getrandbits(20), chance.getrandbits(70)))
    return -number if chance.random() < 0.5 else number


def _float(chance: Random) -> float:
    return chance.uniform(-1, 1) * 10.0 ** chance.randint(-300, 300)


def _spelled_number(chance: Random) -> _Number:
    return _Number(chance.choice(NUMBERS))


class _Number(str):
    """A number as it is to be spelled, which may be no number at all."""

    __slots__ = ()


def _text(chance: Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(_TEXTS)
    return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0xD800)))) for _ in range(4))


def _spelled(value: Any, chance: Random) -> bytes:
    """The value as JSON, with white space and escapes by chance."""
    space = chance.choice((b"", b"", b" ", b"\t"))
    if isinstance(value, dict):
        pairs = (_spelled(key, chance) + space + b":" + _spelled(item, chance) for key, item in value.items())
        return b"{" + space + (space + b",").join(pairs) + b"}"
    if isinstance(value, list):
        return b"[" + (b"," + space).join(_spelled(item, chance) for item in value) + space + b"]"
    if isinstance(value, _Number):
        return value.encode()
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode()


def _events(source: bytes, limits: Limits) -> list[tuple[int, bytes]]:
    """Line number and bytes of each line that is not blank; the mark at the start of a file is not a line's."""
    lines = list(enumerate(source.split(b"\n"), 1))
    if len(lines[0][1]) <= limits.max_line_bytes:
        lines[0] = (1, lines[0][1].removeprefix(b"\xef\xbb\xbf"))
    return [(number, raw) for number, raw in lines if raw.strip(b" \t\r")]


def _read(raw: bytes, limits: Limits) -> dict[str, Any] | RefusedError:
    try:
        return read_event(raw, limits)
    except RefusedError as refused:
        return refused


Expected = list[tuple[int, bytes, "dict[str, Any] | RefusedError"]]


def _in_pieces(source: bytes, chance: Random) -> Callable[[int], bytes]:
    """A ``read`` that gives the source in pieces of random sizes."""
    longest = chance.choice((1, 3, 20, 300, 1 << 16))
    place, ends = 0, chance.getrandbits(32)

    def read(size: int) -> bytes:
        nonlocal place, ends
        ends = (ends * 1103515245 + 12345) % (1 << 31)
        start, place = place, place + min(size, 1 + (ends >> 8) % longest)
        return source[start:place]

    return read


def _packed(source: bytes, chance: Random) -> Callable[[int], bytes]:
    """The source through gzip or zstd, in one member or two."""
    pack: Callable[[bytes], bytes] = gzip.compress
    if find_spec("zstandard") and chance.random() < 0.5:
        import zstandard

        pack = zstandard.ZstdCompressor(level=1).compress
    middle = chance.randint(0, len(source))
    return PlainReader(_in_pieces(pack(source[:middle]) + pack(source[middle:]), chance)).read


def _all_lines(read: Callable[[int], bytes], limits: Limits) -> Lines:
    return sum(LineReader(read, limits).blocks(), Lines((), []))


def _check_lines(lines: Lines, expected: Expected, limits: Limits) -> None:
    assert list(lines.numbers) == [number for number, _, _ in expected], "line numbers"
    for index, (number, raw, _) in enumerate(expected):
        if len(raw) > limits.max_line_bytes:
            assert lines.faults[number].code == "line-too-long"
            assert lines.raws[index] == b"", "a line over the limit is kept or not as it arrives"
        else:
            assert number not in lines.faults
            assert lines.raws[index] == raw


class _Echo(InferenceBackend):
    """Gives each event back; one that has the key of error records it fails on."""

    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if any(ERROR_KEY in event for event in inputs):
            raise ValueError("it says so")
        return inputs


_BACKEND = _Echo()


def _outcomes(codec: Codec, read: Callable[[int], bytes], size: int) -> bytes:
    runner = EventRunner(_BACKEND, codec)
    found = (runner.run(batch) for batch in batches(LineReader(read, codec.limits).blocks(), size, fill=False))
    return b"".join(outcomes.text + b"\n" for outcomes in found)


def _check_outcomes(codec: str, text: bytes, expected: Expected) -> None:
    lines = text.split(b"\n")[:-1]
    assert len(lines) == len(expected), f"{codec}: {len(lines)} outcomes of {len(expected)} events"
    for line, (number, _, event) in zip(lines, expected, strict=True):
        outcome = read_event(line, DEFAULT_LIMITS)  # refuses what is no strict JSON
        if isinstance(event, dict) and ERROR_KEY not in event:
            assert repr(outcome) == repr(event), f"{codec}: line {number} reads as another value"
            continue
        assert list(outcome) == [ERROR_KEY], f"{codec}: line {number} is no event, and was taken for one"
        record = outcome[ERROR_KEY]
        assert record["line"] == number, f"{codec}: the error of line {record['line']} stands at that of line {number}"
        codes = (event.codes, "decode") if isinstance(event, RefusedError) else (("backend-raised",), "execute")
        assert record["code"] in codes[0], f"{codec}: line {number} has the code {record['code']}, not {codes[0]}"
        assert record["step"] == codes[1]
        assert record["message"].isprintable(), f"{codec}: what the error of line {number} says is not printable"


def _check_damaged(source: bytes, limits: Limits, chance: Random) -> None:
    """Compressed events with a byte changed or their end cut off: whole lines, or an error of those that are named."""
    packed = gzip.compress(source)
    place = chance.randrange(len(packed))
    damaged = packed[:place] + chance.choice((b"", bytes([packed[place] ^ 1 << chance.randrange(8)]) + packed[place:]))
    with suppress(OSError, EOFError):
        _all_lines(PlainReader(_in_pieces(damaged, chance)).read, limits)
