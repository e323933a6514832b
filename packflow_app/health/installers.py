"""What makes environments and fetches wheels: uv, or venv and pip."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.installers import find_uv, uv_missing
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.errors import NotFoundError
from packflow_app.health.finding import Finding, State, error, of_error, ok, warning
from packflow_app.packaging.target_wheels import python_with_pip
from packflow_app.wording import home_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 30


def examine(folder: Path) -> Iterator[Finding]:
    """Run uv and pip; ``folder`` is where a project would be. No index is asked: that takes a network."""
    uv = _uv()
    yield uv
    pip, has_pip = _pip()
    yield pip
    if uv.state is not State.OK:
        yield _venv(folder, has_pip=has_pip)


def _uv() -> Finding:
    binary = find_uv()
    if binary is None:
        missing = uv_missing("`packflow env lock`")
        return of_error("uv", "not installed", missing, State.WARNING)
    said = _first_line([binary, "--version"])
    if said is None:
        return error(
            "uv",
            binary,
            "installer-broken",
            f"{binary} does not run, and environments are made with it.",
            "Install it again: pipx runpip packflow install --force-reinstall uv. Until then: --installer pip",
        )
    return ok("uv", said)


def _pip() -> tuple[Finding, bool]:
    try:
        python = python_with_pip()
    except NotFoundError as problem:
        message = "No Python here has pip, which `packflow kit` and `doctor --bundle` fetch wheels with."
        return warning("pip", "not installed", problem.code, message, problem.hint), False
    return ok("pip", f"that of {home_path(Path(python))}"), True


def _venv(folder: Path, *, has_pip: bool) -> Finding:
    """Whether environments can be made without uv."""
    try:
        python = find_interpreter(folder, for_new=True)
    except NotFoundError as problem:
        return of_error("venv", "no Python to make environments of", problem)
    if _first_line([str(python.path), "-I", "-c", "import venv, ensurepip; print('there')"]) is not None:
        return ok("venv", f"that of {home_path(python.path)}")
    return error(
        "venv",
        "missing",
        "installer-missing",
        f"Nothing here makes environments: uv is not usable, and {python.path} lacks venv or ensurepip.",
        f"Install uv ({'pip install uv' if has_pip else 'pipx inject packflow uv'}), or on Debian and Ubuntu: "
        "apt install python3-venv",
    )


def _first_line(command: list[str]) -> str | None:
    """The first line a program prints; None where it does not run."""
    try:
        ran = subprocess.run(
            command, capture_output=True, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL, encoding="utf-8"
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return next(iter(ran.stdout.splitlines()), "")
