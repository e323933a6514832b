"""Events in, outcomes out: NDJSON from one descriptor to another, one outcome per event, in order."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from .backend import InferenceBackend
from .codec import choose_codec
from .errors import ExitCode, InferenceBackendRuntimeError, PackflowError
from .jsonlines import DEFAULT_LIMITS, Limits, is_blank
from .lines import CHUNK, LineReader, Lines, batches
from .outcomes import EventRunner
from .stdio import not_writable, write_all
from .stop_signals import StopRequestedError, StopSignals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .checkpoints import Checkpoints
    from .codec import Codec
    from .dead_letters import DeadLetters
    from .error_limit import ErrorLimit
    from .input_schema import InputSchema
    from .outcomes import BatchOutcomes
    from .pipeline import Pipeline, Runner
    from .stream_metrics import StreamMetrics
    from .supervised import ChildModels

__all__ = ["CHUNK", "DEFAULT_BATCH_SIZE", "LineReader", "StreamSettings", "StreamSummary", "run_stream", "stream"]

DEFAULT_BATCH_SIZE = 64


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is run.

    Batches take what has arrived, at most ``batch_size`` events, so that an idle stream is answered at once; with
    ``fill`` (a file) every batch but the last is full. The default codec gives the same bytes on every Python. With
    ``dead_letters`` failed events go there instead of among the outcomes; beyond ``error_limit`` the run stops.
    With ``input_schema`` events that break it fail before the model sees them; models in children have their own.
    """

    batch_size: int = DEFAULT_BATCH_SIZE
    fill: bool = False
    codec: Codec = field(default_factory=lambda: choose_codec("stdlib"))
    dead_letters: DeadLetters | None = None
    error_limit: ErrorLimit | None = None
    metrics: StreamMetrics | None = None
    checkpoints: Checkpoints | None = None
    input_schema: InputSchema | None = None


@dataclass
class StreamSummary:
    """What a run did: events read, outputs and errors written (by code), seconds, and what ended it.

    ``signal`` is the signal that ended it, ``too_many_errors`` that it failed by its error limit; ``complete`` is false
    where events may be left: after a signal, a reader that went away, or a limit that was exceeded on the way.
    """

    events: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    signal: int | None = None
    too_many_errors: bool = False
    complete: bool = True

    @property
    def failed(self) -> int:
        """How many events failed."""
        return sum(self.errors.values())

    @property
    def exit_code(self) -> int:
        """0, also with failed events; 130 or 143 after a signal, 1 over the error limit."""
        if self.signal is not None:
            return 128 + self.signal
        return ExitCode.CHECK_FAILED if self.too_many_errors else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        """What a program is told of the run."""
        return {
            "events": self.events,
            "outputs": self.events - self.failed,
            "failed": self.failed,
            "errors": dict(sorted(self.errors.items())),
            "seconds": round(self.seconds, 3),
            "complete": self.complete,
        }

    def describe(self) -> str:
        """One line for standard error."""
        kinds = ", ".join(f"{code} {count:,}" for code, count in sorted(self.errors.items()))
        rate = f", {self.events / self.seconds:,.0f} events/s" if self.seconds > 0 else ""
        return (
            f"{self.events:,} events, {self.events - self.failed:,} outputs, "
            f"{self.failed:,} failed{f' ({kinds})' if kinds else ''}, {self.seconds:.1f} s{rate}"
        )


def run_stream(
    backend: InferenceBackend | ChildModels,
    read: Callable[[int], bytes],
    sink: int,
    settings: StreamSettings | None = None,
) -> StreamSummary:
    """Run ``backend`` on what ``read`` gives and write one outcome per event to the descriptor ``sink``.

    The backend may be in this process or in children of it.

    SIGINT and SIGTERM end the run after the batch in hand. Raises PackflowError when the events cannot be read or the
    outcomes not be written, and for the first event the model fails on where its configuration has ``on_error: raise``;
    the outcomes before it are written then. A closed pipe ends the run quietly.
    """
    settings = settings or StreamSettings()
    recorded = settings.metrics is not None
    runners: Sequence[Runner] = (
        [EventRunner(backend, settings.codec, recorded=recorded, schema=settings.input_schema)]
        if isinstance(backend, InferenceBackend)
        else backend.runners
    )
    run = _Run(runners, sink, settings, ends_on_failure=ends_on_failure(backend))
    with StopSignals() as signals, contextlib.suppress(StopRequestedError), contextlib.closing(run):
        readable = _reporting_damage(signals.interruptible(read))
        reader = LineReader(readable, settings.codec.limits)
        blocks = run.not_done_before(reader.blocks())
        for batch in batches(blocks, settings.batch_size, fill=settings.fill):
            if not run.take(batch) or signals.received is not None:
                break
    return run.finished(signals.received)


def stream(
    backend: InferenceBackend,
    lines: Iterable[bytes | str],
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    codec: str = "auto",
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[bytes]:
    """Yield the encoded outcome of each event among ``lines``, in order: an output, or an error record.

    Blank lines are not events. The backend gets ``batch_size`` events at a time; with 1, each is answered before the
    next line is asked for. Raises PackflowError when the codec (``auto``, ``stdlib``, ``orjson``) is not installed, and
    InferenceBackendRuntimeError for an event the model fails on where its configuration has ``on_error: raise``.
    """
    raises = ends_on_failure(backend)
    runner = EventRunner(backend, choose_codec(codec, limits))
    raws = (line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line for line in lines)
    events = ((number, raw) for number, raw in enumerate(raws, 1) if not is_blank(raw))
    while batch := list(islice(events, batch_size)):
        outcomes = runner.run(Lines([number for number, _ in batch], [raw for _, raw in batch]))
        failed = outcomes.first_failure() if raises and outcomes.codes else None
        if failed is not None:
            yield from outcomes.before(failed).encoded
            raise failure_of_event(outcomes.failure(failed))
        yield from outcomes.encoded


def ends_on_failure(backend: InferenceBackend | ChildModels) -> bool:
    """Whether a stream ends with the first event the model fails on."""
    if isinstance(backend, InferenceBackend):
        return bool(getattr(backend.config, "on_error", "isolate") == "raise")
    return backend.on_error == "raise"


def failure_of_event(record: dict[str, Any], place: str = "") -> InferenceBackendRuntimeError:
    """What an error record says, as the error that ends a stream; ``place`` names an event that is on no line."""
    where = place or f"on line {record['line']:,}"
    return InferenceBackendRuntimeError(
        f"The event {where} failed: {record['step']}: {record['type']}: {record['message']}",
        detail="The outcomes before it are written.",
        hint="Mend the model, or let the stream go on with on_error: isolate.",
        code=record["code"],
    )


class _Run:
    """A stream while it runs."""

    def __init__(
        self, runners: Sequence[Runner], sink: int, settings: StreamSettings, *, ends_on_failure: bool
    ) -> None:
        self.settings = settings
        self._ends_on_failure = ends_on_failure
        self._runner = runners[0]
        self._pipeline = self._pipeline_of(runners) if len(runners) > 1 else None
        self._sink = sink
        self._started = time.monotonic()
        self._summary = StreamSummary()

    def _pipeline_of(self, runners: Sequence[Runner]) -> Pipeline:
        from .pipeline import Pipeline  # noqa: PLC0415 - only with several workers

        return Pipeline(runners, self._deliver)

    def take(self, batch: Lines) -> bool:
        """Find and write the outcomes of a batch; false where the run must end."""
        if self._pipeline is not None:
            return self._pipeline.take(batch)
        started = time.perf_counter_ns()
        outcomes = self._runner.run(batch)
        return self._deliver(batch, outcomes, time.perf_counter_ns() - started)

    def not_done_before(self, blocks: Iterator[Lines]) -> Iterator[Lines]:
        """The lines that are left to do: all, unless this run goes on where another was ended."""
        resumed = self.settings.checkpoints.resumed if self.settings.checkpoints is not None else None
        if resumed is None:
            return blocks
        from .checkpoints import after_line  # noqa: PLC0415 - only with --resume

        self._summary.events = resumed.events
        self._summary.errors.update(resumed.errors)
        return after_line(blocks, resumed.line)

    def close(self) -> None:
        """Wait until all that was taken is written; raises what went wrong on the way."""
        if self._pipeline is not None:
            self._pipeline.finish()

    def _deliver(self, batch: Lines, outcomes: BatchOutcomes, elapsed: int) -> bool:
        failed = outcomes.first_failure() if self._ends_on_failure and outcomes.codes else None
        if failed is not None:
            self._summary.complete = False
            self._write(batch.part(0, failed), outcomes.before(failed))
            raise failure_of_event(outcomes.failure(failed))
        if not self._write(batch, outcomes):
            self._summary.complete = False
            return False
        summary, settings = self._summary, self.settings
        summary.events += len(batch)
        if outcomes.codes:
            summary.errors.update(outcomes.codes.values())
        if settings.metrics is not None:
            settings.metrics.batch_done(len(batch), outcomes.codes.values(), elapsed)
        if settings.checkpoints is not None:
            settings.checkpoints.batch_done(batch.numbers[-1], summary.events, summary.errors)
        if outcomes.codes and self._is_limit_exceeded(at_end=False):
            summary.complete = False
            return False
        return True

    def finished(self, signal: int | None) -> StreamSummary:
        """The summary of the run, which ``signal`` may have ended."""
        summary = self._summary
        summary.signal = signal
        summary.complete = summary.complete and signal is None
        self._is_limit_exceeded(at_end=True)
        summary.seconds = time.monotonic() - self._started
        return summary

    def _is_limit_exceeded(self, *, at_end: bool) -> bool:
        limit, summary = self.settings.error_limit, self._summary
        if limit is not None and limit.is_exceeded(summary.events, summary.failed, at_end=at_end):
            summary.too_many_errors = True
        return summary.too_many_errors

    def _write(self, batch: Lines, outcomes: BatchOutcomes) -> bool:
        """Write outcomes; False when the reader has gone away, which ends a run quietly."""
        letters = self.settings.dead_letters
        text = outcomes.text if letters is None else letters.separate(batch, outcomes)
        if not text:
            return True
        try:
            write_all(self._sink, text + b"\n")
        except BrokenPipeError:
            return False
        except OSError as error:
            raise not_writable("The output", error) from error
        return True


def _reporting_damage(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Wrap ``read`` so that what it cannot read is a PackflowError."""

    def reported(size: int) -> bytes:
        try:
            return read(size)
        except (OSError, EOFError) as error:
            reason = "the compressed data is cut off" if isinstance(error, EOFError) else error.strerror or error
            raise PackflowError(
                f"The events cannot be read: {reason}.",
                code="events-not-readable",
                exit_code=ExitCode.NOT_FOUND,
                hint="Check that the file is whole; the outcomes of the events before it are written.",
            ) from error

    return reported
