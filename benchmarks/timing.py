"""The one way time is taken here: CPU time of interleaved slices, garbage collector off, the smallest counts.

On a shared machine the wall clock says more about the neighbours than about the code, and any mean says more about the
moment. What is to be compared runs in turns of about 1.5 ms each (A, B, C, A, ...), so that a slow moment meets all.
"""

from __future__ import annotations

import gc
import math
import os
import subprocess
import tempfile
import time
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SLICE_SECONDS = 1.5e-3
_RARE = 8  # a call that takes more slices than this is not made in every round


class Effort(NamedTuple):
    """How often each thing is measured: rounds of slices, and rounds of child processes."""

    slices: int
    children: int


FULL = Effort(slices=400, children=60)
QUICK = Effort(slices=40, children=8)


class Work(NamedTuple):
    """A call that is timed; without a lambda around it, whose own time would make every ratio look better."""

    function: Callable[[Any], object]
    argument: Any = None


class ChildSeconds(NamedTuple):
    """A child process: the CPU time it took in all, and the time from its start to its first byte of output."""

    cpu: float
    first_output: float


def least_seconds(
    works: Mapping[str, Work], rounds: int, clock: Callable[[], float] = time.thread_time
) -> dict[str, float]:
    """Seconds per call of each work by ``clock``, the smallest of all slices."""
    plans = {name: _plan(work, clock) for name, work in works.items()}
    best = dict.fromkeys(works, math.inf)
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            for name, work in works.items():
                calls, one_in = plans[name]
                if turn % one_in == 0:
                    best[name] = min(best[name], _slice(work, calls, clock) / calls)
    finally:
        gc.enable()
    return best


def least_child_seconds(
    commands: Mapping[str, Sequence[str]], rounds: int, folder: str, variables: Mapping[str, str]
) -> dict[str, ChildSeconds]:
    """What each command takes as a process in ``folder``, the smallest of all rounds after one that does not count."""
    environment = {**os.environ, **variables}
    best = dict.fromkeys(commands, ChildSeconds(math.inf, math.inf))
    for turn in range(rounds + 1):
        for name, command in commands.items():
            spent = _child(command, folder, environment)
            if turn:
                best[name] = ChildSeconds(*map(min, best[name], spent))
    return best


def _plan(work: Work, clock: Callable[[], float]) -> tuple[int, int]:
    """How many calls make a slice, and in one of how many rounds a slice is run."""
    work.function(work.argument)  # the first call may compile or cache
    calls = 1
    while (spent := _slice(work, calls, clock)) < SLICE_SECONDS / 2:
        calls *= 2
    return max(1, round(calls * SLICE_SECONDS / spent)), max(1, int(spent / SLICE_SECONDS / _RARE))


def _slice(work: Work, calls: int, clock: Callable[[], float]) -> float:
    function, argument = work
    turns = repeat(None, calls)
    started = clock()
    for _ in turns:
        function(argument)
    return clock() - started


def _child(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> ChildSeconds:
    with tempfile.TemporaryFile() as messages:
        started = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=messages, bufsize=0, cwd=folder, env=environment
        ) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            first_output = time.perf_counter() - started
            while process.stdout.read(1 << 16):
                pass
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            messages.seek(0)
            told = messages.read().decode(errors="replace")
            raise RuntimeError(f"{command} ended with exit code {process.returncode}: {told}")
    return ChildSeconds(usage.ru_utime + usage.ru_stime, first_output)
