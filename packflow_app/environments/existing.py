"""What stands where a project's environment goes: one to bring up to date, room for a new one, or a thing to leave."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.folders import (
    ENVIRONMENT_DIR,
    Mark,
    is_environment,
    python_of,
    read_mark,
    write_mark,
)
from packflow_app.environments.interpreters import (
    Interpreter,
    find_interpreter,
    fits,
    is_apps_own,
    probe_interpreter,
    resolve_python,
)
from packflow_app.errors import NotFoundError, UsageError, not_writable
from packflow_app.locations import STATE_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.projects.project import Project

OWN_ORIGIN = f"the project's {ENVIRONMENT_DIR}"
_FIT = "Name one that fits, or change python_requires in packflow.yaml."
_ANEW = "To make it anew: packflow env remove --force, then packflow env sync"


def current_environment(project: Project, chosen: str | None) -> Interpreter | None:
    """The Python of PROJECT/.venv where that is an environment to bring up to date; None where one is to be made.

    One that Packflow made is made anew when its Python is gone or is not the one wanted. Somebody else's is not: then
    NotFoundError or UsageError say what is wrong with it, and UsageError what is no environment at all.
    """
    folder = project.folder / ENVIRONMENT_DIR
    if folder.is_symlink() and not folder.exists():
        raise NotFoundError(
            f"{folder} is a link to {folder.readlink()}, which does not exist.",
            code="environment-broken",
            file=str(folder),
            hint=_ANEW,
        )
    mark = read_mark(folder)
    if not is_environment(folder) and mark is None:
        _check_room(folder)
        return None
    ours = is_ours(folder)
    if ours and mark is not None and not mark.finished and not mark.digest:
        return None  # never was whole
    try:
        found = probe_interpreter(python_of(folder), OWN_ORIGIN, project.folder)
        _check_wanted(project, found, chosen)
    except (NotFoundError, UsageError) as error:
        if ours and error.code in ("python-broken", "python-too-old", "python-unfit"):
            return None
        raise
    return found


def is_ours(folder: Path) -> bool:
    """Whether Packflow made the environment in ``folder``; what a link leads to is somebody else's."""
    mark = read_mark(folder)
    return mark is not None and mark.made_here and not folder.is_symlink()


def base_interpreter(project: Project, chosen: str | None) -> Interpreter:
    """The Python to make the project's environment of: ``chosen``, the one it was made of before, or the first found.

    Raises NotFoundError.
    """
    requires = project.config.python_requires
    mark = read_mark(project.folder / ENVIRONMENT_DIR)
    if chosen is None and mark is not None and mark.base:
        with suppress(NotFoundError):
            before = probe_interpreter(Path(mark.base), f"what {ENVIRONMENT_DIR} was made of", project.folder)
            if fits(before, requires):
                return before
    found = find_interpreter(project.folder, chosen, requires, for_new=True)
    if not fits(found, requires):
        raise _unfit(found, requires, _FIT)
    return found


@contextmanager
def new_environment(project_dir: Path, base: Interpreter) -> Iterator[bool]:
    """An empty marked folder at PROJECT/.venv for the time of the block; gives whether it stands in for an older one.

    When the block raises, the folder goes and the older environment comes back. After a kill the mark tells that the
    folder is unfinished, and the next sync begins again. Raises NotWritableError.
    """
    folder, state = project_dir / ENVIRONMENT_DIR, project_dir / STATE_DIR
    work, aside = (state / f"environment-{secrets.token_hex(4)}.partial" for _ in range(2))
    if is_apps_own(folder):
        raise UsageError(
            f"{folder} is the environment that Packflow itself runs in, and cannot be made anew from there.",
            hint="Run a Packflow that is installed elsewhere, for example with pipx.",
        )
    try:
        _make_room(folder, work, aside, Mark(made_here=True, base=str(base.path)))
    except OSError as error:
        raise not_writable(folder, error) from error
    try:
        yield (aside / "pyvenv.cfg").exists()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        _put_back(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _make_room(folder: Path, work: Path, aside: Path, mark: Mark) -> None:
    """Put a marked folder at ``folder``, and what was there ``aside``; or leave all as it was."""
    try:
        work.mkdir()
        write_mark(work, mark)
        (work / ".gitignore").write_text("*\n", encoding="utf-8")  # venv writes none before Python 3.13
        if folder.exists():
            folder.rename(aside)
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        _put_back(aside, folder)
        raise


def _put_back(aside: Path, folder: Path) -> None:
    with suppress(OSError):  # what failed before is the error to tell
        aside.rename(folder)


def _check_room(folder: Path) -> None:
    """Raise UsageError unless nothing or an empty folder is there."""
    try:
        if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
            return
    except OSError as error:
        raise not_writable(folder, error) from error
    raise UsageError(
        f"{folder} exists and is not a Python environment.",
        code="target-exists",
        file=str(folder),
        hint="Move it away and run it again.",
    )


def _check_wanted(project: Project, found: Interpreter, chosen: str | None) -> None:
    """Raise for an environment of another Python than ``chosen``, or than the project is for."""
    requires = project.config.python_requires
    if chosen is not None:
        wanted = probe_interpreter(resolve_python(chosen), "--python", project.folder)
        if not fits(wanted, requires):
            raise _unfit(wanted, requires, _FIT, code="python-chosen-unfit")
        if (wanted.version, _real(wanted)) != (found.version, _real(found)):
            raise UsageError(
                f"{project.folder / ENVIRONMENT_DIR} is of Python {found.version_text} in {found.base_prefix}, "
                f"not of {wanted.path}, and Packflow did not make it.",
                code="python-unfit",
                hint=f"{_ANEW} --python {shlex.quote(chosen)}",
            )
    if not fits(found, requires):
        raise _unfit(found, requires, _ANEW)


def _unfit(found: Interpreter, requires: str | None, hint: str, code: str = "python-unfit") -> NotFoundError:
    return NotFoundError(
        f"{found.path} ({found.origin}) is Python {found.version_text}; the project needs {requires}.",
        code=code,
        file="packflow.yaml",
        hint=hint,
    )


def _real(interpreter: Interpreter) -> str:
    return os.path.realpath(interpreter.base_prefix)
