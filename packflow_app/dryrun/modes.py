"""One way of calling the backend, and the outcomes it gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.report import Failure, ModeReport
from packflow_app.dryrun.timings import Histogram, Timing
from packflow_app.runtime import ERROR_KEY, decode_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.dryrun.client import Answer, Worker

STEPS = ("preprocess", "transform_inputs", "execute", "transform_outputs", "check_outputs")
MOST_FAILURES = 1000
_WARM_UP_EVENTS = 8
_FREED_AT_A_TIME = 1000


def free(values: list[Any]) -> None:
    """Empty a long list a little at a time: freeing it at once stops every other thread for as long."""
    while values:
        del values[-_FREED_AT_A_TIME:]


def warm_up(worker: Worker, lines: Sequence[bytes]) -> None:
    """Call the backend on a few events, so that what it does once is not timed; a fresh worker begins with this."""
    for _ in worker.run(lines[:_WARM_UP_EVENTS], 1):
        pass


@dataclass
class Mode:
    """The outcomes of one way of calling, as they come: one encoded line per event."""

    name: str
    batch_size: int
    outcomes: list[bytes] = field(default_factory=list)
    calls: list[list[int]] = field(default_factory=list)
    failed_batches: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    changed: list[tuple[int, str]] = field(default_factory=list)
    _decoded: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of_size(cls, batch_size: int) -> Mode:
        """One by one, or batches of a size."""
        return cls("single" if batch_size == 1 else f"batch {batch_size}", batch_size)

    def add(self, answer: Answer) -> None:
        """Take up the next outcomes."""
        self.outcomes += answer.outcomes
        self.calls += answer.calls
        self.failed_batches += answer.failed_batches
        self.failures += answer.failures
        self.changed += answer.changed

    def values(self) -> list[dict[str, Any]]:
        """The outcomes decoded, each once; not to be changed."""
        self._decoded += [decode_event(line) for line in self.outcomes[len(self._decoded) :]]
        return self._decoded

    def let_go(self) -> None:
        """Free the outcomes, as they came and decoded, and the times of all calls."""
        for kept in (self._decoded, self.outcomes, self.calls, self.failures):
            free(kept)

    def failed_events(self) -> list[Failure]:
        """The first events that failed alone, at most ``MOST_FAILURES``; their number is told apart."""
        places = {failure["event"]: failure for failure in self.failures}
        found: list[Failure] = []
        for number, value in enumerate(self.values(), 1):
            if len(found) == MOST_FAILURES:
                break
            record = value.get(ERROR_KEY)
            if isinstance(record, dict):
                place = places.get(number, {})
                found.append(
                    Failure(
                        event=number,
                        **{key: record[key] for key in ("code", "step", "type", "message")},
                        file=place.get("file"),
                        line=place.get("line"),
                    )
                )
        return found

    def report(self) -> ModeReport:
        """What is kept of it."""
        times = [sum(steps) for _, *steps in self.calls]
        total = sum(times)
        return ModeReport(
            name=self.name,
            batch_size=self.batch_size,
            events=len(self.outcomes),
            failed=sum(ERROR_KEY in value for value in self.values()),
            failed_batches=self.failed_batches,
            events_per_second=sum(count for count, *_ in self.calls) / total * 1e9 if total else None,
            latency_ms=Timing.of(times) if times else None,
            steps_ms={
                step: Timing.of([call[index] for call in self.calls])
                for index, step in enumerate(STEPS, 1)
                if self.calls
            },
            histogram=Histogram.of(times) if times else None,
        )
