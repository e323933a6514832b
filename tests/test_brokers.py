"""An archive between real brokers: nothing is lost, whoever dies, and doubles come only from where the docs say."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from brokers import KINDS, Broker, Kafka, Sent, Serving, started, wait_for
from runtime.archives import archive_of, runnable_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.engines

MODEL = """\
import os, time
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    pause: float = 0.0

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        time.sleep(self.config.pause)
        for event in inputs:
            if event.get("do") == "raise":
                raise ValueError("no\\nway")
            if event.get("do") == "die":
                os._exit(3)
        size = lambda event: "x" * event.get("size", 0)
        return [{"n": event["n"], "square": event["n"] ** 2, "text": size(event)} for event in inputs]
"""


@pytest.fixture(params=list(KINDS))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with started(request.param, tmp_path) as found:
        found.create("events", "outcomes", "dead")
        yield found


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "model.zip"
    path.write_bytes(archive_of(runnable_files(backend=MODEL)))
    return path


class Service:
    """Starts ``serve`` on a broker, as often as wanted."""

    def __init__(self, archive: Path, broker: Broker, folder: Path) -> None:
        self.archive, self.broker, self.folder = archive, broker, folder
        self.running: list[Serving] = []
        self.properties = folder / "client.properties"
        self.properties.write_text(broker.properties)

    def start(self, *arguments: object, letters: bool = False) -> Serving:
        broker = self.broker
        ends = ["--source", broker.source("events"), "--sink", broker.sink("outcomes")]
        if letters:
            ends += ["--dead-letters", broker.sink("dead")]
        if broker.properties:
            ends += ["--source-properties", self.properties, "--sink-properties", self.sink_properties()]
        log = self.folder / "serve.log"
        words = [*ends, "--codec", "stdlib", "--metrics-every", 0.05, *arguments]
        serving = Serving(self.archive, words, cache=self.folder / "cache", log=log)
        self.running.append(serving)
        return serving

    def sink_properties(self) -> Path:
        path = self.folder / "sink.properties"
        kept = [line for line in self.broker.properties.splitlines() if "session" not in line and "heart" not in line]
        path.write_text("\n".join(kept))
        return path

    def wait_until_done(self, seconds: float = 60) -> None:
        wait_for(lambda: self.broker.left("events") == 0, "all events to be acknowledged", seconds)

    def run_once(self, events: Sequence[Sent]) -> dict[int, bytes]:
        """What one process makes of the same events, from a pipe."""
        lines = b"".join(event.value + b"\n" for event in events if event.value is not None)
        done = subprocess.run(
            [sys.executable, str(self.archive), "run", "--codec", "stdlib"],
            input=lines,
            capture_output=True,
            check=True,
        )
        return {json.loads(line)["n"]: line for line in done.stdout.splitlines()}


@pytest.fixture
def service(archive: Path, broker: Broker, tmp_path: Path) -> Iterator[Service]:
    made = Service(archive, broker, tmp_path)
    yield made
    for serving in made.running:
        serving.kill()


def numbered(count: int) -> list[Sent]:
    return [
        Sent(json.dumps({"n": number}).encode(), f"key {number % 7}".encode(), (("trace", f"t{number}".encode()),))
        for number in range(count)
    ]


def check_outcomes(service: Service, events: Sequence[Sent], *, most_doubles: int) -> int:
    """Every event has its outcome, equal to a single run's, under its own key, header and id; returns the doubles."""
    found = service.broker.read("outcomes")
    expected = service.run_once(events)
    for outcome in found:
        assert outcome.value is not None
        number = json.loads(outcome.value)["n"]
        assert outcome.value == expected[number]
        assert outcome.key == events[number].key
        assert dict(outcome.headers)["trace"] == f"t{number}".encode()
    by_id: dict[str, set[bytes | None]] = {}
    for outcome in found:
        by_id.setdefault(outcome.id, set()).add(outcome.value)
    assert len(by_id) == len(events)
    assert all(len(values) == 1 for values in by_id.values())
    assert len({value for values in by_id.values() for value in values}) == len(events)
    assert len(found) - len(events) <= most_doubles
    return len(found) - len(events)


def test_failed_events_go_aside_as_they_were(service: Service, broker: Broker) -> None:
    good = numbered(30)
    bad = {
        "not-json": Sent(b"nonsense", b"key a", (("trace", b"a"),)),
        "not-utf8": Sent(b'{"n": "\xff"}', b"key g", (("trace", b"g"),)),
        "not-object": Sent(b"[1]", b"key b", (("trace", b"b"),)),
        "backend-raised": Sent(b'{"n":1,"do":"raise"}', b"key c", (("trace", b"c"),)),
        "line-too-long": Sent(b'{"n":1,"x":"' + b"x" * 3000 + b'"}', b"key d", (("trace", b"d"),)),
        "model-died": Sent(b'{"n":1,"do":"die"}', b"key e", (("trace", b"e"),)),
        # An output beyond what the broker takes: with Redis there is no such thing in reach of a test.
        "output-refused": Sent(b'{"n":1,"size":1500000}', b"key f", (("trace", b"f"),)),
    }
    if broker.kind == "redis":
        del bad["output-refused"]
    mixed = [*good[:10], *bad.values(), *good[10:]]
    if isinstance(broker, Kafka):
        mixed = [event._replace(partition=number % 3) for number, event in enumerate(mixed)]
    broker.send("events", mixed)
    serving = service.start("--supervise", "--max-line-bytes", 2000, letters=True)
    service.wait_until_done()
    assert serving.end() == 128 + signal.SIGTERM
    assert check_outcomes(service, good, most_doubles=0) == 0
    letters = {dict(letter.headers)["packflow-error-code"].decode(): letter for letter in broker.read("dead")}
    assert set(letters) == set(bad)
    for code, letter in letters.items():
        assert (letter.value, letter.key) == (bad[code].value, bad[code].key)
        assert dict(letter.headers)["trace"] == dict(bad[code].headers)["trace"]
    assert dict(letters["backend-raised"].headers)["packflow-error-message"] == b"no\nway"
    if isinstance(broker, Kafka):
        where = {event.key: event.partition for event in mixed if event.key in {sent.key for sent in bad.values()}}
        assert {letter.key: letter.partition for letter in letters.values()} == where
        assert {outcome.id.split("/")[1] for outcome in broker.read("outcomes") if outcome.partition == 2} == {"2"}
    counts = f"{len(mixed)} events, {len(good)} outputs, {len(bad)} failed"
    assert counts in serving.said


def test_killed_at_random_points_nothing_is_lost(service: Service, broker: Broker) -> None:
    events, batch, kills = numbered(1200), 16, 5
    broker.send("events", events)
    chance = random.Random(f"kills {broker.kind}")
    killed_at: list[int] = []
    for number in range(kills):
        serving = service.start("--batch-size", batch, "--set", "pause=0.01")
        if number == kills - 1:
            serving.wait_to_say("serving")
        else:
            serving.wait_for_events()
        time.sleep(chance.uniform(0, 0.12))
        serving.kill()
        killed_at.append(serving.events)
    assert sum(killed_at) > 0
    assert broker.left("events") > 0
    serving = service.start("--batch-size", batch)
    service.wait_until_done()
    assert serving.end() == 128 + signal.SIGTERM
    # A death doubles at most the batch in hand; a stream of NATS drops doubles by itself.
    check_outcomes(service, events, most_doubles=0 if broker.kind == "nats" else kills * batch)


def test_asked_to_end_nothing_is_lost_and_nothing_comes_twice(service: Service, broker: Broker) -> None:
    events = numbered(600)
    broker.send("events", events)
    chance = random.Random(f"ends {broker.kind}")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        serving = service.start("--batch-size", 16, "--set", "pause=0.02")
        serving.wait_for_events()
        time.sleep(chance.uniform(0, 0.15))
        assert serving.end(number) == 128 + number
        assert "not acknowledged" not in serving.said
        assert broker.left("events") > 0
    serving = service.start("--batch-size", 16)
    service.wait_until_done()
    assert serving.end() == 128 + signal.SIGTERM
    check_outcomes(service, events, most_doubles=0)


def readiness(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_broker_that_goes_away_and_comes_back(service: Service, broker: Broker) -> None:
    events, batch = numbered(800), 16
    broker.send("events", events)
    serving = service.start("--batch-size", batch, "--set", "pause=0.02", "--http", "0")
    serving.wait_for_events()
    url = next(word for word in serving.said.split() if word.startswith("http://"))
    assert readiness(url) == (200, "ready\n")
    broker.stop()
    wait_for(lambda: readiness(url)[0] == 503, "the service to tell that the broker is away", 40)
    assert f" {broker.kind}://127.0.0.1:{broker.port}/" in readiness(url)[1]
    assert "is away" in readiness(url)[1]
    with urllib.request.urlopen(f"{url}/healthz") as answer:  # starting it again would not help
        assert answer.status == 200
    time.sleep(0.5)
    broker.start()
    service.wait_until_done()
    wait_for(lambda: readiness(url) == (200, "ready\n"), "the service to be ready again", 20)
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
    assert 'packflow_broker_up{end="source"} 1' in text
    assert sum(Counter(line.rpartition(" ")[2] for line in text.splitlines() if "failures_total{" in line).values()) > 0
    assert serving.end() == 128 + signal.SIGTERM
    assert " is back after " in serving.said
    # What was published as the connection broke may be published again.
    check_outcomes(service, events, most_doubles=0 if broker.kind == "nats" else 2 * batch)


def test_asked_to_end_while_the_broker_is_away(service: Service, broker: Broker) -> None:
    events = numbered(300)
    broker.send("events", events)
    serving = service.start("--batch-size", 16, "--set", "pause=0.02")
    serving.wait_for_events()
    broker.stop()
    serving.wait_to_say("is away", 40)
    assert serving.end(seconds=30) == 128 + signal.SIGTERM
    broker.start()
    serving = service.start("--batch-size", 16)
    service.wait_until_done()
    assert serving.end() == 128 + signal.SIGTERM
    check_outcomes(service, events, most_doubles=0 if broker.kind == "nats" else 16)


def test_two_share_the_events_and_one_takes_over_from_the_other(service: Service, broker: Broker) -> None:
    events = numbered(600)
    broker.send("events", events)
    first = service.start("--batch-size", 16, "--set", "pause=0.02")
    second = service.start("--batch-size", 16, "--set", "pause=0.02")
    first.wait_for_events()
    wait_for(lambda: second.said.count("packflow_metrics") > 3, "the second to work")
    first.kill()
    service.wait_until_done()
    assert second.end() == 128 + signal.SIGTERM
    # What the first had in hand; with Kafka also that of either, each time the group is made anew.
    check_outcomes(service, events, most_doubles={"nats": 0, "redis": 16, "kafka": 4 * 16}[broker.kind])


@pytest.mark.parametrize("kind", ["redis", "nats"])
def test_secrets_come_from_a_file(kind: str, archive: Path, tmp_path: Path) -> None:
    with started(kind, tmp_path, password="open sesame") as broker:
        broker.create("events", "outcomes")
        broker.send("events", numbered(5))
        secret = tmp_path / "client.properties"
        secret.write_text(f"{'user=packflow' if kind == 'nats' else '# the default user'}\npassword = open sesame\n")
        words = ["--source", broker.source("events"), "--sink", broker.sink("outcomes")]
        files = ["--source-properties", secret, "--sink-properties", secret]
        log, cache = tmp_path / "serve.log", tmp_path / "cache"
        refused = Serving(archive, words, cache=cache, log=log)
        assert refused.process.wait(30) == 3, refused.said
        assert "refuses this client" in refused.said
        serving = Serving(archive, [*words, *files], cache=cache, log=log)
        wait_for(lambda: serving.process.poll() is not None or broker.left("events") == 0, "all events", 30)
        assert serving.end() == 128 + signal.SIGTERM
        assert len(broker.read("outcomes")) == 5
        assert "sesame" not in log.read_text()


def test_a_server_of_nats_that_does_not_encrypt_or_forbids(archive: Path, tmp_path: Path) -> None:
    with started("nats", tmp_path, password="open sesame") as nats:
        nats.create("events", "outcomes")
        nats.send("events", numbered(1))
        secret, log, cache = tmp_path / "client.properties", tmp_path / "serve.log", tmp_path / "cache"
        words = ["--source", "stdin:", "--sink", nats.sink("outcomes"), "--sink-properties", secret]

        def refusal(properties: str, *arguments: object) -> str:
            secret.write_text(properties)
            refused = Serving(archive, arguments, cache=cache, log=log)
            assert refused.process.wait(30) == 3, refused.said
            return refused.said

        assert "starts no TLS" in refusal("user=packflow\npassword=open sesame\ntls=true\n", *words)
        ends = ["--source", nats.source("events"), "--sink", "stdout:", "--source-properties", secret]
        assert "refuses this client: permissions violation" in refusal("user=reader\npassword=reader\n", *ends)


def test_subjects_of_nats_that_are_many_or_none(archive: Path, tmp_path: Path) -> None:
    with started("nats", tmp_path) as nats:

        async def prepare(_: Any, jetstream: Any) -> None:
            await jetstream.add_stream(name="LOGS", subjects=["logs.>"])
            for name in ("logs.a", "logs.b.c"):
                await jetstream.publish(name, b'{"n":1}')
            await jetstream.add_consumer("LOGS", durable_name="pushed", deliver_subject="x", ack_policy="explicit")

        nats.asked(prepare)
        nats.create("outcomes")
        source = f"nats://127.0.0.1:{nats.port}/logs.>?group="
        log, cache = tmp_path / "serve.log", tmp_path / "cache"

        def serve(*words: str) -> Serving:
            return Serving(archive, words, cache=cache, log=log)

        serving = serve("--source", f"{source}scoring", "--sink", nats.sink("outcomes"))
        wait_for(lambda: len(nats.read("outcomes")) == 2, "both outcomes", 20)
        assert serving.end() == 128 + signal.SIGTERM
        assert [outcome.key for outcome in nats.read("outcomes")] == [b"logs.a", b"logs.b.c"]
        for words, code, said in (
            (("--source", "stdin:", "--sink", nats.sink("nowhere")), 3, "does not exist"),
            (("--source", nats.source("nothing"), "--sink", nats.sink("outcomes")), 3, "does not exist"),
            (("--source", f"{source}x&stream=NONE", "--sink", nats.sink("outcomes")), 3, "NONE on nats://"),
            (("--source", f"{source}pushed", "--sink", nats.sink("outcomes")), 2, "is there already, and of another"),
        ):
            refused = serve(*words)
            assert refused.process.wait(20) == code, refused.said
            assert said in refused.said


def test_from_one_broker_to_another(archive: Path, tmp_path: Path) -> None:
    with started("redis", tmp_path) as redis, started("kafka", tmp_path) as kafka, started("nats", tmp_path) as nats:
        kafka.create("middle")
        nats.create("outcomes")
        redis.send("events", numbered(20))
        log, cache = tmp_path / "serve.log", tmp_path / "cache"
        first = Serving(
            archive, ["--source", redis.source("events"), "--sink", kafka.sink("middle")], cache=cache, log=log
        )
        second = Serving(
            archive, ["--source", kafka.source("middle"), "--sink", nats.sink("outcomes")], cache=cache, log=log
        )
        try:
            wait_for(lambda: len(nats.read("outcomes")) == 20, "all outcomes", 40)
        finally:
            codes = first.end(), second.end()
        assert codes == (143, 143)
        for outcome in nats.read("outcomes"):
            headers = dict(outcome.headers)
            number = json.loads(outcome.value or b"")["n"]
            assert outcome.key == f"key {number % 7}".encode()
            assert headers["trace"] == f"t{number}".encode()
            assert headers["packflow-id"].startswith(b"kafka:middle/")
            assert headers["packflow-origin"].startswith(b"redis:events/")


@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
def test_who_joins_while_others_work_doubles_little(service: Service, broker: Broker) -> None:
    events = numbered(2400)
    broker.send("events", events)
    first = service.start("--batch-size", 16, "--set", "pause=0.05")
    first.wait_for_events()
    second = service.start("--batch-size", 16, "--set", "pause=0.05")
    service.wait_until_done()
    assert first.end() == 128 + signal.SIGTERM
    assert second.end() == 128 + signal.SIGTERM
    # The batch that is in hand as the group is made anew.
    check_outcomes(service, events, most_doubles=16)
