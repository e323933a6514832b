"""The cold start of an archive: check every byte while extracting it, into the cache or a private folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import cache
from .archive import extract, open_archive
from .errors import PackflowError
from .reporting import print_error, print_notice

if TYPE_CHECKING:
    from collections.abc import Callable


def with_extracted_tree(path: str, cache_dir: str, run: Callable[[str, str, str | None], int]) -> int:
    """Extract the archive at ``path`` and call ``run(tree, path, bytecode_dir)``; errors are shown and become codes.

    Where the cache cannot be used, which is said, the copy lives in a private folder until ``run`` returns.
    """
    try:
        with open_archive(Path(path)) as archive:
            if cache.had_copy(cache_dir, archive.digest):
                print_notice("the cached copy of this archive was changed; it is made again")
            try:
                tree = cache.store_tree(cache_dir, archive.digest, lambda folder: extract(archive, folder))
                bytecode: str | None = cache.bytecode_dir(cache_dir)
                private = None
            except OSError as error:
                print_notice(f"the cache {cache_dir} cannot be used: {error.strerror or error}")
                private = tempfile.mkdtemp(prefix="packflow-")
                tree, bytecode = private, None
                extract(archive, Path(private))
    except PackflowError as error:
        return print_error(error)
    try:
        return run(tree, path, bytecode)
    finally:
        if private is not None:
            shutil.rmtree(private, ignore_errors=True)
