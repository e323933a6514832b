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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from .manifest import Manifest
    from .target import Target

_PROBE = (
    "import json, os, sys; print(json.dumps([sys.implementation.name, list(sys.version_info[:3]), "
    "os.path.realpath(sys.base_prefix), sys.prefix]))"
)
_SHOWN_LINES = 12
_WHEELS_HINT = (
    "Where there is a network, with a Python and a system as here:\n"
    "unzip -j MODEL.zip packflow-info/requirements.lock && pip download -r requirements.lock -d DIR"
)


@dataclass(frozen=True)
class BasePython:
    """The Python to make an environment of; ``prefix`` is where its own settings for pip would be."""

    path: str
    identity: PythonIdentity
    prefix: str


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
            hint=_WHEELS_HINT,
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
    tools = _Tools(base, folder, held)
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


class _Tools:
    """venv and pip, at work on one environment; what they print goes to standard error."""

    def __init__(self, base: BasePython, folder: str, held: int | None) -> None:
        self._base = base
        self._folder = folder
        self._held = held

    def create(self, *, with_pip: bool) -> None:
        """Make the empty environment; raises PackflowError."""
        options = [] if with_pip else ["--without-pip"]
        code, lines = self._run([self._base.path, "-I", "-m", "venv", *options, self._folder])
        if code:
            raise PackflowError(
                f"{self._base.path} could not make an environment.",
                detail="\n".join(lines),
                code="venv-failed",
                exit_code=ExitCode.NOT_FOUND,
                hint="Install its venv and ensurepip modules (on Debian and Ubuntu: apt install python3-venv), or name "
                "another Python with --python.",
            )

    def install(self, file: str, wheelhouse: Path | None, *, hashed: bool) -> None:
        """Install what a requirements file lists; raises PackflowError."""
        options = ["--require-hashes"] if hashed else []
        if wheelhouse is not None:
            options += ["--no-index", "--find-links", os.path.abspath(wheelhouse)]
        code, lines = self._run([*self._pip("install"), "--no-input", *options, "-r", file])
        if code:
            raise _installation_error(lines, wheelhouse)

    def count(self) -> int:
        """How many distributions are installed, pip and its kind aside."""
        done = subprocess.run(
            [*self._pip("list"), "--format=json"], capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
        try:
            return sum(one["name"] not in ("pip", "setuptools", "wheel") for one in json.loads(done.stdout))
        except (ValueError, KeyError, TypeError):
            return 0

    def _pip(self, command: str) -> list[str]:
        return [python_in(self._folder), "-I", "-m", "pip", command, "--disable-pip-version-check"]

    def _run(self, command: Sequence[str]) -> tuple[int, list[str]]:
        """The exit code and the last lines; the lock is inherited, so that a tool that outlives us keeps it."""
        environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
        own = os.path.join(self._base.prefix, "pip.ini" if os.name == "nt" else "pip.conf")
        if os.path.isfile(own):  # the new environment would have one of its own instead
            environment.setdefault("PIP_CONFIG_FILE", own)
        pass_fds = () if self._held is None or os.name == "nt" else (self._held,)
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            lines = []
            try:
                for line in process.stdout:
                    lines.append(line.rstrip())
                    print_notice(f"{line.rstrip()}")
            except BaseException:
                process.terminate()
                raise
        return process.returncode, [line for line in lines if line][-_SHOWN_LINES:]


# What would lead venv or pip elsewhere than to the environment that is being made.
_MISLEADING = (
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)


def _installation_error(lines: list[str], wheelhouse: Path | None) -> PackflowError:
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    changed = any("DO NOT MATCH THE HASHES" in line for line in lines)
    if changed:
        title, hint = "A package is not the one that the lock names: its hash differs.", "Get it from its source again."
    elif wheelhouse is not None:
        title, hint = f"The wheelhouse {wheelhouse} does not hold all that the model requires.", _WHEELS_HINT
    else:
        title = "What the model requires could not be installed."
        hint = "Mend the connection to the package index, or install from a folder of wheels: --wheelhouse DIR"
    return PackflowError(
        title,
        detail="\n".join(errors or lines[-3:]),
        code="hash-mismatch" if changed else "requirements-not-installed",
        exit_code=ExitCode.CHECK_FAILED if changed else ExitCode.NOT_FOUND,
        hint=hint,
    )
