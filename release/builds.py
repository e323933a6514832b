"""Both distributions, built twice from clean copies in unlike surroundings, as sdist and as the wheel of that sdist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from release.versions import tracked_files

if TYPE_CHECKING:
    from pathlib import Path

_EPOCH = "315532800"  # 1980-01-01: what the wheel inside the app is built at
_SURROUNDINGS = (
    {"TZ": "UTC", "LC_ALL": "C", "umask": "022"},
    {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "umask": "077"},
)
FOLDERS = {"packflow-runtime": "packflow_runtime", "packflow": "."}


@dataclass(frozen=True)
class Built:
    """The files of one distribution."""

    name: str
    sdist: Path
    wheel: Path


class BuildFailedError(Exception):
    """A build ended with an error, or gave other bytes the second time."""


def build_twice(root: Path, work: Path) -> list[Built]:
    """Build everything into ``work``; the second build must give the bytes of the first.

    Raises BuildFailedError otherwise, with what the build said or which file differs.
    """
    rounds = []
    for number, surroundings in enumerate(_SURROUNDINGS, start=1):
        copy = work / f"checkout-{number}"
        for name in tracked_files(root):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, copy / name)
        rounds.append(
            [_build(name, copy / folder, work / f"dist-{number}", surroundings) for name, folder in FOLDERS.items()]
        )
    for first, second in zip(*rounds, strict=True):
        for left, right in ((first.sdist, second.sdist), (first.wheel, second.wheel)):
            if left.name != right.name or left.read_bytes() != right.read_bytes():
                raise BuildFailedError(f"{left.name} has other bytes when it is built again")
    return rounds[0]


def check_metadata(built: list[Built]) -> None:
    """Let twine look at what an index would show; raises BuildFailedError for anything it would refuse or warn of."""
    files = [str(path) for one in built for path in (one.sdist, one.wheel)]
    _run([sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files], os.environ)


def check_bundled_runtime(app: Built, runtime: Built) -> bool:
    """Compare the runtime inside the app's wheel with the one that was built by itself.

    Returns whether they are the same wheel; raises BuildFailedError where a module differs.
    """
    with zipfile.ZipFile(app.wheel) as file:
        (inside,) = (file.read(name) for name in file.namelist() if name.endswith(".whl"))
    with zipfile.ZipFile(BytesIO(inside)) as carried, zipfile.ZipFile(runtime.wheel) as separate:
        modules = [
            [name for name in one.namelist() if name.startswith("packflow_runtime/")] for one in (carried, separate)
        ]
        if sorted(modules[0]) != sorted(modules[1]):
            raise BuildFailedError("the runtime inside the app holds other files than the one that was built by itself")
        for name in modules[0]:
            if carried.read(name) != separate.read(name):
                raise BuildFailedError(f"{name} differs between the runtime inside the app and the one built by itself")
    return inside == runtime.wheel.read_bytes()


def _build(name: str, source: Path, output: Path, surroundings: dict[str, str]) -> Built:
    here = output / name
    settings = {key: value for key, value in surroundings.items() if key != "umask"}
    command = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(here), str(source)]
    _run(
        ["sh", "-c", f'umask {surroundings["umask"]}; exec "$@"', "sh", *command],
        {**os.environ, **settings, "SOURCE_DATE_EPOCH": _EPOCH},
    )
    (sdist,) = here.glob("*.tar.gz")
    (wheel,) = here.glob("*.whl")
    return Built(name, sdist, wheel)


def _run(command: list[str], environment: os._Environ[str] | dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailedError(f"{' '.join(command)}\n{done.stdout}{done.stderr}".rstrip())
