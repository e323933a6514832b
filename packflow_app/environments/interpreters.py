"""Find the Python that runs a project's model, and ask it who it is by running it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packflow_app.errors import NotFoundError

_OLDEST = (3, 10)
_PROBE_SECONDS = 30
_PROBE = (
    "import json, platform, sys; "
    "print(json.dumps([list(sys.version_info[:3]), platform.python_implementation(), sys.prefix]))"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that was run and answered; ``origin`` says in the user's words where it came from."""

    path: Path
    version: tuple[int, int, int]
    implementation: str
    prefix: str
    origin: str

    @property
    def version_text(self) -> str:
        """The version as people write it, such as 3.11.7."""
        return ".".join(map(str, self.version))


def find_interpreter(project_dir: Path, chosen: str | None = None) -> Interpreter:
    """The Python for a project: ``chosen`` (a path or a command), its .venv or venv, else the base interpreter.

    The app's own environment is never used. Raises NotFoundError when the Python found does not run or is older than
    3.10; a broken one is reported, never skipped.
    """
    if chosen is not None:
        path = shutil.which(chosen)
        if path is None:
            raise NotFoundError(
                f"There is no Python at {chosen}.", code="python-not-found", hint="Give --python a path or a command."
            )
        return probe_interpreter(Path(path), "--python")
    for name in (".venv", "venv"):
        folder = project_dir / name
        if (folder / "pyvenv.cfg").is_file() or (folder.is_symlink() and not folder.exists()):
            return probe_interpreter(_python_of(folder), f"the project's {name}")
    return probe_interpreter(Path(_base_executable()), "the Python that Packflow was installed with")


def probe_interpreter(path: Path, origin: str) -> Interpreter:
    """Run the Python at ``path`` and ask for its version; raises NotFoundError when that fails or it is too old."""
    hint = "Choose a working Python (3.10 or later) with --python."
    try:
        answer = subprocess.run(
            [str(path), "-I", "-c", _PROBE],
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        (major, minor, patch), implementation, prefix = json.loads(answer.stdout)
        version = (int(major), int(minor), int(patch))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        raise NotFoundError(
            f"{path} ({origin}) does not run as a Python: {_reason(error)}.", code="python-broken", hint=hint
        ) from None
    found = Interpreter(path, version, implementation, prefix, origin)
    if found.version < _OLDEST:
        raise NotFoundError(
            f"{path} ({origin}) is Python {found.version_text}; Packflow's runtime needs 3.10 or later.",
            code="python-too-old",
            hint=hint,
        )
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit code {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {_PROBE_SECONDS} s"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it does not answer as one"


def _base_executable() -> str:
    """The interpreter that the app's own environment was made from."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
