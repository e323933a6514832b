"""Native types and metrics against hand-written code: ``PYTHONPATH=packflow_runtime/src python benchmarks/outputs.py``.

With ``--peer-python PYTHON``, a Python that has packflow 0.4.1 and numpy, the same work is done there too, beside the
same bare code, and both ratios are printed. Thread CPU time in interleaved slices, garbage collector off, minimum of
all slices. Needs numpy.

*Native types*: 64 outputs of two numpy float32 scalars each; bare is ``{"score": float(row["score"]), ...}`` for the
two known keys, *any keys* is ``{key: float(value) for key, value in row.items()}``. *Metrics*: one event through three
trivial steps; bare reads the clock around each and keeps the differences of the last call only; ours reads the clock as
often and records every call, its share of working out 256 calls at once included. packflow 0.4.1 cannot record without
running its backend, so its row is the whole call.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from time import perf_counter_ns as now
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 300
EVENTS = 64
CALLS = 2048  # a whole cycle of what enters the histogram
Rows = list[dict[str, Any]]
Slices = dict[str, "Callable[[], object]"]


def least_seconds(slices: Slices) -> dict[str, float]:
    """The fastest run of each slice, in seconds of thread CPU time."""
    best = dict.fromkeys(slices, float("inf"))
    gc.disable()
    for _ in range(ROUNDS):
        for name, work in slices.items():
            started = time.thread_time()
            work()
            best[name] = min(best[name], time.thread_time() - started)
    gc.enable()
    return best


def per_unit(slices: Slices, units: int) -> dict[str, float]:
    return {name: seconds / units * 1e9 for name, seconds in least_seconds(slices).items()}


def repeated(work: Callable[[], object], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            work()

    return run


def native_bare() -> tuple[Rows, Slices]:
    rows: Rows = [{"score": np.float32(i * 0.1), "margin": np.float32(-i)} for i in range(EVENTS)]

    def known_keys() -> Rows:
        return [{"score": float(row["score"]), "margin": float(row["margin"])} for row in rows]

    def any_keys() -> Rows:
        return [{key: float(value) for key, value in row.items()} for row in rows]

    return rows, {"bare": repeated(known_keys, 32), "any keys": repeated(any_keys, 32)}


class Steps:
    """Three steps that do next to nothing, and what bare code keeps of their times."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def transform_inputs(self, records: Rows) -> Rows:
        return records

    def execute(self, records: Rows) -> Rows:
        return [{"score": 0.5} for _ in records]

    def transform_outputs(self, outputs: Rows) -> Rows:
        return outputs

    def clocked(self, event: dict[str, Any]) -> dict[str, Any]:
        now()
        value = self.transform_inputs([event])
        now()
        value = self.execute(value)
        now()
        value = self.transform_outputs(value)
        now()
        return value[0]

    def hand_timed(self, event: dict[str, Any]) -> dict[str, Any]:
        start = now()
        value = self.transform_inputs([event])
        first = now()
        value = self.execute(value)
        second = now()
        value = self.transform_outputs(value)
        third = now()
        self.last = {"transform_inputs": first - start, "execute": second - first, "transform_outputs": third - second}
        return value[0]


def metrics_bare() -> Slices:
    steps, event = Steps(), {"uid": "a"}
    return {
        "clock reads only": repeated(lambda: steps.clocked(event), CALLS),
        "bare": repeated(lambda: steps.hand_timed(event), CALLS),
    }


def ours() -> dict[str, dict[str, float]]:
    from packflow_runtime.metrics import ALL_CALLS_UNTIL, Metrics  # noqa: PLC0415 - the peer has none
    from packflow_runtime.outputs import checked_outputs  # noqa: PLC0415

    rows, native = native_bare()
    native["measured"] = repeated(lambda: checked_outputs(rows, EVENTS), 32)

    steps, event = Steps(), {"uid": "a"}
    metrics = Metrics(("transform_inputs", "execute", "transform_outputs"))
    record = metrics.record

    def recorded() -> dict[str, Any]:
        start = now()
        value = steps.transform_inputs([event])
        first = now()
        value = steps.execute(value)
        second = now()
        value = steps.transform_outputs(value)
        third = now()
        record((1, third - start, first - start, second - first, third - second))
        return value[0]

    repeated(recorded, 2 * ALL_CALLS_UNTIL)()
    return {
        "native types, 2 numpy scalars an event": per_unit(native, 32 * EVENTS),
        "metrics on, single": per_unit({**metrics_bare(), "measured": repeated(recorded, CALLS)}, CALLS),
    }


def peer() -> dict[str, dict[str, float]]:
    """The same of packflow 0.4.1, run by its own Python."""
    from packflow import InferenceBackend  # type: ignore[import-not-found]  # noqa: PLC0415
    from packflow.utils.normalize import ensure_native_types  # type: ignore[import-not-found]  # noqa: PLC0415

    class Backend(InferenceBackend):  # type: ignore[misc]
        transform_inputs, execute, transform_outputs = Steps.transform_inputs, Steps.execute, Steps.transform_outputs

    rows, native = native_bare()
    native["measured"] = repeated(lambda: ensure_native_types(rows), 4)
    backend, event = Backend(), {"uid": "a"}
    measured = per_unit({"measured": repeated(lambda: backend(event), 128), **metrics_bare()}, CALLS)
    measured["measured"] *= CALLS / 128
    native_ns = per_unit(native, 32 * EVENTS)
    native_ns["measured"] *= 8
    return {"native types, 2 numpy scalars an event": native_ns, "metrics on, single": measured}


def show(who: str, rows: dict[str, dict[str, float]]) -> None:
    for work, nanoseconds in rows.items():
        bare = nanoseconds["bare"]
        others = "  ".join(f"{name} {ns:,.0f} ns" for name, ns in nanoseconds.items() if name != "measured")
        measured = nanoseconds["measured"]
        print(f"{who:6} {work:40} {measured:9,.0f} ns  {measured / bare:6.2f}x bare   {others}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peer-python", help="a Python that has packflow 0.4.1 and numpy")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_peer:
        print("\n" + json.dumps(peer()))
        return
    print(f"CPython {sys.version.split()[0]}, numpy {np.__version__}")
    show("ours", ours())
    if options.peer_python:
        command = [options.peer_python, "-X", "utf8", __file__, "--as-peer"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        show("0.4.1", json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
