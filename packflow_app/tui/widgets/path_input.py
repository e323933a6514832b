"""A field for a path, which offers what is there as it is typed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester
from textual.widgets import Input

_MOST_ENTRIES = 5000


class PathSuggester(Suggester):
    """Completes the last part of a path: folders, and files with one of these endings."""

    def __init__(self, suffixes: tuple[str, ...] = (), *, folders: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._suffixes = suffixes
        self._folders = folders

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(self.completed, value)

    def completed(self, value: str) -> str | None:
        """The first that the value may be the beginning of, by name; a folder ends in a slash."""
        start = value.rpartition("/")[2]
        found = self.entries(value) if start else []
        return found[0] if found else None

    def entries(self, value: str) -> list[str]:
        """All that the value may be the beginning of, by name; a folder ends in a slash."""
        folder, _, start = value.rpartition("/")
        place = os.path.expanduser(folder or ("/" if value.startswith("/") else "."))  # noqa: PTH111 - as in ``path``
        try:
            with os.scandir(place) as entries:
                found = sorted(
                    entry.name + "/" * entry.is_dir()
                    for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False)
                    if entry.name.startswith(start) and (start or not entry.name.startswith("."))
                    if entry.is_dir() or (not self._folders and self._fits(entry.name))
                )
        except OSError:
            return []
        return [f"{value[: len(value) - len(start)]}{name}" for name in found]

    def _fits(self, name: str) -> bool:
        return not self._suffixes or name.endswith(self._suffixes)


class PathInput(Input):
    """A path; the right arrow takes what is offered."""

    def __init__(
        self, value: str = "", *, suffixes: tuple[str, ...] = (), folders: bool = False, **arguments: object
    ) -> None:
        super().__init__(value, suggester=PathSuggester(suffixes, folders=folders), **arguments)  # type: ignore[arg-type]

    @property
    def path(self) -> Path:
        """What was typed, with ``~`` for the home folder."""
        return Path(os.path.expanduser(self.value.strip()))  # noqa: PTH111 - Path's own raises where there is no such home
