"""Import modules from one folder, and nothing else from it: the runtime and the project inside an extracted archive."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from importlib.machinery import ExtensionFileLoader, FileFinder, SourceFileLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType


class TreeFinder:
    """Finds modules below ``root``: top-level names that ``owns`` accepts, and the submodules of those.

    With ``bytecode_dir`` compiled code is kept there instead of beside the sources, so that the tree may be read-only.
    """

    def __init__(self, root: str, owns: Callable[[str], bool], bytecode_dir: str | None = None) -> None:
        self.root = root
        self._owns = owns
        self._bytecode_dir = bytecode_dir
        self._folders: dict[str, FileFinder] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer the import system; None lets the next finder look."""
        if path is None:
            places = [self.root] if self._owns(name) else []
        else:
            places = [place for place in path if place.startswith(self.root + os.sep)]
        for place in places:
            spec = self._folder(place).find_spec(name, target)
            # A plain folder is a namespace package; it counts only where nothing installed has the name.
            if spec is not None and (
                spec.loader is not None or path is not None or importlib.machinery.PathFinder.find_spec(name) is None
            ):
                return spec
        return None

    def invalidate_caches(self) -> None:
        """Forget which files the folders held."""
        self._folders.clear()

    def install(self) -> None:
        """Put the finder after the standard library's own and before the one that looks at ``sys.path``."""
        places = [i for i, finder in enumerate(sys.meta_path) if finder is importlib.machinery.PathFinder]
        sys.meta_path.insert(places[0] if places else len(sys.meta_path), self)

    def _folder(self, place: str) -> FileFinder:
        if place not in self._folders:
            bytecode_dir = self._bytecode_dir

            def loader(name: str, file: str) -> SourceFileLoader:
                return SourceFileLoader(name, file) if bytecode_dir is None else _TreeLoader(name, file, bytecode_dir)

            self._folders[place] = FileFinder(
                place,
                (ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
                (loader, importlib.machinery.SOURCE_SUFFIXES),  # type: ignore[arg-type]
            )
        return self._folders[place]


class _TreeLoader(SourceFileLoader):
    """Reads and writes bytecode below another folder; other imports of the process keep their own caches."""

    def __init__(self, name: str, file: str, bytecode_dir: str) -> None:
        super().__init__(name, file)
        self._bytecode_dir = bytecode_dir

    def get_code(self, fullname: str) -> CodeType | None:
        before, sys.pycache_prefix = sys.pycache_prefix, self._bytecode_dir
        try:
            return super().get_code(fullname)
        finally:
            sys.pycache_prefix = before
