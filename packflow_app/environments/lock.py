"""requirements.lock: every distribution pinned and hashed, for each Python and system that the project is for."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from packflow_app.environments.failures import installation_error
from packflow_app.environments.installers import UV_VARIABLES, find_uv, uv_indexes, uv_missing
from packflow_app.environments.requirements import Requirements, read_requirements
from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import NotFoundError, not_writable
from packflow_app.locations import LOCK_FILE, STATE_DIR
from packflow_app.placing import sibling
from packflow_app.projects.requirements import REQUIREMENTS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.environments.tools import Toolbox
    from packflow_app.projects.project import Project

_HEADER = re.compile(rb"# packflow lock 1: requirements sha256:([0-9a-f]{64})\r?\n")
_OLDEST = (3, 10)


class LockState(str, Enum):
    """How requirements.lock stands to requirements.txt; stale also when packflow did not write it."""

    MISSING = "missing"
    STALE = "stale"
    FRESH = "fresh"


@dataclass(frozen=True)
class Locked:
    """A lock in its place; ``python`` is the oldest it is for, ``unchanged`` says that the same bytes stood there."""

    path: Path
    packages: int
    python: str
    unchanged: bool


def lock_state(project: Project) -> LockState:
    """Whether the project's lock is there and is of its requirements and Python range as they are now.

    Raises NotFoundError when either file cannot be read.
    """
    try:
        content = (project.folder / LOCK_FILE).read_bytes()
    except FileNotFoundError:
        return LockState.MISSING
    except OSError as error:
        raise NotFoundError(
            f"{project.folder / LOCK_FILE} cannot be read: {error.strerror}.",
            code="lock-unreadable",
            file=LOCK_FILE,
            hint="Mend it, or remove it and run `packflow env lock`.",
        ) from error
    match = _HEADER.match(content)
    if match is None or match[1].decode() != _digest(project, read_requirements(project.folder)):
        return LockState.STALE
    return LockState.FRESH


def write_lock(project: Project, python: Interpreter, tools: Toolbox, *, upgrade: bool = False) -> Locked:
    """Resolve requirements.txt with uv and write the lock, keeping the versions of the one before that still fit.

    Universal: one file for every system, with markers. The same requirements, index and earlier lock give the same
    bytes. ``python`` runs what resolving has to build. Raises NotFoundError without uv and for requirements that
    cannot be met, NotWritableError.
    """
    binary = find_uv()
    if binary is None:
        raise uv_missing("A lock")
    requirements = read_requirements(project.folder)
    oldest = oldest_python(project.config.python_requires) or python.version[:2]
    minor = ".".join(map(str, oldest))
    target = project.folder / LOCK_FILE
    before = target.read_bytes() if target.is_file() else None
    work = project.folder / STATE_DIR / f"lock-{secrets.token_hex(4)}.partial"
    try:
        if before is not None:
            work.write_bytes(before)
        command = [
            binary,
            "pip",
            "compile",
            REQUIREMENTS_FILE,
            "-o",
            str(work),
            "--universal",
            "--no-header",
            "--quiet",
        ]
        command += ["--generate-hashes", "--python", str(python.path), "--python-version", minor]
        indexes = uv_indexes(python, project.folder, requirements.places)
        tools.run("lock", [*command, *(["--upgrade"] if upgrade else [])], {**UV_VARIABLES, **indexes})
        pins = work.read_text(encoding="utf-8")
        content = _text(project, requirements, pins).encode()
        if content != before:
            _write(target, content)
    except ToolFailedError as error:
        raise installation_error(error.lines, requirements) from None
    except OSError as error:
        raise not_writable(target, error) from error
    finally:
        work.unlink(missing_ok=True)
    return Locked(target, len(re.findall(r"^[A-Za-z0-9]", pins, re.MULTILINE)), minor, content == before)


def oldest_python(requires: str | None) -> tuple[int, int] | None:
    """The oldest minor version in a python_requires, at least 3.10; None where there is no range."""
    if requires is None:
        return None
    lower = re.findall(r"(?:>=|~=|==|>)\s*(\d+)(?:\.(\d+))?", requires)
    return max([_OLDEST, *((int(major), int(minor or 0)) for major, minor in lower)])


def _digest(project: Project, requirements: Requirements) -> str:
    return requirements.digest(f"python {project.config.python_requires or ''}".strip())


def _text(project: Project, requirements: Requirements, pins: str) -> str:
    """A valid requirements file: a comment that says of what it is, where to look as requirements.txt has it, pins."""
    places = "".join(f"{line}\n" for line in requirements.places)
    return f"# packflow lock 1: requirements sha256:{_digest(project, requirements)}\n{places}{pins}"


def _write(target: Path, content: bytes) -> None:
    work = sibling(target)
    try:
        work.write_bytes(content)
        work.replace(target)
    finally:
        work.unlink(missing_ok=True)
