"""The cold start of an archive: check every byte while extracting it, into the cache or a private folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import cache, cached_copies
from .archive import Archive, extract, open_archive
from .errors import ExitCode, PackflowError
from .file_locks import try_lock
from .reporting import print_notice

_PRIVATE = "packflow-copy-"
_IN_USE = "in-use"


@dataclass(frozen=True)
class Extracted:
    """A checked copy of an archive: its folder, and where its compiled modules go (None: nowhere)."""

    tree: str
    bytecode_dir: str | None


def extract_to_cache(path: Path, cache_dir: str) -> Extracted:
    """The checked copy of the archive at ``path``, made now unless the cache has it.

    Where the cache cannot be used, which is said, the copy lives in a private folder until the process ends. Raises
    ArchiveFormatError, ManifestError or PackflowError when the archive is not to be trusted, or not to be read, or
    there is no room for the copy.
    """
    with open_archive(path) as archive:
        try:
            tree = cache.store_tree(
                cache_dir,
                archive.digest,
                lambda folder: extract(archive, folder),
                discarding=lambda: print_notice("the cached copy of this archive was changed; it is made again"),
                waiting=lambda: print_notice("another process is extracting this archive; waiting for it"),
            )
        except OSError as error:
            print_notice(f"the cache {cache_dir} cannot be used: {error.strerror or error}")
            return Extracted(_private_copy(archive), None)
    return Extracted(tree, cached_copies.bytecode_dir(cache_dir))


def _private_copy(archive: Archive) -> str:
    """Extract to a folder of this process; those of processes that were killed are removed first."""
    import atexit  # noqa: PLC0415 - only where there is no cache

    _remove_private_copies()
    try:
        folder = tempfile.mkdtemp(prefix=_PRIVATE)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        try_lock(os.open(os.path.join(folder, _IN_USE), os.O_RDWR | os.O_CREAT, 0o600))
        tree = Path(folder, "tree")
        tree.mkdir()
        extract(archive, tree)
    except OSError as error:
        raise PackflowError(
            f"The archive cannot be extracted: {error.strerror or error}.",
            code="not-writable",
            exit_code=ExitCode.NOT_WRITABLE,
            hint="Name a folder that has room with --cache DIR.",
        ) from error
    return str(tree)


def _remove_private_copies() -> None:
    for place in Path(tempfile.gettempdir()).glob(f"{_PRIVATE}*"):
        with contextlib.suppress(OSError):
            if os.name != "posix" or place.lstat().st_uid != os.geteuid():
                continue
            descriptor = os.open(place / _IN_USE, os.O_RDWR)
            try:
                if try_lock(descriptor):
                    shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(descriptor)
