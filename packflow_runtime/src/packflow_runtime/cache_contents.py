"""What the cache holds, and how it is made smaller: what is in use stays, and a kill leaves nothing half-gone."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cache import abandoned_work, remove_home, remove_work
from .cached_copies import ARCHIVES, ENVIRONMENTS, STAMPS, bytecode_dir, find_tree, refuse_shared
from .environments import LOCK_DIGITS, MARK, read_mark, requirements_key
from .errors import ExitCode, PackflowError
from .file_locks import HeldError, exclusive, try_lock
from .manifest import MANIFEST_NAME, Manifest, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY = 24 * 3600
_HEX = frozenset("0123456789abcdef")
_LEAST_DIGITS = 8


@dataclass(frozen=True)
class CachedArchive:
    """An extracted copy: ``digest`` names it, ``size`` counts its bytes on disk with its compiled modules.

    ``is_whole`` is false for one that is no longer as it was checked. ``key`` tells the environment that goes with it.
    """

    digest: str
    name: str
    version: str
    size: int
    last_used: float
    is_whole: bool
    key: str | None


@dataclass(frozen=True)
class CachedEnvironment:
    """An environment that ``install`` made, or began to make; ``models`` are the copies that it goes with."""

    name: str
    python: str
    packages: int
    size: int
    last_used: float
    is_finished: bool
    models: list[str]


@dataclass(frozen=True)
class CacheContents:
    """All of it; ``abandoned`` counts the bytes that killed processes left."""

    root: str
    archives: list[CachedArchive]
    environments: list[CachedEnvironment]
    abandoned: int

    @property
    def size(self) -> int:
        """Bytes on disk."""
        kept = [one.size for one in self.archives] + [one.size for one in self.environments]
        return sum(kept) + self.abandoned


@dataclass(frozen=True)
class Cleaned:
    """What was removed, and what stayed because a process uses it; ``size`` counts the bytes that are free again."""

    archives: list[str]
    environments: list[str]
    in_use: list[str]
    size: int


def cache_contents(root: str) -> CacheContents:
    """Look at the cache; raises PackflowError for one that others may write to."""
    with contextlib.suppress(FileNotFoundError):
        _refuse_shared(root)
    archives = sorted((_archive(root, home) for home in _archive_homes(root)), key=lambda one: (one.name, one.digest))
    environments = [_environment(folder, archives) for folder in _environment_folders(root)]
    work = abandoned_work(Path(root, ARCHIVES))
    left = sum(_size(path) for paths in work.values() for path in paths)
    return CacheContents(root, archives, environments, left)


def clean(
    root: str, *, everything: bool = False, names: tuple[str, ...] = (), older_than: float | None = None
) -> Cleaned:
    """Remove what is of no use any more, and besides: all, or what is named, or what was not used for so many days.

    A name is a model's, ``NAME-VERSION`` or at least eight digits of the digest; with the last copy that an environment
    goes with it is removed too. Raises PackflowError for a name that nothing has.
    """
    found = cache_contents(root)
    oldest = time.time() - older_than * _DAY if older_than is not None else None
    for name in names:
        if not any(_is_called(one, name) for one in found.archives):
            raise PackflowError(
                f"The cache has no archive called {name}.",
                code="not-in-cache",
                exit_code=ExitCode.NOT_FOUND,
                hint="`cache list` shows what there is.",
            )

    def goes(last_used: float) -> bool:
        return everything or (oldest is not None and last_used < oldest)

    removed = _Removal(root)
    kept = []
    for one in found.archives:
        if not one.is_whole or goes(one.last_used) or any(_is_called(one, name) for name in names):
            removed.archive(one)
        else:
            kept.append(one.key)
    named = {one.key for one in found.archives if any(_is_called(one, name) for name in names)} - {None, *kept}
    for environment in found.environments:
        if not environment.is_finished or goes(environment.last_used) or environment.name[:LOCK_DIGITS] in named:
            removed.environment(environment)
    removed.abandoned()
    return Cleaned(removed.archives, removed.environments, removed.in_use, removed.size)


class _Removal:
    """Removes one thing after another and counts."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.archives: list[str] = []
        self.environments: list[str] = []
        self.in_use: list[str] = []
        self.size = 0

    def archive(self, one: CachedArchive) -> None:
        """Remove a copy and its compiled modules, unless it is in use."""
        home = Path(self._root, ARCHIVES, one.digest)
        with _unused(home / STAMPS) as unused:
            if not unused:
                self.in_use.append(f"{one.name}-{one.version}")
                return
            remove_home(home)
            shutil.rmtree(_bytecode_of(self._root, home), ignore_errors=True)
        self.archives.append(f"{one.name}-{one.version}")
        self.size += one.size

    def environment(self, one: CachedEnvironment) -> None:
        """Remove an environment, its mark first, unless it is in use or being made."""
        folder = Path(self._root, ENVIRONMENTS, one.name)
        try:
            with exclusive(f"{folder}.lock", wait=False), _unused(folder / MARK) as unused:
                if not unused:
                    self.in_use.append(one.name)
                    return
                (folder / MARK).unlink(missing_ok=True)
                shutil.rmtree(folder)
        except HeldError:
            self.in_use.append(one.name)
            return
        except OSError as error:
            raise _not_removable(folder, error) from error
        self.environments.append(one.name)
        self.size += one.size

    def abandoned(self) -> None:
        """Remove what killed processes left."""
        archives = Path(self._root, ARCHIVES)
        for digest, paths in abandoned_work(archives).items():
            sizes = {path: _size(path) for path in paths}
            self.size += sum(sizes[path] for path in remove_work(archives, digest, paths))


@contextlib.contextmanager
def _unused(file: Path) -> Iterator[bool]:
    """Whether no process holds what ``file`` stands for, which none can begin to do during the block."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        yield True
        return
    try:
        yield try_lock(descriptor)
    finally:
        os.close(descriptor)


def _refuse_shared(root: str) -> None:
    try:
        refuse_shared(root)
    except PermissionError as error:
        raise PackflowError(
            f"The cache {root} cannot be used: {error}.",
            code="cache-shared",
            exit_code=ExitCode.NOT_WRITABLE,
            hint=f"Make it your own (chmod -R go-w {shlex.quote(str(root))}), or name another with --cache DIR.",
        ) from None


def _archive_homes(root: str) -> list[Path]:
    return [path for path in _listed(Path(root, ARCHIVES)) if len(path.name) == 64 and _HEX.issuperset(path.name)]


def _environment_folders(root: str) -> list[Path]:
    return [path for path in _listed(Path(root, ENVIRONMENTS)) if path.is_dir() and not path.is_symlink()]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _archive(root: str, home: Path) -> CachedArchive:
    manifest = _manifest(home)
    size = _size(home) + _size(_bytecode_of(root, home))
    return CachedArchive(
        digest=home.name,
        name=manifest.name if manifest is not None else "(broken)",
        version=manifest.version if manifest is not None else "",
        size=size,
        last_used=_time(home / STAMPS, home),
        is_whole=manifest is not None and find_tree(root, home.name) is not None,
        key=requirements_key(manifest) if manifest is not None else None,
    )


def _environment(folder: Path, archives: list[CachedArchive]) -> CachedEnvironment:
    mark = read_mark(str(folder))
    told: dict[str, Any] = mark or _told(folder)
    key = folder.name[:LOCK_DIGITS]
    models = sorted({f"{one.name}-{one.version}" for one in archives if one.key == key})
    return CachedEnvironment(
        name=folder.name,
        python=str(told.get("python", "")) or "unknown",
        packages=int(told.get("packages", 0)),
        size=_size(folder),
        last_used=_time(folder / MARK, folder),
        is_finished=mark is not None,
        models=models,
    )


def _told(folder: Path) -> dict[str, Any]:
    try:
        mark = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _manifest(home: Path) -> Manifest | None:
    try:
        return parse_manifest((home / "tree" / MANIFEST_NAME).read_bytes())
    except (OSError, PackflowError):
        return None


def _bytecode_of(root: str, home: Path) -> Path:
    """Where Python keeps the compiled modules of a copy: below the folder for bytecode, by the copy's whole path."""
    whole = os.path.abspath(home)
    return Path(bytecode_dir(root), whole.replace(":", "").lstrip(os.sep) if os.name == "nt" else whole.lstrip(os.sep))


def _time(*paths: Path) -> float:
    for path in paths:
        with contextlib.suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _size(folder: Path) -> int:
    """The bytes that a folder takes on disk; what cannot be looked at counts as nothing."""
    total = 0
    waiting = [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(Path(entry.path))
                    total += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
    return total


def _is_called(one: CachedArchive, name: str) -> bool:
    return name in (one.name, f"{one.name}-{one.version}") or (
        len(name) >= _LEAST_DIGITS and _HEX.issuperset(name) and one.digest.startswith(name)
    )


def _not_removable(path: Path, error: OSError) -> PackflowError:
    return PackflowError(
        f"{path} cannot be removed: {error.strerror or error}.",
        code="not-writable",
        exit_code=ExitCode.NOT_WRITABLE,
        hint="Mend its permissions, or remove it by hand.",
    )
