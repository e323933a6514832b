"""An import record as the report that the app compares with requirements.txt.

Fields of the report, all plain JSON values::

    used        modules that files of the project imported, or that its pickles name:
                {module, distributions: [name], places: [[file, line]], globals: [name]}; ``distributions`` is empty
                where nothing installed owns the module, and has several names where several claim it
    unseen      imports in the sources that did not run and would need something that nothing else used:
                {module, distributions, file, line, optional, loaded}; ``optional``: the code goes on without it,
                ``loaded``: the file took part in the run
    loaded      names of all distributions that anything was loaded from, also by other libraries
    versions    installed version by name, for every distribution named above
    origins     URL by name, for those of them that were not installed from an index
    unreadable  files that are no Python here: {file, line, reason}
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from .distributions import find_providers
from .import_record import file_of, is_foreign
from .import_scan import Scan, scan_imports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .distributions import Provider, Providers
    from .import_record import ImportRecord
    from .import_scan import WrittenImport


def import_report(record: ImportRecord, pickle_globals: Iterable[str], files: Iterable[str] | None) -> dict[str, Any]:
    """Build the report; takes one pass over the sources and one over the lists of installed files."""
    return _Report(record, pickle_globals, scan_imports(record.project_dir, files)).as_json()


class _Report:
    def __init__(self, record: ImportRecord, pickle_globals: Iterable[str], scan: Scan) -> None:
        self.record = record
        self.scan = scan
        self.pickled: dict[str, list[str]] = {}
        for name in sorted(set(pickle_globals)):
            module = _module_of_global(name)
            if self._is_foreign(module):
                self.pickled.setdefault(module, []).append(name)
        self.written = [one for one in scan.imports if self._is_foreign(one.module)]
        modules = [module for name, module in list(sys.modules.items()) if is_foreign(name)]
        self.loaded = {file for module in modules if (file := file_of(module)) is not None}
        self.providers = self._find_providers()

    def as_json(self) -> dict[str, Any]:
        used = [self._used(module) for module in sorted({*self.record.uses, *self.pickled})]
        unseen = list(self._unseen(used))
        loaded = {owner.name for file in self.loaded for owner in self.providers.files.get(file, ())}
        named = loaded.union(*(entry["distributions"] for entry in [*used, *unseen]))
        groups = (*self.providers.files.values(), *self.providers.modules.values())
        named_owners = sorted({owner for owners in groups for owner in owners if owner.name in named})
        return {
            "used": used,
            "unseen": unseen,
            "loaded": sorted(loaded),
            "versions": {owner.name: owner.version for owner in named_owners},
            "origins": {owner.name: owner.url for owner in named_owners if owner.url},
            "unreadable": [{"file": file, "line": line, "reason": why} for file, line, why in self.scan.unreadable],
        }

    def _find_providers(self) -> Providers:
        files = {use.file for use in self.record.uses.values() if use.file is not None}
        modules = {module for module, use in self.record.uses.items() if use.file is None}
        modules.update(parent for module in self.pickled for parent in _with_parents(module))
        modules.update(name for one in self.written for name in (one.module, *_taken(one)))
        return find_providers(files | self.loaded, modules)

    def _used(self, module: str) -> dict[str, Any]:
        use = self.record.uses.get(module)
        return {
            "module": module,
            "distributions": _names(self._owners(module)),
            "places": sorted(use.places.items(), key=lambda place: place[0]) if use is not None else [],
            "globals": self.pickled.get(module, []),
        }

    def _owners(self, module: str) -> set[Provider]:
        """Who installed the module's file; where there is none to go by, who has a module of the name."""
        use = self.record.uses.get(module)
        file = use.file if use is not None else file_of(sys.modules.get(module))
        if file is not None:
            return self.providers.files.get(file, set())
        found = (self.providers.modules.get(name, set()) for name in _with_parents(module))
        return next((owners for owners in found if owners), set())

    def _unseen(self, used: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        known = {name for entry in used for name in entry["distributions"]}
        known_tops = {entry["module"].partition(".")[0] for entry in used if not entry["distributions"]}
        seen: set[tuple[str, str]] = set()
        for one in self.written:
            owners = _names(self._owners_of_written(one))
            ran = any(name in self.record.uses for name in (one.module, *_taken(one)))
            if ran or (one.file, one.module) in seen or (owners and known.issuperset(owners)):
                continue
            top = one.module.partition(".")[0]
            if not owners and (top in known_tops or os.path.isdir(os.path.join(self.record.project_dir, top))):
                continue
            seen.add((one.file, one.module))
            yield {
                "module": one.module,
                "distributions": owners,
                "file": one.file,
                "line": one.line,
                "optional": one.optional,
                "loaded": one.file in self.record.loaded_files,
            }

    def _owners_of_written(self, one: WrittenImport) -> set[Provider]:
        taken = {owner for name in _taken(one) for owner in self.providers.modules.get(name, ())}
        return taken or self.providers.modules.get(one.module, set())

    def _is_foreign(self, module: str) -> bool:
        """Whether a module is a library's by its name; a file of the project wins over an installed module."""
        base = os.path.join(self.record.project_dir, module.partition(".")[0])
        own = os.path.isfile(f"{base}.py") or os.path.isfile(os.path.join(base, "__init__.py"))
        return is_foreign(module) and not own


def _names(owners: Iterable[Provider]) -> list[str]:
    return sorted({owner.name for owner in owners})


def _taken(one: WrittenImport) -> list[str]:
    return [f"{one.module}.{name}" for name in one.names]


def _module_of_global(name: str) -> str:
    """The module part of ``module.name`` or ``module:outer.inner``."""
    module, colon, _ = name.partition(":")
    return module if colon else name.rpartition(".")[0]


def _with_parents(module: str) -> list[str]:
    """A dotted name and those above it, longest first."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
