"""Which files of a project count: what an archive ships, and what a dry run's verdict is about."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError, UsageError
from packflow_app.locations import LOCK_FILE, STATE_DIR
from packflow_app.projects.file_hashes import file_digest, unreadable
from packflow_app.projects.ignore_files import GIT_IGNORE, PACKFLOW_IGNORE, IgnoreFile, IgnoreRule, decide
from packflow_app.projects.requirements import REQUIREMENTS_FILE
from packflow_app.runtime import CONFIG_FILE, GOLDEN_DIR, MANIFEST_NAME

if TYPE_CHECKING:
    from packflow_app.runtime import ProjectConfig

SECRETS = "may hold secrets"
ENVIRONMENT = "an environment"
SAMPLE = "sample events, for the dry run only"
GOLDEN = "golden events, shipped beside the project"
LOCK = "the lock, shipped beside the project"
_ARCHIVE_HEAD = 32 << 10  # __main__.py, then what tells of the archive
_NEVER = {
    STATE_DIR: "Packflow's own notes",
    ".git": "version control",  # a file in a worktree or a submodule
    ".hg": "version control",
    ".svn": "version control",
}
_EXCLUDED_FOLDERS = {
    "__pycache__": "compiled modules",
    ".venv": ENVIRONMENT,
    "venv": ENVIRONMENT,
    ".tox": ENVIRONMENT,
    ".nox": ENVIRONMENT,
    ".mypy_cache": "a tool's cache",
    ".pytest_cache": "a tool's cache",
    ".ruff_cache": "a tool's cache",
    ".hypothesis": "a tool's cache",
    "node_modules": "a tool's cache",
    ".ipynb_checkpoints": "an editor's files",
    ".idea": "an editor's files",
    ".vscode": "an editor's files",
    ".eggs": "build leftovers",
    "*.egg-info": "build leftovers",
    ".ssh": SECRETS,
    ".aws": SECRETS,
    ".gnupg": SECRETS,
}
_EXCLUDED_FILES = {
    "*.pyc": "compiled modules",
    "*.pyo": "compiled modules",
    ".DS_Store": "a desktop's notes",
    "Thumbs.db": "a desktop's notes",
    "desktop.ini": "a desktop's notes",
    ".*.zip-*.partial": "an unfinished archive",
    ".env": SECRETS,
    ".env.*": SECRETS,
    ".envrc": SECRETS,
    "*.pem": SECRETS,
    "*.key": SECRETS,
    "*.p12": SECRETS,
    "*.pfx": SECRETS,
    "*.ppk": SECRETS,
    "*.jks": SECRETS,
    "*.keystore": SECRETS,
    "*.kdbx": SECRETS,
    "id_rsa": SECRETS,
    "id_dsa": SECRETS,
    "id_ecdsa": SECRETS,
    "id_ed25519": SECRETS,
    ".netrc": SECRETS,
    ".pypirc": SECRETS,
    ".npmrc": SECRETS,
    ".htpasswd": SECRETS,
    ".git-credentials": SECRETS,
}


@dataclass(frozen=True)
class Contents:
    """The files that ship, by their names below the project (sorted), and why others do not.

    A folder that is left out stands for all it holds. ``rules`` are the lines of ignore files that left something out.
    """

    files: dict[str, Path]
    excluded: dict[str, str]
    rules: dict[str, IgnoreRule] = field(default_factory=dict)

    def exclusion_of(self, name: str) -> str | None:
        """What is left out and holds ``name`` or is it, as ``excluded`` spells it; None for what is not left out."""
        parts = name.split("/")
        paths = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        return next((path for path in paths if path in self.excluded), None)

    def digest(self) -> str:
        """What ``contents_digest`` gives for the files as they are now; each is read."""
        return contents_digest({name: file_digest(path) for name, path in self.files.items()})


def contents_digest(hashes: dict[str, str]) -> str:
    """SHA-256 over the names and SHA-256 hashes of a project's files: equal digests mean the same project."""
    total = hashlib.sha256()
    for name, sha256 in sorted(hashes.items(), key=lambda item: os.fsencode(item[0])):
        total.update(os.fsencode(f"{name}\0{sha256}\n"))
    return total.hexdigest()


def project_contents(project_dir: Path, config: ProjectConfig) -> Contents:
    """Choose the files of a project.

    What the archive ships in a place of its own (golden events, the lock) is not among them, nor are sample events.
    packflow.yaml, requirements.txt and the backend's file always are. Of the rest ``.packflowignore`` has the first
    word, then what is never wanted, then ``.gitignore``; both kinds of files may lie in any folder of the project, and
    nothing outside it counts. Raises CheckFailedError for a symbolic link and UsageError when there is something that
    is neither file nor folder.
    """
    walk = _Walk(project_dir, config)
    walk.run()
    files = dict(sorted(walk.files.items(), key=lambda item: os.fsencode(item[0])))
    return Contents(files, walk.excluded, walk.rules)


@dataclass(frozen=True)
class _Exclusion:
    reason: str
    rule: IgnoreRule | None = None


@dataclass(frozen=True)
class _Folder:
    """A folder to look into: its name with a slash at the end, and the rules in force.

    ``exclusion``: why all but what is needed of it is left out, if it is.
    """

    path: Path
    name: str
    git: tuple[IgnoreFile, ...] = ()
    packflow: tuple[IgnoreFile, ...] = ()
    exclusion: _Exclusion | None = None


class _Walk:
    def __init__(self, project_dir: Path, config: ProjectConfig) -> None:
        self.files: dict[str, Path] = {}
        self.excluded: dict[str, str] = {}
        self.rules: dict[str, IgnoreRule] = {}
        self._project_dir = project_dir
        self._archives = f"{config.name.replace('-', '_')}-*.zip"
        self._apart = {GOLDEN_DIR: GOLDEN, LOCK_FILE: LOCK}
        if config.dry_run.events:
            self._apart[os.path.normpath(config.dry_run.events).replace(os.sep, "/")] = SAMPLE
        backend = "/".join(config.inference_backend.partition(":")[0].split("."))
        self._needed = {CONFIG_FILE, REQUIREMENTS_FILE, f"{backend}.py", f"{backend}/__init__.py"}
        self._needed_folders = {str(parent) for name in self._needed for parent in PurePosixPath(name).parents}

    def run(self) -> None:
        waiting = [_Folder(self._project_dir, "")]
        while waiting:
            folder = waiting.pop()
            entries = _entries(folder.path)
            folder = _with_rules(folder, entries)
            waiting += [below for entry in entries if (below := self._visit(folder, entry)) is not None]

    def _visit(self, folder: _Folder, entry: os.DirEntry[str]) -> _Folder | None:
        """Take or leave one entry; returns a folder that is to be looked into."""
        name = folder.name + entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        exclusion = self._exclusion(folder, entry, name, is_folder=is_folder)
        below = _Folder(Path(entry.path), f"{name}/", folder.git, folder.packflow, exclusion)
        if exclusion is not None:
            if is_folder and name in self._needed_folders and exclusion.rule is not None:
                return below
            self.excluded[name] = exclusion.reason
            if exclusion.rule is not None:
                self.rules[name] = exclusion.rule
            return None
        if entry.is_symlink():
            raise CheckFailedError(
                f"{name} is a symbolic link, which an archive cannot hold.",
                code="symlink",
                file=name,
                hint="Replace it by the file it points to.",
            )
        if is_folder:
            return below
        if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            raise UsageError(f"{name} is neither a file nor a folder.", file=name, hint="Remove it from the project.")
        self.files[name] = Path(entry.path)
        return None

    def _exclusion(self, folder: _Folder, entry: os.DirEntry[str], name: str, *, is_folder: bool) -> _Exclusion | None:
        """Why an entry is left out; None where it is not."""
        apart = self._apart.get(name) or _NEVER.get(entry.name)
        if apart is not None:
            return _Exclusion(apart)
        if name in self._needed or folder.exclusion is not None:
            return None if name in self._needed else folder.exclusion
        wish = decide(folder.packflow, name, is_folder=is_folder)
        if wish is None:
            reason = self._default(entry, name, is_folder=is_folder)
            if reason is not None:
                return _Exclusion(reason)
            wish = decide(folder.git, name, is_folder=is_folder)
        return _Exclusion(f"{wish.rule.where}: {wish.rule.pattern}", wish.rule) if wish and wish.is_ignored else None

    def _default(self, entry: os.DirEntry[str], name: str, *, is_folder: bool) -> str | None:
        """Why nobody wants such an entry in an archive."""
        if is_folder:
            patterns = _EXCLUDED_FOLDERS
        elif entry.is_symlink():  # to an environment elsewhere, say
            patterns = {**_EXCLUDED_FOLDERS, **_EXCLUDED_FILES}
        else:
            patterns = _EXCLUDED_FILES
            if fnmatch.fnmatch(entry.name, self._archives) and (name == entry.name or _is_archive(Path(entry.path))):
                return "an exported archive"
        found = next((reason for pattern, reason in patterns.items() if fnmatch.fnmatch(entry.name, pattern)), None)
        if found is None and is_folder and _is_environment(Path(entry.path)):
            return ENVIRONMENT
        return found


def _with_rules(folder: _Folder, entries: list[os.DirEntry[str]]) -> _Folder:
    """The folder with the rules that lie in it."""
    found = {
        entry.name: IgnoreFile(folder.name, entry.name, _content(Path(entry.path)))
        for entry in entries
        if entry.name in (GIT_IGNORE, PACKFLOW_IGNORE) and entry.is_file(follow_symlinks=False)
    }
    git, packflow = found.get(GIT_IGNORE), found.get(PACKFLOW_IGNORE)
    return replace(
        folder,
        git=(*folder.git, git) if git is not None else folder.git,
        packflow=(*folder.packflow, packflow) if packflow is not None else folder.packflow,
    )


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()


def _is_archive(path: Path) -> bool:
    """Whether a file begins as an archive of Packflow does, by the names of its first two entries."""
    try:
        with path.open("rb") as file:
            head = file.read(_ARCHIVE_HEAD)
    except OSError:
        return False
    return head.startswith(b"PK\x03\x04") and MANIFEST_NAME.rpartition("/")[0].encode() + b"/" in head


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def excluded_folder(name: str) -> str | None:
    """Why a folder of this name does not belong to a project, if so."""
    patterns = {**_NEVER, **_EXCLUDED_FOLDERS}
    return next((reason for pattern, reason in patterns.items() if fnmatch.fnmatch(name, pattern)), None)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(folder, error) from None
