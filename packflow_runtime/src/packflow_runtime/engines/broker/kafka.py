"""Kafka, by confluent-kafka (librdkafka).

Offsets are committed after a batch's outcomes are confirmed by all in-sync replicas. Partitions are handed on
only while no event is in hand: rebalances run inside ``take``. The producer is idempotent: its own retries double
nothing.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ...errors import ExitCode, PackflowError
from ...reporting import print_notice
from .addresses import address_error
from .messages import (
    LINGER_SECONDS,
    BrokerDownError,
    Message,
    Outgoing,
    Unpublished,
    client_module,
    not_allowed,
    not_there,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .addresses import Address, Pipe

_METADATA_SECONDS = 5.0
_CONFIRM_SECONDS = 10.0
_COMMIT_SECONDS = 5.0
_HOLD_SECONDS = 10.0
# What the promises rest on, or what the address says, is not for a file to change.
_KEPT = {
    "acks",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "metadata.broker.list",
    "request.required.acks",
    "transactional.id",
}


def open_source(address: Address, properties: dict[str, str], pipe: Pipe) -> KafkaSource:
    """A topic, read by a consumer group; raises PackflowError."""
    del pipe
    options = address.chosen({"group": "", "from": "earliest"})
    start = "latest" if address.starts_late(options) else "earliest"
    group = {"group.id": address.group(options), "auto.offset.reset": start}
    return KafkaSource(address, {**group, **_client_properties(address, properties)})


def open_sink(address: Address, properties: dict[str, str], descriptor: int) -> KafkaSink:
    """A topic, written to; raises PackflowError."""
    del descriptor
    address.chosen({})
    return KafkaSink(address, _client_properties(address, properties))


def _client_properties(address: Address, properties: dict[str, str]) -> dict[str, str]:
    for name in _KEPT.intersection(properties):
        raise address_error(
            f"{address}: the property {name} cannot be chosen.",
            "The promises rest on it, or the address says it; remove it from the file.",
        )
    return {"bootstrap.servers": address.servers, "client.id": "packflow", "log_level": "2", **properties}


class _Client:
    """What consumers and producers share: their library, their topic, and what librdkafka last complained of."""

    def __init__(self, address: Address) -> None:
        self.name = str(address)
        self._library = client_module("confluent_kafka", "confluent-kafka")
        self._errors = self._library.KafkaError
        self._failure = self._library.KafkaException
        self._topic = address.name
        self._was_there = False
        self._trouble = ""
        self._fatal = ""

    def _created(self, kind: str, config: dict[str, Any]) -> Any:  # noqa: ANN401 - a client of the library
        try:
            return getattr(self._library, kind)({**config, "error_cb": self._told})
        except (self._failure, ValueError, TypeError) as error:
            raise PackflowError(
                f"{self.name}: the Kafka client does not take its properties: {_reason(error)}.",
                code="properties-invalid",
                exit_code=ExitCode.NOT_FOUND,
                hint="See librdkafka's CONFIGURATION.md for what there is.",
            ) from None

    def _told(self, error: Any) -> None:  # noqa: ANN401 - a KafkaError
        """What librdkafka says of its connections, which it keeps trying to make by itself."""
        if error.fatal():
            self._fatal = error.str()
        elif error.code() in (self._errors._ALL_BROKERS_DOWN, self._errors._AUTHENTICATION, self._errors._SSL):  # noqa: SLF001 - its names
            self._trouble = error.str()

    def _partitions(self, client: Any) -> int:  # noqa: ANN401 - as above
        """How many partitions the topic has, asked of the broker."""
        self._trouble = ""
        try:
            found = client.list_topics(self._topic, timeout=_METADATA_SECONDS).topics.get(self._topic)
        except self._failure as failure:
            client.poll(0)  # hands over what librdkafka complained of, which says more
            raise self._down(failure.args[0]) from None
        error = found.error if found is not None else None
        if error is not None and error.code() in (
            self._errors.TOPIC_AUTHORIZATION_FAILED,
            self._errors.CLUSTER_AUTHORIZATION_FAILED,
        ):
            raise not_allowed(self.name, error.str())
        if error is not None or found is None or not found.partitions:
            unknown = self._errors.UNKNOWN_TOPIC_OR_PART, self._errors.UNKNOWN_TOPIC
            if not self._was_there and (error is None or error.code() in unknown):
                raise not_there(f"The topic {self._topic} on {self.name}", "Create it, or mend the address.")
            raise BrokerDownError(error.str() if error is not None else "the topic is not there")
        self._was_there = True
        return len(found.partitions)

    def _down(self, error: Any) -> Exception:  # noqa: ANN401 - as above
        """What to raise where the broker was not reached."""
        if self._trouble and not self._was_there and "uthenticat" in self._trouble:
            return not_allowed(self.name, self._trouble)
        return BrokerDownError(self._trouble or error.str())


class KafkaSource(_Client):
    """One topic, whose partitions the processes of a group share."""

    ended = False

    def __init__(self, address: Address, config: dict[str, Any]) -> None:
        super().__init__(address)
        self._config = {**config, "enable.auto.commit": False, "enable.auto.offset.store": False}
        self._consumer: Any = None
        self._refusal = ""
        self._held_until = 0.0
        self._commit: _Answer | None = None  # one that has been asked for and is not answered

    def connect(self) -> None:
        """Join the group; once that is done the client comes back by itself, and only the broker is asked for."""
        if self._consumer is not None:
            self._partitions(self._consumer)
            return
        consumer = self._created("Consumer", self._config)
        try:
            self._partitions(consumer)
        except BaseException:
            consumer.close()
            raise
        # With a function to call, partitions go and come while `take` polls, and never between a batch and its commit.
        consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=_ignore)
        self._consumer = consumer

    def take(self, most: int, seconds: float) -> list[Message]:
        """What librdkafka has fetched."""
        if self._held_until and time.monotonic() >= self._held_until:
            self._resume()
        first = self._consumer.poll(seconds)
        if self._fatal:
            raise not_allowed(self.name, self._fatal)
        found = [] if first is None else [first]
        if found and most > 1:
            found += self._consumer.consume(most - 1, LINGER_SECONDS)
        batch = []
        for record in found:
            if record.error() is None:
                batch.append(self._message(record))
            else:
                self._note(record.error())
        if batch:  # what was fetched comes once only, so what is wrong is told another time
            self._trouble = ""
        elif self._refusal:
            raise not_allowed(self.name, self._refusal)
        elif self._trouble:
            raise BrokerDownError(self._trouble)
        return batch

    def _note(self, error: Any) -> None:  # noqa: ANN401 - a KafkaError
        """What comes in the place of a message; librdkafka mends all other errors by itself."""
        errors = self._errors
        if error.code() in (errors.TOPIC_AUTHORIZATION_FAILED, errors.GROUP_AUTHORIZATION_FAILED):
            self._refusal = error.str()
        elif error.code() in (errors.UNKNOWN_TOPIC_OR_PART, errors.UNKNOWN_TOPIC):
            self._trouble = error.str()

    def _message(self, record: Any) -> Message:  # noqa: ANN401 - a message of the library
        topic, partition, offset = record.topic(), record.partition(), record.offset()
        headers = tuple((name, value or b"") for name, value in record.headers() or ())
        return Message(
            f"kafka:{topic}/{partition}/{offset}",
            record.value(),
            record.key(),
            headers,
            partition,
            (partition, offset),
            f"{self._config['group.id']}.{record.timestamp()[1]}",
        )

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Commit the offsets after these messages; where the group has moved on without us, they come again.

        The client's own wait for the answer has no end while a broker is silent, so it waits aside; tried again, this
        goes on waiting for the same answer.
        """
        ends: dict[int, int] = {}
        for message in messages:
            partition, offset = message.token
            ends[partition] = max(offset + 1, ends.get(partition, 0))
        places = [self._library.TopicPartition(self._topic, partition, end) for partition, end in ends.items()]
        moved_on = {
            self._errors.ILLEGAL_GENERATION,
            self._errors.UNKNOWN_MEMBER_ID,
            self._errors.REBALANCE_IN_PROGRESS,
            self._errors.FENCED_INSTANCE_ID,
        }
        if self._commit is None:
            self._commit = _Answer(partial(self._consumer.commit, offsets=places, asynchronous=False))
        if not self._commit.wait(_COMMIT_SECONDS):
            raise BrokerDownError(self._trouble or "there is no answer to a commit")
        commit, self._commit = self._commit, None
        try:
            errors = [place.error for place in commit.result()]
        except self._failure as failure:
            errors = [failure.args[0]]
        error = next((error for error in errors if error is not None and error.code() not in moved_on), None)
        if error is not None:
            raise BrokerDownError(error.str())
        lost = next((error for error in errors if error is not None), None)
        if lost is not None:
            print_notice(f"{self.name}: {len(messages):,} events may come again ({lost.str()})")
            self._hold()

    def _hold(self) -> None:
        """Take nothing further until the group is made anew: what cannot be committed would be done twice."""
        self._consumer.pause(self._consumer.assignment())
        self._held_until = time.monotonic() + _HOLD_SECONDS

    def _assigned(self, consumer: Any, partitions: Any) -> None:  # noqa: ANN401 - as the library calls it
        del consumer, partitions
        self._held_until = min(self._held_until, time.monotonic())

    def _resume(self) -> None:
        """Go on once there are partitions again."""
        self._consumer.resume(self._consumer.assignment())
        self._held_until = 0.0

    def close(self) -> None:
        """Leave the group, so that others get the partitions at once; a silent broker is not waited for."""
        if self._consumer is not None and self._commit is None:
            _Answer(self._consumer.close).wait(_COMMIT_SECONDS)


class KafkaSink(_Client):
    """One topic; a message keeps its key, and its partition where the event came from one."""

    def __init__(self, address: Address, config: dict[str, Any]) -> None:
        super().__init__(address)
        self._config = {
            "message.timeout.ms": str(int(1000 * _CONFIRM_SECONDS)),
            "linger.ms": "0",
            **config,
            "acks": "all",
            "enable.idempotence": True,
        }
        self._producer: Any = None
        self._count = 1

    def connect(self) -> None:
        """Make the producer, or another one after an error that it does not survive."""
        if self._fatal:
            self._producer, self._fatal = None, ""
        if self._producer is None:
            self._producer = self._created("Producer", self._config)
        self._count = self._partitions(self._producer)

    def publish(self, messages: Sequence[Outgoing]) -> list[Unpublished | None]:
        """Produce all, and wait for the delivery report of each."""
        fates: list[Unpublished | None] = [Unpublished("the broker has not confirmed it")] * len(messages)
        producer = self._producer
        for index, message in enumerate(messages):
            where = {} if message.partition is None else {"partition": message.partition % self._count}
            while True:
                try:
                    producer.produce(
                        self._topic,
                        message.value,
                        message.key,
                        headers=list(message.headers),
                        on_delivery=partial(self._delivered, fates, index),
                        **where,
                    )
                except BufferError:  # its queue is full: some of it has to be delivered first
                    producer.poll(0.1)
                    continue
                except self._failure as failure:
                    fates[index] = self._unpublished(failure.args[0])
                break
        until = time.monotonic() + float(self._config["message.timeout.ms"]) / 1000 + _METADATA_SECONDS
        while producer.flush(0.5) and time.monotonic() < until:
            pass
        if len(producer):  # not to be delivered after all, now that it will be produced again
            producer.purge()
            producer.flush(1.0)
        return fates

    def _delivered(self, fates: list[Unpublished | None], index: int, error: Any, record: Any) -> None:  # noqa: ANN401 - of the library
        del record
        fates[index] = None if error is None else self._unpublished(error)

    def _unpublished(self, error: Any) -> Unpublished:  # noqa: ANN401 - a KafkaError
        if error.fatal():
            self._fatal = error.str()
        too_large = self._errors.MSG_SIZE_TOO_LARGE, self._errors.RECORD_LIST_TOO_LARGE, self._errors.INVALID_RECORD
        return Unpublished(self._trouble or error.str(), refused=error.code() in too_large)

    def close(self) -> None:
        """Everything is confirmed, or given up."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(1.0)


class _Answer:
    """What work returns or raises; it is done in a thread of its own, which the end of the process does not await."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._found: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="packflow-kafka", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by result, in the thread that asked
            self._error = error

    def wait(self, seconds: float) -> bool:
        """Whether it is done within this time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Any:  # noqa: ANN401 - whatever it is
        """What it returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._found


def _ignore(consumer: Any, partitions: Any) -> None:  # noqa: ANN401 - as the library calls it
    del consumer, partitions


def _reason(error: BaseException) -> str:
    first = error.args[0] if error.args else error
    return first.str() if hasattr(first, "str") else str(first)
