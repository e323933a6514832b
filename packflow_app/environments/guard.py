"""One at a time: who works on a project's environment holds a lock, which the programs it starts hold too."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packflow_app.environments.tools import EnvironmentProgressed, Toolbox, check_cancelled
from packflow_app.errors import not_writable
from packflow_app.locations import STATE_DIR
from packflow_app.projects.one_at_a_time import lock_taken

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TICK = 0.1
_LEFTOVERS = "environment-*.partial"


@contextmanager
def working_on(
    project_dir: Path, report: Callable[[EnvironmentProgressed], None], cancel: threading.Event
) -> Iterator[Toolbox]:
    """Hold the project's environment, waiting while another does; what a killed one left aside is removed.

    Raises NotWritableError when the project's folder cannot be written, CancelledError when stopped while waiting.
    """
    state = project_dir / STATE_DIR
    try:
        state.mkdir(exist_ok=True)
        descriptor = os.open(state / "environment.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise not_writable(state, error) from error
    try:
        waiting = False
        while not lock_taken(descriptor):
            check_cancelled(cancel)
            if not waiting:
                report(EnvironmentProgressed("wait", "another packflow env is at work here"))
            waiting = True
            time.sleep(_TICK)
        for leftover in state.glob(_LEFTOVERS):
            shutil.rmtree(leftover, ignore_errors=True)
        yield Toolbox(project_dir, report, cancel, descriptor)
    finally:
        os.close(descriptor)
