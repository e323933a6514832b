"""``check_backend``: what a dry run proves, as an assertion for a project's own tests.

The dry run looks at more (a second process, another hash seed, crashes and hangs, time); this runs in the test's own
process, in seconds, wherever the project's requirements and a test runner are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .checking import changed_path
from .equality import Rule, compare
from .errors import PackflowError
from .golden import read_golden
from .jsonlines import decode_event, encode
from .native import name_of
from .outcomes import CallObserver
from .outputs import ERROR_KEY
from .project import CONFIG_FILE, DryRunConfig, ProjectConfig, read_project_config
from .run_plan import PlannedRun, batch_run, planned_runs
from .trials import Cause, Outcomes, Trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .backend import InferenceBackend, StepTimes
    from .differences import Mismatch
    from .errors import InferenceBackendError
    from .jsonlines import Event
    from .lines import Line, Lines

__all__ = ["check_backend"]

_SHOWN = 5
_LONGEST_VALUE = 60


def check_backend(backend: InferenceBackend, events: Sequence[Event], *, allow_failures: bool = False) -> None:
    """Assert that the backend keeps its promises on these events; raises AssertionError that names what it does not.

    Every event gets an output, a dict that JSON can hold, alone and in every batch; no event is changed; one by one,
    batches of the sizes in ``dry_run: batch_sizes``, random splits, another order, each event twice and one by one once
    more give equal outputs by the equality rule, with the tolerances of ``packflow.yaml``; and where the project has
    golden events, it still gives their outputs. Of a stateful backend each run gets a new instance with the same
    configuration, and its runs keep the order of the events. With ``allow_failures`` some events, though not all, may
    fail; they must fail alike in every run.

    Raises PackflowError where there are no events, JSON cannot hold one, or ``packflow.yaml`` or the golden events
    cannot be read.
    """
    __tracebackhide__ = True  # for pytest: the failure is the test's
    try:
        check = _Check(backend, _encoded(events), allow_failures=allow_failures)
        check.run()
    except PackflowError as error:
        raise error.with_traceback(None) from error.__cause__
    if check.broken:
        of = f"{check.config.name} {check.config.version}" if check.config is not None else type(backend).__qualname__
        lines = [f"{of} does not keep its promises on {_counted(len(events))}:", *(f"- {one}" for one in check.broken)]
        raise AssertionError("\n".join(lines))


@dataclass
class _Run(CallObserver):
    """The outcomes of a run, with the failures and the changed events that it showed; events by number from 1."""

    outcomes: Outcomes = field(default_factory=list)
    failures: dict[int, InferenceBackendError] = field(default_factory=dict)
    failed_batches: list[list[int]] = field(default_factory=list)
    changed: dict[int, str] = field(default_factory=dict)
    list_changed: bool = False

    def call_finished(self, lines: Lines, events: list[Event], times: StepTimes) -> None:
        del times
        if len(events) != len(lines):
            self.list_changed = True
            return
        for number, raw, event in zip(lines.numbers, lines.raws, events, strict=True):
            path = changed_path(decode_event(raw), event, "")
            if path is not None:
                self.changed.setdefault(number, path)

    def batch_failed(self, lines: Lines) -> None:
        self.failed_batches.append([*lines.numbers])

    def event_failed(self, line: Line, error: InferenceBackendError) -> None:
        self.failures.setdefault(line.number, error)


class _Check:
    """The runs of one backend and what they broke."""

    def __init__(self, backend: InferenceBackend, lines: list[bytes], *, allow_failures: bool) -> None:
        folder = backend.project_dir
        self.config: ProjectConfig | None = read_project_config(folder) if (folder / CONFIG_FILE).is_file() else None
        written = self.config.dry_run if self.config is not None else DryRunConfig()
        self.sizes = sorted({size for size in written.batch_sizes if size > 1})
        self.rule = Rule(written.rtol, written.atol, tuple(written.ignore))
        self.backend = backend
        self.trials = self._trials(lines)
        self.allow_failures = allow_failures
        self.broken: list[str] = []

    def run(self) -> None:
        count = len(self.trials.lines)
        base = self._run(batch_run(count, 1))
        self._note_failures(base)
        changed = self._note_changes(base)
        others = [batch_run(count, size) for size in self.sizes]
        if not self.backend.stateful:
            others += planned_runs(count, max(self.sizes, default=8))
        for planned in others:
            run = self._run(planned)
            changed = changed or self._note_changes(run, f" in {planned.name}")
            lost = self._note_lost_batch(base, run, planned)
            if self._note_difference(base, run, planned) or lost:
                break
        self._note_golden()

    def _run(self, planned: PlannedRun) -> _Run:
        run = _Run()
        run.outcomes = self.trials.run(planned, run)
        return run

    def _trials(self, lines: list[bytes]) -> Trials:
        return Trials(self.backend, lines, self.rule, in_project=self.config is not None)

    def _note_failures(self, base: _Run) -> None:
        failed = _failed(base.outcomes)
        if self.allow_failures and len(failed) < len(base.outcomes):
            return
        for number in failed[:_SHOWN]:
            record, error = base.outcomes[number - 1][ERROR_KEY], base.failures.get(number)
            where = f" at {error.where}" if error is not None and error.where else ""
            self.broken.append(
                f"event {number} fails in {record['step']}{where}: {record['type']}: {record['message']}"
            )
        if len(failed) > _SHOWN:
            self.broken.append(f"{len(failed)} of {_counted(len(base.outcomes))} fail")

    def _note_changes(self, run: _Run, where: str = "") -> bool:
        if run.list_changed:
            self.broken.append(f"the model changes the list of events{where}. Work on a copy: events = list(events)")
        for number, path in sorted(run.changed.items())[:1]:
            field_of = f"field {path} of " if path else ""
            self.broken.append(
                f"the model changes {field_of}event {number}{where}. Work on a copy: event = dict(event)"
            )
        return run.list_changed or bool(run.changed)

    def _note_lost_batch(self, base: _Run, run: _Run, planned: PlannedRun) -> bool:
        """A call that fails though its events succeed alone: a stream saves them, but ``backend(records)`` raises."""
        failing = set(_failed(base.outcomes))
        lost = next((numbers for numbers in run.failed_batches if failing.isdisjoint(numbers)), None)
        if lost is None:
            return False
        batch = [number - 1 for number in lost]
        error = self.trials.failure_together(batch)
        why = f": {error.title.rstrip('.')}" if error is not None else ""
        where = f" at {error.where}" if error is not None and error.where else ""
        smallest = self.trials.smallest_failure(batch) if error is not None else []
        self.broken.append(
            f"in {planned.name} a call with {len(batch)} events, event {lost[0]} first, fails, "
            f"though each of them succeeds alone{why}{where}.{_enough(smallest)}"
        )
        return True

    def _note_difference(self, base: _Run, run: _Run, planned: PlannedRun) -> bool:
        for outcomes in planned.by_event(run.outcomes):
            first = compare(base.outcomes, outcomes, self.rule).first
            if first is not None:
                cause = self.trials.cause(base.outcomes, outcomes, planned, first.event)
                told = _told(first, "one by one", f"in {planned.name}")
                self.broken.append(f"one by one and {planned.name} differ, first on {told}. {_explained(cause)}")
                return True
        return False

    def _note_golden(self) -> None:
        golden = read_golden(self.backend.project_dir)
        if golden is None or not golden.inputs:
            return
        found = self._trials(golden.inputs).run(batch_run(len(golden.inputs), 1))
        first = compare([decode_event(line) for line in golden.outputs], found, self.rule).first
        if first is None:
            return
        told = f"the golden outputs changed, first on {_told(first, 'recorded', 'now')}"
        if ERROR_KEY not in found[first.event]:
            told += ". If the change is meant, record them again: packflow export --golden 20"
        self.broken.append(told)


def _encoded(events: Sequence[Any]) -> list[bytes]:
    """Each event as a line of JSON; raises PackflowError for what is no event."""
    if not events:
        raise PackflowError(
            "check_backend was given no events.", code="events-empty", hint="Give it at least one event."
        )
    lines = []
    for number, event in enumerate(events, 1):
        if not isinstance(event, dict):
            raise _invalid(number, f"is {name_of(event)}, not a dict")
        try:
            lines.append(encode(event))
        except (TypeError, ValueError, RecursionError) as error:
            raise _invalid(number, f"cannot be written as JSON: {error}") from None
    return lines


def _invalid(number: int, reason: str) -> PackflowError:
    hint = "Give check_backend dicts that JSON can hold, as sample_events does."
    return PackflowError(f"Event {number} {reason}.", code="events-invalid", hint=hint)


def _failed(outcomes: Outcomes) -> list[int]:
    """The numbers of the events that failed."""
    return [number for number, outcome in enumerate(outcomes, 1) if ERROR_KEY in outcome]


def _counted(events: int) -> str:
    return "1 event" if events == 1 else f"{events} events"


def _explained(cause: Cause) -> str:
    step = f" The values part in {cause.step}." if cause.step else ""
    return cause.explanation + step + _enough(cause.smallest_batch)


def _enough(batch: Sequence[int]) -> str:
    """Which few events are enough to see it for oneself; empty where that is not known."""
    numbers = [str(index + 1) for index in batch]
    if not numbers:
        return ""
    if len(set(numbers)) == 1:
        return f" Event {numbers[0]}{' twice' if len(numbers) > 1 else ''} in a batch is enough to show it."
    shown = numbers if len(numbers) <= _SHOWN + 1 else [*numbers[:_SHOWN], f"{len(numbers) - _SHOWN} others"]
    return f" Events {', '.join(shown[:-1])} and {shown[-1]} together are enough to show it."


def _told(first: Mismatch, left: str, right: str) -> str:
    """Where two runs part, with both values."""
    place = f"event {first.event + 1}" + (f", field {first.path}" if first.path else "")
    shown = first.as_json()
    values = [_value(getattr(first, side), shown[side]) for side in ("left", "right")]
    delta = f" (|Δ| {first.difference:.3g})" if first.difference is not None else ""
    return f"{place}: {values[0]} {left}, {values[1]} {right}{delta}"


def _value(value: Any, shown: Any) -> str:  # noqa: ANN401 - JSON
    """A value on one line, or the failure that stands in its place."""
    record = value.get(ERROR_KEY) if isinstance(value, dict) else None
    if isinstance(record, dict) and {"type", "message"} <= record.keys():
        return f"{record['type']}: {record['message']}"
    text = json.dumps(shown, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
