"""Calling a backend: what the call itself adds to a model that does next to nothing, and what its metrics add."""

# ruff: noqa: ANN401 - a backend takes an event or records and gives the like

from __future__ import annotations

from functools import partial
from itertools import repeat
from time import perf_counter_ns as now
from typing import TYPE_CHECKING, Any

import packflow  # type: ignore[import-not-found]

from benchmarks.cases import BARE, OURS, PEER, Case, Goal, Row, calls
from benchmarks.events import BATCH, Event, flat_event
from benchmarks.timing import Work
from packflow_runtime import InferenceBackend
from packflow_runtime.metrics import ALL_CALLS_UNTIL
from packflow_runtime.outputs import checked_one, checked_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

BY_HAND, UNCHECKED = "bare, own check", "bare, no check"
CYCLE = 2048  # calls after which metrics have done all that they do from time to time; less would leave out the dearest
_SCALARS = frozenset({str, int, bool, type(None)})


def check_by_hand(outputs: Any, expected: int) -> Any:
    """What someone writes whose outputs are flat, and who must not send out what is no JSON."""
    if type(outputs) is not list or len(outputs) != expected:
        raise ValueError("there must be one output per event")
    for output in outputs:
        if type(output) is not dict:
            raise ValueError("an output is a dict")
        for key, value in output.items():
            kind = type(value)
            if type(key) is not str or (kind not in _SCALARS and (kind is not float or value - value)):
                raise ValueError("an output holds text, finite numbers, booleans and None")
    return outputs


def check_one_by_hand(outputs: Any) -> Any:
    return check_by_hand(outputs, 1)[0]


class Bare:
    """What someone writes who needs neither preprocessing nor checks."""

    def __call__(self, events: Any) -> Any:
        return self.execute([events])[0] if isinstance(events, dict) else self.execute(events)

    def execute(self, inputs: Any) -> Any:
        return [{"score": event["field_0"] * 0.5, "label": "high"} for event in inputs]

    def one(self, event: Event) -> Any:
        return self.execute([event])[0]


class BareChecked(Bare):
    """The same by someone who also looks at what leaves the model."""

    def __init__(self, check_one: Callable[[Any], Any], check_many: Callable[[Any, int], Any]) -> None:
        self.check_one, self.check_many = check_one, check_many

    def __call__(self, events: Any) -> Any:
        if isinstance(events, dict):
            return self.check_one(self.execute([events]))
        return self.check_many(self.execute(events), len(events))

    def one(self, event: Event) -> Any:
        return self.check_one(self.execute([event]))


class Ours(InferenceBackend):
    """The default: metrics on."""

    execute = Bare.execute


class OursUnrecorded(Ours):
    metrics_on = False


class Peers(packflow.InferenceBackend):  # type: ignore[misc]
    """It always records its last call, and never checks."""

    execute = Bare.execute


class Steps:
    """Three hooks that do next to nothing, timed by hand: what each of the last call took is kept."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def __call__(self, events: Any) -> Any:
        return self.timed(events) if isinstance(events, dict) else [self.timed(event) for event in events]

    def transform_inputs(self, records: Any) -> Any:
        return records

    def execute(self, inputs: Any) -> Any:
        return [{"score": 0.5} for _ in inputs]

    def transform_outputs(self, outputs: Any) -> Any:
        return outputs

    def timed(self, event: Event) -> Any:
        start = now()
        value = self.transform_inputs([event])
        first = now()
        value = self.execute(value)
        second = now()
        value = self.transform_outputs(value)
        third = now()
        self.last = {"transform_inputs": first - start, "execute": second - first, "transform_outputs": third - second}
        return value[0]


class StepsChecked(Steps):
    """The same with a check of the output, timed too."""

    def __init__(self, check: Callable[[Any], Any]) -> None:
        super().__init__()
        self.check = check

    def timed(self, event: Event) -> Any:
        start = now()
        value = self.transform_inputs([event])
        first = now()
        value = self.execute(value)
        second = now()
        value = self.transform_outputs(value)
        third = now()
        value = self.check(value)
        fourth = now()
        self.last = {
            "transform_inputs": first - start,
            "execute": second - first,
            "transform_outputs": third - second,
            "check_outputs": fourth - third,
        }
        return value


class OurSteps(InferenceBackend):
    transform_inputs, execute, transform_outputs = Steps.transform_inputs, Steps.execute, Steps.transform_outputs


class PeersSteps(packflow.InferenceBackend):  # type: ignore[misc]
    transform_inputs, execute, transform_outputs = Steps.transform_inputs, Steps.execute, Steps.transform_outputs


def cases() -> list[Case]:
    """Passthrough in four ways, and metrics; the goals are for bare with the runtime's own check of outputs."""
    return [
        calls(_rows("passthrough, single, backend(e)", 1.75), lambda: _called(OursUnrecorded(), flat_event(7))),
        calls(_rows("passthrough, single, backend(e), metrics", None), _called_with_metrics, CYCLE),
        calls(_rows("passthrough, single, in the stream loop", 1.3), _run_one),
        calls(_rows("passthrough, batch 256", 1.05), lambda: _called(Ours(), _records()), BATCH),
        calls(_rows("metrics on, single", 1.3), _metrics, CYCLE),
    ]


def _rows(name: str, ratio: float | None) -> list[Row]:
    return [Row(name, Goal(ratio)), Row(name, bare=BY_HAND), Row(name, bare=UNCHECKED)]


def _records() -> list[Event]:
    return [flat_event(number) for number in range(BATCH)]


def _called(ours: InferenceBackend, events: Any) -> dict[str, Work]:
    works: dict[str, Callable[[Any], Any]] = {**_bare(), OURS: ours, PEER: Peers()}
    return {kind: Work(work, events) for kind, work in works.items()}


def _bare() -> dict[str, Bare]:
    return {
        BARE: BareChecked(checked_one, checked_outputs),
        BY_HAND: BareChecked(check_one_by_hand, check_by_hand),
        UNCHECKED: Bare(),
    }


def _run_one() -> dict[str, Work]:
    event = flat_event(7)
    return {**{kind: Work(bare.one, event) for kind, bare in _bare().items()}, OURS: Work(Ours().run_one, event)}


def _called_with_metrics() -> dict[str, Work]:
    return _in_cycles(_called(Ours(), flat_event(7)))


def _metrics() -> dict[str, Work]:
    works: dict[str, Callable[[Any], Any]] = {
        BARE: StepsChecked(checked_one),
        BY_HAND: StepsChecked(check_one_by_hand),
        UNCHECKED: Steps(),
        OURS: OurSteps(),
        PEER: PeersSteps(),
    }
    return _in_cycles({kind: Work(work, {"uid": "a"}) for kind, work in works.items()})


def _in_cycles(works: dict[str, Work]) -> dict[str, Work]:
    """The same, a whole cycle of calls at a time, after those that metrics treat as the first."""
    for _ in range(ALL_CALLS_UNTIL):
        works[OURS].function(works[OURS].argument)
    return {kind: Work(partial(_cycle, work.function), work.argument) for kind, work in works.items()}


def _cycle(call: Callable[[Any], Any], event: Event) -> Any:
    for _ in repeat(None, CYCLE - 1):
        call(event)
    return call(event)
