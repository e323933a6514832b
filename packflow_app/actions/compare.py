"""Compare two models on the same events."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.dryrun.client import WorkerLimits
from packflow_app.dryrun.comparison import compare_models
from packflow_app.dryrun.models import opened_model
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.events.survey import survey_events
from packflow_app.runtime import ModelComparison, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_EVENTS = 10_000
_NO_BOUND = 1 << 62


@dataclass(frozen=True)
class CompareOptions:
    """What ``packflow compare`` may be told; ``old`` and ``new`` are archives or project folders."""

    old: Path
    new: Path
    events: Path
    limit: int = MOST_EVENTS
    rtol: float | None = None
    atol: float = 0.0
    ignore: list[str] = field(default_factory=list)
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    python: str | None = None


@dataclass(frozen=True)
class CompareDone:
    """The comparison, and how many events the file held."""

    comparison: ModelComparison
    events_read: int


def compare_on_events(
    options: CompareOptions,
    *,
    report: Callable[[str, int, int], None] = lambda _label, _done, _total: None,
    cancel: threading.Event | None = None,
) -> CompareDone:
    """Run both; a difference is a value, not an error. Raises what opening and running a model raises."""
    rule = Rule(rtol=options.rtol, atol=options.atol, ignore=tuple(options.ignore))
    with opened_model(options.old) as old, opened_model(options.new) as new:
        survey = survey_events(options.events, options.limit, _NO_BOUND, numeric=False)
        events = [event.raw for event in survey.sample]
        found = compare_models(
            old,
            new,
            events,
            interpreter=find_interpreter(options.new if options.new.is_dir() else Path(), options.python),
            rule=rule,
            limits=options.limits,
            cancel=cancel or threading.Event(),
            report=lambda label, done: report(label, done, len(events)),
        )
    return CompareDone(found, survey.events)
