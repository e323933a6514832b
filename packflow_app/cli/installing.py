"""Install what a project requires and its Python lacks, once somebody has said yes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from packflow_app.actions.environment import SyncOptions, sync
from packflow_app.cli.asking import answered
from packflow_app.cli.env import describe_progress
from packflow_app.cli.terminal import Terminal
from packflow_app.errors import NotFoundError
from packflow_app.questions.dry_run_interview import InstallInterview

Done = TypeVar("Done")


def installing(
    terminal: Terminal,
    attempt: Callable[[str | None], Done],
    project: Path,
    python: str | None,
    *,
    yes: bool,
    no_input: bool,
) -> Done:
    """Attempt a run of the model with ``python``; where that lacks what is required, in the project's .venv."""
    try:
        return attempt(python)
    except NotFoundError as error:
        if error.code != "requirements-missing":
            raise
        interview = InstallInterview(error)
        if not answered(terminal, interview, yes=yes, no_input=no_input) or not interview.agreed:
            raise
    sync(SyncOptions(project, python), report=lambda progress: terminal.progress(describe_progress(progress)))
    terminal.end_progress()
    return attempt(None)
