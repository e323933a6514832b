"""What an engine costs and gives: events a second, alone, in several processes, and in Spark and Ray.

Run ``python -m benchmarks.engines`` on a machine with Java 17 and at least two cores that have nothing else to do. A
cheap model (a lookup) answers many events, an expensive one (1 ms of CPU an event) few; all jobs read a file of JSON
lines and write their outcomes to files, in one run. Start-up is apart: with few events it is all there is. *overhead*
is what an event costs more in all processes together than in one process alone: processes times seconds a job, less
the seconds alone, over the number of events. The app must be installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import CHECKOUT, engines_python
from packflow_app.runtime import runtime_import_path
from tests.runtime.archives import archive_of, runnable_files

ROUNDS = 3
MODEL = """\
from time import thread_time
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        until = thread_time() + {seconds} * len(inputs)
        while {seconds} and thread_time() < until:
            pass
        return [{{"uid": event["uid"], "score": 0.5 if event["port"] == 53 else 0.25}} for event in inputs]
"""


@dataclass(frozen=True)
class Workload:
    """A model and so many events."""

    name: str
    seconds_an_event: float
    events: int


@dataclass(frozen=True)
class Way:
    """A way to run it: how many processes have the model, and the words that start it."""

    name: str
    processes: int
    words: tuple[str, ...]


WORKLOADS = (Workload("cheap", 0.0, 400_000), Workload("1 ms", 0.001, 10_000))
WAYS = (
    Way("run", 1, ("run",)),
    Way("run --workers 2", 2, ("run", "--workers", "2")),
    Way("Spark, 1 core", 1, ("spark", "1")),
    Way("Spark, 2 cores", 2, ("spark", "2")),
    Way("run --engine spark", 2, ("run", "--engine", "spark")),
    Way("Ray, 1 actor", 1, ("ray", "1")),
    Way("Ray, 2 actors", 2, ("ray", "2")),
    Way("run --engine ray", 2, ("run", "--engine", "ray", "--workers", "2")),
)


@dataclass(frozen=True)
class Times:
    """Seconds until it works, and seconds of work."""

    start: float
    seconds: float


def main() -> None:
    """Print a table a model; the best of several rounds each."""
    python = Path(os.environ.get("PACKFLOW_TEST_ENGINES_PYTHON") or engines_python())
    for workload in WORKLOADS:
        load = f"load {os.getloadavg()[0]:.1f}"
        print(f"\n{workload.name} model, {workload.events:,} events, best of {ROUNDS}, {load} at the start\n")
        print("| way | start-up | seconds | events/s | ÷ alone | overhead |\n|---|--:|--:|--:|--:|--:|")
        with tempfile.TemporaryDirectory() as folder:
            archive, events = _made(Path(folder), workload)
            alone = None
            for way in WAYS:
                times = [_timed(python, way, archive, events) for _ in range(ROUNDS)]
                best = min(times, key=lambda one: one.seconds)
                alone = alone or best.seconds
                print(_row(workload, way, best, alone), flush=True)


def _row(workload: Workload, way: Way, times: Times, alone: float) -> str:
    overhead = (way.processes * times.seconds - alone) / workload.events * 1e6
    return (
        f"| {way.name} | {times.start:.1f} s | {times.seconds:.2f} | {workload.events / times.seconds:,.0f} "
        f"| {alone / times.seconds:.2f}× | {overhead:,.1f} µs |"
    )


def _made(folder: Path, workload: Workload) -> tuple[Path, Path]:
    archive, events = folder / "model-1.0.zip", folder / "events.ndjson"
    archive.write_bytes(archive_of(runnable_files(backend=MODEL.format(seconds=workload.seconds_an_event))))
    with events.open("w", encoding="utf-8") as file:
        for n in range(workload.events):
            event = {"uid": f"C{n:08d}", "src": "10.0.0.1", "port": n % 100, "bytes": n * 7, "ok": n % 2 == 0}
            file.write(f"{json.dumps(event)}\n")
    return archive, events


def _timed(python: Path, way: Way, archive: Path, events: Path) -> Times:
    with tempfile.TemporaryDirectory() as folder:
        variables = {
            **os.environ,
            "PACKFLOW_CACHE": str(archive.parent / "cache"),
            "PYTHONPATH": str(runtime_import_path()),
            "PYSPARK_PYTHON": str(python),
        }
        job: list[object] = [CHECKOUT / "benchmarks" / "engine_jobs.py", *way.words, archive, events, folder]
        if way.words[0] == "run":
            job = ["-m", "packflow_runtime", *way.words, archive, events, "-o", f"{folder}/out", "--json"]
        command = [str(word) for word in (python, *job)]
        began = time.perf_counter()
        done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
        whole = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{way.name} failed:\n{done.stderr[-3000:]}")
        if way.words[0] != "run":
            return Times(**json.loads(done.stdout.rpartition("@@")[2]))
        seconds = json.loads(done.stdout)["data"]["seconds"]
        return Times(whole - seconds, seconds)


if __name__ == "__main__":
    main()
