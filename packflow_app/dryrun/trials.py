"""Small batches that may each end the model's process: one that does is told so, the others go on in a fresh one."""

from __future__ import annotations

import time
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from packflow_app.errors import ModelFailedError
from packflow_app.runtime import decode_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packflow_app.dryrun.client import Answer, Worker
    from packflow_app.dryrun.workers import Workers

_MOST_DEATHS = 8
_MOST_SECONDS = 30.0


@dataclass(frozen=True)
class Answered:
    """The outcomes of one trial, event by event, and where in the project those that failed alone did so."""

    outcomes: list[dict[str, Any]]
    failures: dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Died:
    """A trial that ended the model's process, or for which it was ended: how, and where, if that is known."""

    ending: str
    timed_out: bool
    file: str | None
    line: int | None


class Trials:
    """Runs trials until a bound on deaths or time is reached; ``stopped`` then says which, and is empty before."""

    def __init__(
        self, workers: Workers, *, most_deaths: int = _MOST_DEATHS, most_seconds: float = _MOST_SECONDS
    ) -> None:
        self.stopped = ""
        self._workers = workers
        self._deaths_left = most_deaths
        self._most_seconds = most_seconds
        self._deadline = time.monotonic() + most_seconds

    def run(
        self, trials: Sequence[Sequence[bytes]], report: Callable[[int], None] = lambda _done: None
    ) -> list[Answered | Died | None]:
        """What became of each trial, in order; None for those that were not run. Raises CancelledError."""
        found: list[Answered | Died | None] = [None] * len(trials)
        while (waiting := [index for index, result in enumerate(found) if result is None]) and not self._is_over():
            worker = self._started()
            if worker is None:
                break
            try:
                answers = self._answers(worker, [trials[index] for index in waiting])
                for index, answered in zip(waiting, answers, strict=False):
                    found[index] = answered
                    report(len(found) - found.count(None))
            except ModelFailedError as error:
                self._workers.abandon(error)
                ends = list(accumulate(len(trials[index]) for index in waiting))
                culprit = waiting[bisect_left(ends, error.event)] if error.event else found.index(None)
                found[culprit] = Died(error.ending, error.code == "model-timeout", error.file, error.line)
                self._deaths_left -= 1
                if not self._deaths_left:
                    self.stopped = "Probes were stopped, since so many ended the model's process."
        return found

    def run_fresh(self, trial: Sequence[bytes]) -> Answered | Died | None:
        """The same for one trial in a process that has seen nothing before."""
        self.end()
        return self.run([trial])[0]

    def end(self) -> None:
        """End the process that runs; what becomes of it in ``close()`` says nothing about any one trial."""
        with suppress(ModelFailedError):
            self._workers.end()

    def _started(self) -> Worker | None:
        try:
            return self._workers.running or self._workers.start()
        except ModelFailedError as error:
            self._workers.abandon(error)
            self.stopped = f"Probes were stopped, since the model could not be loaded again: {error.title}"
            return None

    def _answers(self, worker: Worker, trials: Sequence[Sequence[bytes]]) -> Iterator[Answered]:
        """The answers, trial by trial, until time is up."""
        ends = list(accumulate(map(len, trials)))
        batches = [range(end - len(trial), end) for end, trial in zip(ends, trials, strict=True)]
        waiting = iter(batches)
        for answer in worker.run_batches([line for trial in trials for line in trial], batches):
            left = list(answer.outcomes)
            while left:
                batch = next(waiting)
                yield _answered(answer, left[: len(batch)], batch)
                del left[: len(batch)]
            if self._is_over():
                return

    def _is_over(self) -> bool:
        if not self.stopped and time.monotonic() > self._deadline:
            self.stopped = f"Probes were stopped after {self._most_seconds:g} s."
        return bool(self.stopped)


def _answered(answer: Answer, outcomes: list[bytes], batch: range) -> Answered:
    failures = {failure["event"] - 1: failure for failure in answer.failures}
    return Answered(
        [decode_event(line) for line in outcomes],
        {place: failures[index] for place, index in enumerate(batch) if index in failures},
    )
