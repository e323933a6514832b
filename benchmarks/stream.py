"""The NDJSON loop against its own decoding: ``PYTHONPATH=packflow_runtime/src python benchmarks/stream.py``.

Prints the time per event of three things, for orjson (where it is installed) and the standard library: *bare* decoding
of each line, *guarded* decoding by the codec, and the whole *loop*: read, split, decode, a model that answers with two
fields, check, encode, write. Thread CPU time in interleaved slices, garbage collector off, minimum of all slices.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import random
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from packflow_runtime.backend import InferenceBackend
from packflow_runtime.codec import Codec, choose_codec
from packflow_runtime.errors import PackflowError
from packflow_runtime.stream import CHUNK, StreamSettings, run_stream

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 64
EVENTS = BATCH * 8
ROUNDS = 400


class Model(InferenceBackend):
    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"uid": event["uid"], "score": 0.25} for event in inputs]


def generate_events(count: int) -> list[bytes]:
    """Events like Zeek's of a connection, 553 bytes each on average."""
    chance = random.Random(1)

    def host() -> str:
        return f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"

    def event() -> dict[str, Any]:
        return {
            "ts": f"2024-05-0{chance.randrange(1, 9)}T12:{chance.randrange(10, 60)}:00.{chance.randrange(10**6):06}Z",
            "uid": f"C{chance.getrandbits(96):024x}",
            "id": {"orig_h": host(), "orig_p": chance.randrange(65536), "resp_h": host(), "resp_p": 443},
            "proto": "tcp",
            "service": "ssl",
            "duration": chance.random() * 100,
            "orig_bytes": chance.randrange(10**6),
            "resp_bytes": chance.randrange(10**7),
            "conn_state": "SF",
            "local_orig": True,
            "local_resp": False,
            "missed_bytes": 0,
            "history": "ShADadFf",
            "orig_pkts": chance.randrange(1000),
            "orig_ip_bytes": chance.randrange(10**6),
            "resp_pkts": chance.randrange(1000),
            "resp_ip_bytes": chance.randrange(10**7),
            "tunnel_parents": [],
            "community_id": "1:" + base64.b64encode(chance.getrandbits(160).to_bytes(20, "big")).decode(),
            "ja3": f"{chance.getrandbits(128):032x}",
            "server_name": "updates.example.org",
        }

    return [json.dumps(event(), separators=(",", ":")).encode() for _ in range(count)]


def candidates(codec: Codec, bare: Callable[[bytes], Any], lines: list[bytes]) -> dict[str, Callable[[], None]]:
    """The three things to time, each over all lines."""
    data = b"\n".join(lines) + b"\n"
    groups = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    backend = Model()
    settings = StreamSettings(BATCH, fill=True, codec=codec)

    def decode_bare() -> None:
        for group in groups:
            [bare(line) for line in group]

    def decode_guarded() -> None:
        for group in groups:
            codec.decode(group)

    def loop() -> None:
        pieces = iter([data[start : start + CHUNK] for start in range(0, len(data), CHUNK)])
        run_stream(backend, lambda _: next(pieces, b""), nowhere, settings)

    return {"bare": decode_bare, "guarded": decode_guarded, "loop": loop}


def measure(work: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Microseconds per event, the minimum of interleaved slices."""
    best = dict.fromkeys(work, float("inf"))
    for function in work.values():
        function()
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, function in work.items():
                started = time.thread_time()
                function()
                best[name] = min(best[name], time.thread_time() - started)
    finally:
        gc.enable()
    return {name: seconds / EVENTS * 1e6 for name, seconds in best.items()}


def main() -> None:
    lines = generate_events(EVENTS)
    size = sum(map(len, lines)) / len(lines)
    print(f"Python {sys.version.split()[0]}, {len(lines)} events of {size:.0f} bytes, batches of {BATCH}")
    print(f"{'codec':8} {'bare':>9} {'guarded':>9} {'loop':>9}   guarded/bare  loop/guarded")
    for name in ("orjson", "stdlib"):
        try:
            codec = choose_codec(name)
        except PackflowError as error:
            print(f"{name:8} skipped: {error.title} {error.hint}")
            continue
        bare: Callable[[bytes], Any] = json.loads
        if name == "orjson":
            bare = import_module("orjson").loads
        times = measure(candidates(codec, bare, lines))
        figures = " ".join(f"{times[part]:6.2f} µs" for part in ("bare", "guarded", "loop"))
        guarded, loop = times["guarded"] / times["bare"], times["loop"] / times["guarded"]
        print(f"{name:8} {figures}   {guarded:11.2f}x  {loop:11.2f}x")


if __name__ == "__main__":
    main()
