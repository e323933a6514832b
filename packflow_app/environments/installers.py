"""The tools that make environments and put packages in: uv, or venv with pip, behind one protocol."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from packflow_app.environments.pip_configuration import index_variables
from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.environments.tools import Toolbox

InstallerName = Literal["auto", "uv", "pip"]


@dataclass(frozen=True)
class Sources:
    """Where packages come from.

    ``wheelhouse``: only from this folder. ``offline``: from no network. ``written``: the options of that kind that the
    requirements hold.
    """

    wheelhouse: Path | None = None
    offline: bool = False
    written: tuple[str, ...] = ()


class Installer(Protocol):
    """Makes environments and installs into them; every method raises ToolFailedError with what the tool said."""

    name: str

    def create(self, folder: Path, base: Interpreter, prompt: str) -> None:
        """Make an environment of ``base`` in the existing ``folder``, leaving what is in it."""

    def install(self, environment: Interpreter, requirements: str, sources: Sources, *, upgrade: bool) -> None:
        """Install the file ``requirements``, a path below the project; what else is there stays."""

    def put_wheel(self, environment: Interpreter, wheel: Path) -> None:
        """Install one wheel in place of whatever of its name is there, and nothing else."""


def choose_installer(wanted: InstallerName, tools: Toolbox) -> Installer:
    """The installer ``wanted``; "auto" is uv where it is there, else pip. Raises NotFoundError without the uv named."""
    binary = find_uv() if wanted != "pip" else None
    if binary is not None:
        return Uv(binary, tools)
    if wanted == "uv":
        raise uv_missing("--installer uv")
    return Pip(tools)


def find_uv() -> str | None:
    """The uv that came with Packflow; None where there is none."""
    with suppress(ImportError, FileNotFoundError):
        from uv import find_uv_bin  # noqa: PLC0415 - Packflow works without it, and few commands need it

        return find_uv_bin()
    return None


def uv_missing(what: str) -> NotFoundError:
    """The error for something that only uv can do."""
    return NotFoundError(
        f"{what} needs uv, which is not installed beside Packflow.",
        code="uv-not-found",
        hint="Install it: pipx inject packflow uv, or pip install uv in Packflow's environment.",
    )


@dataclass
class Uv:
    """uv, by its binary."""

    binary: str
    tools: Toolbox
    name: str = "uv"

    def create(self, folder: Path, base: Interpreter, prompt: str) -> None:
        """``uv venv``."""
        command = [self.binary, "venv", "--allow-existing", "--no-project", "--python", str(base.path)]
        self.tools.run("create", [*command, "--prompt", prompt, str(folder)], UV_VARIABLES)

    def install(self, environment: Interpreter, requirements: str, sources: Sources, *, upgrade: bool) -> None:
        """``uv pip install``, with the indexes that pip is configured for."""
        options = ["--upgrade"] if upgrade else []
        if sources.wheelhouse is not None:
            options += ["--no-index", "--find-links", str(sources.wheelhouse)]
        if sources.offline:
            options.append("--offline")
        indexes = {} if sources.wheelhouse else uv_indexes(environment, self.tools.folder, sources.written)
        command = [self.binary, "pip", "install", "--python", str(environment.path), *options, "-r", requirements]
        self.tools.run("install", command, {**UV_VARIABLES, **indexes})

    def put_wheel(self, environment: Interpreter, wheel: Path) -> None:
        """``uv pip install --reinstall``."""
        options = ["--no-deps", "--no-index", "--offline", "--reinstall"]
        command = [self.binary, "pip", "install", "--python", str(environment.path), *options, str(wheel)]
        self.tools.run("runtime", command, UV_VARIABLES)


UV_VARIABLES = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
"""No Python is ever fetched without being asked for, and nothing draws on the terminal."""


def uv_indexes(python: Interpreter, project_dir: Path, written: Sequence[str]) -> dict[str, str]:
    """What pip is configured for, as uv's variables; the Python that an environment was made of is the first to ask."""
    base = Path(python.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3")
    return index_variables([base, python.path, Path(sys.executable)], project_dir, written)


@dataclass
class Pip:
    """The standard library's venv, and pip."""

    tools: Toolbox
    name: str = "pip"

    def create(self, folder: Path, base: Interpreter, prompt: str) -> None:
        """``python -m venv``; what Debian leaves out of its Python is named."""
        try:
            self.tools.run("create", [str(base.path), "-I", "-m", "venv", "--prompt", prompt, str(folder)])
        except ToolFailedError as error:
            if not re.search("ensurepip is not available|No module named '?(venv|ensurepip)", str(error)):
                raise
            raise NotFoundError(
                f"{base.path} cannot make environments: its venv or ensurepip module is missing.",
                code="venv-missing",
                hint="Install them (on Debian and Ubuntu: apt install python3-venv), or install uv beside Packflow.",
            ) from None

    def install(self, environment: Interpreter, requirements: str, sources: Sources, *, upgrade: bool) -> None:
        """``pip install``."""
        self._need_pip(environment)
        options = ["--upgrade", "--upgrade-strategy", "eager"] if upgrade else []
        if sources.wheelhouse is not None:
            options += ["--no-index", "--find-links", str(sources.wheelhouse)]
        elif sources.offline:
            options.append("--no-index")
        self._pip("install", environment, [*options, "-r", requirements])

    def put_wheel(self, environment: Interpreter, wheel: Path) -> None:
        """``pip install --force-reinstall``."""
        self._need_pip(environment)
        self._pip("runtime", environment, ["--no-deps", "--no-index", "--force-reinstall", str(wheel)])

    def _pip(self, step: Literal["install", "runtime"], environment: Interpreter, options: Sequence[str]) -> None:
        command = [str(environment.path), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        self.tools.run(step, [*command, *options], {"PIP_PROGRESS_BAR": "off"})

    def _need_pip(self, environment: Interpreter) -> None:
        """Put pip into an environment that uv made without it."""
        if not list(Path(environment.prefix).glob("[Ll]ib/**/site-packages/pip/__init__.py")):
            self.tools.run("create", [str(environment.path), "-I", "-m", "ensurepip", "--default-pip"])
