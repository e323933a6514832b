"""What is installed in an environment, told by its own Python."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60
# The first of a name wins, as it does on import. The second dict is what PEP 508 calls an environment.
_PROGRAM = """
import importlib.metadata, json, os, platform, re, sys
found, requires = {}, {}
for distribution in importlib.metadata.distributions():
    name = distribution.metadata["Name"]
    if name and distribution.version:
        name = re.sub("[-_.]+", "-", name).lower()
        if found.setdefault(name, distribution.version) == distribution.version:
            requires.setdefault(name, distribution.requires or [])
full = sys.implementation.version
kind = "" if full.releaselevel == "final" else full.releaselevel[0] + str(full.serial)
print(json.dumps([found, {
    "implementation_name": sys.implementation.name,
    "implementation_version": "%d.%d.%d" % full[:3] + kind,
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "python_version": "%d.%d" % sys.version_info[:2],
    "sys_platform": sys.platform,
}, requires]))
"""


@dataclass(frozen=True)
class Installed:
    """Normalised names of distributions with their versions, and the values that environment markers ask for.

    ``requires`` has what each of them asks for itself, as its metadata writes it.
    """

    versions: dict[str, str]
    markers: dict[str, str]
    requires: dict[str, list[str]] = field(default_factory=dict)


def installed_with(python: Path) -> Installed:
    """What the Python at ``python`` has; raises NotFoundError when it does not answer."""
    try:
        answer = subprocess.run(
            [str(python), "-I", "-X", "utf8", "-c", _PROGRAM],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        versions, markers, requires = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise NotFoundError(
            f"{python} does not tell what is installed: {type(error).__name__}.",
            code="python-broken",
            hint="Make the environment anew: packflow env remove, then packflow env sync",
        ) from None
    return Installed(versions, markers, requires)
