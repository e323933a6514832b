"""The loop is never held up: while a job goes on beside it, no single callback takes long.

CPU time of the loop's own thread is what counts, which other programs add little to, and of several runs the best: a
callback that takes long does so in each. What threads hold up between callbacks is measured by
``python -m benchmarks.responsive``.
"""

from __future__ import annotations

import asyncio
import time
from asyncio.events import Handle
from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunOptions
from packflow_app.tui.registry import ACTIONS
from projects import backend, write_project
from screens import PATIENCE, opened

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from screens import Driver

SECONDS = 0.05
ROUNDS = 3
EVENTS = 3000
HALF_FAIL = "if inputs[0]['n'] % 2:\n    raise ValueError('odd')\nreturn [{'n': event['n']} for event in inputs]"


class Callbacks:
    """Times every callback of the loop; ``longest`` is the most CPU time that one took, in seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        run = Handle._run

        def timed(handle: Handle) -> None:
            before = time.thread_time()
            run(handle)
            self.longest = max(self.longest, time.thread_time() - before)

        monkeypatch.setattr(Handle, "_run", timed)


async def run_once(driver: Driver, callbacks: Callbacks) -> float:
    """The longest callback from the start of a dry run until its result is drawn."""
    callbacks.longest = 0.0
    assert driver.app.project is not None
    options = DryRunOptions(project=driver.app.project, limit=EVENTS, batch_sizes=[64], probes=False)
    job = driver.app.start(ACTIONS["dry-run"].call(options))
    deadline = time.monotonic() + PATIENCE
    while job.state == "running":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)  # the result is drawn, and the project looked at again
    assert job.state == "done", job.problem
    return callbacks.longest


async def test_no_callback_takes_long_while_a_dry_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write_project(tmp_path / "model", backend(HALF_FAIL), events=[{"n": n} for n in range(EVENTS)])
    callbacks = Callbacks(monkeypatch)
    longest: list[float] = []
    async with opened(project, "dry-run") as driver:
        while len(longest) < ROUNDS and min(longest, default=SECONDS) >= SECONDS:
            longest.append(await run_once(driver, callbacks))
    assert min(longest) < SECONDS, longest
