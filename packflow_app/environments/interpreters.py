"""Find the Python that runs a project's model, and ask it who it is by running it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.folders import ENVIRONMENT_DIR, is_environment, is_unfinished, python_of
from packflow_app.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLDEST = (3, 10)
_PROBE_SECONDS = 30
_PROBE = (
    "import json, platform, sys; "
    "print(json.dumps([list(sys.version_info[:3]), platform.python_implementation(), "
    "sys.prefix, sys.base_prefix, sys.executable]))"
)
_BROKEN_HINT = "Choose a working Python (3.10 or later) with --python."
_BROKEN_OWN_HINT = "Make the environment anew with `packflow env sync`, or choose another Python with --python."


@dataclass(frozen=True)
class Interpreter:
    """A Python that was run and answered; ``origin`` says in the user's words where it came from.

    ``path`` is what it calls itself, so that a shim, which answers by the folder it is started in, is not in the way.
    ``passed_over`` are the places that came before it and were not taken.
    """

    path: Path
    version: tuple[int, int, int]
    implementation: str
    prefix: str
    base_prefix: str
    origin: str
    passed_over: tuple[Candidate, ...] = ()

    @property
    def version_text(self) -> str:
        """The version as people write it, such as 3.11.7."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class Candidate:
    """A place where a Python was looked for: either ``interpreter`` answered there, or ``error`` says why not.

    ``reason`` says in a few words why this one is not taken, and is empty for one that can be. ``own`` marks the one
    chosen by name and the project's environments: when such a one is broken, nothing else is taken in its stead.
    """

    origin: str
    path: Path
    own: bool
    interpreter: Interpreter | None = None
    error: NotFoundError | None = None
    reason: str = ""


def find_interpreter(
    project_dir: Path, chosen: str | None = None, requires: str | None = None, *, for_new: bool = False
) -> Interpreter:
    """The Python for a project: the first usable one of ``candidates``.

    Raises NotFoundError when ``chosen`` or the project's own environment does not run, is older than 3.10 or was left
    half-made, and when nothing at all can be used.
    """
    passed: list[Candidate] = []
    for candidate in candidates(project_dir, chosen, requires, for_new=for_new):
        if candidate.own and candidate.error is not None:
            raise candidate.error
        if candidate.interpreter is not None and not candidate.reason:
            return replace(candidate.interpreter, passed_over=tuple(passed))
        passed.append(candidate)
    tried = "; ".join(f"{candidate.origin}: {candidate.reason}" for candidate in passed)
    wanted = f"Python {requires}" if requires else "Python 3.10 or later"
    raise NotFoundError(
        f"There is no {wanted} to run the project.",
        code="python-not-found",
        detail=f"{tried}.",
        hint="Install one, or name one with --python.",
    )


def candidates(
    project_dir: Path, chosen: str | None = None, requires: str | None = None, *, for_new: bool = False
) -> Iterator[Candidate]:
    """Every place to look for the project's Python, in order, each probed by running it as the iteration reaches it.

    ``chosen`` (a path, a command, an environment's folder or a version), the project's .venv and venv, $VIRTUAL_ENV,
    conda's environment, PATH, and the interpreter that Packflow was installed with. The app's own environment is not
    taken. ``requires`` is the project's python_requires; places found for the user must fit it, while one that is
    chosen or the project's own may be tried against it. ``for_new``: to make the project's .venv of, which is then not
    looked at itself. Raises NotFoundError when ``chosen`` leads nowhere.
    """
    for origin, path, own in _places(project_dir, chosen, for_new=for_new):
        try:
            if own and is_unfinished(path.parent.parent):
                raise _half_made(path.parent.parent)
            hint = _BROKEN_OWN_HINT if own and chosen is None else _BROKEN_HINT
            found = probe_interpreter(path, origin, project_dir, hint)
        except NotFoundError as error:
            yield Candidate(origin, path, own, error=error, reason=error.detail or error.title.rstrip("."))
        else:
            yield Candidate(origin, path, own, found, reason="" if own else _unfit(found, requires))


def _places(project_dir: Path, chosen: str | None, *, for_new: bool) -> Iterator[tuple[str, Path, bool]]:
    """Origin, path, and whether it is the one chosen or the project's own."""
    if chosen is not None:
        yield "--python", resolve_python(chosen), True
    for name in ("venv",) if for_new else (ENVIRONMENT_DIR, "venv"):
        folder = project_dir / name
        if is_environment(folder) or is_unfinished(folder) or (folder.is_symlink() and not folder.exists()):
            yield f"the project's {name}", python_of(folder), not for_new
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if os.environ.get(variable):
            yield f"${variable}", python_of(Path(os.environ[variable])), False
    for command in ("python3", "python"):
        path = shutil.which(command)
        if path is not None:
            yield f"{command} on PATH", Path(path).absolute(), False
    yield "the Python that Packflow was installed with", Path(_base_executable()), False


def resolve_python(chosen: str) -> Path:
    """The path that ``--python`` means; raises NotFoundError where there is none."""
    folder = Path(chosen)
    if is_environment(folder):
        return python_of(folder.absolute())
    path = shutil.which(chosen)
    if path is None and re.fullmatch(r"3(\.\d+)?", chosen):
        path = shutil.which(f"python{chosen}")
    if path is None:
        raise NotFoundError(
            f"There is no Python at {chosen}.", code="python-not-found", hint="Give --python a path or a command."
        )
    return Path(path).absolute()


def _unfit(found: Interpreter, requires: str | None) -> str:
    """Why an interpreter that runs is not for this project, if so."""
    if is_apps_own(found.prefix):
        return "it is Packflow's own environment"
    if not fits(found, requires):
        return f"it is Python {found.version_text}, the project needs {requires}"
    return ""


def is_apps_own(environment: str | Path) -> bool:
    """Whether ``environment`` is the one that Packflow itself runs in."""
    return sys.prefix != sys.base_prefix and os.path.realpath(environment) == os.path.realpath(sys.prefix)


def fits(found: Interpreter, requires: str | None) -> bool:
    """Whether an interpreter's version is in the range ``requires``; None is any."""
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - where a range is given

    return requires is None or SpecifierSet(requires).contains(found.version_text)


def probe_interpreter(path: Path, origin: str, folder: Path | None = None, hint: str = _BROKEN_HINT) -> Interpreter:
    """Run the Python at ``path`` and ask who it is; raises NotFoundError, with ``hint``, when that fails or it is old.

    It is run in ``folder``, by which shims choose a version.
    """
    try:
        answer = subprocess.run(
            [str(path), "-I", "-c", _PROBE],
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            cwd=folder,
        )
        (major, minor, patch), implementation, prefix, base_prefix, executable = json.loads(answer.stdout)
        version = (int(major), int(minor), int(patch))
        itself = Path(executable) if executable else path
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        raise NotFoundError(
            f"{path} ({origin}) does not run as a Python: {_reason(error)}.", code="python-broken", hint=hint
        ) from None
    found = Interpreter(itself, version, implementation, prefix, base_prefix, origin)
    if found.version < _OLDEST:
        raise NotFoundError(
            f"{path} ({origin}) is Python {found.version_text}; Packflow's runtime needs 3.10 or later.",
            code="python-too-old",
            hint=hint,
        )
    return found


def _half_made(folder: Path) -> NotFoundError:
    return NotFoundError(
        f"{folder} is half-made: a `packflow env sync` was interrupted.",
        code="environment-unfinished",
        hint="Run `packflow env sync` to finish it, or choose another Python with --python.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit code {error.returncode}{_said(error.stderr)}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {_PROBE_SECONDS} s"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it does not answer as one"


def _said(stderr: bytes) -> str:
    """What a program said as it failed, in one line: the first, or a traceback's last."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return ""
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return f", {line.strip().rstrip('.')[:200]}"


def _base_executable() -> str:
    """The interpreter that the app's own environment was made from."""
    return getattr(sys, "_base_executable", None) or sys.executable
