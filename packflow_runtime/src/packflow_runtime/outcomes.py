"""One outcome per event: an output, or an error record that says what happened to that event alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .backend import wrapped_error
from .codec import Codec, StdlibCodec
from .errors import InferenceBackendError, InferenceBackendRuntimeError, message_of
from .jsonlines import DEFAULT_LIMITS, Event, Limits, encode
from .lines import Line, Lines
from .outputs import ERROR_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .backend import InferenceBackend, StepTimes
    from .input_schema import InputSchema

__all__ = [
    "BackendState",
    "BatchOutcomes",
    "CallObserver",
    "EventRunner",
    "Line",
    "Outcome",
    "describe_failure",
    "encode_output",
    "error_record",
    "run_lines",
]

_LONGEST_MESSAGE = 2000
_HOOKS = ("transform_inputs", "execute", "transform_outputs")


class Outcome(NamedTuple):
    """The encoded outcome of one line; ``code`` is empty for an output, the error's stable name otherwise."""

    encoded: bytes
    code: str = ""


class BatchOutcomes:
    """The outcomes of a batch: ``encoded[i]`` belongs to line i; ``codes[i]`` is its error's name, if it failed.

    They may also be given as ``text``, the encoded outcomes with newlines between them, and are then split when asked.
    """

    def __init__(self, encoded: list[bytes] | None, codes: dict[int, str], text: bytes = b"") -> None:
        self._encoded = encoded
        self._text = text
        self.codes = codes

    @property
    def encoded(self) -> list[bytes]:
        """The outcomes as a list, which may be changed."""
        if self._encoded is None:
            self._encoded = self._text.split(b"\n")
        return self._encoded

    @property
    def text(self) -> bytes:
        """The outcomes with newlines between them."""
        return self._text if self._encoded is None else b"\n".join(self._encoded)

    def first_failure(self) -> int | None:
        """The first line that the model failed on; None where lines only were no events, or all went well."""
        return next((index for index in sorted(self.codes) if self.failure(index)["step"] != "decode"), None)

    def failure(self, index: int) -> dict[str, Any]:
        """What the error record of a line that failed says: line, code, step, type and message."""
        record: dict[str, Any] = json.loads(self.encoded[index])[ERROR_KEY]
        return record

    def before(self, index: int) -> BatchOutcomes:
        """The outcomes of the lines before this one."""
        return BatchOutcomes(self.encoded[:index], {line: code for line, code in self.codes.items() if line < index})


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

    def call_started(self, lines: Lines) -> None:
        """The backend is about to be called on these lines."""

    def call_finished(self, lines: Lines, events: list[Event], times: StepTimes) -> None:
        """The backend returned a valid batch of outputs for these lines; ``events`` is what it left of its input."""

    def batch_failed(self, lines: Lines) -> None:
        """The backend failed on these lines together; they are tried again in halves."""

    def event_failed(self, line: Line, error: InferenceBackendError) -> None:
        """The backend failed on this line alone."""


def run_lines(
    backend: InferenceBackend,
    lines: list[Line],
    limits: Limits = DEFAULT_LIMITS,
    observer: CallObserver | None = None,
) -> list[Outcome]:
    """Run the backend on a batch of lines, read and written by the standard library; outcome i belongs to line i."""
    outcomes = EventRunner(backend, StdlibCodec(limits), observer).run(Lines.of(lines))
    return [Outcome(encoded, outcomes.codes.get(index, "")) for index, encoded in enumerate(outcomes.encoded)]


class EventRunner:
    """Runs a backend on batches of lines and finds an outcome for each line.

    A line that is no event, and an event the model fails on, become error records; all others get their outputs. When
    a batch raises it is halved, with freshly decoded events, until the culprit stands alone. A stateful backend never
    sees an event twice: it gets back the state it had before the batch that failed, or, where it has no ``snapshot()``
    and ``restore(value)``, one event a call.

    With ``recorded`` the backend's metrics note each call, and its drift counters each event. ``observer`` is told of
    calls instead. With a ``schema`` an event that breaks it fails before the model sees it.
    """

    def __init__(
        self,
        backend: InferenceBackend,
        codec: Codec,
        observer: CallObserver | None = None,
        *,
        recorded: bool = False,
        schema: InputSchema | None = None,
    ) -> None:
        self.schema = schema
        self.backend = backend
        self.codec = codec
        self.observer = observer
        self.state = BackendState.of(backend)
        self.recorded = recorded
        self._drift = backend.drift if recorded else None

    def run(self, lines: Lines) -> BatchOutcomes:
        """The outcomes of these lines."""
        events, faults = self.codec.decode(lines.raws)
        if lines.faults:
            faults |= {i: lines.faults[number] for i, number in enumerate(lines.numbers) if number in lines.faults}
        batch = _Batch(self, lines)
        for index, fault in faults.items():
            record = error_record(lines.numbers[index], fault.code, "decode", type(fault).__name__, str(fault))
            batch.fail(index, fault.code, record)
        good = [index for index in range(len(lines)) if index not in faults] if faults else range(len(lines))
        if self._drift is not None:
            self._drift.observe_all(events)
        if self.schema is not None:
            good, events = self._keeping_schema(self.schema, batch, good, events)
        if self.backend.stateful and self.state is None:
            for index, event in zip(good, events, strict=True):
                batch.call([index], [event])
        elif good:
            batch.call(good, events)
        return batch.outcomes

    def _keeping_schema(
        self, schema: InputSchema, batch: _Batch, indices: Sequence[int], events: list[Event]
    ) -> tuple[list[int], list[Event]]:
        """Those of the events that keep the schema; the others fail."""
        kept: list[int] = []
        for index, event in zip(indices, events, strict=True):
            fault = schema.fault(event)
            if fault is None:
                kept.append(index)
                continue
            record = error_record(batch.lines.numbers[index], "input-schema", "decode", "InputSchemaError", fault)
            batch.fail(index, "input-schema", record)
        if len(kept) == len(events):
            return kept, events
        return kept, [event for index, event in zip(indices, events, strict=True) if index not in batch.outcomes.codes]


class _Batch:
    """The outcomes of one batch of lines while they are being found; lines are given by their indices in it."""

    def __init__(self, runner: EventRunner, lines: Lines) -> None:
        self.runner = runner
        self.lines = lines
        self.outcomes = BatchOutcomes([b""] * len(lines), {})

    def call(self, indices: Sequence[int], events: list[Event]) -> None:
        """Call the backend on these events; where it fails, on parts of them."""
        state = self.runner.state
        before = state.snapshot() if state is not None else b""
        try:
            outputs = self._outputs(indices, events)
        except InferenceBackendError as error:
            failure = error
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - such as asyncio.CancelledError: an event failed, not the stream
            failure = _failure_of_hook(error)
        else:
            self._keep(indices, outputs)
            return
        if state is not None:
            state.restore(before)
        self._isolate(indices, failure)

    def fail(self, index: int, code: str, record: dict[str, Any]) -> None:
        """Give the line this error record for its outcome."""
        self.outcomes.encoded[index] = encode(record)
        self.outcomes.codes[index] = code

    def _outputs(self, indices: Sequence[int], events: list[Event]) -> bytes | list[dict[str, Any]]:
        """Outputs as native records, or as the text they are written as."""
        runner, observer = self.runner, self.runner.observer
        if observer is None:
            if runner.recorded:
                return runner.backend.recorded_many(events)
            return runner.backend.run_encoded(events, runner.codec.encode_plain)
        lines = self.lines.chosen(indices)
        observer.call_started(lines)
        outputs, times = self.runner.backend.run_batch(events)
        observer.call_finished(lines, events, times)
        return outputs

    def _keep(self, indices: Sequence[int], outputs: bytes | list[dict[str, Any]]) -> None:
        try:
            text = outputs if isinstance(outputs, bytes) else self.runner.codec.encode(outputs)
        except (ValueError, TypeError, RecursionError):
            assert not isinstance(outputs, bytes)  # noqa: S101 - text is encoded already
            for index, output in zip(indices, outputs, strict=True):
                outcome = encode_output(output, self.lines.numbers[index], self.runner.codec)
                self.outcomes.encoded[index] = outcome.encoded
                if outcome.code:
                    self.outcomes.codes[index] = outcome.code
            return
        if len(indices) == len(self.lines):
            self.outcomes = BatchOutcomes(None, {}, text)
            return
        for index, line in zip(indices, text.split(b"\n"), strict=True):
            self.outcomes.encoded[index] = line

    def _isolate(self, indices: Sequence[int], error: InferenceBackendError) -> None:
        observer = self.runner.observer
        if len(indices) == 1:
            if observer is not None:
                observer.event_failed(self.lines.line(indices[0]), error)
            self.fail(indices[0], error.code, describe_failure(error, self.lines.numbers[indices[0]]))
            return
        if observer is not None:
            observer.batch_failed(self.lines.chosen(indices))
        middle = len(indices) // 2
        for half in (indices[:middle], indices[middle:]):
            # The model may have changed the events it was given, so they are decoded afresh.
            self.call(half, self.runner.codec.decode([self.lines.raws[index] for index in half])[0])


class BackendState:
    """What a stateful backend remembers, as its ``snapshot()`` gives it and ``restore(value)`` takes it back.

    It is kept as JSON text, so that a snapshot which shares parts with the backend does not change with it.
    """

    def __init__(self, backend: InferenceBackend) -> None:
        self._backend = backend

    @classmethod
    def of(cls, backend: InferenceBackend) -> BackendState | None:
        """The state of a stateful backend that has both methods; None for any other."""
        has_both = callable(getattr(backend, "snapshot", None)) and callable(getattr(backend, "restore", None))
        return cls(backend) if backend.stateful and has_both else None

    def snapshot(self) -> bytes:
        """The state as it is now; raises InferenceBackendRuntimeError where it cannot be told, or is no JSON value."""
        try:
            return json.dumps(self._backend.snapshot(), ensure_ascii=True, allow_nan=False).encode()  # type: ignore[attr-defined]
        except (Exception, SystemExit) as error:
            raise wrapped_error("snapshot", error, self._backend.project_dir) from error

    def restore(self, state: bytes) -> None:
        """Go back to a state; raises InferenceBackendRuntimeError."""
        try:
            self._backend.restore(json.loads(state))  # type: ignore[attr-defined]
        except (Exception, SystemExit) as error:
            raise wrapped_error("restore", error, self._backend.project_dir) from error


def _failure_of_hook(error: BaseException) -> InferenceBackendError:
    """What a hook raised and the backend let pass, as a failure of that hook."""
    import traceback  # noqa: PLC0415 - slow to import, and only for errors

    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    step = next((name for name in names if name in _HOOKS), "execute")
    failure = InferenceBackendRuntimeError(f"{step} raised {type(error).__name__}: {message_of(error)}")
    failure.step, failure.original = step, error
    return failure


def encode_output(output: dict[str, Any], line: int, codec: Codec | None = None) -> Outcome:
    """Encode an output; one that JSON cannot hold becomes an error record."""
    try:
        return Outcome(codec.encode([output]) if codec is not None else encode(output))
    except (ValueError, TypeError, RecursionError) as error:
        reason = "a string holds half of a surrogate pair" if isinstance(error, UnicodeError) else str(error)
        record = error_record(line, "output-invalid", "encode", type(error).__name__, reason)
        return Outcome(encode(record), "output-invalid")
