"""How much of a dry run is neither the model nor JSON: of the exchange with the worker, and of the whole command.

Run ``python -m benchmarks.dry_run`` where the app is installed. Models of several costs answer 10,000 small events in
batches of 64. The model's time is what the worker takes in calls of the backend; JSON is what decoding the events and
encoding the outputs takes with the codec that the worker uses, measured here, and, for the command, decoding the
events and the outcomes in the app as well. All else is outside: processes that start, imports, the protocol.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.dryrun.client import Worker, WorkerLimits
from packflow_app.dryrun.models import Model
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.projects.project import open_project
from packflow_runtime.codec import choose_codec

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 10_000
BATCH = 64
ROUNDS = 5
COSTS_US = (0, 20, 100, 300)
MODEL = """\
from time import perf_counter_ns
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        until = perf_counter_ns() + {cost_ns} * len(inputs)
        while perf_counter_ns() < until:
            pass
        return [{{"uid": event["uid"], "score": event["bytes"] * 0.5}} for event in inputs]
"""


@dataclass(frozen=True)
class Parts:
    """Seconds of a run: all of it, in calls of the model, in JSON."""

    whole: float
    model: float
    json: float

    @property
    def outside(self) -> float:
        """The share of the run that is neither."""
        return max(0.0, self.whole - self.model - self.json) / self.whole


def main() -> None:
    """Print one row for each cost of the model; the best of several runs each."""
    print(f"{EVENTS:,} events in batches of {BATCH}, Python {sys.version.split()[0]}; times in ms, best of {ROUNDS}")
    print(f"{'model µs/event':>15}{'exchange':>10}{'model':>8}{'JSON':>8}{'outside':>9}", end="")
    print(f"{'command':>12}{'model':>8}{'JSON':>8}{'outside':>9}")
    for cost in COSTS_US:
        with tempfile.TemporaryDirectory() as folder:
            project = _project(Path(folder), cost)
            exchange = min((_exchange(project) for _ in range(ROUNDS)), key=lambda parts: parts.whole)
            command = min((_command(project, exchange) for _ in range(ROUNDS)), key=lambda parts: parts.whole)
        print(f"{cost:>15}{_cells(exchange, 10)}{_cells(command, 12)}", flush=True)


def _cells(parts: Parts, width: int) -> str:
    times = f"{parts.whole * 1e3:>{width}.0f}{parts.model * 1e3:>8.0f}{parts.json * 1e3:>8.0f}"
    return f"{times}{parts.outside:>9.0%}"


def _project(folder: Path, cost_us: int) -> Path:
    (folder / "packflow.yaml").write_text("name: bench\nversion: 1.0\ndry_run:\n  events: events.ndjson\n")
    (folder / "inference.py").write_text(MODEL.format(cost_ns=cost_us * 1000))
    with (folder / "events.ndjson").open("wb") as file:
        file.writelines(line + b"\n" for line in _lines())
    return folder


def _lines() -> list[bytes]:
    return [
        json.dumps(
            {"uid": f"C{n:07d}", "src": "10.0.0.1", "port": n % 65536, "bytes": n * 7, "ok": n % 2 == 0}
        ).encode()
        for n in range(EVENTS)
    ]


def _exchange(project_dir: Path) -> Parts:
    """Events to a worker that has the model loaded, and their outcomes back."""
    lines = _lines()
    interpreter = find_interpreter(project_dir, sys.executable, "")
    model = Model.of_project(open_project(project_dir))
    with Worker(interpreter, model, WorkerLimits(), threading.Event()) as worker:
        worker.load()
        for _ in worker.run(lines[:BATCH], BATCH):
            pass
        start = time.perf_counter()
        answers = list(worker.run(lines, BATCH))
        whole = time.perf_counter() - start
    calls = sum(sum(steps) for answer in answers for _, *steps in answer.calls) / 1e9
    codec = choose_codec("stdlib")
    batches = [lines[start : start + BATCH] for start in range(0, EVENTS, BATCH)]
    outcomes = [line for answer in answers for line in answer.outcomes]
    outputs = [codec.decode(outcomes[start : start + BATCH])[0] for start in range(0, EVENTS, BATCH)]
    return Parts(whole, calls, _seconds(codec.decode, batches) + _seconds(codec.encode, outputs))


def _command(project_dir: Path, exchange: Parts) -> Parts:
    """``packflow dry-run`` on the same events; the app decodes the events once more, and the outcomes."""
    options = ["--mode", "batch", "--batch-size", str(BATCH), "--limit", str(EVENTS), "--no-probes", "--json"]
    command = [sys.executable, "-m", "packflow_app", "dry-run", "--python", sys.executable, *options]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=project_dir, capture_output=True, text=True, check=True)
    whole = time.perf_counter() - start
    data = json.loads(done.stdout)["data"]
    inside = EVENTS / data["modes"][0]["events_per_second"]
    lines = _lines()
    outcomes = (project_dir / ".packflow" / "dry-run" / "outputs.ndjson").read_bytes().splitlines()
    again = _seconds(json.loads, [*lines, *outcomes])
    return Parts(whole, inside, exchange.json + again)


def _seconds(work: Callable[[Any], object], items: list[Any]) -> float:
    """The best of several times that ``work`` takes for all items; nothing is kept, as in a worker."""
    times = []
    gc.collect()
    gc.freeze()  # what the benchmark itself holds is no worker's burden
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for item in items:
            work(item)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
