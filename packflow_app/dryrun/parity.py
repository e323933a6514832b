"""Same code, same answer: runs that must agree with one by one, and the cause where one does not.

Beside the batch sizes that were asked for, a stateless backend runs in batches of random sizes, in another order, with
each event twice, once more as before, and in a second process with another hash seed, from the last event to the
first. A stateful one runs again from a fresh instance in a second process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.modes import Mode
from packflow_app.dryrun.report import ParityReport
from packflow_app.runtime import Comparison, Mismatch, PlannedRun, Rule, compare, comparison_data, difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from packflow_app.dryrun.client import Answer, Worker
    from packflow_app.dryrun.diagnosis import Diagnosis

SECOND_HASH_SEED = 2
_WATCHED = ("once more", "another order")  # one by one, and in batches


@dataclass
class ParityRuns:
    """What is compared: ``base`` (one by one, or the first batch size) with each of ``others``."""

    base: Mode
    others: list[Mode] = field(default_factory=list)


def run_planned(
    worker: Worker, lines: Sequence[bytes], planned: PlannedRun, report: Callable[[Mode], None]
) -> list[Mode]:
    """Run it and put the outcomes in the order of the events: one mode, or two where each event came twice."""
    run = Mode(planned.name, 0)
    answers: Iterable[Answer] = worker.run_batches(lines, planned.batches, watch_inputs=planned.name in _WATCHED)
    for answer in answers:
        run.add(answer)
        report(run)
    found = [Mode(planned.name, 0, outcomes, changed=run.changed) for outcomes in planned.by_event(run.outcomes)]
    run.let_go()
    return found


def judge(runs: ParityRuns, rule: Rule, diagnose: Callable[[Mode, Mode, Mismatch], Diagnosis | None]) -> ParityReport:
    """Compare all runs with the first; ``diagnose(base, other, first mismatch)`` is asked once where one differs."""
    base = runs.base.values()
    found = [(other, compare(base, other.values(), rule)) for other in runs.others]
    unequal = next(((other, comparison.first) for other, comparison in found if comparison.first), None)
    diagnosis = diagnose(runs.base, *unequal) if unequal else None
    return ParityReport(
        equal=all(comparison.equal for _, comparison in found),
        events=len(runs.base.outcomes),
        first_difference=difference(unequal[0].name, unequal[1], diagnosis.step if diagnosis else None)
        if unequal
        else None,
        comparisons=[_summary(runs.base, other, comparison) for other, comparison in found],
        rule=rule.as_json(),
        cause=diagnosis.cause if diagnosis else None,
        smallest_batch=diagnosis.smallest_batch if diagnosis else None,
        outputs=_outputs(runs.base, *unequal) if unequal else None,
    )


def _outputs(base: Mode, other: Mode, first: Mismatch) -> list[Any]:
    """Both outcomes of an event; None where a run has none of it."""
    return [mode.values()[first.event] if first.event < len(mode.outcomes) else None for mode in (base, other)]


def _summary(base: Mode, other: Mode, comparison: Comparison) -> dict[str, Any]:
    details = comparison_data(comparison)
    del details["rule"]
    return {"modes": [base.name, other.name], **details}
