"""venv and pip, which make the environments of ``install`` and fill them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .environments import PythonIdentity, python_in
from .errors import ExitCode, PackflowError
from .reporting import print_notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SHOWN_LINES = 12
WHEELS_HINT = (
    "Where there is a network, with a Python and a system as here:\n"
    "unzip -j MODEL.zip packflow-info/requirements.lock && pip download -r requirements.lock -d DIR"
)


@dataclass(frozen=True)
class BasePython:
    """The Python to make an environment of; ``prefix`` is where its own settings for pip would be."""

    path: str
    identity: PythonIdentity
    prefix: str


class VenvTools:
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
        sources = {}
        if wheelhouse is not None:
            options.append("--no-index")
            # An option would be added to the folders that pip is configured for; the variable stands in their place.
            sources["PIP_FIND_LINKS"] = wheelhouse.absolute().as_uri()
        code, lines = self._run([*self._pip("install"), "--no-input", *options, "-r", file], sources)
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

    def _run(self, command: Sequence[str], variables: dict[str, str] | None = None) -> tuple[int, list[str]]:
        """The exit code and the last lines; the lock is inherited, so that a tool that outlives us keeps it."""
        environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
        own = os.path.join(self._base.prefix, "pip.ini" if os.name == "nt" else "pip.conf")
        if os.path.isfile(own):  # the new environment would have one of its own instead
            environment.setdefault("PIP_CONFIG_FILE", own)
        environment.update(variables or {})
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
        title = f"{_mismatched(lines)} is no file that the lock names: its hash differs."
        hint = (
            "Get it from its source again. If the lock was made of an index without a file for this Python or system, "
            "whoever built the archive has to lock again."
        )
    elif wheelhouse is not None:
        title, hint = f"The wheelhouse {wheelhouse} does not hold all that the model requires.", WHEELS_HINT
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


def _mismatched(lines: list[str]) -> str:
    """The requirement whose file has another hash, as pip names it below that error."""
    after = iter(lines)
    for line in after:
        if "DO NOT MATCH THE HASHES" in line:
            break
    return next((line.split()[0] for line in after if " from " in line), "A package")
