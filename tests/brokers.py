"""Brokers for tests: real servers on loopback, each in a process that its test starts and stops; one face for all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

GROUP = "scoring"
MOCK = """\
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "in-memory", "test.mock.num.brokers": 1, "log_level": 0})
(broker,) = producer.list_topics(timeout=10).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""
PARTITIONS = 4  # what the mock gives a topic


class Sent(NamedTuple):
    """A message as a test sends it or finds it."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None

    @property
    def id(self) -> str:
        return dict(self.headers)["packflow-id"].decode()


class Broker:
    """A server; data outlives ``stop`` and ``start``."""

    kind = ""
    properties = ""
    claims = ""  # how soon events of the dead go to others, as an option of the source

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with (self.folder / f"{self.kind}.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
        wait_for(self.answers, f"{self.kind} to answer", 20)

    def stop(self) -> None:
        """Go away: connections break, new ones are refused."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def create(self, *names: str) -> None:
        """Make topics where a broker does not make them by itself."""

    def send(self, name: str, messages: Sequence[Sent]) -> None:
        raise NotImplementedError

    def read(self, name: str) -> list[Sent]:
        """All that was ever published there."""
        raise NotImplementedError

    def left(self, name: str) -> int:
        """How many events the group has not acknowledged."""
        raise NotImplementedError

    def source(self, name: str) -> str:
        return f"{self.kind}://127.0.0.1:{self.port}/{name}?group={GROUP}{self.claims}"

    def sink(self, name: str) -> str:
        return f"{self.kind}://127.0.0.1:{self.port}/{name}"


class Redis(Broker):
    kind = "redis"
    claims = "&claim-after=2"
    password = ""
    fsync = "always"

    def command(self) -> list[str]:
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", self.fsync]
        secret = ["--requirepass", self.password] if self.password else []
        return [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", *durable, *secret]

    @property
    def client(self) -> Any:
        redis = pytest.importorskip("redis", reason="pip install redis tests Redis Streams")
        return redis.Redis(port=self.port, password=self.password or None, protocol=2)

    def send(self, name: str, messages: Sequence[Sent]) -> None:
        with self.client as client, client.pipeline(transaction=False) as pipeline:
            for message in messages:
                fields = dict(message.headers)
                if message.value is not None:
                    fields["value"] = message.value
                if message.key is not None:
                    fields["key"] = message.key
                pipeline.xadd(name, fields)
            pipeline.execute()

    def read(self, name: str) -> list[Sent]:
        with self.client as client:
            return [
                Sent(
                    fields.get(b"value"),
                    fields.get(b"key"),
                    tuple((key.decode(), value) for key, value in fields.items() if key not in (b"value", b"key")),
                )
                for _, fields in client.xrange(name)
            ]

    def left(self, name: str) -> int:
        with self.client as client:
            groups = client.xinfo_groups(name)
            if not groups:
                return 1
            new = client.xrange(
                name, f"({groups[0]['last-delivered-id'].decode()}"
            )  # the lag is not known after a restart
            return int(groups[0]["pending"]) + len(new)


class Nats(Broker):
    kind = "nats"
    claims = "&ack-wait=4"
    password = ""

    def command(self) -> list[str]:
        config = self.folder / "nats.conf"
        reader = '{ user: "reader", password: "reader", permissions: { publish: ["$JS.API.STREAM.NAMES"] } }'
        users = f'[{{ user: "packflow", password: "{self.password}" }}, {reader}]'
        secret = f"authorization {{ users: {users} }}" if self.password else ""
        store = json.dumps(str(self.folder / "jetstream"))
        config.write_text(f"listen: 127.0.0.1:{self.port}\njetstream {{ store_dir: {store} }}\n{secret}\n")
        return [program("nats-server"), "-c", str(config)]

    def asked(self, work: Callable[[Any, Any], Coroutine[Any, Any, Any]]) -> Any:
        nats = pytest.importorskip("nats", reason="pip install nats-py tests NATS JetStream")

        async def ask() -> Any:
            login = {"user": "packflow", "password": self.password} if self.password else {}
            connection = await nats.connect(f"nats://127.0.0.1:{self.port}", **login)
            try:
                return await work(connection, connection.jetstream(timeout=10))
            finally:
                await connection.close()

        return asyncio.run(ask())

    def create(self, *names: str) -> None:
        async def work(_: Any, jetstream: Any) -> None:
            for name in names:
                await jetstream.add_stream(name=name.upper(), subjects=[name])

        self.asked(work)

    def send(self, name: str, messages: Sequence[Sent]) -> None:
        from packflow_runtime.engines.broker.nats_headers import KEY_HEADER

        async def work(connection: Any, jetstream: Any) -> None:
            for message in messages:
                headers = {key: value.decode() for key, value in message.headers}
                if message.key is not None:
                    headers[KEY_HEADER] = message.key.decode()
                await connection.publish(name, message.value or b"", headers=headers or None)
            await connection.flush()
            while (await jetstream.stream_info(name.upper())).state.messages < len(messages):  # noqa: ASYNC110 - a server
                await asyncio.sleep(0.01)

        self.asked(work)

    def read(self, name: str) -> list[Sent]:
        from packflow_runtime.engines.broker.nats_headers import from_nats

        async def work(_: Any, jetstream: Any) -> list[Sent]:
            count = (await jetstream.stream_info(name.upper())).state.messages
            subscription = await jetstream.subscribe(name, ordered_consumer=True)
            found = []
            while len(found) < count:
                message = await subscription.next_msg(timeout=10)
                key, headers = from_nats(message.headers)
                found.append(Sent(message.data, key, headers))
            return found

        return list(self.asked(work))

    def left(self, name: str) -> int:
        async def work(_: Any, jetstream: Any) -> int:
            consumers = await jetstream.consumers_info(name.upper())
            return sum(consumer.num_pending + consumer.num_ack_pending for consumer in consumers) if consumers else 1

        return int(self.asked(work))


class Kafka(Broker):
    """librdkafka's mock cluster: a broker's protocol without its storage, in a process of its own.

    What it holds lives as long as its process, so going away is being stopped by a signal.
    """

    kind = "kafka"
    properties = "session.timeout.ms=4000\nheartbeat.interval.ms=500\nmessage.timeout.ms=3000\nsocket.timeout.ms=2000\n"
    name = "mock"

    def start(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            return
        pytest.importorskip("confluent_kafka", reason="pip install confluent-kafka tests Kafka")
        self.process = subprocess.Popen([sys.executable, "-c", MOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(b":")[2])

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    @property
    def settings(self) -> dict[str, Any]:
        return {"bootstrap.servers": f"127.0.0.1:{self.port}", "log_level": 0}

    def create(self, *names: str) -> None:
        from confluent_kafka import Producer

        producer = Producer(self.settings)
        for name in names:
            wait_for(lambda name=name: producer.list_topics(name, 5).topics[name].error is None, f"topic {name}", 10)  # type: ignore[misc]

    def send(self, name: str, messages: Sequence[Sent]) -> None:
        from confluent_kafka import Producer

        producer = Producer(self.settings)
        for message in messages:
            where = {} if message.partition is None else {"partition": message.partition}
            producer.produce(name, message.value, message.key, headers=list(message.headers), **where)
            producer.poll(0)
        assert producer.flush(20) == 0

    def ends(self, consumer: Any, name: str) -> dict[int, int]:
        from confluent_kafka import TopicPartition

        return {
            partition: consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=10)[1]
            for partition in range(PARTITIONS)
        }

    def read(self, name: str) -> list[Sent]:
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({**self.settings, "group.id": "test", "enable.auto.commit": False})
        try:
            count = sum(self.ends(consumer, name).values())
            consumer.assign([TopicPartition(name, partition, 0) for partition in range(PARTITIONS)])
            found: list[Sent] = []
            while len(found) < count:
                for message in consumer.consume(500, 1.0):
                    assert message.error() is None, message.error()
                    headers = tuple(message.headers() or ())
                    found.append(Sent(message.value(), message.key(), headers, message.partition()))
            return found
        finally:
            consumer.close()

    def left(self, name: str) -> int:
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({**self.settings, "group.id": GROUP, "enable.auto.commit": False})
        try:
            places = [TopicPartition(name, partition) for partition in range(PARTITIONS)]
            done = {place.partition: max(0, place.offset) for place in consumer.committed(places, timeout=10)}
            return sum(end - done[partition] for partition, end in self.ends(consumer, name).items())
        finally:
            consumer.close()


KINDS: dict[str, type[Broker]] = {"redis": Redis, "nats": Nats, "kafka": Kafka}


@contextlib.contextmanager
def started(kind: str, folder: Path, **settings: str) -> Any:
    """A broker of this kind, for as long as the context lasts."""
    broker = KINDS[kind](folder)
    for name, value in settings.items():
        setattr(broker, name, value)
    broker.start()
    try:
        yield broker
    finally:
        (broker.end if isinstance(broker, Kafka) else broker.stop)()


class Serving:
    """``python model.zip serve`` in a process, whose standard error goes to a file."""

    def __init__(self, archive: Path, arguments: Sequence[object], *, cache: Path, log: Path) -> None:
        self.log = log
        self.command = [sys.executable, str(archive), "serve", *map(str, arguments)]
        environment = {**os.environ, "PACKFLOW_CACHE": str(cache)}
        with log.open("ab") as file:
            self.start_at = file.tell()
            self.process = subprocess.Popen(self.command, stdout=file, stderr=file, env=environment)

    @property
    def said(self) -> str:
        return self.log.read_bytes()[self.start_at :].decode()

    def wait_to_say(self, text: str, seconds: float = 30) -> None:
        wait_for(lambda: text in self.said or self.process.poll() is not None, f"{text!r}", seconds)
        assert text in self.said, self.said

    def wait_for_events(self, seconds: float = 30) -> None:
        """Until the first batch is acknowledged, as --metrics-every tells."""
        wait_for(lambda: self.process.poll() is not None or self.events > 0, "events", seconds)

    @property
    def events(self) -> int:
        told = [line for line in self.said.splitlines() if line.startswith('{"packflow_metrics"')]
        return int(json.loads(told[-1])["packflow_metrics"]["events"]) if told else 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """Ask for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def wait_for(is_so: Callable[[], object], what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not on PATH: `apt-get install {name}` un-skips this")
    return found
