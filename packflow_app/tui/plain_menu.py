"""The journey as a numbered menu of plain text, for terminals that can do no more, and for whoever likes it so.

A choice runs the command that it shows, so what is seen is what the command line says.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from packflow_app.runtime import ExitCode
from packflow_app.tui.defaults import default_call
from packflow_app.tui.project_watch import ProjectWatch
from packflow_app.tui.steps import STEPS, ProjectSeen, State, next_step
from packflow_app.wording import ago, visible

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.tui.registry import Call

_MARKS = {State.OK: "+", State.STALE: "*", State.FAILED: "x", State.NOT_RUN: "-", State.RUNNING: "~"}


def run_menu(project: Path | None) -> int:
    """Show the menu until it is left; returns the exit code."""
    while True:
        seen = ProjectWatch(project).look() if project is not None else None
        choices = _choices(seen)
        _show(seen, choices)
        try:
            answer = input("Choose a number, or q to quit: ").strip().lower()
        except (EOFError, KeyboardInterrupt):
            sys.stdout.write("\n")
            return ExitCode.OK
        if answer in ("q", "quit", "exit"):
            return ExitCode.OK
        if answer.isdigit() and 1 <= int(answer) <= len(choices):
            _run(choices[int(answer) - 1])
        elif answer:
            sys.stdout.write(f"There is no choice {answer!r}.\n")


def _choices(seen: ProjectSeen | None) -> list[Call]:
    """The steps that can be run now, in the order of the journey."""
    if seen is None:
        return []
    found = [default_call(step, seen) for step in STEPS]
    return [call for call in found if call is not None]


def _show(seen: ProjectSeen | None, choices: list[Call]) -> None:
    lines = [""]
    if seen is None:
        lines += ["This folder is no project.", "Make one with: packflow init"]
    else:
        lines += [visible(f"{seen.name} {seen.version}  {seen.folder}"), ""]
        for step in STEPS:
            state = seen.step(step)
            when = f"  {ago(time.time() - state.at)}" if state.at else ""
            lines.append(visible(f"  {_MARKS[state.state]} {step:9} {state.word}{when}  {state.detail}".rstrip()))
        todo = next_step(seen)
        lines += ["", visible(f"Next: {todo.why}"), ""]
        lines += [f"  {number}  {call.title}  ($ {call.command})" for number, call in enumerate(choices, 1)]
    sys.stdout.write("\n".join(lines).encode(sys.stdout.encoding, "replace").decode(sys.stdout.encoding) + "\n")


def _run(call: Call) -> None:
    """The command as it is shown; its own output tells how it went."""
    sys.stdout.write(f"$ {call.command}\n")
    sys.stdout.flush()
    words = [sys.executable, "-m", "packflow_app", *call.words[1:]] if call.words[0] == "packflow" else call.words
    try:
        subprocess.run(words, check=False)
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
    except OSError as error:
        sys.stdout.write(f"{call.words[0]} cannot be started: {error.strerror}\n")
