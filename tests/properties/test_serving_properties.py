"""Whatever goes wrong, and wherever a process dies: no event is acknowledged before its outcome is confirmed."""

from __future__ import annotations

import json
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from packflow_runtime.engines.broker import links
from runtime.serving_doubles import Broker, DeathError, MemorySink, MemorySource, serve

VALUES = st.one_of(
    st.integers(-3, 9).map(lambda n: json.dumps({"n": n}).encode()),
    st.integers(0, 3).map(lambda n: json.dumps({"n": n, "size": 400}).encode()),  # its output is refused
    st.sampled_from([b"bad", b"", None, b"[1]", b"\xff", b'{"n":1,"x":"' + b"x" * 1000 + b'"}']),
)
FAULTS = st.lists(st.sampled_from(["", "", "", "down", "some", "lost answer", "death", "late death"]), max_size=12)


def check_order(journal: list[tuple[str, str]]) -> None:
    confirmed: set[str] = set()
    for kind, event in journal:
        if kind == "confirmed":
            confirmed.add(event)
        else:
            assert event in confirmed


@given(
    values=st.lists(VALUES, min_size=1, max_size=12),
    lives=st.lists(st.tuples(FAULTS, FAULTS, FAULTS), max_size=4),
    batch_size=st.integers(1, 5),
    has_letters=st.booleans(),
)
def test_acknowledged_means_confirmed(
    values: list[bytes | None],
    lives: list[tuple[list[str], list[str], list[str]]],
    batch_size: int,
    has_letters: bool,
) -> None:
    broker = Broker(values)
    quiet = mock.patch.object(links, "print_notice")
    with mock.patch.object(links, "FIRST_PAUSE", 0.0), quiet:
        for of_source, of_sink, of_letters in [*lives, ([], [], [])]:
            letters = MemorySink(broker, "dead", of_letters) if has_letters else None
            try:
                serve(
                    MemorySource(broker, [fault for fault in of_source if fault != "some"]),
                    MemorySink(broker, "sink", of_sink, largest=300),
                    letters,
                    batch_size=batch_size,
                )
            except DeathError:
                continue
    check_order(broker.journal)
    assert broker.acknowledged == set(range(len(values)))
    assert {message.id for _, message in broker.published} == {str(number) for number in range(len(values))}
    is_troubled = any(fault for life in lives for faults in life for fault in faults)
    if not is_troubled:
        assert len(broker.published) == len(values)
    for name, message in broker.published:  # whatever comes twice is twice the same
        others = {other.value for place, other in broker.published if (place, other.id) == (name, message.id)}
        assert others == {message.value}
