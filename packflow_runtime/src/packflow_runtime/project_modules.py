"""The modules of one project, kept apart from those of another in the same process.

Two projects may both have a ``helpers.py``. Their modules keep their plain names, which pickles and ``typing`` need, so
``sys.modules`` can show only one of them at a time: while a project is being loaded, or imports something later, its
own modules are put there, and afterwards whatever stood there before is put back. Code of the project finds its own
modules at any time, because its ``import`` statements go through ``ProjectModules``.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import sys
import threading
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING, Any

from .finders import TreeFinder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

_ENTRY_ALIAS = "_packflow_entry_"


class ProjectModules:
    """Finds, loads and remembers the modules below ``root``.

    The standard library's names are never the project's: a ``json.py`` there replaces nothing. A module of the project
    wins over an installed one of the same name. With ``bytecode_dir`` compiled code is kept there.
    """

    _lock = threading.RLock()  # sys.modules and sys.meta_path are the process's
    _known: dict[str, ProjectModules] = {}  # noqa: RUF012 - shared on purpose
    _shown: list[ProjectModules] = []  # noqa: RUF012 - whose modules sys.modules shows, innermost last

    def __init__(self, root: str, bytecode_dir: str | None = None) -> None:
        self.root = root
        self.names = _top_level_names(root)
        self._modules: dict[str, ModuleType] = {}
        builtins_of_project = {**vars(builtins), "__import__": self._import}
        self._finder = TreeFinder(root, self.names.__contains__, bytecode_dir, builtins_of_project)

    @classmethod
    def of(cls, root: str, bytecode_dir: str | None = None) -> ProjectModules:
        """The one instance for ``root``; a project that is loaded again gets the modules it had."""
        with cls._lock:
            if root not in cls._known:
                project = cls._known[root] = cls(root, bytecode_dir)
                if len(cls._known) == 1:  # alone in its process, as in an archive: anything may import its modules
                    project._finder.install()
            return cls._known[root]

    def import_module(self, name: str) -> ModuleType:
        """Import a module by its dotted name, as the project's own code would."""
        with self.active():
            return importlib.import_module(name)

    def load_file(self, name: str, file: str) -> ModuleType:
        """Load a module whose name is the standard library's, under a name that shadows nothing."""
        alias = _ENTRY_ALIAS + name.replace(".", "_")
        with self.active():
            folder = [os.path.dirname(file)] if os.path.basename(file) == "__init__.py" else None
            spec = importlib.util.spec_from_file_location(
                alias, file, loader=self._finder.loader(alias, file), submodule_search_locations=folder
            )
            if spec is None or spec.loader is None:
                raise ImportError(f"{file} is not a Python module", name=name, path=file)
            module = importlib.util.module_from_spec(spec)
            sys.modules[alias] = module
            try:
                spec.loader.exec_module(module)
            except BaseException:
                del sys.modules[alias]
                raise
            return module

    @contextmanager
    def active(self) -> Iterator[None]:
        """Show this project's modules, and no other's, under the names that are its own."""
        with self._lock:
            if self._shown and self._shown[-1] is self:
                yield
                return
            hidden = {name: module for name, module in self._own_in_process() if module is not self._modules.get(name)}
            for name in hidden:
                del sys.modules[name]
            sys.modules.update(self._modules)
            self._finder.install()
            self._shown.append(self)
            try:
                yield
            finally:
                self._shown.pop()
                self._finder.uninstall()
                self._modules = dict(self._own_in_process())
                sys.modules.update(hidden)

    def _own_in_process(self) -> list[tuple[str, ModuleType]]:
        """The entries of ``sys.modules`` under this project's names, whoever put them there."""
        return [(name, module) for name, module in list(sys.modules.items()) if self._is_own_name(name)]

    def _is_own_name(self, name: str) -> bool:
        return name.partition(".")[0] in self.names or name.startswith(_ENTRY_ALIAS)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - the signature of __import__
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """Stand in for ``__import__`` in the project's modules."""
        absolute = name if level == 0 else str((globals or {}).get("__package__") or "")
        if not self._is_own_name(absolute) or (
            not level and not fromlist and name in self._modules and sys.modules.get(name) is self._modules[name]
        ):
            return builtins.__import__(name, globals, locals, fromlist, level)
        with self.active():
            return builtins.__import__(name, globals, locals, fromlist, level)


def _top_level_names(root: str) -> frozenset[str]:
    """The names that ``import`` can find directly below ``root``, less the standard library's and the runtime's."""
    found = set()
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir():
                found.add(entry.name)
            elif entry.name.endswith((".py", *EXTENSION_SUFFIXES)):
                found.add(entry.name.partition(".")[0])
    found.discard(__name__.partition(".")[0])
    return frozenset(name for name in found if name.isidentifier() and name not in sys.stdlib_module_names)
