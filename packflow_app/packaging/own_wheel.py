"""Packflow's own wheel, for machines that reach no index: built from a checkout, or put together from an installation.

An installation keeps no wheel of itself, and has every file that was in it, listed in its RECORD with a hash.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from importlib import metadata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packflow_app.environments.tools import ToolFailedError
from packflow_app.errors import CheckFailedError, NotFoundError
from packflow_app.runtime_wheel import CHECKOUT_SOURCES, is_checkout

if TYPE_CHECKING:
    from importlib.metadata import Distribution, PackagePath
    from pathlib import Path

    from packflow_app.environments.tools import Toolbox

NAME = "packflow"
# What installers write beside a wheel's own files.
_INSTALLERS = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_build.json", "uv_cache.json"}
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def write_own_wheel(folder: Path, tools: Toolbox) -> Path:
    """Write the wheel of the Packflow that runs into ``folder``; returns its path.

    Raises NotFoundError where it runs neither from a checkout that can be built nor from an installation,
    CheckFailedError where a file of the installation is not as it was installed.
    """
    if is_checkout():
        return _built(folder, tools)
    try:
        distribution = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        raise _not_installed("Packflow runs from files that no installer put there.") from None
    return _repacked(distribution, folder)


def _built(folder: Path, tools: Toolbox) -> Path:
    root = CHECKOUT_SOURCES.parent
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    try:
        tools.within(root).run("wheels", command)
    except ToolFailedError as error:
        said = error.lines[-1].strip() if error.lines else f"exit code {error.exit_code}"
        raise NotFoundError(
            "The wheel of this checkout could not be built.",
            code="own-wheel-not-built",
            detail=said,
            hint="It takes hatchling and flit_core in Packflow's environment: pip install --group dev",
        ) from None
    (wheel,) = folder.glob(f"{NAME}-*.whl")
    return wheel


def _repacked(distribution: Distribution, folder: Path) -> Path:
    inside = [path for path in distribution.files or () if _ships(path)]
    if not any(path.name == "METADATA" for path in inside):
        raise _not_installed("The installation does not list its files.")
    contents = {path.as_posix(): _checked(path) for path in inside}
    (info,) = {name.partition("/")[0] for name in contents if name.endswith(".dist-info/METADATA")}
    rows = [f"{name},sha256={_encoded(content)},{len(content)}" for name, content in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*sorted(rows), f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{NAME}-{distribution.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "x", zipfile.ZIP_DEFLATED) as file:
        # What tells of the distribution stands at the end, as the format advises.
        for name in sorted(contents, key=lambda name: (name.startswith(info), name)):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr, entry.create_system, entry.compress_type = _MODE, 3, zipfile.ZIP_DEFLATED
            file.writestr(entry, contents[name])
    return wheel


def _ships(path: PackagePath) -> bool:
    """Whether a listed file came with the wheel: no script or bytecode that an installer made."""
    place = PurePosixPath(path.as_posix())
    made_here = place.parent.name.endswith(".dist-info") and place.name in _INSTALLERS
    return ".." not in place.parts and "__pycache__" not in place.parts and not made_here


def _checked(path: PackagePath) -> bytes:
    try:
        content = path.read_binary()
    except OSError as error:
        raise _changed(path, f"cannot be read: {error.strerror}") from None
    if path.hash is not None and path.hash.mode == "sha256" and path.hash.value != _encoded(content):
        raise _changed(path, "is not as it was installed")
    return content


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _changed(path: PackagePath, what: str) -> CheckFailedError:
    return CheckFailedError(
        f"{path} {what}, so this installation cannot be given on.",
        code="installation-damaged",
        file=str(path.locate()),
        hint="Install Packflow again: pipx reinstall packflow (or uv tool install --reinstall packflow).",
    )


def _not_installed(what: str) -> NotFoundError:
    return NotFoundError(
        f"There is no wheel of Packflow to give on. {what}",
        code="own-wheel-not-found",
        hint="Install it with pipx, uv or pip, or run it from a checkout.",
    )
