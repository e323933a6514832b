"""Make a project's environment hold what its requirements ask for, and the runtime; whole, or known not to be."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packflow_app.environments.existing import OWN_ORIGIN, base_interpreter, current_environment, new_environment
from packflow_app.environments.failures import creation_error, installation_error
from packflow_app.environments.folders import ENVIRONMENT_DIR, Mark, python_of, read_mark, write_mark
from packflow_app.environments.installed import installed_with
from packflow_app.environments.installers import InstallerName, Sources, choose_installer
from packflow_app.environments.interpreters import Interpreter, probe_interpreter
from packflow_app.environments.lock import LockState, lock_state
from packflow_app.environments.requirements import RUNTIME_NAME, Requirements, read_requirements
from packflow_app.environments.runtime_wheel import carried_wheel, wheel_digest
from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.locations import LOCK_FILE
from packflow_app.projects.requirements import REQUIREMENTS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.environments.installers import Installer
    from packflow_app.environments.tools import Toolbox
    from packflow_app.projects.project import Project

Changes = dict[str, "tuple[str | None, str | None]"]


@dataclass(frozen=True)
class SyncSettings:
    """How to sync: the Python to make the environment of (None: keep it, or look for one), from where, with what.

    ``wheelhouse`` must be an existing folder, absolute.
    """

    python: str | None = None
    wheelhouse: Path | None = None
    offline: bool = False
    upgrade: bool = False
    installer: InstallerName = "auto"


@dataclass(frozen=True)
class Synced:
    """An environment that holds what was asked for.

    ``installer`` is None where it did so already. ``changes`` are the versions before and after (None: not there) by
    name; ``created`` says that the environment is new, ``replaced`` that an older one made room for it.
    """

    folder: Path
    interpreter: Interpreter
    source: str
    lock: LockState
    packages: int
    installer: str | None = None
    created: bool = False
    replaced: bool = False
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True)
class WantedContents:
    """What an environment is to hold: requirements of one file, and the runtime by its wheel's SHA-256."""

    source: str
    lock: LockState
    requirements: Requirements
    runtime: str

    def digest(self, interpreter: Interpreter) -> str:
        """Stands for these contents under that Python."""
        return self.requirements.digest(self.source, self.runtime, interpreter.version_text)

    def are_in(self, interpreter: Interpreter, mark: Mark | None, installed: dict[str, str]) -> bool:
        """Whether they were brought there, and nothing has gone or changed since; seen without resolving."""
        return (
            mark is not None
            and mark.finished
            and mark.digest == self.digest(interpreter)
            and not self.requirements.has_folders
            and RUNTIME_NAME in installed
            and mark.installed.items() <= installed.items()
        )


def wanted_contents(project: Project) -> WantedContents:
    """requirements.lock where that is fresh, else requirements.txt; raises NotFoundError for what cannot be read."""
    lock = lock_state(project)
    source = LOCK_FILE if lock is LockState.FRESH else REQUIREMENTS_FILE
    return WantedContents(source, lock, read_requirements(project.folder, source), wheel_digest())


def sync_environment(project: Project, settings: SyncSettings, tools: Toolbox) -> Synced:
    """Bring PROJECT/.venv in line with the project's requirements; what is installed beside them stays.

    Must be called while the environment is held (``guard.working_on``). Raises NotFoundError, UsageError,
    NotWritableError, CheckFailedError (hashes) or CancelledError; an environment that was being made is gone then, one
    that was being replaced is back, one that was being updated is marked unless nothing of it changed.
    """
    wanted = wanted_contents(project)
    if settings.upgrade and wanted.lock is LockState.FRESH:
        raise UsageError(
            f"--upgrade cannot change the versions that {LOCK_FILE} pins.",
            hint="Pin newer ones first: packflow env lock --upgrade",
        )
    found = current_environment(project, settings.python)
    if found is not None:
        return _update(project, found, wanted, settings, tools)
    return _create(project, wanted, settings, tools)


def _create(project: Project, wanted: WantedContents, settings: SyncSettings, tools: Toolbox) -> Synced:
    folder = project.folder / ENVIRONMENT_DIR
    installer = choose_installer(settings.installer, tools)
    base = base_interpreter(project, settings.python)
    with new_environment(project.folder, base) as replaced:
        try:
            installer.create(folder, base, project.config.name)
        except ToolFailedError as error:
            raise creation_error(error.lines) from None
        made = replace(probe_interpreter(python_of(folder), OWN_ORIGIN), passed_over=base.passed_over)
        done = _install(folder, made, wanted, settings, installer)
    return replace(done, created=True, replaced=replaced)


def _update(
    project: Project, found: Interpreter, wanted: WantedContents, settings: SyncSettings, tools: Toolbox
) -> Synced:
    folder = project.folder / ENVIRONMENT_DIR
    mark = read_mark(folder)
    before = installed_with(found.path).versions
    if not settings.upgrade and wanted.are_in(found, mark, before):
        return Synced(folder, found, wanted.source, wanted.lock, len(before))
    installer = choose_installer(settings.installer, tools)
    write_mark(folder, replace(mark or Mark(made_here=False), finished=False))
    try:
        return _install(folder, found, wanted, settings, installer, before)
    except BaseException:
        with suppress(NotFoundError):
            if installed_with(found.path).versions == before:  # most failures are met before anything is changed
                write_mark(folder, mark)
        raise


def _install(
    folder: Path,
    environment: Interpreter,
    wanted: WantedContents,
    settings: SyncSettings,
    installer: Installer,
    before: dict[str, str] | None = None,
) -> Synced:
    """Install into an environment that is marked unfinished, and mark it whole."""
    sources = Sources(settings.wheelhouse, settings.offline, wanted.requirements.places)
    try:
        if wanted.requirements.wanted:
            installer.install(environment, wanted.source, sources, upgrade=settings.upgrade)
        installer.put_wheel(environment, carried_wheel())
    except ToolFailedError as error:
        raise installation_error(error.lines, wanted.requirements) from None
    after = installed_with(environment.path).versions
    mark = read_mark(folder) or Mark(made_here=False)
    digest = wanted.digest(environment)
    write_mark(folder, replace(mark, finished=True, digest=digest, runtime=wanted.runtime, installed=after))
    changes = _changes(before or {}, after)
    return Synced(folder, environment, wanted.source, wanted.lock, len(after), installer.name, changes=changes)


def _changes(before: dict[str, str], after: dict[str, str]) -> Changes:
    names = sorted(before.keys() | after.keys())
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
