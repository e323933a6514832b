"""The runtime as a wheel: the one the app was built with, or in a checkout one built from the sources on demand."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

# Imported by the build hook too, so nothing here may import the rest of the app.
PACKAGE_DIR = Path(__file__).resolve().parent
BUNDLE_DIR = PACKAGE_DIR / "bundled"
RUNTIME_COPY = BUNDLE_DIR / "runtime"
CHECKOUT_SOURCES = PACKAGE_DIR.parent / "packflow_runtime"
_EPOCH = "315532800"  # 1980-01-01, the oldest time a zip can hold


def runtime_wheel() -> Path:
    """The path of the runtime's wheel; in a checkout it is rebuilt when its sources change.

    Raises FileNotFoundError when the installation is damaged, ImportError when a checkout lacks flit_core.
    """
    if not is_checkout():
        wheels = sorted(BUNDLE_DIR.glob("packflow_runtime-*.whl"))
        if len(wheels) != 1:
            raise FileNotFoundError(f"{BUNDLE_DIR} holds {len(wheels)} runtime wheels, expected 1")
        return wheels[0]
    home = CHECKOUT_SOURCES.parent / "build" / "runtime" / sources_digest(CHECKOUT_SOURCES)[:16]
    built = sorted(home.glob("packflow_runtime-*.whl"))
    return built[0] if built else build_runtime_wheel(CHECKOUT_SOURCES, home)


def runtime_import_path() -> Path:
    """The folder that goes on ``sys.path`` to import the runtime: the app's copy, or a checkout's sources.

    Files rather than the wheel: Python keeps no bytecode of what it imports from a zip, and compiling the runtime takes
    a fifth of a second each time.
    """
    return CHECKOUT_SOURCES / "src" if is_checkout() else RUNTIME_COPY


def is_checkout() -> bool:
    """Whether this package stands in its repository, beside the runtime's sources."""
    return (CHECKOUT_SOURCES / "pyproject.toml").is_file()


def sources_digest(sources: Path) -> str:
    """SHA-256 over the names and bytes of everything the wheel is built from."""
    files = [path for path in sources.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(sources).as_posix()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(sources).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def build_runtime_wheel(sources: Path, target: Path) -> Path:
    """Build the wheel into the folder ``target`` with flit_core; the same sources give the same bytes everywhere."""
    from flit_core.wheel import make_wheel_in  # noqa: PLC0415 - an installed app has the wheel and no flit_core

    target.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = _EPOCH
    try:
        with tempfile.TemporaryDirectory(dir=target) as work:
            built = Path(make_wheel_in(sources / "pyproject.toml", Path(work)).file)
            return built.replace(target / built.name)
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before
