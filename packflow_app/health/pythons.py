"""The Pythons of this machine: which of them may run models, and which one starts archives."""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.interpreters import Candidate, Interpreter, candidates, is_apps_own, probe_interpreter
from packflow_app.errors import NotFoundError
from packflow_app.health.finding import Finding, error, note, ok, warning
from packflow_app.wording import home_path

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTED = ((3, 10), (3, 13))
"""The oldest and the newest Python that the runtime is tested on."""

_MINORS = range(8, 20)
_MOST_AT_ONCE = 4
_TESTED_TEXT = " to ".join(".".join(map(str, version)) for version in TESTED)
_INSTALL = f"Install Python {_TESTED_TEXT}, by the system's packages, from python.org, or by `uv python install`."


def examine(folder: Path) -> Iterator[Finding]:
    """Run each Python there is and tell what it is for; ``folder`` is where a project would be."""
    listed = list(candidates(folder))
    usable = [one.interpreter for one in listed if one.interpreter is not None and not one.reason]
    known = {one.path.resolve() for one in listed}
    others = [path for path in _others() if path.resolve() not in known]
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        probed = list(pool.map(_probe, others))
    usable += [one for one in probed if isinstance(one, Interpreter)]
    distinct = {(one.prefix, one.version): one for one in reversed(usable)}
    for one in sorted(distinct.values(), key=lambda one: one.version, reverse=True):
        yield _told(one)
    for candidate in listed:
        if candidate.error is not None:
            yield _unusable(candidate.origin, candidate.path, candidate.error)
        elif candidate.reason:
            yield note(candidate.origin, f"{home_path(candidate.path)}: {candidate.reason}")
    if not usable:
        yield error(
            "for projects",
            "none",
            "python-not-found",
            "No Python here can run a project's model.",
            _INSTALL,
        )
    yield _starting(listed)


def _others() -> list[Path]:
    """Pythons that are not looked for unasked, and that ``--python`` takes: by minor version, pyenv's and uv's."""
    found = [Path(path) for minor in _MINORS if (path := shutil.which(f"python3.{minor}")) is not None]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or _data_home() / "uv" / "python")
    for root in (pyenv, uv):
        found += sorted(root.glob("3.*/bin/python3")) + sorted(root.glob("cpython-*/bin/python3"))
        found += sorted(root.glob("cpython-*/python.exe"))
    return list({path.resolve(): path.absolute() for path in found if "shims" not in path.parts}.values())


def _data_home() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("APPDATA") or Path.home())
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _probe(path: Path) -> Interpreter | None:
    """One that is too old, or does not run, was not asked for: it is nobody's fault."""
    try:
        found = probe_interpreter(path, "")
    except NotFoundError:
        return None
    return None if is_apps_own(found.prefix) else found


def _told(one: Interpreter) -> Finding:
    where = f"{home_path(one.path)}{f' ({one.origin})' if one.origin else ''}"
    kind = "" if one.implementation == "CPython" else f" {one.implementation}"
    name = f"{one.version_text}{kind}"
    if one.version[:2] > TESTED[1]:
        return note(name, f"{where}: newer than the runtime is tested on ({_TESTED_TEXT})")
    if kind:
        return note(name, f"{where}: the runtime is tested on CPython only")
    return ok(name, where)


def _unusable(origin: str, path: Path, problem: NotFoundError) -> Finding:
    if problem.code == "python-too-old":
        version = re.search(r"is Python ([\d.]+\d)", problem.title)
        return note(origin, f"{home_path(path)}: {version[1] if version else ''} is too old for the runtime")
    message = f"{problem.title.rstrip('.')}. It is passed over."
    return warning(
        origin, home_path(path), problem.code, message, "Repair it, or take it out of PATH or the environment variable."
    )


def _starting(listed: list[Candidate]) -> Finding:
    """Which Python `python3 ARCHIVE` means here."""
    name = "python" if os.name == "nt" else "python3"
    hint = f"Start archives with a Python's own path, or put one of {_TESTED_TEXT} first on PATH."
    found = next((one for one in listed if one.origin == f"{name} on PATH"), None)
    if found is None:
        message = f"There is no {name} on PATH, so `{name} ARCHIVE` starts nothing."
        return warning("for archives", "none", "python-not-on-path", message, hint)
    if found.interpreter is None:
        reason = found.error.title.rstrip(".") if found.error is not None else found.reason
        message = f"`{name} ARCHIVE` does not start: {reason}."
        return warning("for archives", home_path(found.path), "python-does-not-start", message, hint)
    return ok("for archives", f"{name} is Python {found.interpreter.version_text}")
