"""Which files of a project count: what an archive ships, and what a dry run's verdict is about."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError, NotFoundError, UsageError
from packflow_app.locations import STATE_DIR
from packflow_app.runtime import GOLDEN_DIR

if TYPE_CHECKING:
    from packflow_app.runtime import ProjectConfig

_EXCLUDED_FOLDERS = {
    STATE_DIR: "Packflow's own notes",
    ".git": "version control",
    ".hg": "version control",
    ".svn": "version control",
    "__pycache__": "compiled modules",
    ".venv": "an environment",
    "venv": "an environment",
    ".tox": "an environment",
    ".nox": "an environment",
    ".mypy_cache": "a tool's cache",
    ".pytest_cache": "a tool's cache",
    ".ruff_cache": "a tool's cache",
    ".hypothesis": "a tool's cache",
    "node_modules": "a tool's cache",
    ".idea": "an editor's files",
    ".vscode": "an editor's files",
    ".eggs": "build leftovers",
    "*.egg-info": "build leftovers",
}
_EXCLUDED_FILES = {
    "*.pyc": "compiled modules",
    "*.pyo": "compiled modules",
    ".DS_Store": "a desktop's notes",
    "Thumbs.db": "a desktop's notes",
    ".env": "may hold secrets",
    ".env.*": "may hold secrets",
    "*.pem": "may hold secrets",
    "*.key": "may hold secrets",
}


@dataclass(frozen=True)
class Contents:
    """The files that ship, by their names below the project (sorted), and why others do not."""

    files: dict[str, Path]
    excluded: dict[str, str]

    def digest(self) -> str:
        """What ``contents_digest`` gives for the files as they are now."""
        return contents_digest({name: file_digest(path) for name, path in self.files.items()})


def contents_digest(hashes: dict[str, str]) -> str:
    """SHA-256 over the names and SHA-256 hashes of a project's files: equal digests mean the same project."""
    total = hashlib.sha256()
    for name, sha256 in sorted(hashes.items(), key=lambda item: os.fsencode(item[0])):
        total.update(os.fsencode(f"{name}\0{sha256}\n"))
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file; raises NotFoundError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise NotFoundError(
            f"{path} cannot be read: {error.strerror}.", code="file-not-readable", hint="Mend its permissions."
        ) from None
    return digest.hexdigest()


def project_contents(project_dir: Path, config: ProjectConfig) -> Contents:
    """Choose the files of a project.

    Sample events and golden events are not among them: the archive ships golden events in a place of their own. Raises
    CheckFailedError for a symbolic link and UsageError when there is something that is neither file nor folder.
    """
    files: dict[str, Path] = {}
    excluded: dict[str, str] = {}
    sample = os.path.normpath(config.dry_run.events).replace(os.sep, "/") if config.dry_run.events else None
    waiting = [project_dir]
    while waiting:
        for entry in _entries(waiting.pop()):
            name = Path(entry.path).relative_to(project_dir).as_posix()
            reason = _reason(name, entry, sample, config)
            if reason is not None:
                excluded[name] = reason
            elif entry.is_symlink():
                raise CheckFailedError(
                    f"{name} is a symbolic link, which an archive cannot hold.",
                    code="symlink",
                    file=name,
                    hint="Replace it by the file it points to.",
                )
            elif entry.is_dir():
                waiting.append(Path(entry.path))
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                files[name] = Path(entry.path)
            else:
                raise UsageError(
                    f"{name} is neither a file nor a folder.", file=name, hint="Remove it from the project."
                )
    return Contents(dict(sorted(files.items(), key=lambda item: os.fsencode(item[0]))), excluded)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise NotFoundError(
            f"{folder} cannot be read: {error.strerror}.", code="file-not-readable", hint="Mend its permissions."
        ) from None


def _reason(name: str, entry: os.DirEntry[str], sample: str | None, config: ProjectConfig) -> str | None:
    if name == GOLDEN_DIR:
        return "golden events, shipped beside the project"
    if name == sample:
        return "sample events, for the dry run only"
    if entry.is_dir(follow_symlinks=False):
        patterns = _EXCLUDED_FOLDERS
    elif entry.is_symlink():  # to an environment elsewhere, say
        patterns = {**_EXCLUDED_FOLDERS, **_EXCLUDED_FILES}
    else:
        patterns = _EXCLUDED_FILES
        if name == entry.name and fnmatch.fnmatch(name, f"{config.name.replace('-', '_')}-*.zip"):
            return "an exported archive"
    return next((reason for pattern, reason in patterns.items() if fnmatch.fnmatch(entry.name, pattern)), None)
