"""One dry run: load the model, run the sample events one by one and in batches, compare, and time every call."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.client import Answer, Loaded, Worker, WorkerLimits
from packflow_app.dryrun.golden import GoldenEvents, read_golden
from packflow_app.dryrun.report import (
    Difference,
    DryRunReport,
    Failure,
    GoldenReport,
    ModeReport,
    ParityReport,
    Timing,
)
from packflow_app.runtime import ERROR_KEY, Comparison, Mismatch, Rule, compare, decode_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.projects.project import Project

_STEPS = ("preprocess", "transform_inputs", "execute", "transform_outputs", "check_outputs")
_WARM_UP_EVENTS = 8


@dataclass(frozen=True)
class DryRunSettings:
    """How to run: which batch sizes beside one by one, the equality rule, and the limits of the worker."""

    batch_sizes: list[int] = field(default_factory=lambda: [8, 64])
    single: bool = True
    rule: Rule = field(default_factory=Rule)
    limits: WorkerLimits = field(default_factory=WorkerLimits)


@dataclass(frozen=True)
class ModeProgressed:
    """Some events of a mode are done."""

    mode: str
    done: int
    total: int


@dataclass
class _ModeRun:
    """The outcomes of one mode, as they come."""

    name: str
    batch_size: int
    outcomes: list[bytes] = field(default_factory=list)
    calls: list[list[int]] = field(default_factory=list)
    failed_batches: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        self.outcomes += answer.outcomes
        self.calls += answer.calls
        self.failed_batches += answer.failed_batches
        self.failures += answer.failures

    def values(self) -> list[dict[str, Any]]:
        return [decode_event(line) for line in self.outcomes]

    def report(self) -> ModeReport:
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
                for index, step in enumerate(_STEPS, 1)
                if self.calls
            },
        )


class DryRun:
    """A dry run of one project on given events; ``run`` may be called once."""

    def __init__(
        self,
        project: Project,
        interpreter: Interpreter,
        events: list[bytes],
        settings: DryRunSettings,
        *,
        report: Callable[[ModeProgressed], None] = lambda _progress: None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.project = project
        self.interpreter = interpreter
        self.events = events
        self.settings = settings
        self._report = report
        self._cancel = cancel or threading.Event()
        self._peak_memory = 0
        self._log = ""

    def run(self) -> tuple[DryRunReport, list[bytes]]:
        """Run every mode; returns the report and the outcomes of the first mode, one encoded line per event.

        Raises ModelFailedError when the model cannot be loaded or its process dies, CancelledError when stopped.
        """
        digest = self.project.contents().digest()
        golden = read_golden(self.project.folder)
        sizes = [1] * self.settings.single + self.settings.batch_sizes
        runs = [_ModeRun("single" if size == 1 else f"batch {size}", size) for size in sizes]
        replay = _ModeRun("golden", 1)
        plan = [(run, self.events) for run in runs] + ([(replay, golden.inputs)] if golden else [])
        loaded = self._run_plan(plan)
        parity = self._parity(runs)
        return (
            DryRunReport(
                name=self.project.config.name,
                version=self.project.config.version,
                digest=digest,
                python=loaded.python,
                python_path=str(self.interpreter.path),
                backend=loaded.backend,
                stateful=loaded.stateful,
                load_seconds=loaded.load_seconds,
                initialize_seconds=loaded.initialize_seconds,
                peak_memory=self._peak_memory,
                events=len(self.events),
                failed=sum(ERROR_KEY in value for value in runs[0].values()),
                failures=_failures(runs[0]),
                modes=[run.report() for run in runs],
                parity=parity,
                golden=self._golden_verdict(replay, golden) if golden else None,
                log=self._log,
            ),
            runs[0].outcomes,
        )

    def _run_plan(self, plan: list[tuple[_ModeRun, list[bytes]]]) -> Loaded:
        """Run each mode; a stateful backend starts each in a fresh process, so that all begin alike."""
        loaded: Loaded | None = None
        worker: Worker | None = None
        with ExitStack() as stack:
            for run, events in plan:
                if worker is None or loaded is None or loaded.stateful:
                    self._close(stack, worker)
                    worker = stack.enter_context(
                        Worker(self.interpreter, self.project.folder, self.settings.limits, self._cancel)
                    )
                    loaded = worker.load()
                    if not loaded.stateful:
                        list(worker.run(events[:_WARM_UP_EVENTS], run.batch_size))
                for answer in worker.run(events, run.batch_size):
                    run.add(answer)
                    self._report(ModeProgressed(run.name, len(run.outcomes), len(events)))
            self._close(stack, worker)
        assert loaded is not None  # noqa: S101 - a plan is never empty
        return loaded

    def _close(self, stack: ExitStack, worker: Worker | None) -> None:
        stack.close()
        if worker is not None:
            self._peak_memory = max(self._peak_memory, worker.peak_memory)
            self._log = worker.log

    def _parity(self, runs: list[_ModeRun]) -> ParityReport | None:
        if len(runs) < 2:
            return None
        base, *others = runs
        found = [(other, compare(base.values(), other.values(), self.settings.rule)) for other in others]
        return ParityReport(
            equal=all(comparison.equal for _, comparison in found),
            events=len(base.outcomes),
            first_difference=next(
                (_difference(other.name, comparison.first) for other, comparison in found if comparison.first), None
            ),
            comparisons=[_summary(base, other, comparison) for other, comparison in found],
            rule=self.settings.rule.as_json(),
        )

    def _golden_verdict(self, replay: _ModeRun, golden: GoldenEvents) -> GoldenReport:
        recorded = [decode_event(line) for line in golden.outputs]
        comparison = compare(recorded, replay.values(), self.settings.rule)
        first = _difference("golden", comparison.first) if comparison.first else None
        return GoldenReport(comparison.equal, len(recorded), golden.digest(), first)


def _summary(base: _ModeRun, other: _ModeRun, comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON, with events counted from 1 as people do."""
    details = comparison.as_json()
    for mismatch in (details["first"], details["largest"], *details["mismatches"], *details["tied"]):  # type: ignore[misc]
        if isinstance(mismatch, dict):
            mismatch["event"] += 1
    del details["rule"]
    return {"modes": [base.name, other.name], **details}


def _difference(mode: str, mismatch: Mismatch) -> Difference:
    shown = mismatch.as_json()
    return Difference(mode=mode, **{**shown, "event": mismatch.event + 1})  # type: ignore[arg-type]


def _failures(run: _ModeRun) -> list[Failure]:
    places = {failure["event"]: failure for failure in run.failures}
    found: list[Failure] = []
    for number, value in enumerate(run.values(), 1):
        record = value.get(ERROR_KEY)
        if isinstance(record, dict):
            place = places.get(number, {})
            found.append(
                Failure(
                    event=number,
                    code=record["code"],
                    step=record["step"],
                    type=record["type"],
                    message=record["message"],
                    file=place.get("file"),
                    line=place.get("line"),
                )
            )
    return found


__all__ = ["DryRun", "DryRunSettings", "ModeProgressed"]
