"""The worker protocol: events through a model in a child process, against decoding them alone."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases import OURS, Case, Goal, Row
from benchmarks.events import json_lines
from benchmarks.stream import BARE_DECODE, GUARDED, PARSERS, decode_bare, decode_guarded
from benchmarks.timing import Effort, Work, least_seconds
from packflow_runtime.codec import choose_codec
from packflow_runtime.protocol import EVENTS_PER_FRAME
from packflow_runtime.supervised import ModelChild, ModelSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = EVENTS_PER_FRAME * 8
MODEL = """\
import os
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def initialize(self):
        (self.project_dir / "pid").write_text(str(os.getpid()))

    def execute(self, inputs):
        return [{"uid": event["uid"], "score": 0.25} for event in inputs]
"""


def cases() -> list[Case]:
    """Both sides' CPU time, with either codec; only Linux can tell a running child's."""
    return [_case(codec) for codec in PARSERS] if sys.platform == "linux" else []


def _case(codec: str) -> Case:
    name = f"worker protocol, {EVENTS_PER_FRAME} events a frame, {codec}"
    return Case([Row(name, Goal(1.8), BARE_DECODE), Row(name, bare=GUARDED)], partial(_measure, codec))


def _measure(name: str, effort: Effort) -> dict[str, float]:
    lines = json_lines(EVENTS)
    starts = range(0, EVENTS, EVENTS_PER_FRAME)
    groups = [lines[start : start + EVENTS_PER_FRAME] for start in starts]
    numbers = [range(start + 1, start + EVENTS_PER_FRAME + 1) for start in starts]
    with _child(name) as (child, clock):

        def through_child(groups: list[list[bytes]]) -> None:
            for indices, group in zip(numbers, groups, strict=True):
                if child.run(indices, group).codes:
                    raise RuntimeError("the model failed on an event")

        works = {
            BARE_DECODE: Work(partial(decode_bare, PARSERS[name]), groups),
            GUARDED: Work(partial(decode_guarded, choose_codec(name)), groups),
            OURS: Work(through_child, groups),
        }
        best = least_seconds(works, effort.slices, clock)
    return {kind: seconds / EVENTS for kind, seconds in best.items()}


@contextmanager
def _child(codec: str) -> Iterator[tuple[ModelChild, Callable[[], float]]]:
    """A child with the model loaded, and the clock that counts this thread's CPU time and all of the child's."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "packflow.yaml").write_text("name: bench\nversion: 1.0\n", encoding="utf-8")
        (project / "inference.py").write_text(MODEL, encoding="utf-8")
        child = ModelChild(ModelSource(project, codec=codec))
        answer = child.start()
        if answer["op"] != "loaded":
            raise RuntimeError(f"the model was not loaded: {answer}")
        pid = int((project / "pid").read_text(encoding="utf-8"))
        clock_of_child = (~pid << 3) | 2  # as clock_getcpuclockid(3) makes it: CPU time of a whole process
        try:
            yield child, lambda: time.thread_time() + time.clock_gettime(clock_of_child)
        finally:
            child.stop()
