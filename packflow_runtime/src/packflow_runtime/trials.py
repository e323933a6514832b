"""Runs of a backend in this process, and experiments that tell why two of them differ."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .backend import current_project
from .codec import StdlibCodec
from .equality import Rule, compare
from .errors import InferenceBackendError
from .jsonlines import decode_event
from .lines import Lines
from .outcomes import EventRunner
from .run_plan import PlannedRun, batch_run
from .shrinking import fewest
from .tracing import trace_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .backend import InferenceBackend
    from .outcomes import CallObserver

_RANDOM = "It gives other outputs for the same events each time. Seed what is random, and keep clocks out of outputs."
_STATE = "An output depends on the events before it. Keep nothing between calls, or set stateful = True in the backend."
_ORDER = "The outputs of a batch come in another order than its events. Undo any sorting before you return."
_BATCH = "An output depends on the other events of its batch. Look for a mean, a rank, a fit or padding over the batch."

Outcomes = list[dict[str, Any]]


@dataclass(frozen=True)
class Cause:
    """Why runs differ, in words; the fewest events that show it, as indices; and the step where the values part."""

    explanation: str
    smallest_batch: tuple[int, ...] = ()
    step: str | None = None


class Trials:
    """Runs of one backend on ``lines``, an encoded event each.

    A stateless backend is used as it is. A stateful one is only the pattern: each run gets a new instance of its class
    with its configuration, which is closed after the run. ``in_project`` says that its modules are a project's.
    """

    def __init__(self, backend: InferenceBackend, lines: list[bytes], rule: Rule, *, in_project: bool) -> None:
        self.backend = backend
        self.lines = lines
        self.rule = rule
        self.in_project = in_project

    def run(self, planned: PlannedRun, watch: CallObserver | None = None) -> Outcomes:
        """The outcomes of a planned run, in the order of its batches; raises InferenceBackendError."""
        with self.at_start() as backend:
            return self._outcomes(backend, planned.batches, watch)

    def equal(self, left: Outcomes, right: Outcomes) -> bool:
        """Whether two runs agree."""
        return compare(left, right, self.rule).equal

    @contextmanager
    def at_start(self) -> Iterator[InferenceBackend]:
        """The backend; a stateful one as it is before its first event."""
        if not self.backend.stateful:
            yield self.backend
            return
        with self._another() as backend:
            yield backend

    def failure_together(self, batch: Sequence[int]) -> InferenceBackendError | None:
        """What the backend raises on these events in one call, if it does."""
        with self.at_start() as backend:
            try:
                backend.run_batch([decode_event(self.lines[index]) for index in batch])
            except InferenceBackendError as error:
                return error
        return None

    def smallest_failure(self, batch: list[int]) -> list[int]:
        """The fewest of these events that fail together; empty for a stateful backend, which each trial would load."""
        return [] if self.backend.stateful else fewest(batch, lambda some: self.failure_together(some) is not None)

    def cause(self, base: Outcomes, other: Outcomes, planned: PlannedRun, event: int) -> Cause:
        """Why the outcomes of ``planned``, given by event, differ from ``base``, those of one by one, at ``event``."""
        if self.backend.stateful:
            return Cause(_BATCH if self.equal(base, self.run(self._one_by_one())) else _RANDOM)
        batch = next(batch for batch in planned.batches if event in batch)
        if len(batch) == 1 or not self.equal(base, self.run(self._one_by_one())):
            return Cause(_STATE if self._fresh_ones_agree() else _RANDOM)
        alone, together = (
            sorted(json.dumps(one[index], sort_keys=True) for index in set(batch)) for one in (base, other)
        )
        smallest = self._smallest(base, batch, event)
        step = self._step(smallest, event) if smallest else None
        return Cause(_ORDER if alone == together else _BATCH, tuple(smallest), step)

    def _smallest(self, base: Outcomes, batch: list[int], event: int) -> list[int]:
        """The fewest events of the batch, in their order, among which ``event`` gets another outcome than alone."""

        def changes(chosen: list[int]) -> bool:
            changed = [*base]  # the scale of a field is that of the whole run
            changed[event] = self._outcomes(self.backend, [chosen])[chosen.index(event)]
            return not self.equal(base, changed)

        if batch.count(event) > 1 and changes([event, event]):
            return [event, event]
        mates = list(dict.fromkeys(index for index in batch if index != event))
        needed = fewest(mates, lambda some: changes([index for index in batch if index == event or index in some]))
        return [index for index in batch if index == event or index in needed] if needed else []

    def _step(self, batch: list[int], event: int) -> str | None:
        """The first step whose value for the event differs between the batch and the event alone."""
        alone = dict(self._trace([event], event))
        for step, value in self._trace(batch, event):
            known = alone.get(step)
            if value is not None and known is not None and not self.equal([known], [value]):
                return step
        return None

    def _trace(self, batch: list[int], event: int) -> list[tuple[str, Any]]:
        events = [decode_event(self.lines[index]) for index in batch]
        return [(step, value) for step, value in trace_event(self.backend, events, batch.index(event))]

    def _outcomes(
        self, backend: InferenceBackend, batches: list[list[int]], watch: CallObserver | None = None
    ) -> Outcomes:
        runner = EventRunner(backend, StdlibCodec(), watch)
        found: Outcomes = []
        for batch in batches:
            outcomes = runner.run(Lines([index + 1 for index in batch], [self.lines[index] for index in batch]))
            found += [decode_event(line) for line in outcomes.encoded]
        return found

    def _one_by_one(self) -> PlannedRun:
        return batch_run(len(self.lines), 1)

    def _fresh_ones_agree(self) -> bool:
        """Whether two new instances agree: what parts calls of one backend is then what it keeps, else chance."""
        found = []
        for _ in range(2):
            with self._another() as backend:
                found.append(self._outcomes(backend, self._one_by_one().batches))
        return self.equal(*found)

    @contextmanager
    def _another(self) -> Iterator[InferenceBackend]:
        """A new instance, closed at the end: of the same class and configuration, whatever the project's file says."""
        pattern, folder = self.backend, self.backend.project_dir
        with self._modules():
            token = current_project.set(folder)
            try:
                backend = type(pattern)(**pattern.config.as_dict())
            finally:
                current_project.reset(token)
        backend.kept_fields = pattern.kept_fields
        backend.stateful = pattern.stateful  # type: ignore[misc]
        try:
            yield backend
        finally:
            backend.close()

    def _modules(self) -> Any:  # noqa: ANN401 - a context manager
        """The project's modules in ``sys.modules``, where a pickle that ``initialize`` opens looks for its classes."""
        if not self.in_project:
            return nullcontext()
        from .project_modules import ProjectModules  # noqa: PLC0415 - most backends need no second one

        return ProjectModules.of(str(self.backend.project_dir.absolute())).active()
