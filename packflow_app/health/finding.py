"""One thing that was looked at: what it is like, and where something is wrong, what and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packflow_app.runtime import PackflowError


class State(str, Enum):
    """How a finding counts: an error keeps something from working, a warning may surprise, a note is good to know."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """``value`` is what was found, in a few words; where something is wrong, ``code``, ``message`` and ``fix`` tell.

    A note may have a ``fix`` too: what to do where one wants it otherwise.
    """

    name: str
    state: State
    value: str
    code: str = ""
    message: str = ""
    fix: str = ""
    file: str | None = None
    line: int | None = None


def ok(name: str, value: str) -> Finding:
    """A finding with nothing wrong."""
    return Finding(name, State.OK, value)


def note(name: str, value: str, fix: str = "") -> Finding:
    """Something that is good to know."""
    return Finding(name, State.NOTE, value, fix=fix)


def warning(name: str, value: str, code: str, message: str, fix: str) -> Finding:
    """Something that works, and not as one may think."""
    return Finding(name, State.WARNING, value, code, message, fix)


def error(name: str, value: str, code: str, message: str, fix: str) -> Finding:
    """Something that keeps Packflow, or a part of it, from working."""
    return Finding(name, State.ERROR, value, code, message, fix)


def of_error(name: str, value: str, problem: PackflowError, state: State = State.ERROR) -> Finding:
    """What an error says, as a finding."""
    message = f"{problem.title.rstrip('.')}. {problem.detail}".strip()
    return Finding(name, state, value, problem.code, message, problem.hint, problem.file, problem.line)
