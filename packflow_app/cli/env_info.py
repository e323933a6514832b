"""What ``packflow env info`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from packflow_app.cli.terminal import columns
from packflow_app.cli.wording import counted, shown_path
from packflow_app.result import Problem

if TYPE_CHECKING:
    from packflow_app.cli.terminal import Terminal
    from packflow_app.environments.interpreters import Candidate, Interpreter
    from packflow_app.environments.overview import EnvironmentOverview

_SHOWN_UNMET = 12


def info_data(found: EnvironmentOverview) -> dict[str, Any]:
    """The overview as ``--json`` has it."""
    return {
        "environment": str(found.folder),
        "exists": found.exists,
        "made_by_packflow": found.ours,
        "unfinished": found.unfinished,
        "in_sync": found.in_sync,
        "python": _candidate_data(found, found.chosen) if found.chosen is not None else None,
        "candidates": [_candidate_data(found, candidate) for candidate in found.candidates],
        "source": found.contents.source,
        "lock": found.contents.lock.value,
        "requirements": found.requirements,
        "unmet": [vars(one) for one in found.unmet],
        "installed": found.installed,
        "runtime": vars(found.runtime),
    }


def info_warnings(found: EnvironmentOverview) -> list[Problem]:
    """What keeps the project's own environment, or a Python named with --python, from being used."""
    return [
        Problem(candidate.error.code, candidate.error.title, hint=candidate.error.hint)
        for candidate in found.candidates
        if candidate.own and candidate.error is not None
    ]


def broken_pythons(interpreter: Interpreter) -> list[Problem]:
    """A warning for each broken Python that was met on the way to this one."""
    return [
        Problem("python-broken", one.error.title, hint="Repair it, or name the Python you want with --python.")
        for one in interpreter.passed_over
        if one.error is not None
    ]


def show_info(terminal: Terminal, found: EnvironmentOverview) -> None:
    """Print the overview for a person."""
    facts = columns("", "")
    facts.show_header = False
    facts.add_row("environment", f"{escape(shown_path(found.folder))}  {_environment_text(found)}")
    facts.add_row("python", _python_text(found))
    facts.add_row("requirements", _requirements_text(found))
    facts.add_row("lock", {"missing": "– none", "stale": "● stale", "fresh": "✓ fresh"}[found.contents.lock.value])
    facts.add_row("runtime", _runtime_text(found))
    terminal.show(facts)
    for one in found.unmet[:_SHOWN_UNMET]:
        there = f"{one.installed} is installed" if one.installed else "not installed"
        terminal.say(f"  {escape(one.file)}:{one.line}  {escape(one.wanted)}: {escape(there)}")
    terminal.say()
    terminal.say("[bold]looked for a Python at[/]")
    width = max(len(candidate.origin) for candidate in found.candidates)
    for candidate in found.candidates:
        mark = "▸" if candidate is found.chosen else " "
        terminal.say(f"{mark} {escape(candidate.origin.ljust(width))}  {escape(_candidate_text(candidate))}")
    if not found.in_sync:
        terminal.say()
        terminal.say("[bold]Next[/]  packflow env sync")


def _candidate_data(found: EnvironmentOverview, candidate: Candidate) -> dict[str, Any]:
    python = candidate.interpreter
    return {
        "origin": candidate.origin,
        "path": str(python.path if python is not None else candidate.path),
        "version": python.version_text if python is not None else None,
        "implementation": python.implementation if python is not None else None,
        "usable": python is not None and not candidate.reason,
        "chosen": candidate is found.chosen,
        "reason": candidate.reason,
    }


def _candidate_text(candidate: Candidate) -> str:
    if candidate.interpreter is None:
        return candidate.reason
    python = candidate.interpreter
    text = f"{python.implementation} {python.version_text}  {python.path}"
    return f"{text}  ({candidate.reason})" if candidate.reason else text


def _environment_text(found: EnvironmentOverview) -> str:
    if found.unfinished:
        return "✗ unfinished"
    if not found.exists:
        return "– not made yet"
    return "✓ in sync" if found.in_sync else "● not in sync"


def _python_text(found: EnvironmentOverview) -> str:
    if found.chosen is None or found.chosen.interpreter is None:
        return "✗ none that can be used"
    return f"{found.chosen.interpreter.version_text}  {escape(found.chosen.origin)}"


def _requirements_text(found: EnvironmentOverview) -> str:
    source = f"of {found.contents.source}"
    if found.chosen is None:
        return f"– {source}"
    if found.unmet:
        return f"✗ {counted(len(found.unmet), 'requirement')} of {found.requirements:,} not met, {source}"
    return f"✓ {counted(found.requirements, 'requirement')} met, {source}"


def _runtime_text(found: EnvironmentOverview) -> str:
    runtime = found.runtime
    if runtime.installed is None:
        return f"– not installed (Packflow carries {runtime.carried})"
    if runtime.same:
        return f"✓ {escape(runtime.installed)}, the one that Packflow carries"
    return f"● {escape(runtime.installed)}, Packflow carries another {runtime.carried}"
