"""Events in, outcomes out: NDJSON from one descriptor to another, one outcome per event, in order."""

from __future__ import annotations

import contextlib
import signal
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import ExitCode, PackflowError
from .jsonlines import DEFAULT_LIMITS, BadLineError, Limits, is_blank
from .outcomes import Line, run_lines
from .stdio import write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from typing_extensions import Self

    from .backend import InferenceBackend

CHUNK = 64 * 1024
DEFAULT_BATCH_SIZE = 64


class LineReader:
    """Splits what arrives at newlines only, in bounded memory; blank lines count as lines, not as events.

    ``read(n)`` returns up to n bytes, and none at the end. A line longer than the limit is dropped as it arrives and
    given as a faulty line.
    """

    def __init__(self, read: Callable[[int], bytes], limits: Limits = DEFAULT_LIMITS) -> None:
        self._read = read
        self._limits = limits
        self._number = 0
        self._pending: list[bytes] = []  # pieces of a line whose end has not arrived
        self._pending_size = 0

    def arrivals(self) -> Iterator[list[Line]]:
        """Yield the lines that each read completed; at the end, a last line without a newline."""
        while chunk := self._read(CHUNK):
            first, *rest = chunk.split(b"\n")
            self._hold(first)
            if rest:
                yield [line for raw in (self._release(), *rest[:-1]) if (line := self._line(raw)) is not None]
                self._hold(rest[-1])
        if self._pending_size:
            line = self._line(self._release())
            if line is not None:
                yield [line]

    def _hold(self, piece: bytes) -> None:
        if self._pending_size <= self._limits.max_line_bytes:
            self._pending.append(piece)
        self._pending_size += len(piece)

    def _release(self) -> bytes | None:
        """The held line, or None where it grew over the limit."""
        raw = b"".join(self._pending) if self._pending_size <= self._limits.max_line_bytes else None
        self._pending, self._pending_size = [], 0
        return raw

    def _line(self, raw: bytes | None) -> Line | None:
        self._number += 1
        if raw is None:
            fault = BadLineError("line-too-long", f"the line is longer than {self._limits.max_line_bytes:,} bytes")
            return Line(self._number, b"", fault)
        if self._number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")  # a byte order mark opens many files made on Windows
        return None if is_blank(raw) else Line(self._number, raw)


@dataclass
class StreamSummary:
    """What a run did: events read, outputs and errors written (by code), seconds, and the signal that ended it."""

    events: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """0, also with failed events; 130 or 143 after a signal."""
        return ExitCode.OK if self.signal is None else 128 + self.signal

    def describe(self) -> str:
        """One line for standard error."""
        failed = sum(self.errors.values())
        kinds = ", ".join(f"{code} {count:,}" for code, count in sorted(self.errors.items()))
        rate = f", {self.events / self.seconds:,.0f} events/s" if self.seconds > 0 else ""
        return (
            f"{self.events:,} events, {self.events - failed:,} outputs, "
            f"{failed:,} failed{f' ({kinds})' if kinds else ''}, {self.seconds:.1f} s{rate}"
        )


class _StopRequestedError(Exception):
    pass


class _StopSignals:
    """SIGINT and SIGTERM finish the batch in hand: they interrupt a wait for input, never work on events.

    A wait that is interrupted raises _StopRequestedError: what was read and is not yet a batch has not begun, and a
    line that is cut where its reading stopped is no event.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._waiting = False

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.received is not None:  # asked twice: the batch in hand may never end
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.received = number
        if self._waiting:
            raise _StopRequestedError

    def interruptible(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """Wrap ``read`` so that a signal before or during it raises _StopRequestedError."""

        def guarded(size: int) -> bytes:
            try:
                self._waiting = True
                if self.received is not None:
                    raise _StopRequestedError
                return read(size)
            except (OSError, EOFError, zlib.error) as error:
                raise PackflowError(
                    f"The events cannot be read: {error}.",
                    code="events-not-readable",
                    exit_code=ExitCode.NOT_FOUND,
                    hint="Check that the file is whole; the outcomes of the events before it are written.",
                ) from error
            finally:
                self._waiting = False

        return guarded


def run_stream(
    backend: InferenceBackend,
    read: Callable[[int], bytes],
    sink: int,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    fill: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> StreamSummary:
    """Run ``backend`` on what ``read`` gives and write one outcome per event to the descriptor ``sink``.

    Batches take what has arrived, at most ``batch_size`` events, so that an idle stream is answered at once; with
    ``fill`` (a file) every batch but the last is full. Raises PackflowError when the sink cannot be written; a closed
    pipe ends the run quietly.
    """
    summary = StreamSummary()
    started = time.monotonic()
    with _StopSignals() as signals, contextlib.suppress(_StopRequestedError):
        reader = LineReader(signals.interruptible(read), limits)
        for batch in _batches(reader.arrivals(), batch_size, fill=fill):
            outcomes = run_lines(backend, batch, limits)
            if not _write(sink, b"".join(outcome.encoded + b"\n" for outcome in outcomes)):
                break
            summary.events += len(batch)
            summary.errors.update(outcome.code for outcome in outcomes if outcome.code)
            if signals.received is not None:
                break
    summary.signal = signals.received
    summary.seconds = time.monotonic() - started
    return summary


def _batches(arrivals: Iterator[list[Line]], size: int, *, fill: bool) -> Iterator[list[Line]]:
    waiting: list[Line] = []
    try:
        for lines in arrivals:
            waiting += lines
            usable = len(waiting) - len(waiting) % size if fill else len(waiting)
            for start in range(0, usable, size):
                yield waiting[start : min(start + size, usable)]
            del waiting[:usable]
    except PackflowError:  # the input breaks off; whole lines before that are events
        if waiting:
            yield waiting
        raise
    if waiting:
        yield waiting


def _write(sink: int, data: bytes) -> bool:
    """Write outcomes; False when the reader has gone away, which ends a run quietly."""
    try:
        write_all(sink, data)
    except BrokenPipeError:
        return False
    except OSError as error:
        raise PackflowError(
            f"The output cannot be written: {error.strerror}.",
            code="output-not-writable",
            exit_code=ExitCode.NOT_WRITABLE,
            hint="Make room or choose another output, then run again.",
        ) from error
    return True
