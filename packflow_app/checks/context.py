"""One look at a project, of which every rule is a function."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.checks.check import Spot
from packflow_app.checks.verdict import Verdict, verdict_on
from packflow_app.environments.interpreters import Interpreter, find_interpreter
from packflow_app.environments.lock import LockState, lock_state
from packflow_app.environments.requirements import UnmetRequirement, missing_requirements
from packflow_app.errors import NotFoundError
from packflow_app.placing import absolute
from packflow_app.projects.contents import Contents
from packflow_app.projects.project import Project, check_folder
from packflow_app.projects.requirements import REQUIREMENTS_FILE, DeclaredRequirements, read_declared
from packflow_app.runtime import (
    CONFIG_FILE,
    GoldenEvents,
    PackflowError,
    ProjectConfig,
    parse_project_config,
    parse_yaml,
    read_config_bytes,
    read_golden,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class PythonFound:
    """The Python that would run the model, or why there is none, and the requirements that it does not meet."""

    interpreter: Interpreter | None = None
    error: PackflowError | None = None
    unmet: list[UnmetRequirement] = field(default_factory=list)


@dataclass(frozen=True)
class Context:
    """A project as rules see it; where a part could not be read, an error stands for it and the part is empty.

    ``lines`` are those of packflow.yaml's keys, dotted (``dry_run.events``); ``digest`` is that of the contents.
    ``project`` has a default configuration where packflow.yaml cannot be read; ``config_error`` tells.
    """

    project: Project
    lines: Mapping[str, int]
    config_error: PackflowError | None
    contents: Contents
    contents_error: PackflowError | None
    digest: str | None
    declared: DeclaredRequirements
    lock: LockState
    python: PythonFound
    golden: GoldenEvents | None
    golden_error: PackflowError | None
    verdict: Verdict

    @property
    def folder(self) -> Path:
        """The project's folder, absolute."""
        return self.project.folder

    @property
    def config(self) -> ProjectConfig:
        """What packflow.yaml says."""
        return self.project.config

    def text(self, name: str) -> bytes | None:
        """The bytes of a file of the project; None where there is none that can be read."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def spot_of(self, error: PackflowError, file: str | None = None) -> Spot:
        """What an error says, at the place it names (else at ``file``), with its next step and exit code."""
        title = error.title if error.title.endswith(".") else f"{error.title}."
        named = error.file or file
        if named is not None and Path(named).is_absolute() and Path(named).is_relative_to(self.folder):
            named = Path(named).relative_to(self.folder).as_posix()
        return Spot(f"{title} {error.detail}".strip(), named, error.line, error.hint, error.exit_code)

    def wants_run(self) -> Context:
        """The same, with a dry run to come unless the kept one says all."""
        return replace(self, verdict=replace(self.verdict, to_run=not self.verdict.is_complete))

    def after_run(self, error: PackflowError | None = None) -> Context:
        """The same with the verdict that is kept by now, and with what ended the run that was to give one.

        The verdict is still about the files as they were looked at: what the model itself wrote does not make it old.
        """
        return replace(self, verdict=replace(verdict_on(self.folder, self.digest, self.golden), error=error))


def look_at(folder: Path, python: str | None = None) -> Context:
    """Look at the project in ``folder`` and change nothing; ``python`` is as ``--python`` names it.

    Raises NotFoundError where there is no such folder, ProjectConfigError where it has no packflow.yaml; everything
    else that is wrong is in the context.
    """
    folder = absolute(folder)
    source = _config_bytes(folder)
    config, lines, config_error = _config(folder, source)
    project = Project(folder, config)
    contents, contents_error = _contents(project)
    golden, golden_error = _golden(folder)
    digest = None if config_error or contents_error else _digest(project, contents)
    return Context(
        project=project,
        lines=lines,
        config_error=config_error,
        contents=contents,
        contents_error=contents_error,
        digest=digest,
        declared=read_declared(folder / REQUIREMENTS_FILE),
        lock=_lock(project),
        python=PythonFound() if config_error else _python(project, python),
        golden=golden,
        golden_error=golden_error,
        verdict=verdict_on(folder, digest, golden),
    )


def _config_bytes(folder: Path) -> bytes:
    check_folder(folder)
    return read_config_bytes(folder)


def _config(folder: Path, source: bytes) -> tuple[ProjectConfig, Mapping[str, int], PackflowError | None]:
    try:
        return parse_project_config(source, file=CONFIG_FILE), _key_lines(source), None
    except PackflowError as error:
        return ProjectConfig(name=folder.name), {}, error


def _key_lines(source: bytes) -> dict[str, int]:
    lines: dict[str, int] = {}
    waiting = [("", parse_yaml(source))]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node.value, dict):
            for key, below in node.value.items():
                lines[f"{prefix}{key}"] = below.line
                waiting.append((f"{prefix}{key}.", below))
    return lines


def _contents(project: Project) -> tuple[Contents, PackflowError | None]:
    try:
        return project.contents(), None
    except PackflowError as error:
        return Contents({}, {}), error


def _digest(project: Project, contents: Contents) -> str | None:
    try:
        return project.digest(contents, reuse=True)
    except NotFoundError:  # a file that may not be read, or is gone since; running the model tells
        return None


def _lock(project: Project) -> LockState:
    try:
        return lock_state(project)
    except PackflowError:  # requirements that pip refuses, which is found where they are read
        return LockState.MISSING


def _golden(folder: Path) -> tuple[GoldenEvents | None, PackflowError | None]:
    try:
        return read_golden(folder), None
    except PackflowError as error:
        return None, error


def _python(project: Project, chosen: str | None) -> PythonFound:
    try:
        interpreter = find_interpreter(project.folder, chosen, project.config.python_requires)
    except PackflowError as error:
        return PythonFound(error=error)
    try:
        return PythonFound(interpreter, unmet=missing_requirements(project, interpreter))
    except PackflowError:  # a line that pip refuses, which is found where requirements are read
        return PythonFound(interpreter)
