"""A small process that owns a worker: it enforces the limits, and leaves no descendant of the worker behind.

It is started with the worker's standard streams as its own, hands them on, and speaks to the app over one socket: when
the app closes it (or dies), the worker's whole tree is killed; when the worker ends, one JSON object says how.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Any

from .progress import Activity, Phase, Progress

_TICK = 0.05
_MEMORY_TICK = 0.25
_KILL_SECONDS = 10.0
_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Own the command in ``arguments[1:]``; ``arguments[0]`` is a JSON object.

    Its keys: ``control`` and ``progress`` (descriptors), ``timeout`` and ``init_timeout`` (seconds per backend call and
    for loading), ``memory`` (bytes of resident memory of the tree, or null), and ``folder``, the one the worker runs
    in, which is removed with all that is in it: the app may have been killed.
    """
    options = json.loads(arguments[0])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the app decides; its end of the socket closes
    control = socket.socket(fileno=options["control"])
    _become_subreaper()
    try:
        worker = subprocess.Popen(arguments[1:], pass_fds=[options["progress"]])
    except OSError as error:
        _tell(control, {"outcome": "not-started", "reason": error.strerror or str(error)})
        return 1
    _let_go_of_standard_streams()
    supervision = _Supervision(worker, control, Progress(options["progress"]), options)
    status = supervision.wait()
    status["left_behind"] = _kill_descendants(worker)
    status["peak_memory"] = max(supervision.peak_memory, _largest_child())
    _tell(control, status)
    shutil.rmtree(options["folder"], ignore_errors=True)
    return 0


class _Supervision:
    """Waits until the worker ends or breaks a limit."""

    def __init__(
        self,
        worker: subprocess.Popen[bytes],
        control: socket.socket,
        progress: Progress,
        options: dict[str, Any],
    ) -> None:
        self.worker = worker
        self.control = control
        self.progress = progress
        self.limits = {Phase.LOADING: options["init_timeout"], Phase.CALLING: options["timeout"]}
        self.memory_limit: int | None = options["memory"]
        self.peak_memory = 0
        self._suspect: Activity | None = None
        self._memory_due = 0.0

    def wait(self) -> dict[str, Any]:
        wake, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        while self.worker.poll() is None:
            ready, _, _ = select.select([self.control.fileno(), wake], [], [], _TICK)
            if wake in ready:
                os.read(wake, 64)
            if self.control.fileno() in ready and not self.control.recv(1):
                return self._status("stopped")
            broken = self._broken_limit()
            if broken is not None:
                return self._status(broken)
        code = self.worker.returncode
        return {**self._status("signalled" if code < 0 else "exited"), "code": abs(code)}

    def _status(self, outcome: str) -> dict[str, Any]:
        activity = self.progress.read()
        return {"outcome": outcome, "phase": activity.phase.name.lower(), "event": activity.line}

    def _broken_limit(self) -> str | None:
        if time.monotonic() >= self._memory_due:
            self._memory_due = time.monotonic() + _MEMORY_TICK
            memory = _resident_memory(os.getpid())
            self.peak_memory = max(self.peak_memory, memory)
            if self.memory_limit is not None and memory > self.memory_limit:
                return "memory"
        activity = self.progress.read()
        limit = self.limits.get(activity.phase)
        if limit is None or time.monotonic_ns() - activity.since_ns < limit * 1e9:
            self._suspect = None
            return None
        if self._suspect == activity:  # read twice alike, so not caught half-written
            return "timeout"
        self._suspect = activity
        return None


def _become_subreaper() -> None:
    """Make orphaned descendants children of this process (Linux), so that none can hide from the kill."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - only where it is used

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _let_go_of_standard_streams() -> None:
    """Close this process's share of the pipes, so that the worker's death is the end of its output."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _kill_descendants(worker: subprocess.Popen[bytes]) -> int:
    """Kill until no descendant is left; returns how many processes beside the worker had outlived their use."""
    survivors: set[int] = set()
    deadline = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < deadline:
        found = _descendants(os.getpid())
        if sys.platform != "linux":
            found = [worker.pid] if worker.poll() is None else []
        if not found:
            break
        survivors.update(found)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _reap()
    worker.poll()
    return len(survivors - {worker.pid})


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
    time.sleep(0.005)


def _descendants(root: int) -> list[int]:
    """Every living descendant of ``root`` by Linux's process table; zombies count as dead."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _resident_memory(root: int) -> int:
    total = 0
    for pid in _descendants(root):
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                total += int(file.read().split()[1])
        except (OSError, IndexError):
            continue
    return total * os.sysconf("SC_PAGE_SIZE")


def _largest_child() -> int:
    """Peak resident bytes of the largest process that has ended."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _tell(control: socket.socket, status: dict[str, Any]) -> None:
    try:
        control.sendall(json.dumps(status).encode() + b"\n")
    except OSError:
        return  # the app is gone, and with it whoever wanted to know
