"""The NDJSON loop against its own decoding, with either codec.

*Bare decode* is the parser alone, line by line; *guarded decode* is the codec, which refuses what the parser gets wrong
or cannot bear; the *loop* reads, splits, decodes, calls a model that answers with two fields, checks, encodes, writes.
"""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.cases import Case, Goal, Row
from benchmarks.events import Event, json_lines
from benchmarks.timing import Effort, Work, least_seconds
from packflow_runtime import InferenceBackend
from packflow_runtime.codec import Codec, choose_codec
from packflow_runtime.stream import CHUNK, StreamSettings, run_stream

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 64
EVENTS = BATCH * 8
PARSERS: dict[str, Callable[[bytes], Any]] = {"orjson": orjson.loads, "stdlib": json.loads}
BARE_DECODE, GUARDED, LOOP = "bare decode", "guarded decode", "loop"


class Model(InferenceBackend):
    def execute(self, inputs: list[Event]) -> list[Event]:
        return [{"uid": event["uid"], "score": 0.25} for event in inputs]


def cases() -> list[Case]:
    """Three ratios for each codec."""
    return [
        _case("orjson", guarded=Goal(1.6), loop=Goal(1.35), loop_over_bare=Goal()),
        _case("stdlib", guarded=Goal(), loop=Goal(), loop_over_bare=Goal(1.5)),
    ]


def decode_bare(parse: Callable[[bytes], Any], groups: list[list[bytes]]) -> None:
    for group in groups:
        [parse(line) for line in group]


def decode_guarded(codec: Codec, groups: list[list[bytes]]) -> None:
    for group in groups:
        codec.decode(group)


def _case(name: str, *, guarded: Goal, loop: Goal, loop_over_bare: Goal) -> Case:
    rows = [
        Row(f"NDJSON, {name}: guarded decode", guarded, BARE_DECODE, GUARDED),
        Row(f"NDJSON, {name}: loop", loop, GUARDED, LOOP),
        Row(f"NDJSON, {name}: loop", loop_over_bare, BARE_DECODE, LOOP),
    ]
    return Case(rows, partial(_measure, name))


def _measure(name: str, effort: Effort) -> dict[str, float]:
    codec, parse, lines = choose_codec(name), PARSERS[name], json_lines(EVENTS)
    groups = [lines[start : start + BATCH] for start in range(0, EVENTS, BATCH)]
    data = b"\n".join(lines) + b"\n"
    pieces = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    backend, settings = Model(), StreamSettings(BATCH, fill=True, codec=codec)
    nowhere = os.open(os.devnull, os.O_WRONLY)

    def loop(pieces: list[bytes]) -> None:
        left = iter(pieces)
        run_stream(backend, lambda _: next(left, b""), nowhere, settings)

    works = {
        BARE_DECODE: Work(partial(decode_bare, parse), groups),
        GUARDED: Work(partial(decode_guarded, codec), groups),
        LOOP: Work(loop, pieces),
    }
    try:
        best = least_seconds(works, effort.slices)
    finally:
        os.close(nowhere)
    return {kind: seconds / EVENTS for kind, seconds in best.items()}
