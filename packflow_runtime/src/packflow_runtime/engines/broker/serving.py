"""The loop of ``serve``: events are acknowledged once the broker has confirmed what became of them, and not before.

So a death at any point, of this process or of a broker, leads to events that come again, never to events without an
outcome. At-least-once is the promise; each outcome carries the id of its event, by which doubles can be told.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ...errors import ExitCode, PackflowError
from ...jsonlines import BadLineError
from ...lines import Lines
from ...reporting import print_notice, printable
from ...stop_signals import StopRequestedError
from ...stream import StreamSummary, failure_of_event
from .letters import dead_letter, error_message, output_message, record_of, without_value
from .links import GivenUpError, Link
from .messages import BrokerDownError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...error_limit import ErrorLimit
    from ...outcomes import BatchOutcomes
    from ...pipeline import Runner
    from ...stop_signals import StopSignals
    from ...stream_metrics import StreamMetrics
    from .messages import Message, Outgoing, Sink, Source

_IDLE_SECONDS = 0.25  # how soon an idle service notices that its end was asked for
_SLICE_SECONDS = 0.1


@dataclass(frozen=True)
class ServiceSettings:
    """How a service runs; ``ends_on_failure`` is ``on_error: raise`` in the model's configuration."""

    batch_size: int = 64
    error_limit: ErrorLimit | None = None
    metrics: StreamMetrics | None = None
    ends_on_failure: bool = False


@dataclass
class ServiceSummary(StreamSummary):
    """What a service did; ``left`` events were taken and are not acknowledged, so that they come again."""

    left: int = field(default=0)


class Service:
    """Takes events from a source, runs the model on them, publishes outcomes, and acknowledges the events.

    Failed events go to ``letters`` where there is such a sink, and become error records among the outcomes otherwise.
    """

    def __init__(
        self,
        runner: Runner,
        source: Source,
        sink: Sink,
        letters: Sink | None,
        signals: StopSignals,
        settings: ServiceSettings,
    ) -> None:
        self._runner = runner
        self._source, self._sink, self._letters = source, sink, letters
        self.signals = signals
        self.settings = settings
        self._from = Link("source", source, self._pause)
        self._to = Link("sink", sink, self._pause)
        self._aside = Link("sink of dead letters", letters, self._pause) if letters is not None else None
        self._number = 0
        self.summary = ServiceSummary()

    @property
    def links(self) -> list[Link]:
        """The ends, for whoever reports how they are."""
        return [link for link in (self._from, self._to, self._aside) if link is not None]

    def run(self) -> ServiceSummary:
        """Serve until the source ends, a signal or the error limit says so; raises PackflowError."""
        started = time.monotonic()
        try:
            self._serve()
        finally:
            for link in self.links:
                link.close()
            self.summary.seconds = time.monotonic() - started
        return self.summary

    def _serve(self) -> None:
        summary, signals = self.summary, self.signals
        try:
            for link in self.links[1:]:  # what cannot be published to should be told before events are taken
                link.attempt(lambda: None)
            take = partial(self._source.take, self.settings.batch_size, _IDLE_SECONDS)
            while signals.received is None:
                batch = self._from.attempt(take)
                if batch and not self._answer(batch):
                    break
                if not batch and self._source.ended:
                    break
        except StopRequestedError:  # in the middle of a line from a pipe
            pass
        except GivenUpError:
            summary.complete = False
            if summary.left:
                print_notice(f"{summary.left:,} events were taken and are not acknowledged: they come again")
        summary.signal = signals.received
        summary.complete = summary.complete and summary.signal is None
        self._is_limit_exceeded(at_end=True)

    def _answer(self, batch: list[Message]) -> bool:
        """Find, publish and acknowledge; false where the service must end."""
        summary, settings = self.summary, self.settings
        summary.left = len(batch)
        started = time.perf_counter_ns()
        outcomes = self._runner.run(self._lines(batch))
        failed = outcomes.first_failure() if settings.ends_on_failure and outcomes.codes else None
        if failed is not None:
            summary.complete = False
            self._deliver(batch[:failed], outcomes.before(failed))
            raise failure_of_event(outcomes.failure(failed), batch[failed].id)
        codes = self._deliver(batch, outcomes)
        summary.left = 0
        if settings.metrics is not None:
            settings.metrics.batch_done(len(batch), codes, time.perf_counter_ns() - started)
        if self._is_limit_exceeded(at_end=False):
            summary.complete = False
            return False
        return True

    def _lines(self, batch: list[Message]) -> Lines:
        """The messages as the lines that runners take, numbered through."""
        numbers = range(self._number + 1, self._number + 1 + len(batch))
        self._number += len(batch)
        raws = [message.value or b"" for message in batch]
        faults = {
            number: message.fault or BadLineError("no-value", "the message has no value")
            for number, message in zip(numbers, batch, strict=True)
            if message.value is None
        }
        return Lines(numbers, raws, faults)

    def _deliver(self, batch: list[Message], outcomes: BatchOutcomes) -> list[str]:
        """Publish, then acknowledge; returns the codes of those that failed."""
        if not batch:
            return []
        codes, encoded = outcomes.codes, outcomes.encoded
        outputs: list[Outgoing] = []
        letters: list[Outgoing] = []
        for index, message in enumerate(batch):
            if index not in codes:
                outputs.append(output_message(message, encoded[index]))
            elif self._letters is not None:
                letters.append(dead_letter(message, record_of(encoded[index])))
            else:
                outputs.append(error_message(message, record_of(encoded[index])))
        told = list(codes.values())
        refused = self._publish(self._to, self._sink, outputs)
        if refused:
            told += self._publish_refused(batch, refused, letters)
        if self._aside is not None and self._letters is not None and letters:
            too_large = self._publish(self._aside, self._letters, letters)
            if too_large:
                self._publish_surely(self._aside, self._letters, [without_value(letter) for letter, _ in too_large])
        self._from.attempt(partial(self._source.acknowledge, batch))
        self.summary.events += len(batch)
        self.summary.errors.update(told)
        return told

    def _publish_refused(
        self, batch: list[Message], refused: list[tuple[Outgoing, str]], letters: list[Outgoing]
    ) -> list[str]:
        """Outputs that the sink refuses for good become errors of their events."""
        by_id = {message.id: message for message in batch}
        instead: list[Outgoing] = []
        for output, reason in refused:
            message = by_id[output.id]
            record = {"code": "output-refused", "step": "publish", "type": "MessageRefused", "message": reason}
            if self._letters is not None:
                letters.append(dead_letter(message, record))
            else:
                instead.append(error_message(message, record))
        self._publish_surely(self._to, self._sink, instead)
        return ["output-refused"] * len(refused)

    def _publish_surely(self, link: Link, sink: Sink, messages: list[Outgoing]) -> None:
        """Publish; an event whose error cannot be told either must not be acknowledged."""
        for message, reason in self._publish(link, sink, messages):
            raise PackflowError(
                f"{sink.name} takes neither the output nor the error of the event {message.id}: {printable(reason)}.",
                detail="The event is not acknowledged, and comes again.",
                code="output-refused",
                exit_code=ExitCode.NOT_WRITABLE,
                hint="Let the broker take larger messages, or headers.",
            )

    def _publish(self, link: Link, sink: Sink, messages: Sequence[Outgoing]) -> list[tuple[Outgoing, str]]:
        """Publish until every message is confirmed; returns those that are refused for good, with the reason."""
        left = list(messages)
        refused: list[tuple[Outgoing, str]] = []

        def attempt() -> None:
            nonlocal left
            fates = sink.publish(left)
            again: list[Outgoing] = []
            reason = ""
            for message, fate in zip(left, fates, strict=True):
                if fate is None:
                    continue
                if fate.refused:
                    refused.append((message, fate.reason))
                else:
                    again.append(message)
                    reason = fate.reason
            left = again
            if left:
                raise BrokerDownError(reason)

        if left:
            link.attempt(attempt)
        return refused

    def _pause(self, seconds: float) -> bool:
        """Wait; false, and at once, where the end was asked for."""
        until = time.monotonic() + seconds
        while self.signals.received is None:
            rest = until - time.monotonic()
            if rest <= 0:
                return True
            time.sleep(min(rest, _SLICE_SECONDS))
        return False

    def _is_limit_exceeded(self, *, at_end: bool) -> bool:
        limit, summary = self.settings.error_limit, self.summary
        if limit is not None and limit.is_exceeded(summary.events, summary.failed, at_end=at_end):
            summary.too_many_errors = True
        return summary.too_many_errors
