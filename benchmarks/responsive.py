"""How long the app's loop is ever held up while a dry run of 100,000 events goes on beside it.

    python -m benchmarks.responsive [--events N]

A timer asks to be called every five milliseconds; whatever it is late by, a key would have waited. Goal: 50 ms at most.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from packflow_app.actions.dry_run import DryRunOptions
from packflow_app.tui.app import PackflowApp
from packflow_app.tui.registry import ACTIONS

GOAL = 0.050
EVENTS = 100_000
_EVERY = 0.005
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


async def lateness(project: Path, events: int) -> tuple[list[float], float]:
    """How late each call of the timer was, and how long the dry run took."""
    late: list[float] = []
    app = PackflowApp(project, screen="dry-run")
    async with app.run_test(size=(120, 36)) as pilot:
        while app.seen is None:
            await pilot.pause(0.1)
        await pilot.pause(1.0)
        started = time.perf_counter()
        job = app.start(ACTIONS["dry-run"].call(DryRunOptions(project=project, limit=events, probes=False)))
        while job.state == "running":
            before = time.perf_counter()
            await asyncio.sleep(_EVERY)
            late.append(time.perf_counter() - before - _EVERY)
        taken = time.perf_counter() - started
        if job.problem is not None:
            raise RuntimeError(job.problem.message)
    return late, taken


def main() -> int:
    """Print what the loop was late by; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.responsive")
    parser.add_argument("--events", type=int, default=EVENTS)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder:
        late, taken = asyncio.run(lateness(write_project(Path(folder), events), events))
    late.sort()
    print(f"{events:,} events, dry run of {taken:.1f} s, {len(late):,} looks at the loop")
    for name, value in (("p50", late[len(late) // 2]), ("p99", late[len(late) * 99 // 100]), ("longest", late[-1])):
        print(f"{name:8} {value * 1e3:7.1f} ms late")
    print(f"goal     {GOAL * 1e3:7.1f} ms")
    return int(late[-1] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
