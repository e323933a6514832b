"""How a project's environment is: which Python and why, what is there and what should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.environments.existing import is_ours
from packflow_app.environments.folders import ENVIRONMENT_DIR, is_environment, is_unfinished, read_mark
from packflow_app.environments.installed import Installed, installed_with
from packflow_app.environments.interpreters import Candidate, Interpreter, candidates
from packflow_app.environments.requirements import RUNTIME_NAME, UnmetRequirement, applies, unmet
from packflow_app.environments.sync import WantedContents, wanted_contents
from packflow_app.runtime import runtime_version

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.projects.project import Project


@dataclass(frozen=True)
class RuntimeState:
    """The runtime's version in the environment (None: not there) and the one that Packflow carries.

    ``same`` is False for other bytes under the same version too, where Packflow put them there.
    """

    installed: str | None
    carried: str
    same: bool


@dataclass(frozen=True)
class EnvironmentOverview:
    """What ``packflow env info`` tells.

    ``chosen`` is the candidate that would run the project, None where there is none or the project's own is broken.
    ``exists`` is whether an environment is at ``folder``. ``in_sync`` is whether ``packflow env sync`` would have
    nothing to do. ``requirements`` counts those of ``contents`` that apply, ``unmet`` are the ones ``chosen`` does not
    have.
    """

    folder: Path
    exists: bool
    ours: bool
    unfinished: bool
    in_sync: bool
    chosen: Candidate | None
    candidates: list[Candidate]
    contents: WantedContents
    requirements: int
    unmet: list[UnmetRequirement]
    installed: dict[str, str]
    runtime: RuntimeState


def environment_overview(project: Project, chosen: str | None = None) -> EnvironmentOverview:
    """Look at everything and change nothing; raises NotFoundError for requirements that cannot be read."""
    contents = wanted_contents(project)
    found = list(candidates(project.folder, chosen, project.config.python_requires))
    taken = _taken(found)
    python = taken.interpreter if taken is not None else None
    installed = installed_with(python.path) if python is not None else Installed({}, {})
    folder = project.folder / ENVIRONMENT_DIR
    mark = read_mark(folder)
    is_own = python is not None and _is_of(python, folder)
    return EnvironmentOverview(
        folder=folder,
        exists=is_environment(folder),
        ours=is_ours(folder),
        unfinished=is_unfinished(folder),
        in_sync=python is not None and is_own and contents.are_in(python, mark, installed.versions),
        chosen=taken,
        candidates=found,
        contents=contents,
        requirements=sum(applies(line, installed) for line in contents.requirements.wanted) if python else 0,
        unmet=unmet(contents.requirements, installed) if python is not None else [],
        installed=installed.versions,
        runtime=_runtime(installed, mark.runtime if mark is not None and is_own else None, contents.runtime),
    )


def _taken(found: list[Candidate]) -> Candidate | None:
    """The first that can be; a broken one of the project's own ends the search, as it does for a dry run."""
    for candidate in found:
        if candidate.own and candidate.error is not None:
            return None
        if candidate.interpreter is not None and not candidate.reason:
            return candidate
    return None


def _is_of(python: Interpreter, folder: Path) -> bool:
    return python.path.is_relative_to(folder)


def _runtime(installed: Installed, put_there: str | None, carried: str) -> RuntimeState:
    version = installed.versions.get(RUNTIME_NAME)
    same = version == runtime_version and put_there in (None, carried)
    return RuntimeState(version, runtime_version, same)
