"""Make, lock, look at and remove the environment that a project's model runs in."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.guard import working_on
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.environments.lock import Locked, write_lock
from packflow_app.environments.managed import python_named
from packflow_app.environments.overview import EnvironmentOverview, environment_overview
from packflow_app.environments.removal import remove_environment
from packflow_app.environments.runtime_wheel import WrittenWheel, write_wheel
from packflow_app.environments.sync import Synced, SyncSettings, sync_environment
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.placing import absolute
from packflow_app.projects.project import open_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.environments.installers import InstallerName
    from packflow_app.environments.tools import EnvironmentProgressed


@dataclass(frozen=True)
class SyncOptions:
    """What ``packflow env sync`` may be told."""

    project: Path = field(default_factory=Path)
    python: str | None = None
    wheelhouse: Path | None = None
    offline: bool = False
    upgrade: bool = False
    installer: InstallerName = "auto"
    download_python: bool = False


@dataclass(frozen=True)
class LockOptions:
    """What ``packflow env lock`` may be told."""

    project: Path = field(default_factory=Path)
    python: str | None = None
    upgrade: bool = False


def sync(
    options: SyncOptions,
    *,
    report: Callable[[EnvironmentProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> Synced:
    """Create the project's environment or bring it up to date; raises what ``sync_environment`` does."""
    project = open_project(options.project)
    if options.download_python and options.python is None:
        raise UsageError(
            "--download-python needs to know which Python.",
            hint="Name a version: packflow env sync --python 3.12 --download-python",
        )
    wheelhouse = None if options.wheelhouse is None else _wheelhouse(options.wheelhouse)
    chosen = options.python
    with working_on(project.folder, report, cancel or threading.Event()) as tools:
        if chosen is not None:
            chosen = python_named(chosen, tools, download=options.download_python)
        settings = SyncSettings(chosen, wheelhouse, options.offline, options.upgrade, options.installer)
        return sync_environment(project, settings, tools)


def lock(
    options: LockOptions,
    *,
    report: Callable[[EnvironmentProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> Locked:
    """Write the project's requirements.lock; raises what ``write_lock`` does."""
    project = open_project(options.project)
    with working_on(project.folder, report, cancel or threading.Event()) as tools:
        python = find_interpreter(project.folder, options.python, project.config.python_requires)
        return write_lock(project, python, tools, upgrade=options.upgrade)


def wheel(folder: Path) -> WrittenWheel:
    """Write the runtime's wheel to ``folder``; raises what ``write_wheel`` does."""
    return write_wheel(folder)


def info(project: Path, python: str | None = None) -> EnvironmentOverview:
    """Look at the project's environment and at every Python there is for it."""
    return environment_overview(open_project(project), python)


def remove(project: Path, *, force: bool = False) -> Path:
    """Remove the project's environment; returns its path. Raises what ``remove_environment`` does."""
    folder = open_project(project).folder
    with working_on(folder, lambda _progress: None, threading.Event()):
        return remove_environment(folder, force=force)


def _wheelhouse(folder: Path) -> Path:
    place = absolute(folder)
    if not place.is_dir():
        raise NotFoundError(
            f"{place} is {'no folder' if place.exists() else 'not there'}.",
            code="wheelhouse-not-found",
            hint="Fill one where there is a network: pip download -r requirements.txt -d DIR",
        )
    return place
