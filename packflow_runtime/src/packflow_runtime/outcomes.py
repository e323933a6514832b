"""One outcome per event: an output, or an error record that says what happened to that event alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import InferenceBackendError, message_of
from .jsonlines import DEFAULT_LIMITS, BadLineError, Event, Limits, decode_event, encode
from .outputs import ERROR_KEY

if TYPE_CHECKING:
    from .backend import InferenceBackend, StepTimes

_LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class Line:
    """One event as it arrived: its line number from 1 and its bytes, or why the reader could not keep them."""

    number: int
    raw: bytes
    fault: BadLineError | None = None


@dataclass(frozen=True)
class Outcome:
    """The encoded outcome of one line; ``code`` is empty for an output, the error's stable name otherwise."""

    encoded: bytes
    code: str = ""


def error_record(line: int, code: str, step: str, kind: str, message: str) -> dict[str, Any]:
    """The error record: the only outcome that has the key ``packflow_error``."""
    shown = message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"
    shown = shown.encode("utf-8", "backslashreplace").decode("utf-8")
    return {ERROR_KEY: {"line": line, "code": code, "step": step, "type": kind, "message": shown}}


def describe_failure(error: InferenceBackendError, line: int) -> dict[str, Any]:
    """The error record of a backend that failed on the event at ``line``."""
    if error.original is None:
        return error_record(line, error.code, error.step, type(error).__name__, str(error))
    return error_record(line, error.code, error.step, type(error.original).__name__, message_of(error.original))


class CallObserver:
    """Is told of each call into the backend; the base class ignores what it is told."""

    def call_started(self, lines: list[Line]) -> None:
        """The backend is about to be called on these lines."""

    def call_finished(self, lines: list[Line], times: StepTimes) -> None:
        """The backend returned a valid batch of outputs for these lines."""

    def batch_failed(self, lines: list[Line]) -> None:
        """The backend failed on these lines together; they are tried again in halves."""

    def event_failed(self, line: Line, error: InferenceBackendError) -> None:
        """The backend failed on this line alone."""


def run_lines(
    backend: InferenceBackend,
    lines: list[Line],
    limits: Limits = DEFAULT_LIMITS,
    observer: CallObserver | None = None,
) -> list[Outcome]:
    """Run the backend on a batch of lines; outcome i belongs to line i.

    A line that is no event, and an event the model fails on, become error records; all others get their outputs. When
    a batch raises it is halved, with freshly decoded events, until the culprit stands alone. A stateful backend gets
    one event a call instead, so that it never sees an event twice.
    """
    run = _Run(backend, limits, observer or CallObserver())
    return run.outcomes_of(lines)


class _Run:
    """The outcomes of one batch of lines while they are being found."""

    def __init__(self, backend: InferenceBackend, limits: Limits, observer: CallObserver) -> None:
        self.backend = backend
        self.limits = limits
        self.observer = observer
        self.outcomes: dict[int, Outcome] = {}

    def outcomes_of(self, lines: list[Line]) -> list[Outcome]:
        good: list[Line] = []
        events: list[Event] = []
        for line in lines:
            try:
                if line.fault is not None:
                    raise line.fault
                events.append(decode_event(line.raw, self.limits))
                good.append(line)
            except BadLineError as fault:
                record = error_record(line.number, fault.code, "decode", type(fault).__name__, str(fault))
                self.outcomes[line.number] = Outcome(encode(record), fault.code)
        if self.backend.stateful:
            for line, event in zip(good, events, strict=True):
                self._call([line], [event])
        elif good:
            self._call(good, events)
        return [self.outcomes[line.number] for line in lines]

    def _call(self, lines: list[Line], events: list[Event]) -> None:
        self.observer.call_started(lines)
        try:
            outputs, times = self.backend.run_batch(events)
        except InferenceBackendError as error:
            self._isolate(lines, error)
            return
        self.observer.call_finished(lines, times)
        for line, output in zip(lines, outputs, strict=True):
            self.outcomes[line.number] = encode_output(output, line.number)

    def _isolate(self, lines: list[Line], error: InferenceBackendError) -> None:
        if len(lines) == 1:
            self.observer.event_failed(lines[0], error)
            record = describe_failure(error, lines[0].number)
            self.outcomes[lines[0].number] = Outcome(encode(record), error.code)
            return
        self.observer.batch_failed(lines)
        middle = len(lines) // 2
        for half in (lines[:middle], lines[middle:]):
            # The model may have changed the events it was given, so they are decoded afresh.
            self._call(half, [decode_event(line.raw, self.limits) for line in half])


def encode_output(output: dict[str, Any], line: int) -> Outcome:
    """Encode an output; one that JSON cannot hold becomes an error record."""
    try:
        return Outcome(encode(output))
    except (ValueError, TypeError, RecursionError) as error:
        reason = "a string holds half of a surrogate pair" if isinstance(error, UnicodeError) else str(error)
        record = error_record(line, "output-invalid", "encode", type(error).__name__, reason)
        return Outcome(encode(record), "output-invalid")
