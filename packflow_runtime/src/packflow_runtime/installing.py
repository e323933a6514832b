"""``install``: an environment with what an archive requires, by the standard library's venv and pip.

An environment cannot be moved once it is made, so it is made in place, by one process at a time, and counts from the
moment its mark is written. What a killed process left is removed by the next one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cached_copies import ENVIRONMENTS, cache_root, refuse_shared
from .environments import MARK, PythonIdentity, environment_folder, python_in, read_mark, requirements_key
from .errors import ExitCode, PackflowError
from .file_locks import exclusive
from .manifest import LOCK_NAME, PROJECT_DIR
from .python_versions import satisfies
from .reporting import print_notice
from .venv_tools import WHEELS_HINT, BasePython, VenvTools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from .manifest import Manifest
    from .target import Target

_PROBE = (
    "import json, os, sys; print(json.dumps([sys.implementation.name, list(sys.version_info[:3]), "
    "os.path.realpath(sys.base_prefix), sys.prefix]))"
)


@dataclass(frozen=True)
class Installed:
    """A finished environment; ``unchanged`` says that it was there already, ``locked`` that it was made from a lock."""

    folder: str
    python: str
    version: str
    packages: int
    locked: bool
    unchanged: bool


def install(target: Target, *, wheelhouse: Path | None, python: str | None, into: Path | None) -> Installed:
    """Make the environment for an archive: in the cache, or in the new or empty folder ``into``.

    With a ``wheelhouse`` only wheels from that folder are installed, and no index is asked. Raises PackflowError.
    """
    manifest = target.manifest
    assert manifest is not None  # noqa: S101 - an archive has one
    base = _base_python(python, manifest)
    if wheelhouse is not None and not wheelhouse.is_dir():
        raise PackflowError(
            f"The wheelhouse {wheelhouse} is not a folder.",
            code="wheelhouse-not-found",
            exit_code=ExitCode.NOT_FOUND,
            hint=WHEELS_HINT,
        )
    try:
        with _place(manifest, base, into) as (folder, held):
            mark = read_mark(folder) if into is None else None
            if mark is not None:
                return _installed(folder, mark, unchanged=True)
            _remove_started(folder)
            try:
                mark = _make(target, base, folder, wheelhouse, held)
            except BaseException:
                _remove_started(folder)
                raise
            return _installed(folder, mark, unchanged=False)
    except OSError as error:
        raise PackflowError(
            f"The environment cannot be made: {error.strerror or error}.",
            detail=str(error.filename or ""),
            code="not-writable",
            exit_code=ExitCode.NOT_WRITABLE,
            hint="Name a folder that has room with --cache DIR or --into DIR.",
        ) from error


@contextmanager
def _place(manifest: Manifest, base: BasePython, into: Path | None) -> Iterator[tuple[str, int | None]]:
    """The folder to make the environment in, held against other processes, with the descriptor that holds it."""
    if into is not None:
        if os.path.lexists(into) and (not into.is_dir() or any(into.iterdir())):
            raise PackflowError(
                f"{into} is there and is not an empty folder.",
                code="target-exists",
                exit_code=ExitCode.USAGE,
                hint="Name a new folder with --into.",
            )
        yield os.path.abspath(into), None
        return
    root = cache_root()
    for folder in (root, os.path.join(root, "archives"), os.path.join(root, ENVIRONMENTS)):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    refuse_shared(root)
    folder = environment_folder(root, requirements_key(manifest) or "nothing", base.identity)

    def waiting() -> None:
        print_notice("another process is making this environment; waiting for it")

    with exclusive(f"{folder}.lock", waiting=waiting) as held:
        yield folder, held


def _make(target: Target, base: BasePython, folder: str, wheelhouse: Path | None, held: int | None) -> dict[str, Any]:
    """Make the environment and mark it as finished; returns the mark."""
    manifest = target.manifest
    assert manifest is not None  # noqa: S101 - an archive has one
    key = requirements_key(manifest)
    tools = VenvTools(base, folder, held)
    print_notice(f"making an environment of Python {base.identity.version} in {folder}")
    tools.create(with_pip=key is not None)
    if key is not None:
        with _requirements_file(target) as file:
            tools.install(file, wheelhouse, hashed=LOCK_NAME in manifest.files)
    mark = {
        "format": 1,
        "requirements": key,
        "python": base.identity.version,
        "base": base.path,
        "locked": LOCK_NAME in manifest.files,
        "model": f"{manifest.name} {manifest.version}",
        "packages": tools.count() if key is not None else 0,
    }
    work = os.path.join(folder, f"{MARK}.new")
    with open(work, "w", encoding="utf-8") as file:
        json.dump(mark, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(work, os.path.join(folder, MARK))
    return mark


def _installed(folder: str, mark: dict[str, Any], *, unchanged: bool) -> Installed:
    version, packages = str(mark.get("python")), int(mark.get("packages", 0))
    return Installed(folder, python_in(folder), version, packages, bool(mark.get("locked")), unchanged)


def _remove_started(folder: str) -> None:
    """Remove an environment that is not finished, the mark of one that was first."""
    if os.path.lexists(os.path.join(folder, MARK)):
        os.remove(os.path.join(folder, MARK))
    if os.path.isdir(folder):
        shutil.rmtree(folder)


def _requirements_file(target: Target) -> AbstractContextManager[str]:
    """The file to install from: the lock, else the requirements.txt that it would have been made from."""
    lock = target.read(LOCK_NAME)
    if lock is None:
        print_notice(
            "warning: the archive has no lock. What its requirements.txt asks for is installed in the versions that "
            "are found today, and no hash is checked; `packflow env lock` before an export pins both"
        )
        return _project_requirements(target)
    if target.folder is not None:
        return nullcontext(str(target.folder / LOCK_NAME))
    return _written({"requirements.lock": lock}, "requirements.lock")


def _project_requirements(target: Target) -> AbstractContextManager[str]:
    name = f"{PROJECT_DIR}/requirements.txt"
    assert target.manifest is not None  # noqa: S101 - an archive has one
    if name not in target.manifest.files:
        lines = "".join(f"{line}\n" for line in target.manifest.requirements)
        return _written({"requirements.txt": lines.encode()}, "requirements.txt")
    if target.folder is not None:
        return nullcontext(str(target.folder / name))
    texts = [
        one for one in target.manifest.files if one.startswith(f"{PROJECT_DIR}/") and one.endswith((".txt", ".in"))
    ]
    return _written({one: target.read(one) or b"" for one in texts}, name)


@contextmanager
def _written(contents: dict[str, bytes], chosen: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="packflow-requirements-") as folder:
        for name, content in contents.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield os.path.join(folder, chosen)


def _base_python(chosen: str | None, manifest: Manifest) -> BasePython:
    """This Python, or the one that ``--python`` names; raises PackflowError for one that the model is not for."""
    path = sys.executable if chosen is None else shutil.which(chosen)
    answer = None
    if path is not None:
        probe = subprocess.run([path, "-I", "-c", _PROBE], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        answer = probe.stdout if probe.returncode == 0 else None
    try:
        implementation, version, base_prefix, prefix = json.loads(answer or b"")
    except ValueError:
        raise PackflowError(
            f"{chosen or path} is no Python that answers.",
            code="python-not-found",
            exit_code=ExitCode.NOT_FOUND,
            hint="Name another with --python.",
        ) from None
    assert path is not None  # noqa: S101 - it answered
    found = ".".join(map(str, version))
    if not satisfies(tuple(version), manifest.python_requires):
        raise PackflowError(
            f"{manifest.name} needs Python {manifest.python_requires}; {path} is Python {found}.",
            code="python-too-old",
            exit_code=ExitCode.NOT_FOUND,
            hint="Name one of those with --python.",
        )
    return BasePython(path, PythonIdentity(implementation, found, base_prefix), prefix)
