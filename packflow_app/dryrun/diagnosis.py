"""Why two runs of a model differ: experiments that tell chance, state, order and a look at the batch apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.modes import Mode, warm_up
from packflow_app.dryrun.report import Cause
from packflow_app.errors import ModelFailedError
from packflow_app.runtime import Rule, compare, encode, fewest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packflow_app.dryrun.client import Worker
    from packflow_app.runtime import Mismatch


RANDOM = Cause(
    "random",
    "The model gives other outputs for the same events each time.",
    "Seed what is random in initialize, and keep clocks out of outputs.",
)
HASH_SEED = Cause(
    "hash-seed",
    "The outputs depend on the process, such as by the order of a set or by hash().",
    "Sort sets before you use their order; take hashlib instead of hash().",
)
STATE = Cause(
    "state",
    "An output depends on the events before it, though the model is not declared stateful.",
    "Keep nothing between calls, or set stateful = True in the backend.",
)
ORDER = Cause(
    "order",
    "The outputs of a batch come in another order than its events.",
    "Output i belongs to event i: undo any sorting before you return.",
)
BATCH = Cause(
    "batch",
    "An output depends on the other events of its batch.",
    "Compute each output from its own event: look for a mean, a rank, a fit or padding over the batch.",
)


@dataclass(frozen=True)
class Diagnosis:
    """The cause; the fewest events of a batch that show it, counted from 1; and the step where the values part."""

    cause: Cause
    smallest_batch: list[int] | None = None
    step: str | None = None


class Investigation:
    """Experiments on one model. ``start(hash_seed)`` gives a fresh worker with the model loaded."""

    def __init__(self, lines: Sequence[bytes], rule: Rule, start: Callable[[int], Worker], stateful: bool) -> None:  # noqa: FBT001
        self.lines = lines
        self.rule = rule
        self.start = start
        self.stateful = stateful

    def diagnose(self, base: Mode, other: Mode, batches: list[list[int]] | None, first: Mismatch) -> Diagnosis | None:
        """Why ``other`` differs from ``base`` at the event of ``first``; ``batches`` are those it ran in.

        None where a look at it ended the model's process, or shows no difference any more.
        """
        try:
            worker = self._start(1)
            singles = [[index] for index in range(len(self.lines))]
            again = self._run(worker, singles)
            if not self._equal(base.values(), again) and base.batch_size == 1:
                return Diagnosis(RANDOM)
            if self.stateful:
                return Diagnosis(HASH_SEED if batches is None else BATCH)
            if not self._equal(again, self._run(worker, singles)):
                return Diagnosis(STATE)
            if batches is None:
                second = self._run(self._start(2), singles)
                return Diagnosis(STATE if self._equal(base.values(), second) else HASH_SEED)
            return self._diagnose_batch(worker, base.values(), other.values(), batches, first.event)
        except ModelFailedError:
            return None

    def _start(self, hash_seed: int) -> Worker:
        """A fresh worker that has seen what the first one had before its first run."""
        worker = self.start(hash_seed)
        if not self.stateful:
            warm_up(worker, self.lines)
        return worker

    def _diagnose_batch(
        self,
        worker: Worker,
        expected: list[dict[str, Any]],
        other: list[dict[str, Any]],
        batches: list[list[int]],
        event: int,
    ) -> Diagnosis | None:
        batch = next(batch for batch in batches if event in batch)
        if len(batch) == 1:
            return Diagnosis(STATE)
        reordered = sorted(encode(other[index]) for index in batch) == sorted(
            encode(expected[index]) for index in batch
        )
        twice = [event, event] if batch.count(event) > 1 else []
        if twice and self._changes(worker, expected, event, twice):
            smallest = twice
        else:
            smallest = self._shrink(worker, expected, batch, event)
        step = self._step(worker, smallest, event) if smallest else None
        return Diagnosis(ORDER if reordered else BATCH, [index + 1 for index in smallest] or None, step)

    def _shrink(self, worker: Worker, expected: list[dict[str, Any]], batch: list[int], event: int) -> list[int]:
        """The fewest events of the batch, in their order, among which ``event`` gets another output than alone.

        Empty where not even the whole batch shows the difference any more.
        """
        mates = list(dict.fromkeys(index for index in batch if index != event))

        def together(chosen: list[int]) -> list[int]:
            return [index for index in batch if index == event or index in chosen]

        needed = fewest(mates, lambda some: self._changes(worker, expected, event, together(some)))
        return together(needed) if needed else []

    def _changes(self, worker: Worker, expected: list[dict[str, Any]], event: int, batch: list[int]) -> bool:
        """Whether the event gets another output in this batch; its field's scale is that of the whole run."""
        changed = [*expected]
        changed[event] = self._run(worker, [batch])[batch.index(event)]
        return not self._equal(expected, changed)

    def _step(self, worker: Worker, batch: list[int], event: int) -> str | None:
        """The first step whose value for the event differs between the batch and the event alone."""
        alone = dict(worker.trace(self.lines, [event], event))
        for step, value in worker.trace(self.lines, batch, event):
            known = alone.get(step)
            if value is None or known is None:
                continue
            if not compare([known], [value], self.rule).equal:
                return step
        return None

    def _run(self, worker: Worker, batches: list[list[int]]) -> list[dict[str, Any]]:
        run = Mode("trial", 0)
        for answer in worker.run_batches(self.lines, batches):
            run.add(answer)
        return run.values()

    def _equal(self, left: list[dict[str, Any]], right: list[dict[str, Any]]) -> bool:
        return compare(left, right, self.rule).equal
