"""What goes to Spark's executors beside a job: the archive, and this very runtime."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .installed import engine_module

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .shipped import ShippedModel


def ship(session: Any, archive: Path, model: ShippedModel) -> None:  # noqa: ANN401 - a SparkSession, also of Connect
    """Have each executor get the archive once, under ``model.file_name``, and import this runtime."""
    file, runtime = _as_named(archive, model.file_name), _runtime_file()
    if type(session).__module__.startswith("pyspark.sql.connect"):
        session.addArtifacts(str(file), file=True)
        session.addArtifacts(str(runtime), pyfile=True)
        return
    session.sparkContext.addFile(str(file))
    session.sparkContext.addPyFile(str(runtime))


@dataclass(frozen=True)
class SparkFetch:
    """Finds what was shipped, in a Python process of an executor."""

    file_name: str

    def __call__(self) -> AbstractContextManager[Path]:
        """The archive's place."""
        return contextlib.nullcontext(Path(engine_module("pyspark").SparkFiles.get(self.file_name)))


def _as_named(archive: Path, name: str) -> Path:
    """The archive in a folder of this process: Spark takes files' own names, and serves them as long as it runs."""
    file = _folder() / name
    if not file.exists():
        with contextlib.suppress(OSError):  # another file system, or one without hard links
            os.link(archive.resolve(), file)
            return file
        shutil.copyfile(archive, file)
    return file


@cache
def _runtime_file() -> Path:
    """This runtime as one file that Python imports from; it may be in a zip already."""
    package = Path(__file__).parent.parent
    if package.parent.is_file():
        return package.parent
    sources = {path.relative_to(package.parent).as_posix(): path.read_bytes() for path in package.rglob("*.py")}
    digest = hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()
    file = _folder() / f"packflow_runtime-{digest[:16]}.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in sources.items():
            target.writestr(name, data)
    return file


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="packflow-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
