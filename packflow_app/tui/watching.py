"""Watch the project in a thread of its own, and post what is seen whenever it changed."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from packflow_app.tui.steps import ProjectSeen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App


class Watch:
    """A watch that goes on: ``end`` ends it, ``look_now`` spares it the wait for its next look."""

    def __init__(self) -> None:
        self.is_ended = False
        self._woken = threading.Event()
        self._first: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def end(self) -> None:
        """No further looks."""
        self.is_ended = True
        self._woken.set()

    def look_now(self, first: Callable[[], None]) -> None:
        """Something was done to the project; ``first`` is called before the look, and may wait for the disk."""
        self._first.put(first)
        self._woken.set()

    def wait(self, seconds: float) -> None:
        """In the watch's own thread: until it is time, or it is woken."""
        self._woken.wait(seconds)
        self._woken.clear()
        while not self._first.empty():
            self._first.get()()


@dataclass
class ProjectLooked(Message):
    """A project was looked at, and something about it is new. ``watch`` tells whose news it is."""

    watch: Watch
    seen: ProjectSeen


def begin_watch(app: App[int], folder: Path) -> Watch:
    """Watch a folder until it is ended, or the app is."""
    watch = Watch()
    app.run_worker(
        partial(_run, app, folder, watch), name="watch", group="watch", exclusive=True, thread=True, exit_on_error=False
    )
    return watch


def _run(app: App[int], folder: Path, watch: Watch) -> None:
    from packflow_app.tui.defaults import load_rooms  # noqa: PLC0415 - the rooms, after the first paint
    from packflow_app.tui.project_watch import ProjectWatch  # noqa: PLC0415 - as above

    load_rooms()
    watched = ProjectWatch(folder)
    while app.is_running and not watch.is_ended:
        seen = watched.look()
        if seen is not None:
            app.post_message(ProjectLooked(watch, seen))
        watch.wait(watched.pause)
