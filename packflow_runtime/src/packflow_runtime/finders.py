"""Import modules from one folder, and nothing else from it: the runtime and the project inside an extracted archive."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from importlib.machinery import ExtensionFileLoader, FileFinder, SourceFileLoader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType


class TreeFinder:
    """Finds modules below ``root``: top-level names that ``owns`` accepts, and the submodules of those.

    With ``bytecode_dir`` compiled code is kept there instead of beside the sources, so that the tree may be read-only.
    With ``module_builtins`` modules see those built-in names, such as an ``__import__`` of their own.
    """

    def __init__(
        self,
        root: str,
        owns: Callable[[str], bool],
        bytecode_dir: str | None = None,
        module_builtins: dict[str, Any] | None = None,
    ) -> None:
        self.root = root
        self._owns = owns
        self._bytecode_dir = bytecode_dir
        self._module_builtins = module_builtins
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
        """Put the finder after the standard library's own, before the one for ``sys.path`` and others of its kind."""
        after = [
            place
            for place, finder in enumerate(sys.meta_path)
            if finder is importlib.machinery.PathFinder or isinstance(finder, TreeFinder)
        ]
        sys.meta_path.insert(after[0] if after else len(sys.meta_path), self)

    def uninstall(self) -> None:
        """Undo one ``install``."""
        sys.meta_path.remove(self)

    def loader(self, name: str, file: str) -> SourceFileLoader:
        """The loader of one source file."""
        return _TreeLoader(name, file, self._bytecode_dir, self._module_builtins)

    def _folder(self, place: str) -> FileFinder:
        if place not in self._folders:
            self._folders[place] = FileFinder(
                place,
                (ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
                (self.loader, importlib.machinery.SOURCE_SUFFIXES),  # type: ignore[arg-type]
            )
        return self._folders[place]


class _TreeLoader(SourceFileLoader):
    """Reads and writes bytecode below another folder; other imports of the process keep their own caches."""

    def __init__(self, name: str, file: str, bytecode_dir: str | None, module_builtins: dict[str, Any] | None) -> None:
        super().__init__(name, file)
        self.bytecode_dir = bytecode_dir
        self._module_builtins = module_builtins

    def get_code(self, fullname: str) -> CodeType | None:
        if self.bytecode_dir is None:
            return super().get_code(fullname)
        before, sys.pycache_prefix = sys.pycache_prefix, self.bytecode_dir
        try:
            return super().get_code(fullname)
        finally:
            sys.pycache_prefix = before

    def exec_module(self, module: ModuleType) -> None:
        if self._module_builtins is not None:
            module.__dict__["__builtins__"] = self._module_builtins
        super().exec_module(module)
