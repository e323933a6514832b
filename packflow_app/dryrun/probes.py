"""How does it fail? Probes are run among sample events that the model answers; what becomes of each is its verdict.

A probe stands in a batch with up to three sample events. So one call tells whether the model answers it, raises an
error for it alone, spoils the answers to the others, hangs, or takes its process down; a fresh process then goes on
with the next probe. A stateful model gets each probe alone: what it answers to others rightly depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.probe_events import KINDS, Probe, probes_of
from packflow_app.dryrun.probe_report import (
    BATCH_LOST,
    CLEAN_ERROR,
    CRASH,
    HANDLED,
    HANG,
    ProbeResult,
    ProbesReport,
    counted,
)
from packflow_app.dryrun.trials import Answered, Died, Trials
from packflow_app.runtime import ERROR_KEY, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packflow_app.runtime import Rule

MOST_PROBES = 500
_MOST_EVENTS = 200  # to make probes from, and none larger than:
_LARGEST_EVENT = 256 << 10
_FIRST = frozenset(KINDS[:5])
_PLACE = 1  # of a probe among its neighbours
_MOST_SUSPECTS = 20


@dataclass(frozen=True)
class _Judged:
    """A probe that was run, its result, and its outcome if it had one."""

    probe: Probe
    result: ProbeResult
    outcome: dict[str, Any] | None


class Probing:
    """Probes made from events that the model answers, given with their outcomes one by one."""

    def __init__(
        self,
        lines: Sequence[bytes],
        outcomes: Sequence[dict[str, Any]],
        rule: Rule,
        trials: Trials,
        *,
        stateful: bool,
        most: int = MOST_PROBES,
        report: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        good = [index for index, outcome in enumerate(outcomes) if ERROR_KEY not in outcome]
        small = [index for index in good if len(lines[index]) <= _LARGEST_EVENT]
        chosen = small[:: -(-len(small) // _MOST_EVENTS) or 1]
        self._lines = [lines[index] for index in chosen]
        self._outcomes = [outcomes[index] for index in chosen]
        self._why_none = (
            f"Sample events over {_LARGEST_EVENT >> 10} KiB are not made into probes."
            if good
            else "The model failed on every sample event, so there was none to change."
        )
        self._rule = rule
        self._trials = trials
        self._stateful = stateful
        self._most = most
        self._report = report
        self._neighbours: list[int] = []
        self._notes: list[str] = []

    def run(self) -> tuple[ProbesReport, list[bytes]]:
        """What became of every probe, and the events of those that were run. Raises CancelledError."""
        if not self._lines:
            return ProbesReport([], in_batches=False, fields=0, fields_used=[], notes=[self._why_none]), []
        self._neighbours = self._chosen_neighbours()
        probes = probes_of(self._lines)
        total = min(len(probes), self._most)
        first = [probe for probe in probes if probe.kind in _FIRST][:total]
        judged = self._judge(first, 0, total)
        # A field whose absence changes the outcome is one that the model looks at: it gets the further probes first.
        used = self._used(judged)
        further = sorted((probe for probe in probes if probe.kind not in _FIRST), key=lambda one: one.path not in used)
        judged += self._judge(further[: total - len(first)], len(first), total)
        return self._told(judged, len(probes) - len(judged)), [one.probe.line for one in judged]

    def _told(self, judged: list[_Judged], left: int) -> ProbesReport:
        if left:
            self._notes.append(self._trials.stopped or f"No more than {self._most} probes are run.")
        results = [replace(one.result, event=number) for number, one in enumerate(judged, 1)]
        paths = list(dict.fromkeys(one.probe.path for one in judged if one.probe.kind == "missing"))
        used = self._used(judged)
        return ProbesReport(
            results=results,
            in_batches=bool(self._neighbours),
            fields=len(paths),
            fields_used=[path for path in paths if path in used],
            not_run=left,
            notes=self._notes,
            verdicts=counted(results),
        )

    def _chosen_neighbours(self) -> list[int]:
        """Sample events to stand around each probe: none where they could not tell anything."""
        if self._stateful:
            self._notes.append("The model is stateful, so each probe was run alone.")
            return []
        chosen = [0, len(self._lines) // 2, len(self._lines) - 1]
        if not self._hold(chosen):
            self._notes.append("Batches do not give what one by one gives, so each probe was run alone.")
            return []
        return chosen

    def _hold(self, neighbours: list[int]) -> bool:
        """Whether these sample events, together, get the outcomes that they get alone."""
        found = self._trials.run([[self._lines[index] for index in neighbours]])[0]
        return isinstance(found, Answered) and self._equal(neighbours, found.outcomes)

    def _judge(self, probes: list[Probe], before: int, total: int) -> list[_Judged]:
        """Run these probes; those that were not reached are left out."""
        trials = [self._trial(probe) for probe in probes]
        found = self._trials.run(trials, lambda done: self._report(before + done, total))
        lost = [index for index, one in enumerate(found) if isinstance(one, Answered) and self._lost(one)]
        if lost and not self._hold(self._neighbours):
            # What a probe left behind may have spoiled the batches after it: each suspect gets a process of its own.
            for index in lost[:_MOST_SUSPECTS]:
                found[index] = self._trials.run_fresh(trials[index]) or found[index]
        return [self._judged(probe, one) for probe, one in zip(probes, found, strict=True) if one is not None]

    def _trial(self, probe: Probe) -> list[bytes]:
        around = [self._lines[index] for index in self._neighbours]
        return [*around[:_PLACE], probe.line, *around[_PLACE:]]

    def _judged(self, probe: Probe, found: Answered | Died) -> _Judged:
        blank = ProbeResult(probe.kind, probe.path, probe.value, 0, HANDLED)
        if isinstance(found, Died):
            verdict = HANG if found.timed_out else CRASH
            died = replace(blank, verdict=verdict, detail=found.ending, file=found.file, line=found.line)
            return _Judged(probe, died, None)
        place = _PLACE if self._neighbours else 0
        outcome, failure = found.outcomes[place], found.failures.get(place, {})
        error = outcome.get(ERROR_KEY)
        if isinstance(error, dict):
            blank = replace(
                blank,
                verdict=CLEAN_ERROR,
                detail=f"{error['type']}: {error['message']}",
                step=error["step"],
                file=failure.get("file"),
                line=failure.get("line"),
            )
        if self._lost(found):
            detail = f"; {blank.detail}" if blank.detail else ""
            blank = replace(
                blank, verdict=BATCH_LOST, detail=f"other events of the batch were answered otherwise{detail}"
            )
        return _Judged(probe, blank, outcome)

    def _lost(self, found: Answered) -> bool:
        """Whether an event beside the probe got another outcome than it gets alone."""
        others = found.outcomes[:_PLACE] + found.outcomes[_PLACE + 1 :]
        return bool(self._neighbours) and not self._equal(self._neighbours, others)

    def _used(self, judged: list[_Judged]) -> set[str]:
        """The paths whose change changed the outcome."""
        return {
            one.probe.path
            for one in judged
            if one.probe.path and (one.outcome is None or not self._equal([one.probe.base], [one.outcome]))
        }

    def _equal(self, indices: Sequence[int], outcomes: Sequence[dict[str, Any]]) -> bool:
        return compare([self._outcomes[index] for index in indices], outcomes, self._rule).equal
