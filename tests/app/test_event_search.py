"""From problem to problem, forwards and backwards, and to the events that a text or an expression chooses."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from packflow_app.actions.inspect import InspectOptions, inspect
from packflow_app.errors import CancelledError
from packflow_app.events.index import open_index
from packflow_app.events.query import EventFilter
from packflow_app.events.search import OddValues, containing, matching_positions, next_problem, previous_problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packflow_app.events.index import EventIndex

BROKEN = (3, 4000, 9999)
ODD = (777, 6000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    lines = [b'{"n": %d, "who": "Ann\xc3\xa9"}' % n for n in range(1, 10_001)]
    for position in BROKEN:
        lines[position - 1] = b"{broken"
    for position in ODD:
        lines[position - 1] = b'{"n": "text", "who": "Bob"}'
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture
def index(path: Path) -> Iterator[EventIndex]:
    with open_index(path) as opened:
        yield opened


def test_problems_forwards_are_problems_backwards(path: Path, index: EventIndex) -> None:
    odd = OddValues(inspect(InspectOptions(path)).profile.paths)
    forwards = []
    at = 0
    while (found := next_problem(index, at, odd)) is not None:
        forwards.append(found)
        at = found.position
    assert [one.position for one in forwards] == sorted((*BROKEN, *ODD))
    assert {one.reason for one in forwards if one.position in ODD} == {"n is string here"}
    backwards = []
    at = index.positions + 1
    while (found := previous_problem(index, at, odd)) is not None:
        backwards.append(found)
        at = found.position
    assert backwards == forwards[::-1]


def test_without_a_profile_only_invalid_lines_are_problems(index: EventIndex) -> None:
    assert next_problem(index, 3, OddValues([])).position == 4000  # type: ignore[union-attr]


def test_text_is_found_whatever_its_case(index: EventIndex) -> None:
    found = [place for _, places in matching_positions(index, containing("bOB")) for place in places]
    assert found == list(ODD)
    assert sum(len(places) for _, places in matching_positions(index, containing("ANNÉ"))) == 10_000 - 5


def test_an_expression_chooses_the_same_events(path: Path, index: EventIndex) -> None:
    chosen = EventFilter(inspect(InspectOptions(path)).profile.paths, "who = 'Bob'")
    looked = list(matching_positions(index, chosen.matching))
    assert [place for _, places in looked for place in places] == list(ODD)
    assert looked[-1][0] == 10_000


def test_a_search_can_be_stopped(index: EventIndex) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(CancelledError):
        list(matching_positions(index, containing("x"), stopped))
    with pytest.raises(CancelledError):
        previous_problem(index, 5000, OddValues([]), stopped)
