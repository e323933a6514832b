"""Ends of a service in memory, whose broker can go away, lose answers, and give events again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_runtime import InferenceBackend
from packflow_runtime.codec import choose_codec
from packflow_runtime.engines.broker.messages import BrokerDownError, Message, Outgoing, Unpublished
from packflow_runtime.engines.broker.serving import Service, ServiceSettings, ServiceSummary
from packflow_runtime.jsonlines import Limits
from packflow_runtime.outcomes import EventRunner
from packflow_runtime.stop_signals import StopSignals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class DeathError(BaseException):
    """The process dies here."""


class Broker:
    """What a broker remembers: events with their acknowledgements, and what was published, all in one journal."""

    def __init__(self, values: Sequence[bytes | None]) -> None:
        self.values = values
        self.acknowledged: set[int] = set()
        self.journal: list[tuple[str, str]] = []
        self.published: list[tuple[str, Outgoing]] = []

    def message(self, number: int) -> Message:
        headers = (("trace", b"%d" % number),)
        return Message(str(number), self.values[number], b"key", headers, number % 3, token=number)


class MemorySource:
    """Gives what is not acknowledged, again after each connection; ``faults`` says, call by call, what goes wrong."""

    name = "memory:source"

    def __init__(self, broker: Broker, faults: Iterable[str] = ()) -> None:
        self.broker = broker
        self.faults = iter(faults)
        self.ended = False
        self.given: list[int] = []

    def connect(self) -> None:
        _meet(next(self.faults, ""))
        self.given = []

    def take(self, most: int, seconds: float) -> list[Message]:
        del seconds
        _meet(next(self.faults, ""))
        left = [n for n in range(len(self.broker.values)) if n not in self.broker.acknowledged and n not in self.given]
        batch = left[:most]
        self.given += batch
        self.ended = not batch
        return [self.broker.message(number) for number in batch]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        fault = next(self.faults, "")
        if fault != "lost answer":
            _meet(fault)
        for message in messages:
            self.broker.acknowledged.add(message.token)
            self.broker.journal.append(("acknowledged", message.id))
        _meet(fault)

    def close(self) -> None:
        """Nothing is held."""


class MemorySink:
    """Keeps what is published; a value beyond ``largest`` bytes is refused for good."""

    def __init__(self, broker: Broker, name: str = "sink", faults: Iterable[str] = (), largest: int = 10**6) -> None:
        self.broker, self.name, self.largest = broker, name, largest
        self.faults = iter(faults)

    def connect(self) -> None:
        _meet(next(self.faults, ""))

    def publish(self, messages: Sequence[Outgoing]) -> list[Unpublished | None]:
        fault = next(self.faults, "")
        if fault in ("down", "death"):
            _meet(fault)
        fates: list[Unpublished | None] = []
        for index, message in enumerate(messages):
            if len(message.value or b"") > self.largest:
                fates.append(Unpublished("it is too large", refused=True))
                continue
            if fault == "some" and index % 2:
                fates.append(Unpublished("not now"))
                continue
            self.broker.published.append((self.name, message))
            if fault == "lost answer":
                fates.append(Unpublished("no answer"))
                continue
            self.broker.journal.append(("confirmed", message.id))
            fates.append(None)
        if fault == "late death":
            raise DeathError
        return fates

    def close(self) -> None:
        """Nothing is held."""


class Model(InferenceBackend):
    """Doubles a number; a negative one it fails on."""

    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for event in inputs:
            if event["n"] < 0:
                raise ValueError(f"{event['n']} is negative")
        return [{"n": 2 * event["n"], "text": "x" * event.get("size", 0)} for event in inputs]


def serve(
    source: MemorySource,
    sink: MemorySink,
    letters: MemorySink | None = None,
    *,
    signals: StopSignals | None = None,
    backend: InferenceBackend | None = None,
    watch: Callable[[Service], None] = lambda _: None,
    **settings: Any,
) -> ServiceSummary:
    """Run a service until its source ends."""
    runner = EventRunner(backend or Model(), choose_codec("stdlib", Limits(max_line_bytes=1000)))
    service = Service(
        runner, source, sink, letters, signals or StopSignals(), ServiceSettings(**{"batch_size": 4, **settings})
    )
    watch(service)
    return service.run()


def _meet(fault: str) -> None:
    if fault in ("down", "lost answer"):
        raise BrokerDownError("the connection broke")
    if fault == "death":
        raise DeathError
