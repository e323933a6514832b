"""What an environment is to hold by the project's requirements, and which of it is not there."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.environments.installed import Installed, installed_with
from packflow_app.errors import NotFoundError
from packflow_app.projects.requirements import REQUIREMENTS_FILE, Declaration, RequirementProblem, read_declared

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.projects.project import Project

RUNTIME_NAME = "packflow-runtime"
_REFUSED = ("requirements-not-found", "requirements-unreadable", "requirements-cycle", "requirement-invalid")
_OF_A_PLACE = re.compile(r"(-i|-f|--((index|extra-index)-url|no-index|find-links|trusted-host))(?=[\s=]|$)")
_SHOWN = 5


@dataclass(frozen=True)
class Requirements:
    """The requirements of a file and those it includes, in order, without constraints.

    ``lines`` are all that count for what is installed, ``places`` the options among them that say where to look
    (indexes, folders of wheels).
    """

    wanted: tuple[Declaration, ...] = ()
    lines: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @property
    def has_folders(self) -> bool:
        """Whether something is installed from the project's own disk, where it changes without a new version."""
        return any(one.parsed is None and "://" not in one.text for one in self.wanted)

    def digest(self, *others: str) -> str:
        """SHA-256 over what the requirements ask for and ``others``; comments and blanks do not count."""
        return hashlib.sha256("\n".join([*self.lines, "", *others]).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class UnmetRequirement:
    """A requirement that an environment does not meet; ``installed`` is the version there, None where there is none."""

    name: str
    wanted: str
    installed: str | None
    file: str
    line: int


def read_requirements(project_dir: Path, name: str = REQUIREMENTS_FILE) -> Requirements:
    """Read the file ``name`` of a project; raises NotFoundError with file and line for what pip would refuse."""
    declared = read_declared(project_dir / name)
    refused = next((problem for problem in declared.problems if problem.code in _REFUSED), None)
    if refused is not None:
        raise _refusal(project_dir, name, refused)
    own = next((one for one in declared.declarations if one.name == RUNTIME_NAME), None)
    if own is not None:
        raise NotFoundError(
            f"{own.file} lists {RUNTIME_NAME}, which Packflow puts into every environment itself.",
            code="requirement-invalid",
            file=own.file,
            line=own.line,
            hint=f"Remove that line of {own.file}.",
        )
    return Requirements(
        tuple(one for one in declared.declarations if not one.is_constraint),
        (*declared.options, *map(_essence, declared.declarations)),
        tuple(option for option in declared.options if _OF_A_PLACE.match(option)),
    )


def missing_requirements(
    project: Project, interpreter: Interpreter, installed: Installed | None = None
) -> list[UnmetRequirement]:
    """What requirements.txt asks for and ``interpreter`` does not have, in the file's order.

    Looks at what the file names itself; nothing for a project without one. Unless ``installed`` says what that Python
    has, it takes a start of it, about 0.1 s. Raises NotFoundError for a file that pip would refuse.
    """
    if not (project.folder / REQUIREMENTS_FILE).is_file():
        return []
    requirements = read_requirements(project.folder)
    return unmet(requirements, installed or installed_with(interpreter.path)) if requirements.wanted else []


def missing_error(interpreter: Interpreter, missing: list[UnmetRequirement]) -> NotFoundError:
    """The error for requirements that ``interpreter`` does not meet, naming the command that installs them."""
    named = ", ".join(
        one.wanted + (f" (installed: {one.installed})" if one.installed else "") for one in missing[:_SHOWN]
    )
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return NotFoundError(
        f"{interpreter.path} ({interpreter.origin}) does not have what the project requires: {named}{more}.",
        code="requirements-missing",
        file=missing[0].file,
        line=missing[0].line,
        hint="Install it: packflow env sync",
    )


def unmet(requirements: Requirements, installed: Installed) -> list[UnmetRequirement]:
    """Compare requirements with what is installed; lines whose marker does not hold there do not count."""
    found: list[UnmetRequirement] = []
    for one in requirements.wanted:
        if not one.name or not applies(one, installed):
            continue
        version = installed.versions.get(one.name)
        if version is None or not _meets(one, version):
            found.append(UnmetRequirement(one.name, one.text, version, one.file, one.line))
    return found


def applies(one: Declaration, installed: Installed) -> bool:
    """Whether a requirement is for this environment, by its marker."""
    marker = one.parsed.marker if one.parsed is not None else None
    if marker is None:
        return True
    try:
        return marker.evaluate({**installed.markers, "extra": ""})
    except ValueError:  # a comparison that makes no sense, such as python_version ~= 'x'
        return True


def _meets(one: Declaration, version: str) -> bool:
    return one.parsed is None or one.parsed.specifier.contains(version, prereleases=True)


def _essence(one: Declaration) -> str:
    return " ".join([*(["-c"] if one.is_constraint else []), *one.text.split(), *one.hashes])


def _refusal(project_dir: Path, name: str, problem: RequirementProblem) -> NotFoundError:
    if problem.code == "requirements-not-found" and problem.line is None:
        return NotFoundError(
            f"The project has no {name}.",
            code=problem.code,
            file=str(project_dir / name),
            hint="Create it, one requirement a line; an empty one is fine for a model that needs only Python.",
        )
    place = f"line {problem.line} of {problem.file}" if problem.line is not None else problem.file
    return NotFoundError(
        problem.message, code=problem.code, file=problem.file, line=problem.line, hint=f"Mend {place}."
    )
