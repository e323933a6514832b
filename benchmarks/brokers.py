"""Events per second between two streams of one broker: consume, predict, publish, confirm, acknowledge.

    python -m benchmarks.brokers [--events N] [--rounds N] [--batch N]

Starts redis-server and nats-server on loopback, each with its data on disk, fills a stream, and serves it in this
process with a model that answers with two fields. *bare* is the same loop written by hand on the same client for this
one case: no limits, no isolation, no headers, nothing that tries again. Rates are by the clock and want a quiet
machine; CPU time, of this process alone, does not.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

import packflow_app.runtime  # noqa: F401 - puts the runtime on the path
from benchmarks.events import Event, json_lines
from packflow_runtime import InferenceBackend
from packflow_runtime.codec import choose_codec
from packflow_runtime.engines.broker.addresses import Pipe, open_sink, open_source, parse_sink, parse_source
from packflow_runtime.engines.broker.serving import Service, ServiceSettings
from packflow_runtime.outcomes import EventRunner
from packflow_runtime.stop_signals import StopSignals
from tests.brokers import Broker, Nats, Redis, Sent, started

if TYPE_CHECKING:
    from packflow_runtime.engines.broker.messages import Message


class Model(InferenceBackend):
    def execute(self, inputs: list[Event]) -> list[Event]:
        return [{"uid": event["uid"], "score": 0.25} for event in inputs]


class Watch:
    """Times what lies between two moments, by the clock and in CPU time of this process."""

    def __init__(self) -> None:
        self.clock, self.cpu = time.perf_counter(), time.process_time()

    def stop(self) -> tuple[float, float]:
        return time.perf_counter() - self.clock, time.process_time() - self.cpu


def served(broker: Broker, events: int, batch: int, group: str) -> tuple[float, float]:
    """Seconds by the clock and of CPU time that serving so many events takes, connections apart."""
    source_address = broker.source("events").replace("group=scoring", f"group={group}")
    source = open_source(parse_source(source_address), {}, Pipe(0, lambda _: b"", 1))
    sink = open_sink(parse_sink(broker.sink("outcomes")), {}, 1)
    signals = StopSignals()
    service = Service(
        EventRunner(Model(), choose_codec("orjson")), source, sink, None, signals, ServiceSettings(batch_size=batch)
    )
    taken, take = 0, source.take
    watches: list[Watch] = []
    taken_in: list[tuple[float, float]] = []

    def counted(most: int, seconds: float) -> list[Message]:
        nonlocal taken
        watches.append(Watch())
        messages = take(most, seconds)
        taken += len(messages)
        if taken >= events:
            signals.received = signal.SIGTERM
        return messages

    source.take = counted  # type: ignore[method-assign]
    acknowledge = source.acknowledge

    def noted(messages: Any) -> None:  # noqa: ANN401
        acknowledge(messages)
        taken_in[:] = [watches[0].stop()]

    source.acknowledge = noted  # type: ignore[method-assign]
    summary = service.run()
    if summary.events != events or summary.failed:
        raise RuntimeError(f"{summary.events} of {events} events, {summary.failed} failed")
    return taken_in[0]


def bare_redis(broker: Redis, events: int, batch: int, group: str) -> tuple[float, float]:
    client = broker.client
    client.xgroup_create("events", group, "0")
    model, done, watch = Model(), 0, Watch()
    while done < events:
        entries = client.xreadgroup(group, "bare", {"events": ">"}, count=batch)[0][1]
        outputs = model.run_batch([orjson.loads(fields[b"value"]) for _, fields in entries])[0]
        pipeline = client.pipeline(transaction=True)
        for output in outputs:
            pipeline.execute_command("XADD", "bare", "*", "value", orjson.dumps(output))
        pipeline.execute()
        client.xack("events", group, *[place for place, _ in entries])
        done += len(entries)
    return watch.stop()


def bare_nats(broker: Nats, events: int, batch: int, group: str) -> tuple[float, float]:
    async def work(connection: Any, jetstream: Any) -> tuple[float, float]:  # noqa: ANN401
        subscription = await jetstream.pull_subscribe("events", durable=group)
        model, done, watch = Model(), 0, Watch()
        while done < events:
            messages = await subscription.fetch(batch, timeout=5)
            outputs = model.run_batch([orjson.loads(message.data) for message in messages])[0]
            futures = [await jetstream.publish_async("outcomes", orjson.dumps(output)) for output in outputs]
            for future in futures:
                await future
            for message in messages:
                await message.ack()
            await connection.flush()
            done += len(messages)
        return watch.stop()

    found: tuple[float, float] = broker.asked(work)
    return found


def measured(broker: Broker, events: int, batch: int, rounds: int) -> list[float]:
    """Least seconds of several rounds in turn: ours by the clock, in CPU time, and the bare loop's."""
    broker.create("events", "outcomes")
    lines = json_lines(1000)
    print(f"{broker.kind}: filling a stream with {events:,} events of {len(lines[0])} bytes", file=sys.stderr)
    for start in range(0, events, 10_000):
        count = min(10_000, events - start)
        if isinstance(broker, Nats):  # whose helper waits for a count that is of one call
            broker.send("events", [Sent(lines[n % 1000]) for n in range(count)])
        else:
            broker.send("events", [Sent(lines[n % 1000], b"key") for n in range(count)])
    found: list[tuple[float, ...]] = []
    for number in range(rounds):
        ours = served(broker, events, batch, f"ours{number}")
        if isinstance(broker, Redis):
            bare = bare_redis(broker, events, batch, f"bare{number}")
        else:
            assert isinstance(broker, Nats)
            bare = bare_nats(broker, events, batch, f"bare{number}")
        found.append((*ours, *bare))
    return [min(figures) for figures in zip(*found, strict=True)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} cores, batches of {options.batch}\n")
    print("| broker | events/s | bare | CPU µs/event | bare | CPU, ours/bare |\n|---|--:|--:|--:|--:|--:|")
    for kind in ("redis", "nats"):
        with tempfile.TemporaryDirectory() as folder, started(kind, Path(folder), fsync="everysec") as broker:
            events = options.events
            ours, ours_cpu, bare, bare_cpu = measured(broker, events, options.batch, options.rounds)
            per_event = f"{1e6 * ours_cpu / events:.1f} | {1e6 * bare_cpu / events:.1f} | {ours_cpu / bare_cpu:.2f}×"
            print(f"| {kind} | {events / ours:,.0f} | {events / bare:,.0f} | {per_event} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
