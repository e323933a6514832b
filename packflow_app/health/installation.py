"""Packflow itself: what it is made of, its optional parts, and which `packflow` a shell starts."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from packflow_app import __version__
from packflow_app.environments.runtime_wheel import carried_wheel
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.health.finding import Finding, error, note, of_error, ok, warning
from packflow_app.packaging.targets import this_machine
from packflow_app.runtime import runtime_version
from packflow_app.wording import home_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_WINDOWS_PATH = 260


def examine() -> Iterator[Finding]:
    """Look at the installation, the machine and PATH."""
    python = platform.python_version()
    yield ok("packflow", f"{__version__} at {home_path(Path(__file__).parents[1])}, on Python {python}")
    yield _runtime()
    yield from _requirements()
    yield _machine()
    if os.name == "nt":
        yield _long_paths()
    yield from _on_path()


def _runtime() -> Finding:
    try:
        carried_wheel()
    except NotFoundError as problem:
        return of_error("runtime", "not there", problem)
    return ok("runtime", runtime_version)


def _requirements() -> Iterator[Finding]:
    """What the distribution's metadata asks for: always, or for one of its extras."""
    try:
        wanted = [Requirement(text) for text in metadata.requires("packflow") or ()]
        extras = metadata.metadata("packflow").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        yield note("libraries", "unknown: Packflow runs from its sources, not from an installation")
        return
    always = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    bad = [text for one in always if (text := _unmet(one))]
    if bad:
        yield error(
            "libraries",
            f"{len(bad)} of {len(always)} missing or of another version",
            "installation-damaged",
            f"Packflow's own libraries are not as it needs them: {'; '.join(bad)}.",
            "Install Packflow again: pipx reinstall packflow (or uv tool install --reinstall packflow).",
        )
    else:
        yield ok("libraries", f"all {len(always)} there")
    for extra in extras:
        lacking = [_unmet(one) for one in wanted if _is_for(one, extra)]
        found = [text for text in lacking if text]
        if found:
            words = " ".join(f"'{_plain(one)}'" for one in wanted if _is_for(one, extra))
            fix = f"If you want it: pipx inject packflow {words}"
            yield note(f"extra {extra}", f"not installed ({'; '.join(found)})", fix)
        else:
            yield ok(f"extra {extra}", "installed")


def _is_for(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is not None and not marker.evaluate({"extra": ""}) and marker.evaluate({"extra": extra})


def _plain(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _unmet(requirement: Requirement) -> str:
    """What is wrong with an installed distribution, if anything."""
    try:
        version = metadata.version(canonicalize_name(requirement.name))
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} is {version}, {requirement.specifier} is needed"


def _machine() -> Finding:
    shown = f"{platform.system()} {platform.release()}, {platform.machine()}"
    try:
        target = this_machine(sys.version_info[:2])
    except UsageError:
        return note("machine", f"{shown}: kits have no name for it, so name their targets with --target")
    return ok("machine", f"{shown}; for kits: {target.name}")


def _long_paths() -> Finding:
    import winreg  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - there is one on Windows only

    try:
        with winreg.OpenKey(  # type: ignore[attr-defined,unused-ignore]
            winreg.HKEY_LOCAL_MACHINE,  # type: ignore[attr-defined,unused-ignore]
            r"SYSTEM\CurrentControlSet\Control\FileSystem",
        ) as key:
            enabled = bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        enabled = False
    if enabled:
        return ok("long paths", "allowed")
    return warning(
        "long paths",
        "not allowed",
        "paths-limited",
        f"Windows cuts paths at {_LONGEST_WINDOWS_PATH} characters, which environments with deep packages exceed.",
        "Let an administrator set LongPathsEnabled to 1, and keep projects in short folders.",
    )


def _on_path() -> Iterator[Finding]:
    entries = os.environ.get("PATH", "").split(os.pathsep)
    relative = [entry for entry in entries if not Path(entry).is_absolute() and not entry.startswith("~")]
    if relative:
        shown = ", ".join(repr(entry) for entry in relative)
        yield warning(
            "PATH",
            shown,
            "path-relative",
            f"PATH has {shown}: programs are then started from whatever folder is the current one.",
            "Take it out of PATH where your shell sets it.",
        )
    found = _packflows([Path(entry) for entry in entries if Path(entry).is_absolute()])
    own = Path(sysconfig.get_path("scripts")).resolve()
    shown = ", ".join(home_path(path) for path in found.values())
    if not found:
        yield note("command", "no `packflow` on PATH", f"Put {home_path(own)} on PATH, or: pipx ensurepath")
    elif len(found) > 1:
        yield warning(
            "command",
            shown,
            "packflow-twice",
            f"There are {len(found)} different packflow on PATH: {shown}. The first one is what a shell starts.",
            "Uninstall those that you do not want, or change the order in PATH.",
        )
    elif not _is_own(next(iter(found)), own):
        yield warning(
            "command",
            shown,
            "packflow-elsewhere",
            f"`packflow` in a shell is {shown}, not the one that runs now (of {home_path(own)}).",
            "Uninstall the one that you do not want, or change the order in PATH.",
        )
    else:
        yield ok("command", shown)


def _packflows(folders: list[Path]) -> dict[Path, Path]:
    """Each different program called packflow on PATH, by what it really is, in PATH's order."""
    names = ("packflow.exe", "packflow.cmd", "packflow.bat") if os.name == "nt" else ("packflow",)
    found: dict[Path, Path] = {}
    for folder in folders:
        for name in names:
            path = folder / name
            if os.access(path, os.X_OK) and path.is_file():
                found.setdefault(path.resolve(), path)
    return found


def _is_own(program: Path, scripts: Path) -> bool:
    return program.parent == scripts or program == Path(sys.argv[0]).resolve()
