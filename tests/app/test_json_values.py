"""Arrays and objects one after another: whatever stands between the values, and however the bytes arrive."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.events.reading import open_events, read_blocks
from packflow_app.runtime import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = tuple[int, Any, bytes | None]


class Dribble(io.RawIOBase):
    """A pipe that gives its bytes in pieces of these sizes, in turn."""

    def __init__(self, content: bytes, sizes: Sequence[int]) -> None:
        self._content = content
        self._sizes = sizes
        self._at = self._reads = 0

    def read(self, _size: int = -1) -> bytes:
        size = self._sizes[self._reads % len(self._sizes)]
        self._reads += 1
        piece = self._content[self._at : self._at + size]
        self._at += len(piece)
        return piece


def items(content: bytes, sizes: Sequence[int] = (1 << 16,), limits: Limits | None = None) -> list[Item]:
    """Position, value (or code of the finding) and raw bytes of everything."""
    found: list[Item] = []
    for block in read_blocks(Dribble(content, sizes), format="json", limits=limits or Limits()):
        found += zip(block.positions, block.events, block.raws, strict=True)
        found += [(one.position, one.code, None) for one in block.invalid]
    return sorted(found, key=lambda item: item[0])


scalars = (
    st.sampled_from([1, 1.5, None, True, "}, {", '"', "\\", '\\"', "},\n{", "x", "é", "]", "[{"])
    | st.integers()
    | st.text(max_size=4).filter(str.isprintable)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab{}[],"\\', min_size=1, max_size=2), inner, max_size=2)
    ),
    max_leaves=5,
)
good = st.one_of(st.just({}), st.fixed_dictionaries({"k": values}))
BROKEN = ["nope", '{"a":NaN}', "7", '"s}, {"', '[{"a":1}, {"b":2}]', '{"l":[{"a":1},{"b":NaN},{"c":1}]}']


@settings(max_examples=400, deadline=None)
@given(
    events=st.lists(good | st.sampled_from(BROKEN), max_size=8),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    between=st.sampled_from([", ", ",", ",\n", ",\n  ", " ,\r\n"]),
    around=st.sampled_from([("[", "]"), ("[\n ", "\n]"), ("\n[", "]\r\n")]),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_an_array_gives_each_item_however_its_bytes_arrive(
    events: list[Any],
    indent: int | None,
    *,
    ascii_only: bool,
    between: str,
    around: tuple[str, str],
    sizes: list[int],
) -> None:
    texts = [
        event if isinstance(event, str) else json.dumps(event, indent=indent, ensure_ascii=ascii_only)
        for event in events
    ]
    found = items((around[0] + between.join(texts) + around[1]).encode(), sizes)
    expected = enumerate(events, 1)
    assert [(place, None if isinstance(value, str) else value) for place, value, _ in found] == [
        (place, None if isinstance(event, str) else event) for place, event in expected
    ]
    assert all(json.loads(raw) == value and b"\n" not in raw for _, value, raw in found if raw is not None)


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(good, max_size=8),
    indent=st.sampled_from([None, 0, 2]),
    between=st.sampled_from(["\n", "\r\n", " ", "\n\n", "", ",\n"]),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_objects_one_after_another_are_all_given(
    events: list[Any], indent: int | None, between: str, sizes: list[int]
) -> None:
    content = between.join(json.dumps(event, indent=indent) for event in events).encode()
    assert [(place, value) for place, value, _ in items(content, sizes)] == list(enumerate(events, 1))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*'{}[]",:\\ \n1a', '{"a":1}', '"k":', ",\n"]), max_size=40).map("".join))
def test_whatever_the_bytes_are_reading_ends_and_no_event_is_made_up(text: str) -> None:
    """Each raw event stands in the file, up to line breaks, and all come in order."""
    place = 0
    flat = text.replace("\n", " ")
    for _, value, raw in items(text.encode(), (7,)):
        if raw is not None:
            assert json.loads(raw) == value
            place = flat.index(raw.decode(), place) + len(raw.decode())


def test_only_line_breaks_of_a_pretty_printed_event_change() -> None:
    assert items(b'{\r\n\t"a" : 1.50,\n "b": "x\\ny"\r\n}\r\n{ "a": 1E2 }') == [
        (1, {"a": 1.5, "b": "x\ny"}, b'{  \t"a" : 1.50,  "b": "x\\ny"  }'),
        (2, {"a": 100.0}, b'{ "a": 1E2 }'),
    ]


@pytest.mark.parametrize("text", ['{"a":"%s"}' % ("x" * 200), '{"a":[%s1]}' % ("1," * 100), '"%s"' % ("x" * 200)])
@pytest.mark.parametrize("size", [7, 1000])
def test_a_value_over_the_limit_is_one_finding_and_its_neighbours_are_read(text: str, size: int) -> None:
    content = f'[{{"a":1}},{text},{{"a":2}}]'.encode()
    assert [item[:2] for item in items(content, (size,), Limits(max_line_bytes=100))] == [
        (1, {"a": 1}),
        (2, "line-too-long"),
        (3, {"a": 2}),
    ]


def test_nesting_of_a_hundred_thousand_levels_is_a_finding() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    assert [item[:2] for item in items(b'[{"a":1},' + deep + b',{"a":2}]')] == [
        (1, {"a": 1}),
        (2, "too-deep"),
        (3, {"a": 2}),
    ]


def test_an_object_that_wraps_all_events_is_one_event() -> None:
    """It says so by its only field; nothing is unwrapped unasked."""
    with open_events(io.BytesIO(b'{"Records":[\n{"a":1},\n{"a":2}\n]}')) as events:
        assert events.format == "json"
        assert [block.events for block in events] == [[{"Records": [{"a": 1}, {"a": 2}]}]]
