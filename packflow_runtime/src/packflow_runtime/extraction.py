"""The cold start of an archive: check every byte while extracting it, into the cache or a private folder."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import cache, cached_copies
from .archive import Archive, extract, open_archive
from .errors import PackflowError
from .reporting import print_error, print_notice

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Extracted:
    """A checked copy of an archive: its folder, and where its compiled modules go (None: nowhere)."""

    tree: str
    bytecode_dir: str | None


def extract_to_cache(path: Path, cache_dir: str) -> Extracted:
    """The checked copy of the archive at ``path``, made now unless the cache has it.

    Where the cache cannot be used, which is said, the copy lives in a private folder until the process ends. Raises
    ArchiveFormatError, ManifestError or PackflowError when the archive is not to be trusted or not to be read.
    """
    with open_archive(path) as archive:
        tree = cached_copies.find_tree(cache_dir, archive.digest)
        if tree is not None:
            return Extracted(tree, cached_copies.bytecode_dir(cache_dir))
        if cache.had_copy(cache_dir, archive.digest):
            print_notice("the cached copy of this archive was changed; it is made again")
        try:
            tree = cache.store_tree(cache_dir, archive.digest, lambda folder: extract(archive, folder))
        except OSError as error:
            print_notice(f"the cache {cache_dir} cannot be used: {error.strerror or error}")
            return Extracted(_private_copy(archive), None)
    return Extracted(tree, cached_copies.bytecode_dir(cache_dir))


def with_extracted_tree(path: str, cache_dir: str, run: Callable[[str, str, str | None], int]) -> int:
    """Extract the archive at ``path`` and call ``run(tree, path, bytecode_dir)``; errors are shown and become codes."""
    try:
        extracted = extract_to_cache(Path(path), cache_dir)
    except PackflowError as error:
        return print_error(error)
    return run(extracted.tree, path, extracted.bytecode_dir)


def _private_copy(archive: Archive) -> str:
    folder = tempfile.mkdtemp(prefix="packflow-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    extract(archive, Path(folder))
    return folder
