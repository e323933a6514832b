"""What this machine computes with, for those who wonder why two of them round differently."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from importlib import metadata

from .distributions import normalized

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_TOLD_FEATURES = ("sse4_2", "avx", "fma", "avx2", "avx512f", "amx_tile", "neon", "asimd", "sve")


@dataclass(frozen=True)
class Machine:
    """A Python and its processor; ``features`` are the instruction sets that numeric libraries choose kernels by."""

    python: str
    implementation: str
    system: str
    cpu: str
    features: list[str]

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        model, flags = _cpu()
        return cls(
            ".".join(map(str, sys.version_info[:3])),
            sys.implementation.name,
            f"{platform.system()} {platform.machine()}",
            model or platform.processor() or platform.machine(),
            [name for name in _TOLD_FEATURES if name in flags],
        )


@dataclass(frozen=True)
class Library:
    """A distribution: its version ``here`` (None: it is not installed), and those that the builder ``recorded``.

    A lock for several systems may hold several versions of one.
    """

    name: str
    here: str | None
    recorded: list[str]

    @property
    def is_same(self) -> bool:
        """Whether the version here is one that was recorded."""
        return self.here in self.recorded


def recorded_libraries(lock: str) -> list[Library]:
    """The distributions that a lock, or a list of requirements, pins, beside what is installed here."""
    pins: dict[str, tuple[str, list[str]]] = {}
    for name, version in _PIN.findall(lock):
        pins.setdefault(normalized(name), (name, []))[1].append(version)
    return [Library(name, _installed(name), versions) for name, versions in sorted(pins.values())]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> tuple[str, set[str]]:
    """The processor's model and flags as Linux tells them; empty elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read(1 << 16).partition("\n\n")[0]
    except OSError:
        return "", set()
    fields = {
        key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())
    }
    return fields.get("model name", ""), set((fields.get("flags") or fields.get("features") or "").split())
