"""The environments that ``install`` makes: where they are, and which one an archive runs in.

``CACHE/environments/KEY`` is a virtual environment, made in place, since one cannot be moved. ``KEY`` tells the lock
and the Python. An environment counts only once it holds its mark, which is written last.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cached_copies import ENVIRONMENTS, cache_root, refuse_shared
from .digests import sha256_hex
from .manifest import LOCK_NAME, PROJECT_DIR

if TYPE_CHECKING:
    from .manifest import Manifest

MARK = "packflow-environment.json"
LOCK_DIGITS = 16
_TEXTS = (".txt", ".in")


@dataclass(frozen=True)
class PythonIdentity:
    """What two Pythons must have in common to share an environment; ``prefix`` is where the real one is installed."""

    implementation: str
    version: str
    prefix: str

    @classmethod
    def here(cls) -> PythonIdentity:
        """This Python, or the one that its environment was made of."""
        version = ".".join(map(str, sys.version_info[:3]))
        return cls(sys.implementation.name, version, os.path.realpath(sys.base_prefix))

    def key(self) -> str:
        """A name for files."""
        return f"{self.implementation}-{self.version}-{sha256_hex(os.fsencode(self.prefix))[:8]}"


@dataclass(frozen=True)
class Environment:
    """A finished environment."""

    folder: str
    version: str

    @property
    def python(self) -> str:
        """Its interpreter."""
        return python_in(self.folder)


def python_in(folder: str) -> str:
    """The interpreter of the environment in ``folder``."""
    return os.path.join(folder, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def requirements_key(manifest: Manifest) -> str | None:
    """Stands for what must be installed: the lock, or the files that say so where there is none; None for nothing."""
    lock = manifest.files.get(LOCK_NAME)
    if lock is not None:
        return lock.sha256[:LOCK_DIGITS]
    if not manifest.requirements:
        return None
    names = sorted(name for name in manifest.files if name.startswith(f"{PROJECT_DIR}/") and name.endswith(_TEXTS))
    told = [*manifest.requirements, *(f"{name} {manifest.files[name].sha256}" for name in names)]
    return sha256_hex("\n".join(told).encode("utf-8", "surrogateescape"))[:LOCK_DIGITS]


def environment_folder(root: str, key: str, python: PythonIdentity) -> str:
    """Where the environment for these requirements and this Python is, or would be."""
    return os.path.join(root, ENVIRONMENTS, f"{key}-{python.key()}")


def read_mark(folder: str) -> dict[str, Any] | None:
    """What ``install`` noted of a finished environment; None for one that is not finished, or whose Python is gone."""
    try:
        with open(os.path.join(folder, MARK), encoding="utf-8") as file:
            mark = json.load(file)
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and os.path.exists(python_in(folder)) else None


def find_environment(manifest: Manifest) -> Environment | None:
    """The environment in the cache that holds what an archive requires: of this Python, else of any."""
    key, root = requirements_key(manifest), cache_root()
    if key is None:
        return None
    try:
        refuse_shared(root)
        names = os.listdir(os.path.join(root, ENVIRONMENTS))
    except OSError:
        return None
    own = os.path.basename(environment_folder(root, key, PythonIdentity.here()))
    others = sorted((name for name in names if name.startswith(f"{key}-") and name != own), reverse=True)
    for name in [own, *others] if own in names else others:
        folder = os.path.join(root, ENVIRONMENTS, name)
        mark = read_mark(folder)
        if mark is not None:
            return Environment(folder, str(mark.get("python")))
    return None
