"""Look at and clean the cache of extracted archives and their environments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.runtime import CacheContents, Cleaned, cache_contents, cache_root, clean_cache

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class CleanOptions:
    """What ``packflow cache clean`` may be told; without any, only what is of no use goes."""

    names: tuple[str, ...] = ()
    everything: bool = False
    older_than: float | None = None
    cache: Path | None = None


def list_cache(cache: Path | None = None) -> CacheContents:
    """What the cache at ``cache`` holds, by default the user's; raises PackflowError where others may write to it."""
    return cache_contents(_root(cache))


def clean(options: CleanOptions) -> Cleaned:
    """Remove what the options say and what is of no use; raises UsageError, PackflowError for a name nothing has."""
    if sum((options.everything, bool(options.names), options.older_than is not None)) > 1:
        raise UsageError(
            "--all, --older-than and names do not go together.", hint="Give one of the three; run it again for another."
        )
    return clean_cache(
        _root(options.cache), everything=options.everything, names=options.names, older_than=options.older_than
    )


def _root(cache: Path | None) -> str:
    return cache_root() if cache is None else os.path.abspath(cache)  # noqa: PTH100 - the runtime's paths are text
