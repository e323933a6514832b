"""From an archive that was started to its checked copy on disk, and on into that copy's command line.

A warm start reads the manifest, finds the copy in the cache and continues with the copy's own runtime, whose compiled
modules are cached. It imports as little as it can on the way, for nothing in the archive itself is compiled.
"""

from __future__ import annotations

import os
import sys
import zipimport

from . import cached_copies
from .digests import sha256_hex
from .finders import TreeFinder

_MANIFEST = "packflow-info/manifest.json"


def start_archive(root: str) -> int:
    """Run the command line of the archive at ``root``, a zip file or the folder it was unzipped to."""
    root = os.path.abspath(root)
    if any(word.startswith("--cache") for word in sys.argv):
        from .cache_option import choose_cache  # noqa: PLC0415 - few ask for another cache

        choose_cache(sys.argv)
    if os.path.isdir(root):
        return _run_unzipped(root)
    cache_dir = cached_copies.cache_root()
    try:
        manifest = zipimport.zipimporter(root).get_data(_MANIFEST)
    except Exception:  # noqa: BLE001 - none, cut off, badly packed: a cold start says which
        manifest = None
    tree = None if manifest is None else cached_copies.find_tree(cache_dir, sha256_hex(manifest))
    if tree is not None:
        return _continue_in(tree, root, cached_copies.bytecode_dir(cache_dir))
    from .cli import cold_start  # noqa: PLC0415 - a warm start takes the copy's

    return cold_start(root, cache_dir, _continue_in)


def _continue_in(tree: str, archive: str, bytecode_dir: str | None) -> int:
    """Forget the runtime that got here, and run the one in ``tree``."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "packflow_runtime"]:
        del sys.modules[name]
    TreeFinder(tree, lambda name: name == "packflow_runtime", bytecode_dir).install()
    from packflow_runtime.cli import main_of_archive  # noqa: PLC0415 - the copy's, not this module's sibling

    return main_of_archive(tree, archive, bytecode_dir)


def _forget_compiled_entry(folder: str) -> None:
    """Remove what Python itself keeps of a folder's ``__main__.py`` before that can say no."""
    try:
        for name in os.listdir(folder):
            if name.startswith("__main__.") and name.endswith(".pyc"):
                os.remove(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        return  # there is none, or it holds something else, which the check will name


def _run_unzipped(root: str) -> int:
    sys.dont_write_bytecode = True  # what was checked stays as it was
    _forget_compiled_entry(os.path.join(root, "__pycache__"))
    from .cli import main_of_archive  # noqa: PLC0415 - a zip continues elsewhere

    return main_of_archive(root, root, None, unzipped=True)
