"""What a command works on: an archive, extracted or not yet, or a project's folder."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ExitCode, PackflowError
from .manifest import INFO_DIR, PROJECT_DIR, Manifest
from .python_versions import satisfies

if TYPE_CHECKING:
    from .backend import InferenceBackend
    from .golden import GoldenEvents


@dataclass(frozen=True)
class Target:
    """An archive or a project, under the ``name`` that the user gave.

    ``folder`` is the checked copy of an archive, or the project's folder; None for an archive that has no copy yet.
    ``manifest`` is None for a project. ``is_unzipped`` says that the archive was started as a folder. ``restart`` holds
    the words that start this program again in another Python; empty where the process is not ours to end.
    """

    name: str
    folder: Path | None
    manifest: Manifest | None = None
    bytecode_dir: str | None = None
    is_unzipped: bool = False
    restart: tuple[str, ...] = ()

    @property
    def tree(self) -> Path:
        """The folder, of a target that has one."""
        assert self.folder is not None  # noqa: S101 - commands that need a copy are given one
        return self.folder

    @property
    def project_dir(self) -> Path:
        """Where the model's own files are."""
        return self.tree / PROJECT_DIR if self.manifest is not None else self.tree

    def load(self, overrides: dict[str, Any]) -> InferenceBackend:
        """Build the backend in this process, which is ours: no pickle outside of the manifest's allowlist resolves.

        ``overrides`` go over its configuration.
        """
        from .loading import load_backend, load_project, shipped_drift  # noqa: PLC0415 - `info` needs no user's code

        if self.manifest is None:
            return load_project(self.tree, overrides)
        from .loading import guard_process  # noqa: PLC0415 - as above

        guard_process(self.manifest.pickle_allowlist)
        config = self.manifest.project_config
        try:
            backend = load_backend(self.project_dir, config, overrides, bytecode_dir=self.bytecode_dir)
        except PackflowError as error:
            from .missing_requirements import explained  # noqa: PLC0415 - only for errors

            raise explained(error, self.manifest, self.command("install")) from error
        backend.drift = shipped_drift(self.tree)
        return backend

    def digest(self) -> str:
        """What tells this model from another: the manifest's SHA-256, or what the file system says of a project."""
        import hashlib  # noqa: PLC0415 - only --resume asks

        if self.manifest is not None:
            return hashlib.sha256(self.manifest.to_bytes()).hexdigest()
        files = sorted(path for path in self.tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        stamps = [f"{path.relative_to(self.tree)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
        return hashlib.sha256("\n".join(stamps).encode("utf-8", "surrogateescape")).hexdigest()

    def read(self, name: str) -> bytes | None:
        """One file of an archive, checked; None where it has no such file."""
        if self.manifest is None or name not in self.manifest.files:
            return None
        if self.folder is not None:
            return (self.folder / name).read_bytes()
        from .archive import open_archive  # noqa: PLC0415 - a warm start has a copy

        with open_archive(Path(self.name)) as archive:
            return archive.read(name)

    def golden(self) -> GoldenEvents | None:
        """The golden events of an archive or a project; None where it has none. Raises PackflowError."""
        from .golden import read_golden  # noqa: PLC0415 - only replays ask

        return read_golden(self.tree / INFO_DIR if self.manifest is not None else self.tree)

    def check_python(self) -> None:
        """Raise PackflowError where this Python is none that an archive is for."""
        if self.manifest is None or satisfies(tuple(sys.version_info[:3]), self.manifest.python_requires):
            return
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise PackflowError(
            f"{self.manifest.name} needs Python {self.manifest.python_requires}; this is Python {found}.",
            code="python-too-old",
            exit_code=ExitCode.NOT_FOUND,
            hint="Run it with one of those Pythons.",
        )

    def command(self, *words: str, python: str | None = None) -> str:
        """The shell's words that run a command of this archive in ``python``, by default the one at work."""
        import shlex  # noqa: PLC0415 - for messages alone

        if python is None:
            python = sys.orig_argv[0] if sys.orig_argv and sys.orig_argv[0] else os.path.basename(sys.executable)
        place = [self.name]
        if not self.is_unzipped and sys.version_info < (3, 13):
            from .archive import open_archive  # noqa: PLC0415 - for messages alone

            with open_archive(Path(self.name)) as archive:
                place = ["-m", "packflow_runtime"] if archive.needs_zip64 else place
        if place[0] == "-m":
            return shlex.join([python, *place, words[0], self.name, *words[1:]])
        return shlex.join([python, *place, *words])
