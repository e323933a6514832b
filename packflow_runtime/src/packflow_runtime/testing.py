"""``check_backend``: what a dry run proves, as an assertion for a project's own tests.

The dry run looks at more (a second process, another hash seed, crashes and hangs, time); this runs in the test's own
process, in seconds, wherever the project's requirements and a test runner are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .checking import changed_path
from .codec import StdlibCodec
from .equality import Mismatch, Rule, compare
from .errors import PackflowError
from .golden import read_golden
from .jsonlines import decode_event, encode
from .lines import Line, Lines
from .outcomes import CallObserver, EventRunner
from .outputs import ERROR_KEY
from .project import CONFIG_FILE, DryRunConfig, ProjectConfig, read_project_config
from .run_plan import PlannedRun, batch_run, planned_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .backend import InferenceBackend, StepTimes
    from .errors import InferenceBackendError
    from .jsonlines import Event

__all__ = ["check_backend"]

_SHOWN = 5
_MOST_MATES = 64
_LONGEST_VALUE = 60
_RANDOM = "It gives other outputs for the same events each time. Seed what is random, and keep clocks out of outputs."
_STATE = "An output depends on the events before it. Keep nothing between calls, or set stateful = True in the backend."
_ORDER = "The outputs of a batch come in another order than its events. Undo any sorting before you return."
_BATCH = "An output depends on the other events of its batch. Look for a mean, a rank, a fit or padding over the batch."

Outcomes = list[dict[str, Any]]


def check_backend(backend: InferenceBackend, events: Sequence[Event]) -> None:
    """Assert that the backend keeps its promises on these events; raises AssertionError that names what it does not.

    Every event gets an output, a dict that JSON can hold; no event is changed; one by one, batches of the sizes in
    ``dry_run: batch_sizes``, random splits, another order, each event twice and one by one once more give equal outputs
    by the equality rule, with the tolerances of ``packflow.yaml``; and where the project has golden events, it still
    gives their outputs. A stateful backend is loaded afresh for each run, and its runs keep the order of the events.

    Raises PackflowError where there are no events, or ``packflow.yaml`` or the golden events cannot be read.
    """
    __tracebackhide__ = True  # for pytest: the failure is the test's
    if not events:
        raise PackflowError(
            "check_backend was given no events.", code="events-empty", hint="Give it at least one event."
        )
    check = _Check(backend, [encode(event) for event in events])
    check.run()
    if check.broken:
        of = f"{check.config.name} {check.config.version}" if check.config is not None else type(backend).__qualname__
        lines = [f"{of} does not keep its promises on {len(events)} events:", *(f"- {one}" for one in check.broken)]
        raise AssertionError("\n".join(lines))


@dataclass
class _Run(CallObserver):
    """The outcomes of a run, with the failures and the changed events that it showed."""

    outcomes: Outcomes = field(default_factory=list)
    failures: dict[int, InferenceBackendError] = field(default_factory=dict)
    changed: dict[int, str] = field(default_factory=dict)

    def call_finished(self, lines: Lines, events: list[Event], times: StepTimes) -> None:
        del times
        for number, raw, event in zip(lines.numbers, lines.raws, events, strict=False):
            path = changed_path(decode_event(raw), event, "")
            if path is not None:
                self.changed.setdefault(number, path)

    def event_failed(self, line: Line, error: InferenceBackendError) -> None:
        self.failures.setdefault(line.number, error)


class _Check:
    """The runs of one backend and what they broke."""

    def __init__(self, backend: InferenceBackend, lines: list[bytes]) -> None:
        self.backend = backend
        self.lines = lines
        self.broken: list[str] = []
        folder = backend.project_dir
        self.config: ProjectConfig | None = read_project_config(folder) if (folder / CONFIG_FILE).is_file() else None
        written = self.config.dry_run if self.config is not None else DryRunConfig()
        self.rule = Rule(written.rtol, written.atol, tuple(written.ignore))
        self.sizes = sorted({size for size in written.batch_sizes if size > 1})

    def run(self) -> None:
        base = self._run(batch_run(len(self.lines), 1))
        self._note_failures(base)
        self._note_changes(base)
        others = [batch_run(len(self.lines), size) for size in self.sizes]
        if not self.backend.stateful:
            others += planned_runs(len(self.lines), max(self.sizes, default=8))
        for planned in others:
            if self._differs(base, planned):
                break
        self._check_golden()

    def _note_failures(self, base: _Run) -> None:
        failed = [number for number, outcome in enumerate(base.outcomes, 1) if ERROR_KEY in outcome]
        for number in failed[:_SHOWN]:
            record, error = base.outcomes[number - 1][ERROR_KEY], base.failures.get(number)
            where = f" at {error.where}" if error is not None and error.where else ""
            self.broken.append(
                f"event {number} fails in {record['step']}{where}: {record['type']}: {record['message']}"
            )
        if len(failed) > _SHOWN:
            self.broken.append(f"{len(failed)} of {len(base.outcomes)} events fail")

    def _note_changes(self, base: _Run) -> None:
        for number, path in sorted(base.changed.items())[:1]:
            field_of = f"field {path} of " if path else ""
            self.broken.append(f"the model changes {field_of}event {number}. Work on a copy: event = dict(event)")

    def _differs(self, base: _Run, planned: PlannedRun) -> bool:
        for outcomes in planned.by_event(self._run(planned).outcomes):
            first = compare(base.outcomes, outcomes, self.rule).first
            if first is not None:
                told = _told(first, "one by one", f"in {planned.name}")
                cause = self._cause(base, planned, outcomes, first)
                self.broken.append(f"one by one and {planned.name} differ, first on {told}. {cause}")
                return True
        return False

    def _cause(self, base: _Run, planned: PlannedRun, outcomes: Outcomes, first: Mismatch) -> str:
        if self.backend.stateful:
            return _BATCH if self._equal(base.outcomes, self._singles(self._fresh())) else _RANDOM
        batch = next(batch for batch in planned.batches if first.event in batch)
        if len(batch) == 1 or not self._equal(base.outcomes, self._singles(self.backend)):
            return self._cause_between_calls()
        alone, together = (
            sorted(json.dumps(one[index], sort_keys=True) for index in set(batch)) for one in (base.outcomes, outcomes)
        )
        return _ORDER if alone == together else _BATCH + self._mate(base, batch, first.event)

    def _cause_between_calls(self) -> str:
        """Chance where two fresh backends part, else what a backend keeps between calls."""
        if self.config is None:
            return _RANDOM
        return _STATE if self._equal(*(self._singles(self._loaded()) for _ in range(2))) else _RANDOM

    def _mate(self, base: _Run, batch: list[int], event: int) -> str:
        """The first other event of the batch, if any, beside which the event gets another output than alone."""
        for mate in dict.fromkeys(batch[:_MOST_MATES]):
            pair = sorted({mate, event})
            changed = list(base.outcomes)
            found = self._outcomes(self.backend, [pair if len(pair) > 1 else [event, event]])
            changed[event] = found[pair.index(event)]
            if not self._equal(base.outcomes, changed):
                return f" Events {pair[0] + 1} and {pair[-1] + 1} together are enough to show it."
        return ""

    def _check_golden(self) -> None:
        golden = read_golden(self.backend.project_dir)
        if golden is None or not golden.inputs:
            return
        found = self._outcomes(self._fresh(), batch_run(len(golden.inputs), 1).batches, golden.inputs)
        first = compare([decode_event(line) for line in golden.outputs], found, self.rule).first
        if first is not None:
            told = _told(first, "recorded", "now")
            self.broken.append(
                f"the golden outputs changed, first on {told}. "
                "If the change is meant, record them again: packflow export --golden 20"
            )

    def _run(self, planned: PlannedRun) -> _Run:
        run = _Run()
        run.outcomes = self._outcomes(self._fresh(), planned.batches, watch=run)
        return run

    def _singles(self, backend: InferenceBackend) -> Outcomes:
        return self._outcomes(backend, batch_run(len(self.lines), 1).batches)

    def _outcomes(
        self,
        backend: InferenceBackend,
        batches: list[list[int]],
        lines: list[bytes] | None = None,
        watch: CallObserver | None = None,
    ) -> Outcomes:
        """The outcomes of these batches of the events (or of other ``lines``), one after another."""
        raws = self.lines if lines is None else lines
        runner = EventRunner(backend, StdlibCodec(), watch)
        found: Outcomes = []
        for batch in batches:
            outcomes = runner.run(Lines([index + 1 for index in batch], [raws[index] for index in batch]))
            found += [decode_event(line) for line in outcomes.encoded]
        return found

    def _fresh(self) -> InferenceBackend:
        """The backend; a stateful one as it is at the start."""
        return self._loaded() if self.backend.stateful else self.backend

    def _loaded(self) -> InferenceBackend:
        from .loading import load_project  # noqa: PLC0415 - most backends need no second one

        return load_project(self.backend.project_dir)

    def _equal(self, left: Outcomes, right: Outcomes) -> bool:
        return compare(left, right, self.rule).equal


def _told(first: Mismatch, left: str, right: str) -> str:
    """Where two runs part, with both values."""
    place = f"event {first.event + 1}" + (f", field {first.path}" if first.path else "")
    shown = first.as_json()
    values = [json.dumps(shown[side], ensure_ascii=False) for side in ("left", "right")]
    short = [value if len(value) <= _LONGEST_VALUE else f"{value[: _LONGEST_VALUE - 1]}…" for value in values]
    delta = f" (|Δ| {first.difference:.3g})" if first.difference is not None else ""
    return f"{place}: {short[0]} {left}, {short[1]} {right}{delta}"
