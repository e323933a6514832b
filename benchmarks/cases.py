"""What is measured and what is said of it: cases run, rows compare, lines are the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.timing import Effort, Work, least_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OURS, PEER, BARE = "ours", "0.4.1", "bare"
_LEAST_NET = 0.1e-3  # seconds: two starts of one program differ by as much, so less over the floor says nothing


@dataclass(frozen=True)
class Goal:
    """What is aimed at: at most ``ratio`` times bare, at most ``extra`` seconds over it, ``faster`` than 0.4.1."""

    ratio: float | None = None
    extra: float | None = None
    faster: float | None = None


@dataclass(frozen=True)
class Row:
    """A comparison of things that one case measures, each under its name.

    With ``net`` bare is a floor that everything stands on, and is taken off from the others.
    """

    name: str
    goal: Goal = Goal()
    bare: str = BARE
    ours: str = OURS
    net: bool = False


@dataclass(frozen=True)
class Case:
    """Things that are measured together; ``measure`` gives seconds per event (or process) by their names."""

    rows: Sequence[Row]
    measure: Callable[[Effort], dict[str, float]]

    def lines(self, effort: Effort) -> list[Line]:
        """Measure, and compare as the rows say."""
        seconds = self.measure(effort)
        return [_line(row, seconds) for row in self.rows]


@dataclass(frozen=True)
class Line:
    """One line of the table; times in seconds, ``peer`` where packflow 0.4.1 can do the work."""

    name: str
    against: str
    bare: float
    ours: float
    peer: float | None
    goal: Goal
    net: bool

    @property
    def ratio(self) -> float | None:
        """Ours to bare."""
        return None if self.net else self.ours / self.bare

    @property
    def peer_ratio(self) -> float | None:
        """packflow 0.4.1 to bare."""
        return None if self.net or self.peer is None else self.peer / self.bare

    @property
    def faster(self) -> float | None:
        """How many times faster than packflow 0.4.1."""
        return None if self.peer is None else self.peer / self.ours

    @property
    def met(self) -> bool | None:
        """Whether all that is aimed at is reached, judged to the two decimals that are shown; None where nothing is."""
        goal, verdicts = self.goal, []
        if goal.ratio is not None and self.ratio is not None:
            verdicts.append(round(self.ratio, 2) <= goal.ratio)
        if goal.extra is not None:
            verdicts.append(self.ours - self.bare <= goal.extra)
        if goal.faster is not None and self.faster is not None:
            verdicts.append(round(self.faster, 2) >= goal.faster)
        return all(verdicts) if verdicts else None


def calls(rows: Sequence[Row], prepare: Callable[[], Mapping[str, Work]], events: int = 1) -> Case:
    """A case of calls with ``events`` events each that must all give equal results."""

    def measure(effort: Effort) -> dict[str, float]:
        works = prepare()
        _check_agreement(rows[0].name, works)
        return {name: seconds / events for name, seconds in least_seconds(works, effort.slices).items()}

    return Case(rows, measure)


def _line(row: Row, seconds: Mapping[str, float]) -> Line:
    bare, ours, peer = seconds[row.bare], seconds[row.ours], seconds.get(PEER)
    if row.net:
        ours = max(ours - bare, _LEAST_NET)
        peer = None if peer is None else max(peer - bare, _LEAST_NET)
    return Line(row.name, row.bare, bare, ours, peer, row.goal, net=row.net)


def _check_agreement(name: str, works: Mapping[str, Work]) -> None:
    """Refuse to compare the time of things that do not give the same."""
    results = {kind: _plain(work.function(work.argument)) for kind, work in works.items()}
    expected = next(iter(results.values()))
    for kind, result in results.items():
        if result != expected:
            raise ValueError(f"{name}: {kind} gives another result than {next(iter(results))}")


def _plain(result: Any) -> Any:  # noqa: ANN401 - what any work gives
    return result.tolist() if hasattr(result, "tolist") else result
