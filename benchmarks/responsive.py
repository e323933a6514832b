"""How long the app's loop is ever held up while a dry run of 100,000 events goes on beside it.

    python -m benchmarks.responsive [--events N]

A timer asks to be called every five milliseconds; whatever it is late by, a key would have waited. Goal: 50 ms at most.

A busy machine makes every program late. So the same timer runs in a bare Textual app beside it, in a process of its own
(*bare app*), and each lateness is told with the CPU time that our process used meanwhile: no more of it can be our own
doing, whichever thread held the interpreter (*ours*).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from packflow_app.actions.dry_run import DryRunOptions
from packflow_app.tui.app import PackflowApp
from packflow_app.tui.registry import ACTIONS

GOAL = 0.050
EVENTS = 100_000
_EVERY = 0.005
_AFTERWARDS = 2.0
_BARE = """
import asyncio, sys, threading, time
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("bare")

async def main():
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    late = []
    async with Bare().run_test():
        while not over.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late.append(time.perf_counter() - before - 0.005)
    print(*late)

asyncio.run(main())
"""
_BACKEND = (
    "from packflow_runtime import InferenceBackend\n\n\n"
    "class Backend(InferenceBackend):\n    def execute(self, inputs):\n"
    "        return [{'double': event['n'] * 2, 'name': event['name']} for event in inputs]\n"
)


def write_project(folder: Path, events: int) -> Path:
    """A project with so many sample events."""
    (folder / "packflow.yaml").write_text("name: model\npython_requires: '>=3.10'\ndry_run:\n  events: events.ndjson\n")
    (folder / "inference.py").write_text(_BACKEND)
    (folder / "requirements.txt").write_text("")
    lines = (json.dumps({"n": n, "name": f"user-{n}", "tags": ["a", "b"]}) for n in range(events))
    (folder / "events.ndjson").write_text("\n".join(lines) + "\n")
    return folder


@dataclass
class Looks:
    """How late each call of the timer was, and how much of that our own process can have caused; in seconds."""

    late: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    async def look(self) -> None:
        """One call of the timer."""
        before, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(_EVERY)
        late = time.perf_counter() - before - _EVERY
        self.late.append(late)
        self.ours.append(min(late, time.process_time() - used))


async def lateness(project: Path, events: int) -> tuple[Looks, float]:
    """The looks at the loop while a dry run went on and its result was drawn, and how long the run took."""
    looks = Looks()
    app = PackflowApp(project, screen="dry-run")
    async with app.run_test(size=(120, 36)) as pilot:
        while app.seen is None:
            await pilot.pause(0.1)
        await pilot.pause(1.0)
        started = time.perf_counter()
        job = app.start(ACTIONS["dry-run"].call(DryRunOptions(project=project, limit=events, probes=False)))
        while job.state == "running":
            await looks.look()
        taken = time.perf_counter() - started
        ends = time.perf_counter() + _AFTERWARDS
        while time.perf_counter() < ends:
            await looks.look()
        if job.problem is not None:
            raise RuntimeError(job.problem.message)
    return looks, taken


def main() -> int:
    """Print what the loop was late by; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.responsive")
    parser.add_argument("--events", type=int, default=EVENTS)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        project = write_project(Path(folder), events)
        bare = subprocess.Popen([sys.executable, "-c", _BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            looks, taken = asyncio.run(lateness(project, events))
        finally:
            told, _ = bare.communicate()
    print(f"{events:,} events, dry run of {taken:.1f} s, {len(looks.late):,} looks at the loop, ms late")
    print(f"{'':8} {'late':>8} {'ours':>8} {'bare app':>8}")
    columns = [sorted(looks.late), sorted(looks.ours), sorted(map(float, told.split()))]
    for name, rank in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
        values = (column[min(int(len(column) * rank), len(column) - 1)] for column in columns)
        print(f"{name:8}", *(f"{value * 1e3:8.1f}" for value in values))
    print(f"goal     {GOAL * 1e3:8.1f}")
    return int(max(looks.ours) > GOAL)


if __name__ == "__main__":
    sys.exit(main())
