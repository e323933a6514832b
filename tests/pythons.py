"""The Pythons on this machine, each asked who it is by running it; one for each minor version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OLDEST = (3, 10)
_PROBE = "import sys, json; print(json.dumps(list(sys.version_info[:3])))"


@dataclass(frozen=True)
class Python:
    """An interpreter that ran and told its version."""

    path: Path
    version: tuple[int, int, int]

    @property
    def minor(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"


def supported_pythons() -> list[Python]:
    """One Python of each minor version that Packflow supports, oldest first; always holds this minor version."""
    return [python for python in _all_pythons() if python.version >= OLDEST]


def old_pythons() -> list[Python]:
    """One Python of each minor version that Packflow no longer supports; may be empty."""
    return [python for python in _all_pythons() if python.version < OLDEST]


@cache
def _all_pythons() -> list[Python]:
    found: dict[tuple[int, int], Python] = {}
    for path in _candidates():
        try:
            answer = subprocess.run([path, "-c", _PROBE], capture_output=True, timeout=30, check=True)
            version = tuple(json.loads(answer.stdout))
        except (OSError, subprocess.SubprocessError, ValueError):
            continue  # a shim that leads nowhere
        found.setdefault(version[:2], Python(Path(path), version))
    return sorted(found.values(), key=lambda python: python.version)


def _candidates() -> list[str]:
    """``PACKFLOW_TEST_PYTHONS`` (paths separated as in PATH) where set, else this Python and the usual places."""
    named = os.environ.get("PACKFLOW_TEST_PYTHONS")
    if named:
        return [path for path in named.split(os.pathsep) if path]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [
        getattr(sys, "_base_executable", None) or sys.executable,
        *(str(path) for path in sorted(pyenv.glob("versions/*/bin/python"), reverse=True)),
        *(str(path) for path in sorted(Path.home().glob(".local/share/uv/python/*/bin/python3"), reverse=True)),
        *(path for minor in range(10, 16) if (path := shutil.which(f"python3.{minor}"))),
    ]
