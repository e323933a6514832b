"""Both codecs accept the same language, give equal values and the same refusals, and write what reads back equal."""

import collections
import datetime as dt
import decimal
import enum
import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_runtime.codec import Codec, OrjsonCodec, StdlibCodec
from packflow_runtime.jsonlines import DEFAULT_LIMITS, BadLineError, Limits, decode_event
from packflow_runtime.outputs import checked_outputs

orjson = pytest.importorskip("orjson", reason="pip install orjson compares it with the standard library")

INTEGERS = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([sign * (2**bits + step) for sign in (1, -1) for bits in (53, 63, 64) for step in (-1, 0, 1)]),
    st.integers(17, 23).map(lambda digits: 10**digits - 1),
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["},{", "\u2028", "\0", "😀", "0e400", "1" * 25, "\\ud800", "]["])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), INTEGERS, FLOATS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=15,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)

SPELLED_NUMBERS = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.builds(lambda sign, digits: sign + "9" * digits, st.sampled_from(["", "-"]), st.integers(1, 4310)),
    st.builds(
        lambda digits, exponent: "1" * digits + f"e{exponent}",
        st.integers(1, 320),
        st.sampled_from([-99, 0, 9, 99, 308]),
    ),
    st.sampled_from(["NaN", "-Infinity", "01", "1.", ".1", "+1", "-", "0x1", "1e", "-0", "1e400", "-1E+0400"]),
)
FRAGMENTS = st.one_of(
    SPELLED_NUMBERS.map(str.encode),
    st.sampled_from(
        [
            *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\t", b"\r", b"\0", b"\x1b", b"\x7f", b"\xff"),
            *(b"\\ud800", b"\\uDC00", b"\\ud83d\\ude00", b"\\u0000", b"\\x", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"//"),
            *(b"null", b"true", b"nul", b'"a":', b'"a"', b"{}", b"[]", b"\xe2\x80\xa8", b"e400", b"0e000"),
            *(b"[" * 199, b"]" * 199, b'{"a":' * 100, b"}" * 100, b"[" * 1100, b"]" * 1100, b"0" * 210),
        ]
    ),
    st.binary(max_size=3),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A JSON object with unusual numbers spelled in, and perhaps damaged in a few places."""
    line = json.dumps(draw(OBJECTS), ensure_ascii=draw(st.booleans())).encode()
    if draw(st.booleans()):
        line = line[:-1] + (b"," if len(line) > 2 else b"") + b'"n":' + draw(SPELLED_NUMBERS).encode() + b"}"
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(len(line), start + 4)))
        line = line[:start] + draw(FRAGMENTS) + line[end:]
    return line.replace(b"\n", b" ")


LIMITS = st.sampled_from([DEFAULT_LIMITS, Limits(max_digits=3), Limits(max_depth=2), Limits(max_line_bytes=40)])


def strictly(line: bytes, limits: Limits) -> str:
    try:
        return repr(decode_event(line, limits))
    except BadLineError as fault:
        return f"{fault.code}: {fault}"


def outcomes(codec: Codec, batch: list[bytes]) -> list[str]:
    events, faults = codec.decode(batch)
    good = iter(events)
    return [f"{faults[i].code}: {faults[i]}" if i in faults else repr(next(good)) for i in range(len(batch))]


@settings(max_examples=120, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=5), LIMITS)
def test_codecs_agree_on_every_line(batch: list[bytes], limits: Limits) -> None:
    expected = [strictly(line, limits) for line in batch]
    assert outcomes(OrjsonCodec(limits), batch) == expected
    assert outcomes(StdlibCodec(limits), batch) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=12), min_size=1, max_size=3))
def test_codecs_agree_on_any_bytes(batch: list[bytes]) -> None:
    assert outcomes(OrjsonCodec(), batch) == outcomes(StdlibCodec(), batch)


@settings(max_examples=100, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=5))
def test_what_is_written_reads_back_equal(values: list[dict[str, Any]]) -> None:
    for codec in (OrjsonCodec(), StdlibCodec()):
        written = codec.encode(values).split(b"\n")
        assert [repr(json.loads(line.decode("utf-8", "strict"))) for line in written] == list(map(repr, values))
        assert [codec.encode([value]) for value in values] == written


class Code(enum.IntEnum):
    ONE = 1


PLAIN_OUTPUTS = st.lists(
    st.dictionaries(TEXTS, st.one_of(TEXTS, FLOATS, st.booleans(), INTEGERS), max_size=3), min_size=1, max_size=4
)
ODD_VALUES = st.one_of(
    *(st.none(), st.floats(), VALUES, st.just(Code.ONE), st.just(uuid.UUID(int=1)), st.just((1, "a"))),
    st.sampled_from(["\ud800", ":null", "packflow_error", b"bytes", dt.date(2026, 1, 2), decimal.Decimal("1.5")]),
    st.just(orjson.Fragment(b"]\n[")),
)
ODD_KEYS = st.one_of(TEXTS, st.just("packflow_error"), st.integers(), st.none(), st.sampled_from(["\ud800", Code.ONE]))
ODD_OUTPUTS = st.one_of(
    st.lists(st.dictionaries(ODD_KEYS, ODD_VALUES, max_size=3), max_size=4),
    st.lists(st.dictionaries(TEXTS, FLOATS, max_size=2).map(collections.OrderedDict), max_size=2),
    *(st.tuples(OBJECTS), st.lists(VALUES, max_size=2), VALUES),
)


@pytest.mark.parametrize("codec", [StdlibCodec(), OrjsonCodec()], ids=lambda codec: codec.name)
@given(outputs=st.one_of(PLAIN_OUTPUTS, ODD_OUTPUTS), expected=st.integers(0, 4))
@settings(max_examples=400)
def test_plain_outputs_are_written_as_checked_ones_are(codec: Codec, outputs: Any, expected: int) -> None:
    size = len(outputs) if isinstance(outputs, list) and expected else expected
    text = codec.encode_plain(outputs, size)
    if text is not None:
        assert text == codec.encode(checked_outputs(outputs, size))


@pytest.mark.parametrize("codec", [StdlibCodec(), OrjsonCodec()], ids=lambda codec: codec.name)
def test_usual_outputs_are_plain(codec: Codec) -> None:
    rows = [{"id": "a", "score": 0.25, "n": 7, "flag": True}, {}, {"text": "},{ \n é"}]
    assert codec.encode_plain(rows[:2], 2) == b'{"id":"a","score":0.25,"n":7,"flag":true}\n{}'
    assert codec.encode_plain(rows, 3) is None
    for odd in (float("nan"), float("inf"), None, [], (1,), "\ud800", orjson.Fragment(b"1")):
        assert codec.encode_plain([{"score": 1.0, "odd": odd}], 1) is None
