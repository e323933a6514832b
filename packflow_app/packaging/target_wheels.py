"""Fetch the wheels that a lock pins for a target, which may be another kind of machine than this one."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from shutil import which
from typing import TYPE_CHECKING

from packaging.markers import Marker

from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import CheckFailedError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.environments.tools import Toolbox
    from packflow_app.packaging.locked_packages import LockedPackage
    from packflow_app.packaging.targets import Target

_MISSING = re.compile(r"No matching distribution found for ([^\s;]+)")
_UNREACHABLE = re.compile(
    r"NewConnectionError|ConnectTimeout|ProxyError|NameResolutionError|SSLError|Network is unreach"
)
_DIFFERING = re.compile(r"^    (\S+(?: @ \S+)?) from \S+ \(from -r ", re.MULTILINE)
_PIP_SECONDS = 60


def wanted_for(target: Target, packages: list[LockedPackage]) -> list[LockedPackage]:
    """Those pins of a lock that count on the target; one that counts for a patch version of its Python is one too."""
    return [
        package
        for package in packages
        if package.marker is None or any(Marker(package.marker).evaluate(seen) for seen in target.environments())
    ]


def fetch_wheels(
    target: Target,
    packages: list[LockedPackage],
    folder: Path,
    tools: Toolbox,
    *,
    options: list[str],
    wheelhouse: Path | None = None,
) -> list[Path]:
    """Fetch the wheel of each pin that counts on the target into ``folder``; returns them, sorted.

    From the indexes that pip knows and ``options`` (lines of the lock) name, or from a ``wheelhouse`` alone. Only a
    file whose hash the lock has is taken. Raises CheckFailedError that names every package without a wheel, or one
    that is not the file that the lock names, NotFoundError without pip and when the index cannot be reached.
    """
    wanted = wanted_for(target, packages)
    lacking: list[str] = []
    place = folder / target.name
    while wanted:
        try:
            _download(target, wanted, place, tools, options=options, wheelhouse=wheelhouse)
            break
        except ToolFailedError as error:
            missing = _missing_in(error, target, wanted)
            lacking += [_pin(one) for one in missing]
            wanted = [one for one in wanted if one not in missing]
    if lacking:
        raise CheckFailedError(
            f"{', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no wheel for {target.name}.",
            code="target-without-wheel",
            hint="Lock a version that has one, leave the target out, or build the wheel there, lock it, and give its "
            "folder: --wheelhouse DIR",
        )
    return sorted(place.glob("*.whl")) if place.is_dir() else []


def _download(
    target: Target,
    wanted: list[LockedPackage],
    place: Path,
    tools: Toolbox,
    *,
    options: list[str],
    wheelhouse: Path | None,
) -> None:
    place.mkdir(parents=True, exist_ok=True)
    lines = [f"{_pin(one)} {' '.join(f'--hash=sha256:{sha256}' for sha256 in one.hashes)}" for one in wanted]
    sources = [] if wheelhouse is not None else options
    requirements = place.with_name(f"{target.name}.txt")
    requirements.write_text("\n".join([*sources, *lines, ""]), encoding="utf-8")
    command = [python_with_pip(), "-I", "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(place)]
    command += ["--implementation", "cp", "--python-version", f"3.{target.minor}", "--abi", f"cp3{target.minor}"]
    command += ["--abi", "abi3", "--abi", "none"]
    for tag in target.platforms:
        command += ["--platform", tag]
    if wheelhouse is not None:
        command += ["--no-index", "--find-links", str(wheelhouse.absolute())]
    tools.run("wheels", [*command, "-r", str(requirements)], {"PIP_PROGRESS_BAR": "off"})


def _missing_in(error: ToolFailedError, target: Target, wanted: list[LockedPackage]) -> list[LockedPackage]:
    """The packages that pip found no wheel of; raises for whatever else went wrong."""
    said = str(error)
    detail = error.lines[-1].strip().removeprefix("ERROR: ") if error.lines else ""
    if "DO NOT MATCH THE HASHES" in said:
        found = ", ".join(_DIFFERING.findall(said))
        raise CheckFailedError(
            f"What was found of {found} for {target.name} is no file that the lock names: its hash differs.",
            code="hash-mismatch",
            hint="Get it from its source again, or lock again with an index that has wheels for the target: "
            "packflow env lock",
        ) from None
    if _UNREACHABLE.search(said):
        raise NotFoundError(
            "The package index cannot be reached.",
            code="index-unreachable",
            detail=detail,
            hint="Mend the connection, or give a folder that has the wheels: --wheelhouse DIR",
        ) from None
    names = set(_MISSING.findall(said))
    missing = [one for one in wanted if _pin(one) in names or f"{one.name}=={one.version}" in names]
    if not missing:
        raise NotFoundError(
            f"The wheels for {target.name} could not be fetched.",
            code="wheels-not-fetched",
            detail=detail,
            hint="Mend what pip says, or give a folder that has the wheels: --wheelhouse DIR",
        ) from None
    return missing


def _pin(package: LockedPackage) -> str:
    return f"{package.name}=={package.version}" if package.url is None else f"{package.name} @ {package.url}"


@cache
def python_with_pip() -> str:
    """A Python that has pip: it fetches for every target, whatever it is itself."""
    base = getattr(sys, "_base_executable", sys.executable)
    for python in dict.fromkeys((sys.executable, base, which("python3"), which("python"))):
        if python is None:
            continue
        try:
            command = [python, "-I", "-m", "pip", "--version"]
            subprocess.run(command, capture_output=True, check=True, timeout=_PIP_SECONDS, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError):
            continue
        return python
    raise NotFoundError(
        "Fetching wheels for a target needs pip, and no Python here has it.",
        code="pip-not-found",
        hint="Install it: pipx inject packflow pip",
    )
