"""What machines a kit is for: system, processor and Python, as `linux-x86_64-cp311`, and which wheels run there."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass

from packflow_app.errors import UsageError

# glibc 2.28 is that of the oldest Linux that is still kept up (RHEL 8, Debian 10).
_GLIBC = 28
_SYSTEMS: dict[str, dict[str, str]] = {
    "linux": {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"},
    "musllinux": {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"},
    "macos": {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin"},
    "windows": {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"},
}
_PLATFORMS: dict[str, list[str]] = {
    "linux-x86_64": [
        *(f"manylinux_2_{minor}_x86_64" for minor in range(_GLIBC, 4, -1)),
        *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"),
    ],
    "linux-aarch64": [
        *(f"manylinux_2_{minor}_aarch64" for minor in range(_GLIBC, 16, -1)),
        *("manylinux2014_aarch64", "linux_aarch64"),
    ],
    "musllinux-x86_64": ["musllinux_1_2_x86_64", "musllinux_1_1_x86_64"],
    "musllinux-aarch64": ["musllinux_1_2_aarch64", "musllinux_1_1_aarch64"],
    "macos-arm64": ["macosx_14_0_arm64"],  # pip takes those for earlier systems too
    "macos-x86_64": ["macosx_13_0_x86_64"],
    "windows-amd64": ["win_amd64"],
    "windows-arm64": ["win_arm64"],
}
_MACHINES = {"amd64": "AMD64", "arm64": "arm64"}
_ALIASES = {"windows-x86_64": "windows-amd64", "macos-aarch64": "macos-arm64"}
_PATTERN = re.compile(r"([a-z]+-[a-z0-9_]+)-cp3([1-9][0-9]?)")
_NEWEST_PATCH = 99


@dataclass(frozen=True)
class Target:
    """A kind of machine: ``place`` is a key of the platforms above, ``minor`` that of its CPython 3."""

    place: str
    minor: int

    @property
    def name(self) -> str:
        """As it is written."""
        return f"{self.place}-cp3{self.minor}"

    @property
    def platforms(self) -> list[str]:
        """The platform tags of wheels that run there, the best first."""
        return _PLATFORMS[self.place]

    def environments(self) -> list[dict[str, str]]:
        """What markers may see there: under the first and the last patch version of its Python."""
        system, machine = self.place.split("-", 1)
        known = {
            **_SYSTEMS[system],
            "implementation_name": "cpython",
            "platform_machine": _MACHINES.get(machine, machine) if system == "windows" else machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_version": "",
            "python_version": f"3.{self.minor}",
        }
        full = [f"3.{self.minor}.{patch}" for patch in (0, _NEWEST_PATCH)]
        return [{**known, "python_full_version": one, "implementation_version": one} for one in full]


def parse_target(text: str) -> Target:
    """Read a target; raises UsageError that lists the platforms for one that nobody knows."""
    match = _PATTERN.fullmatch(text.strip().lower())
    place = _ALIASES.get(match[1], match[1]) if match else ""
    if match is None or place not in _PLATFORMS:
        raise UsageError(
            f"{text!r} is no target.",
            code="target-unknown",
            hint=f"Write system, processor and Python, as linux-x86_64-cp311; known are {', '.join(_PLATFORMS)}.",
        )
    return Target(place, int(match[2]))


def this_machine(version: tuple[int, int]) -> Target:
    """The target that this machine is, with this version of Python; raises UsageError where it has no name here."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    if system == "linux" and platform.libc_ver()[0] != "glibc":
        system = "musllinux"
    place = f"{system}-{platform.machine().lower()}"
    place = _ALIASES.get(place, place)
    if place not in _PLATFORMS:
        raise UsageError(
            f"Packflow has no name for machines like this one ({place}).",
            code="target-unknown",
            hint=f"Name the target: --target linux-x86_64-cp311; known are {', '.join(_PLATFORMS)}.",
        )
    return Target(place, version[1])
