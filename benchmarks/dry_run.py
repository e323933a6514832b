"""How much of a dry run is neither the model nor JSON: of the exchange with the worker, and of the whole command.

Run ``python -m benchmarks.dry_run`` where the app is installed. Models of several costs answer 10,000 small events in
batches of 64, and so does a scikit-learn pipeline, in an environment of its own. The model's time is what the worker
takes to import and initialize it and in calls of the backend; JSON is what decoding the events and encoding the outputs
takes with the codec that the worker uses, measured here, and, for the command, decoding the events and the outcomes in
the app as well. All else is outside: processes that start, the app's imports, the protocol. The last line is the whole
of a dry run, with all runs that are compared, the comparisons, and the probes.
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

from benchmarks.environments import model_python
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

PIPELINE = """\
import joblib
import numpy as np
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def initialize(self):
        self.pipeline = joblib.load(self.project_dir / "model.joblib")

    def execute(self, inputs):
        rows = np.array([[event["port"], event["bytes"]] for event in inputs], dtype=float)
        scores = self.pipeline.predict_proba(rows)[:, 1]
        return [{"uid": event["uid"], "score": float(score)} for event, score in zip(inputs, scores)]
"""
TRAIN = """\
import joblib, numpy as np, sys
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
rows = np.random.default_rng(1).normal(size=(1000, 2))
joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, rows.sum(axis=1) > 0), sys.argv[1])
"""

_COUNTED = """\
import sys
from packflow_app.cli.main import run
from packflow_app.dryrun.client import Worker
spent = {"ns": 0, "events": 0}
load, run_batches = Worker.load, Worker.run_batches

def counted_load(worker):
    loaded = load(worker)
    spent["ns"] += int(loaded.load_seconds * 1e9)
    return loaded

def counted_run_batches(*arguments, **options):
    for answer in run_batches(*arguments, **options):
        spent["ns"] += sum(sum(steps) for _, *steps in answer.calls)
        spent["events"] += len(answer.outcomes)
        yield answer

Worker.load, Worker.run_batches = counted_load, counted_run_batches
code = run(sys.argv[1:])
print(spent["ns"], spent["events"], file=sys.stderr)
sys.exit(code)
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
            project = _project(Path(folder), MODEL.format(cost_ns=cost * 1000))
            _show(str(cost), project, Path(sys.executable))
    python = model_python()
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder), PIPELINE)
        subprocess.run([python, "-c", TRAIN, project / "model.joblib"], check=True)
        parts = _show("scikit-learn", project, python)
        outside = _whole(project, python, parts.json / EVENTS).outside
        print(f"a whole dry run of scikit-learn, one by one and in batches of {BATCH}: {outside:.0%} outside")


def _show(label: str, project: Path, python: Path) -> Parts:
    """Print the row of one model; returns its exchange."""
    exchange = min((_exchange(project, python) for _ in range(ROUNDS)), key=lambda parts: parts.whole)
    command = min((_command(project, python, exchange) for _ in range(ROUNDS)), key=lambda parts: parts.whole)
    print(f"{label:>15}{_cells(exchange, 10)}{_cells(command, 12)}", flush=True)
    return exchange


def _cells(parts: Parts, width: int) -> str:
    times = f"{parts.whole * 1e3:>{width}.0f}{parts.model * 1e3:>8.0f}{parts.json * 1e3:>8.0f}"
    return f"{times}{parts.outside:>9.0%}"


def _project(folder: Path, backend: str) -> Path:
    (folder / "packflow.yaml").write_text("name: bench\nversion: 1.0\ndry_run:\n  events: events.ndjson\n")
    (folder / "inference.py").write_text(backend)
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


def _exchange(project_dir: Path, python: Path) -> Parts:
    """Events to a worker that has the model loaded, and their outcomes back."""
    lines = _lines()
    interpreter = find_interpreter(project_dir, str(python), "")
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


def _command(project_dir: Path, python: Path, exchange: Parts) -> Parts:
    """``packflow dry-run`` on the same events; the app decodes the events once more, and the outcomes."""
    options = ["--mode", "batch", "--batch-size", str(BATCH), "--limit", str(EVENTS), "--no-probes", "--json"]
    command = [sys.executable, "-m", "packflow_app", "dry-run", "--python", str(python), *options]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=project_dir, capture_output=True, text=True, check=True)
    whole = time.perf_counter() - start
    data = json.loads(done.stdout)["data"]
    inside = data["load_seconds"] + EVENTS / data["modes"][0]["events_per_second"]
    lines = _lines()
    outcomes = (project_dir / ".packflow" / "dry-run" / "outputs.ndjson").read_bytes().splitlines()
    again = _seconds(json.loads, [*lines, *outcomes])
    return Parts(whole, inside, exchange.json + again)


def _whole(project_dir: Path, python: Path, json_seconds: float) -> Parts:
    """All that ``packflow dry-run`` does; ``json_seconds`` is what decoding an event and encoding its output takes."""
    command = [sys.executable, "-c", _COUNTED, "dry-run", "--python", str(python), "--batch-size", str(BATCH)]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--limit", str(EVENTS), "--json"], cwd=project_dir, capture_output=True, text=True, check=True
    )
    whole = time.perf_counter() - start
    nanoseconds, events = map(int, done.stderr.split()[-2:])
    return Parts(whole, nanoseconds / 1e9, events * json_seconds)


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
