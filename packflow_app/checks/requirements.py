"""requirements.txt: readable by pip, and met where the model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.environments.requirements import RUNTIME_NAME
from packflow_app.projects.requirements import REQUIREMENTS_FILE, RequirementProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context

_REFUSED = frozenset({"requirements-not-found", "requirements-unreadable", "requirements-cycle", "requirement-invalid"})
_SYNC = "packflow env sync"
_WRITE = "packflow dry-run --write-requirements"


@check(
    "requirements-file-missing",
    Severity.ERROR,
    why="Nobody could tell what to install where the archive runs; an empty file says that Python is enough.",
    fix=f"Create it; `{_WRITE}` lists what the model uses.",
    safe_fix=_WRITE,
    reads_config=False,
)
def requirements_file_missing(context: Context) -> Iterator[Spot]:
    """There is no requirements.txt."""
    if any(_is_the_file_itself(problem) for problem in context.declared.problems):
        yield Spot(f"{REQUIREMENTS_FILE} does not exist.", REQUIREMENTS_FILE)


@check(
    "requirement-invalid",
    Severity.ERROR,
    why="pip then installs nothing at all, so no environment can be made for the model.",
    fix="Mend the line: a name, extras, a version and a marker, such as numpy[extra]~=2.0; python_version < '3.12'",
    needed_to_run=True,
    reads_config=False,
)
def requirement_invalid(context: Context) -> Iterator[Spot]:
    """A line of requirements.txt, or of a file that it includes, is one that pip refuses."""
    for problem in context.declared.problems:
        if problem.code in _REFUSED and not _is_the_file_itself(problem):
            yield Spot(problem.message, problem.file, problem.line)


@check(
    "requirement-unclear",
    Severity.WARNING,
    why="What gets installed may not be what is meant.",
    fix="Mend the line.",
    reads_config=False,
)
def requirement_unclear(context: Context) -> Iterator[Spot]:
    """requirements.txt holds what pip takes and people stumble over: bytes that are no UTF-8, a name listed twice."""
    for problem in context.declared.problems:
        if problem.code not in _REFUSED:
            yield Spot(problem.message, problem.file, problem.line)


@check(
    "requirement-editable",
    Severity.ERROR,
    why="It is a link to a folder of this machine: where the archive runs nothing is installed for it.",
    fix="Move its code into the project and remove the line, or name a released version.",
    reads_config=False,
)
def requirement_editable(context: Context) -> Iterator[Spot]:
    """requirements.txt asks for an editable installation (`-e`)."""
    for one in context.declared.declarations:
        if one.is_editable and not one.is_constraint:
            yield Spot(f"{one.text} cannot be installed from an archive.", one.file, one.line)


@check(
    "runtime-listed",
    Severity.ERROR,
    why="Packflow puts the one that belongs to it into every environment and archive; a second would get in its way.",
    fix="Remove the line.",
    needed_to_run=True,
    reads_config=False,
)
def runtime_listed(context: Context) -> Iterator[Spot]:
    """requirements.txt lists Packflow's runtime."""
    for one in context.declared.declarations:
        if one.name == RUNTIME_NAME:
            yield Spot(f"{RUNTIME_NAME} is listed.", one.file, one.line)


@check(
    "environment-incomplete",
    Severity.ERROR,
    why="A verdict from another environment than the one that is shipped would prove nothing.",
    fix=f"Install what is asked for: {_SYNC}",
    safe_fix=_SYNC,
    needed_to_run=True,
)
def environment_incomplete(context: Context) -> Iterator[Spot]:
    """The model is to be run, and its Python lacks what requirements.txt asks for."""
    if context.verdict.to_run:
        yield from _unmet(context)


@check(
    "requirement-mismatch",
    Severity.WARNING,
    why="The next dry run will refuse to start, and tests you run there are about other versions.",
    fix=f"Install what is asked for with {_SYNC}, or change the line.",
    safe_fix=_SYNC,
)
def requirement_mismatch(context: Context) -> Iterator[Spot]:
    """The project's Python has another version than requirements.txt asks for, or none."""
    if not context.verdict.to_run:
        yield from _unmet(context)


def _unmet(context: Context) -> Iterator[Spot]:
    python = context.python.interpreter
    origin = python.origin if python is not None else ""
    for one in context.python.unmet:
        there = f"has {one.name} {one.installed}" if one.installed else "does not have it"
        yield Spot(f"{one.wanted} is asked for; {origin} {there}.", one.file, one.line)


def _is_the_file_itself(problem: RequirementProblem) -> bool:
    """Whether it is requirements.txt that is missing, not a file that it includes."""
    return problem.code == "requirements-not-found" and problem.line is None
