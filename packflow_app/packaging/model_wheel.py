"""An archive as a wheel: pip installs it, and whoever hosts models finds it by its entry point.

The wheel holds the archive as it is, so what can be verified and what is signed stays the same bytes; loading it checks
it. Own writer: it takes no build environment and no network, and the same archive gives the same wheel.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError, not_writable
from packflow_app.packaging.versions import archive_file_name
from packflow_app.placing import absolute, make_folders, remove_empty, sibling
from packflow_app.projects.file_hashes import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.runtime import Manifest

ENTRY_POINT_GROUP = "packflow.backends"
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16

_MODULE = '''\
"""{name} {version}, as packflow export wrote it. `load()` checks the archive inside and builds its backend."""

from pathlib import Path
from typing import Any

import packflow_runtime

ARCHIVE = Path(__file__).with_name("{archive}")


def load(**overrides: Any) -> packflow_runtime.InferenceBackend:
    """Build the backend, with ``overrides`` over its configuration; raises what ``packflow_runtime.load`` does."""
    return packflow_runtime.load(ARCHIVE, **overrides)
'''


@dataclass(frozen=True)
class ModelWheel:
    """A wheel in its place; ``unchanged`` says that the same bytes already stood there."""

    path: Path
    size: int
    sha256: str
    unchanged: bool


def module_name(name: str) -> str:
    """The package that a model's wheel installs; never a name of something else, such as json."""
    return f"packflow_model_{_normal(name)}"


def wheel_file_name(manifest: Manifest) -> str:
    """The wheel's file name (binary distribution format)."""
    return f"{_normal(manifest.name)}-{manifest.version}-py3-none-any.whl"


def write_model_wheel(archive: Path, manifest: Manifest, folder: Path, *, force: bool = False) -> ModelWheel:
    """Write the wheel of an archive, which was checked, into ``folder``.

    Raises UsageError when other bytes stand in its place (unless ``force``), NotWritableError; the file appears whole
    or not at all.
    """
    target = absolute(folder) / wheel_file_name(manifest)
    work = sibling(target)
    made: list[Path] = []
    try:
        made = make_folders(target.parent)
        _write(work, archive, manifest)
        sha256, size = file_digest(work), work.stat().st_size
        unchanged = _put_in_place(work, target, sha256, force=force)
    except BaseException as error:
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise
    finally:
        if target.parent.is_dir():
            work.unlink(missing_ok=True)
        remove_empty(made)
    return ModelWheel(target, size, sha256, unchanged)


def _put_in_place(work: Path, target: Path, sha256: str, *, force: bool) -> bool:
    """Rename ``work`` to ``target``; True where the same bytes stood there already."""
    if target.is_file() and file_digest(target) == sha256:
        return True
    if (target.exists() or target.is_symlink()) and not (force and target.is_file()):
        raise _exists(target)
    work.replace(target)
    return False


def _write(work: Path, archive: Path, manifest: Manifest) -> None:
    package = module_name(manifest.name)
    info = f"{_normal(manifest.name)}-{manifest.version}.dist-info"
    shipped = archive_file_name(manifest.name, manifest.version)  # whatever it was renamed to
    module = _MODULE.format(name=manifest.name, version=manifest.version, archive=shipped).encode()
    texts = {
        f"{package}/__init__.py": module,
        f"{info}/METADATA": _metadata(manifest).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: packflow\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{ENTRY_POINT_GROUP}]\n{manifest.name} = {package}:load\n".encode(),
    }
    inside = f"{package}/{shipped}"
    rows = [f"{inside},sha256={_encoded(bytes.fromhex(file_digest(archive)))},{archive.stat().st_size}"]
    rows += [f"{name},sha256={_encoded(hashlib.sha256(data).digest())},{len(data)}" for name, data in texts.items()]
    texts[f"{info}/RECORD"] = "\n".join([*sorted(rows), f"{info}/RECORD,,", ""]).encode()
    with zipfile.ZipFile(work, "x") as wheel:
        # What tells of the distribution stands at the end, as the format advises.
        for name in sorted([inside, *texts], key=lambda name: (name.startswith(info), name)):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = _MODE
            entry.create_system = 3
            if name != inside:
                wheel.writestr(entry, texts[name])
                continue
            entry.file_size = archive.stat().st_size
            with archive.open("rb") as source, wheel.open(entry, "w") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def _metadata(manifest: Manifest) -> str:
    """The core metadata (2.1); only the runtime is required: what the model needs is in the archive's lock."""
    config = manifest.project_config
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {manifest.name.strip('-_')}",
        f"Version: {manifest.version}",
        f"Summary: {' '.join(config.description.split())}" if config.description.strip() else "",
        *(f"Maintainer: {' '.join(name.split())}" for name in config.maintainers[:1]),
        f"Requires-Python: {manifest.python_requires}",
        f"Requires-Dist: packflow-runtime>={manifest.runtime_version}",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name.strip("-_")).lower()


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _exists(target: Path) -> UsageError:
    return UsageError(
        f"{target} already exists and is another wheel.",
        code="target-exists",
        file=str(target),
        hint="Give packflow.yaml a new version, choose another folder with -o, or replace it with --force.",
    )
