"""Calls under way: each in a thread of its own, stopped by an event, and heard only while it is the current one.

A thread that was told to stop goes on for a moment, and what it says then arrives all the same. Every message carries
its job, and a job that is no longer the one of its action is not listened to.
"""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App

    from packflow_app.result import Problem
    from packflow_app.tui.registry import Call

_NEWS_SECONDS = 0.05
_SWITCH_SECONDS = 0.001
_USUAL_SWITCH_SECONDS = sys.getswitchinterval()


@dataclass(eq=False)
class Job:
    """One call: its number, how far it is, and how it ended.

    ``state`` is running, done, failed or cancelled; ``waits`` is true while a running job waits for a person.
    """

    number: int
    call: Call
    cancel: threading.Event = field(default_factory=threading.Event)
    state: str = "running"
    progress: Any = None
    value: Any = None
    problem: Problem | None = None
    log: str = ""
    waits: bool = False
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def action(self) -> str:
        """The action's id."""
        return self.call.action

    @property
    def seconds(self) -> float:
        """How long it takes, or took."""
        return (self.ended or time.monotonic()) - self.started


@dataclass
class JobProgressed(Message):
    """A job got on."""

    job: Job
    progress: Any

    def can_replace(self, message: Message) -> bool:
        """Only the last news counts."""
        return isinstance(message, JobProgressed) and message.job is self.job


@dataclass
class JobEnded(Message):
    """A job came to its end: with a value, a problem, or neither where it was stopped."""

    job: Job
    value: Any = None
    problem: Problem | None = None
    log: str = ""


class Jobs:
    """The jobs of an app, one at a time for each action; to be used from the app's own thread."""

    def __init__(self, app: App[Any]) -> None:
        self.latest: dict[str, Job] = {}
        self._app = app
        self._numbers = itertools.count(1)

    @property
    def running(self) -> list[Job]:
        """Those under way that somebody waits for."""
        return [job for job in self._under_way if not job.call.background]

    @property
    def _under_way(self) -> list[Job]:
        return [job for job in self.latest.values() if job.state == "running"]

    def is_current(self, job: Job) -> bool:
        """Whether a job is the last one of its action, and not at its end yet."""
        return self.latest.get(job.action) is job and job.state == "running"

    def start(self, call: Call) -> Job:
        """Begin; a job of the same action that is under way is stopped."""
        self.cancel(call.action)
        job = Job(next(self._numbers), call)
        self.latest[call.action] = job
        sys.setswitchinterval(_SWITCH_SECONDS)  # else the loop waits five times as long for its turn among threads
        gc.disable()  # a search for cycles among a hundred thousand events holds everything up for half a second
        self._app.run_worker(
            partial(self._work, job),
            name=f"{call.action}-{job.number}",
            group=call.action,
            description=call.title,
            exit_on_error=False,
            exclusive=True,
            thread=True,
        )
        return job

    def let_wait(self, job: Job, *, waits: bool) -> None:
        """Note that a job waits for a person, or works again, whose seconds count from then.

        While none works, garbage is searched for as ever.
        """
        job.waits = waits
        if not waits:
            job.started = time.monotonic()
        if any(not one.waits for one in self._under_way):
            gc.disable()
        else:
            gc.enable()

    def cancel(self, action: str | None = None) -> list[Job]:
        """Stop the job of an action, or all; those that were under way. They count as ended at once."""
        stopped = [job for job in self._under_way if action in (None, job.action)]
        for job in stopped:
            job.cancel.set()
            self._end(job, "cancelled")
        return stopped

    def forget(self) -> None:
        """Stop all, and remember none: what they found was about something else."""
        self.cancel()
        self.latest.clear()

    def take(self, message: JobProgressed | JobEnded) -> bool:
        """Take up what a job said; False where it is not the current one any more."""
        job = message.job
        if not self.is_current(job):
            return False
        if isinstance(message, JobProgressed):
            job.progress = message.progress
            return True
        job.value, job.problem, job.log = message.value, message.problem, message.log
        self._end(job, "failed" if message.problem is not None else "done")
        return True

    def _end(self, job: Job, state: str) -> None:
        job.state, job.ended = state, time.monotonic()
        if not self._under_way:
            gc.freeze()  # nor is what the job leaves behind to be searched at once
            gc.enable()
            sys.setswitchinterval(_USUAL_SWITCH_SECONDS)

    def _work(self, job: Job) -> None:
        """In the job's thread: do it, and say how it ended, whatever happens."""
        from packflow_app.errors import CancelledError  # noqa: PLC0415 - the rooms, not before the first picture
        from packflow_app.result import Problem  # noqa: PLC0415
        from packflow_app.runtime import PackflowError  # noqa: PLC0415

        try:
            value = job.call.run(_Reporter(self._app, job), job.cancel)
        except CancelledError:
            self._end_from_thread(JobEnded(job, problem=_stopped(job)))
        except PackflowError as error:
            self._end_from_thread(JobEnded(job, problem=Problem.of(error), log=getattr(error, "log", "")))
        except Exception as error:  # noqa: BLE001 - a thread's last place where one can be caught; the user sees it
            self._end_from_thread(JobEnded(job, problem=fault(error)))
        else:
            self._end_from_thread(JobEnded(job, value))

    def _end_from_thread(self, message: JobEnded) -> None:
        self._app.post_message(message)


class _Reporter:
    """Passes on progress, not oftener than eyes can follow, but every change of phase."""

    def __init__(self, app: App[Any], job: Job) -> None:
        self._app = app
        self._job = job
        self._due = 0.0
        self._phase: object = None

    def __call__(self, progress: Any) -> None:  # noqa: ANN401 - each action has its own
        phase = progress if isinstance(progress, str) else (type(progress), getattr(progress, "mode", None))
        now = time.monotonic()
        if now >= self._due or phase != self._phase:
            self._due, self._phase = now + _NEWS_SECONDS, phase
            self._app.post_message(JobProgressed(self._job, progress))


def fault(error: BaseException) -> Problem:
    """The problem that stands for an error nobody foresaw: Packflow's own."""
    from packflow_app.result import Problem  # noqa: PLC0415 - as in ``_work``

    frames = traceback.extract_tb(error.__traceback__)
    return Problem(
        "internal",
        f"Packflow has a fault: {type(error).__name__}: {error}",
        frames[-1].filename if frames else None,
        frames[-1].lineno if frames else None,
        "Report it with what you did; the command at the bottom does the same in a shell.",
    )


def _stopped(job: Job) -> Problem:
    from packflow_app.result import Problem  # noqa: PLC0415 - as in ``_work``

    return Problem("cancelled", f"{job.call.title}: stopped.", hint="Press r to run it again.")
