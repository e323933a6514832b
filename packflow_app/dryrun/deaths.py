"""How a worker ended, in words: what it was doing, what ended it, and what to do next."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.errors import ModelFailedError
from packflow_app.runtime import ExitCode

if TYPE_CHECKING:
    from packflow_app.dryrun.client import WorkerLimits

_NAMED_FILE = re.compile(r"No such file or directory: '([^']+)'")
CODES = {"timeout": "model-timeout", "memory": "model-memory"}


def describe_end(status: dict[str, Any], limits: WorkerLimits) -> str:
    """One sentence about the end that the supervisor reports."""
    doing = {
        "loading": "while it was imported and initialized",
        "calling": f"at event {status.get('event')}" if status.get("event") else "in close()",
    }.get(status.get("phase", ""), "while it was starting" if not status.get("event") else "between events")
    return (
        f"{describe_ending(status, limits)} {doing}."
        if status["outcome"] != "lost"
        else "The model's process was lost."
    )


def describe_ending(status: dict[str, Any], limits: WorkerLimits) -> str:
    """What ended it, without when and without a full stop."""
    outcome = status["outcome"]
    if outcome == "timeout":
        seconds = limits.init_timeout if status["phase"] == "loading" else limits.timeout
        return f"The model did not answer within {seconds:g} s"
    if outcome == "memory":
        return f"The model took more than {limits.memory or 0:,} bytes of memory"
    if outcome == "signalled":
        return f"The model's process was killed by {_signal_name(status['code'])}"
    if outcome == "exited":
        return f"The model's process ended itself with exit code {status['code']}"
    return "The model's process was lost"


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (a crash in native code)" if name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT") else name


def next_step(status: dict[str, Any]) -> str:
    """What to do about it."""
    phase_flag = "--init-timeout" if status.get("phase") == "loading" else "--timeout"
    return {
        "timeout": f"Look for an endless loop or a wait; {phase_flag} SECONDS allows more.",
        "memory": "Load less at once, or allow more with --memory.",
        "exited": "Raise an exception instead of ending the process.",
    }.get(status.get("outcome", ""), "Look at the log above for the last thing it did.")


def load_error(error: dict[str, Any], log: str) -> ModelFailedError:
    """The error for a backend that raised at import or in ``initialize``."""
    failure = ModelFailedError(
        error["title"],
        detail=error["detail"],
        code=error["code"],
        exit_code=ExitCode(error["exit_code"]),
        hint=error["hint"] or failure_hint(error),
        file=error["file"],
        line=error["line"],
    )
    failure.log = log
    return failure


def failure_hint(error: dict[str, Any]) -> str:
    """The next step for an error that the backend raised; ``error`` has the exception's ``type``."""
    if error["type"] == "FileNotFoundError":
        named = _NAMED_FILE.search(str(error.get("title") or error.get("message") or ""))
        if named is not None and Path(named[1]).is_absolute():  # it was looked for in one place, and is not there
            return f"Put {Path(named[1]).name} there: it is missing, as after a clone without `git lfs pull`."
        return "Open files below self.project_dir: an archive runs from any folder."
    return "Mend the backend and run again."
