"""Percentiles, histograms and the batch size that pays, worked out from durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packflow_app.cli.terminal import bar
from packflow_app.dryrun.timings import Histogram, Timing, best_batch_size

DURATIONS = st.lists(st.integers(0, 10**12), min_size=1, max_size=200)


def test_percentiles_are_by_nearest_rank() -> None:
    assert Timing.of([5_000_000]) == Timing(5.0, 5.0, 5.0)
    assert Timing.of([n * 1_000_000 for n in range(100, 0, -1)]) == Timing(50.0, 95.0, 99.0)


def test_many_durations_are_ordered_piece_by_piece() -> None:
    durations = [n * 7919 % 25_000 for n in range(25_000)]
    assert Timing.of(durations) == Timing(*(rank / 1e6 for rank in (12_499, 23_749, 24_749)))


@given(DURATIONS)
def test_a_histogram_has_every_duration_once(durations: list[int]) -> None:
    found = Histogram.of(durations)
    assert sum(found.counts) == len(durations)
    assert len(found.counts) == len(found.edges_ms) <= 42
    assert found.edges_ms == sorted(found.edges_ms)
    assert found.edges_ms[-1] * 1e6 >= max(durations) * (1 - 1e-9)
    for edge_ms, below in zip(found.edges_ms, range(1, len(found.counts) + 1), strict=True):
        assert sum(found.counts[:below]) >= sum(duration < edge_ms * 1e6 * (1 - 1e-9) for duration in durations)


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ([(1, 100.0), (8, 950.0), (64, 1000.0)], 8),
        ([(1, 100.0), (8, 890.0), (64, 1000.0)], 64),
        ([(64, 1000.0), (1, 999.0)], 1),
        ([(1, None), (8, 5.0)], 8),
        ([(1, None)], None),
        ([], None),
    ],
)
def test_the_best_size_is_the_smallest_close_to_the_peak(
    rates: list[tuple[int, float | None]], best: int | None
) -> None:
    assert best_batch_size(rates) == best


def test_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    class Output:
        encoding = "utf-8"

    monkeypatch.setattr("sys.stdout", Output)
    assert [bar(share, 4) for share in (0, 0.01, 0.5, 0.53, 1, 7)] == ["", "", "██", "██▏", "████", "████"]
    Output.encoding = "ascii"
    assert [bar(share, 4) for share in (0.01, 0.5, 1)] == ["#", "##", "####"]
