"""A Python that has what a new project needs: one that is there already, or an environment made for it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.folders import ENVIRONMENT_DIR, is_environment
from packflow_app.environments.guard import working_on
from packflow_app.environments.installed import Installed, installed_with
from packflow_app.environments.interpreters import Interpreter, find_interpreter
from packflow_app.environments.managed import python_named
from packflow_app.environments.requirements import missing_error, read_requirements, unmet
from packflow_app.environments.sync import SyncSettings, sync_environment
from packflow_app.errors import UsageError
from packflow_app.projects.project import Project
from packflow_app.projects.requirements import REQUIREMENTS_FILE
from packflow_app.projects.scaffold import is_unfinished
from packflow_app.runtime import ProjectConfig

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from packflow_app.environments.requirements import UnmetRequirement
    from packflow_app.environments.tools import EnvironmentProgressed


@dataclass(frozen=True)
class Provision:
    """A Python and what it has; ``missing`` is what it lacks of what was asked for."""

    interpreter: Interpreter
    installed: Installed
    missing: tuple[UnmetRequirement, ...] = ()

    def pinned(self, names: Sequence[str]) -> list[str]:
        """``NAME==VERSION`` of each, as it is there; without what a version says of its build alone (``+cpu``)."""
        found = self.installed.versions
        return [f"{name}=={found[name].partition('+')[0]}" if name in found else name for name in names]


def existing_python(target: Path, chosen: str | None, needed: Sequence[str]) -> Provision:
    """The Python that a dry run of the project at ``target`` would take, and what of ``needed`` it lacks.

    Raises NotFoundError where there is none.
    """
    with tempfile.TemporaryDirectory(prefix="packflow-init-") as work:
        # What a killed init left is not looked at: its environment is made whole, or made anew.
        folder = target if target.is_dir() and not is_unfinished(target) else Path(work)
        found = find_interpreter(folder, chosen)
        Path(work, REQUIREMENTS_FILE).write_text("".join(f"{line}\n" for line in needed), encoding="utf-8")
        installed = installed_with(found.path)
        missing = unmet(read_requirements(Path(work)), installed) if needed else []
    return Provision(found, installed, tuple(missing))


def made_environment(
    target: Path,
    name: str,
    chosen: str | None,
    report: Callable[[EnvironmentProgressed], None],
    cancel: threading.Event,
) -> Provision:
    """Make TARGET/.venv hold what TARGET/requirements.txt asks for; raises what ``sync_environment`` does."""
    project = Project(target, ProjectConfig(name=name))
    with working_on(target, report, cancel) as tools:
        python = python_named(chosen, tools) if chosen is not None else None
        synced = sync_environment(project, SyncSettings(python), tools)
    return Provision(synced.interpreter, installed_with(synced.interpreter.path))


def check_can_make(target: Path, found: Provision, *, anew: bool = False) -> None:
    """Raise NotFoundError where the folder has an environment already, which is left as it is.

    UsageError where one is asked for ``anew`` though the one there lacks nothing.
    """
    if is_environment(target / ENVIRONMENT_DIR) and not is_unfinished(target):
        if anew and not found.missing:
            raise UsageError(
                f"{target / ENVIRONMENT_DIR} is there already and has what the model needs.",
                code="environment-exists",
                hint="Leave --python out, which takes it.",
            )
        raise missing_error(found.interpreter, list(found.missing))
