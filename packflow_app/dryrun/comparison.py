"""Two models on the same events: which fields of their outputs differ, how often, and by how much."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.client import Worker, WorkerLimits
from packflow_app.dryrun.modes import Mode
from packflow_app.runtime import ModelComparison, Rule, describe_models

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from packflow_app.dryrun.models import Model
    from packflow_app.environments.interpreters import Interpreter


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
    return describe_models(old.label, new.label, outcomes[0], outcomes[1], rule)


def one_by_one(
    model: Model,
    events: Sequence[bytes],
    *,
    interpreter: Interpreter,
    limits: WorkerLimits,
    cancel: threading.Event,
    report: Callable[[int], None] = lambda _done: None,
    trusted: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """The decoded outcomes of a model on these events, in their order, from a process of its own.

    ``trusted`` are globals beyond the reviewed ones that its pickles may resolve.
    """
    run = Mode.of_size(1)
    with Worker(interpreter, model, limits, cancel, trusted=trusted) as worker:
        worker.load()
        for answer in worker.run(events, 1):
            run.add(answer)
            report(len(run.outcomes))
    return run.values()
