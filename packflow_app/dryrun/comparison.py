"""Two models on the same events: which fields of their outputs differ, how often, and by how much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.client import Worker, WorkerLimits
from packflow_app.dryrun.modes import Mode
from packflow_app.dryrun.parity import difference
from packflow_app.runtime import ERROR_KEY, FieldDifference, Rule, compare

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from packflow_app.dryrun.models import Model
    from packflow_app.dryrun.report import Difference
    from packflow_app.environments.interpreters import Interpreter


@dataclass(frozen=True)
class FieldChange:
    """A field whose value differs in ``events`` events, by at most ``largest`` where it is a number; the first one."""

    path: str
    events: int
    largest: float | None
    first: Difference


@dataclass(frozen=True)
class ModelComparison:
    """How two models differ on the same events; ``left`` is the old one.

    ``old_failed`` and ``new_failed`` count the events that each failed on.
    """

    old: str
    new: str
    events: int
    equal: bool
    differing: int
    ties: int
    old_failed: int
    new_failed: int
    fields: list[FieldChange]
    rule: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain JSON values."""
        return asdict(self)


def compare_models(
    old: Model,
    new: Model,
    events: Sequence[bytes],
    *,
    interpreter: Interpreter,
    rule: Rule,
    limits: WorkerLimits,
    cancel: threading.Event,
    report: Callable[[str, int], None] = lambda _label, _done: None,
) -> ModelComparison:
    """Run both one by one on these events, in their order, each in a process of its own.

    Raises ModelFailedError when one of them cannot be loaded or its process dies.
    """
    outcomes = [
        one_by_one(
            model,
            events,
            interpreter=interpreter,
            limits=limits,
            cancel=cancel,
            report=partial(report, model.label),
        )
        for model in (old, new)
    ]
    return describe(old.label, new.label, outcomes[0], outcomes[1], rule)


def one_by_one(
    model: Model,
    events: Sequence[bytes],
    *,
    interpreter: Interpreter,
    limits: WorkerLimits,
    cancel: threading.Event,
    report: Callable[[int], None] = lambda _done: None,
) -> list[dict[str, Any]]:
    """The decoded outcomes of a model on these events, in their order, from a process of its own."""
    run = Mode.of_size(1)
    with Worker(interpreter, model, limits, cancel) as worker:
        worker.load()
        for answer in worker.run(events, 1):
            run.add(answer)
            report(len(run.outcomes))
    return run.values()


def describe(
    old: str, new: str, old_outcomes: list[dict[str, Any]], new_outcomes: list[dict[str, Any]], rule: Rule
) -> ModelComparison:
    """Compare outcomes of the same events."""
    found = compare(old_outcomes, new_outcomes, rule)
    return ModelComparison(
        old=old,
        new=new,
        events=found.events,
        equal=found.equal,
        differing=found.differing,
        ties=found.ties,
        old_failed=sum(ERROR_KEY in value for value in old_outcomes),
        new_failed=sum(ERROR_KEY in value for value in new_outcomes),
        fields=[_change(field) for field in found.fields],
        rule=rule.as_json(),
    )


def _change(field: FieldDifference) -> FieldChange:
    return FieldChange(field.path, field.events, field.largest, difference("new", field.first))
