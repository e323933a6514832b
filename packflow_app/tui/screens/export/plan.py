"""What an export would do now: which steps it runs first, what is in the way, and what the archive would hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.projects.project import open_project
from packflow_app.tui.steps import ProjectSeen, State

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Gate:
    """One thing that decides whether there will be an archive."""

    state: State
    name: str
    text: str


@dataclass(frozen=True)
class ContentsSeen:
    """The project's files with their sizes, and why others are left out."""

    sizes: Mapping[str, int]
    left_out: Mapping[str, str]


def look_at_contents(folder: Path, _report: Callable[[object], None], _cancel: threading.Event) -> ContentsSeen:
    """Read the folder; raises what ``Project.contents`` does."""
    contents = open_project(folder).contents()
    return ContentsSeen({name: path.stat().st_size for name, path in contents.files.items()}, contents.excluded)


def gates(seen: ProjectSeen) -> list[Gate]:
    """What an export looks at, in its order."""
    run, checked = seen.step("dry-run"), seen.step("validate")
    golden = (seen.report.get("golden") or {}) if run.state is State.OK else {}
    found = [
        Gate(State.OK if run.state is State.OK else run.state, "dry run", _dry_run(run.state, run.detail)),
        Gate(checked.state, "checks", _checks(checked.state, checked.word, checked.detail)),
    ]
    if golden:
        found.append(
            Gate(State.OK if golden.get("equal") else State.FAILED, "golden", f"{golden.get('events', 0)} events")
        )
    return found


def _dry_run(state: State, detail: str) -> str:
    if state is State.OK:
        return detail
    if state is State.FAILED:
        return f"{detail}: nothing is exported until this is mended"
    return "will be run first" + (", since files changed" if state is State.STALE else "")


def _checks(state: State, word: str, detail: str) -> str:
    if state is State.OK:
        return "nothing in the way" + (f", {word}" if word != "ok" else "")
    if state is State.FAILED:
        return f"{word}: {detail}"
    return "not looked at as the project is now; 4 looks"
