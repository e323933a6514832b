"""From a path that somebody named to what commands work on: an archive's checked copy, an unzipped one, a project."""

from __future__ import annotations

from pathlib import Path

from .archive import check_tree, is_archive
from .cached_copies import cache_root
from .errors import ExitCode, PackflowError
from .extraction import extract_to_cache
from .manifest import MANIFEST_NAME, parse_manifest
from .project import CONFIG_FILE
from .target import Target


def opened_target(path: Path, restart: tuple[str, ...] = ()) -> Target:
    """The target at ``path``, checked; an archive is extracted to the cache. Raises PackflowError.

    ``restart`` is what starts this process again in another Python, where it may.
    """
    if is_archive(path):
        extracted = extract_to_cache(path, cache_root())
        tree = Path(extracted.tree)
        manifest = parse_manifest((tree / MANIFEST_NAME).read_bytes())
        return Target(str(path), tree, manifest, extracted.bytecode_dir, restart=restart)
    if (path / MANIFEST_NAME).is_file():
        return Target(str(path), path, check_tree(path), is_unzipped=True, restart=restart)
    if not path.is_dir():
        raise PackflowError(
            f"{path} {'is neither an archive nor a folder of a project' if path.exists() else 'does not exist'}.",
            code="archive-not-found",
            exit_code=ExitCode.NOT_FOUND,
            hint=f"Name a .zip that `packflow export` wrote, or a folder with {CONFIG_FILE}.",
        )
    return Target(str(path), path)
