"""What a project's own files import while the model runs, each with the place.

``sys.modules`` also names what libraries import for themselves, and the source alone does not tell what ran; so every
``import`` is watched while it happens, and counts when the code that asked for it is a file of the project. A module
that was there before counts too: a library that came first does not hide that the project needs it.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from dataclasses import dataclass, field
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

_RUNTIME = __name__.partition(".")[0]
# Modules whose functions import on behalf of their caller.
_BETWEEN = frozenset(("importlib", "pkgutil", f"{_RUNTIME}.project_modules"))
_ENVIRONMENT_FOLDERS = frozenset(("site-packages", "dist-packages"))


@dataclass
class Use:
    """A module that files of the project imported: where it was found, and the first place in each of them.

    ``file`` is None for a namespace, and for what is not made from a file. ``places`` are lines by the importing file's
    path below the project, None where the line is not known.
    """

    file: str | None
    places: dict[str, int | None] = field(default_factory=dict)


class ImportRecord:
    """Watches the imports of one project from ``start`` to ``stop``.

    ``uses`` are the modules by dotted name, without the standard library, the runtime and the project's own;
    ``loaded_files`` are the project's files that were seen running or being imported, as paths below it;
    ``foreign_files`` are those known not to be the project's.
    """

    def __init__(self, project_dir: str | os.PathLike[str]) -> None:
        self.project_dir = os.path.abspath(project_dir)
        self.uses: dict[str, Use] = {}
        self.loaded_files: set[str] = set()
        self._roots = {os.path.join(root, "") for root in (self.project_dir, os.path.realpath(self.project_dir))}
        self.foreign_files: set[str] = set()
        self._places: dict[str, str | None] = {}
        self._seen: set[tuple[str, str, tuple[str, ...]]] = set()
        self.watching = False
        self._undo: Callable[[], None] | None = None

    @classmethod
    def start(cls, project_dir: str | os.PathLike[str]) -> ImportRecord:
        """Record from here on; to be called before the first module of the project is imported."""
        record = cls(project_dir)
        record.watching, record._undo = True, _put_hooks(record)
        return record

    def stop(self) -> None:
        """Leave the import system as it was; what was recorded stays. Harmless when done twice."""
        self.watching = False
        if self._undo is not None:
            self._undo()
            self._undo = None

    def as_json(self, pickle_globals: Iterable[str] = (), files: Iterable[str] | None = None) -> dict[str, Any]:
        """What was used and which distributions it came from, as plain JSON values; see ``import_report``.

        ``pickle_globals`` are names that unpickling resolved, ``module.name`` or ``module:outer.inner``. ``files`` are
        those to look through for imports that did not run, as paths below the project; by default all Python files.
        """
        from .import_report import import_report  # noqa: PLC0415 - nothing of this is needed while the model runs

        return import_report(self, pickle_globals, files)

    def place_of(self, file: str) -> str | None:
        """The path below the project, with slashes, of a file that is the project's own; None for any other."""
        if file not in self._places:
            place = self._places[file] = self._find_place(os.path.abspath(file))
            if place is None:
                self.foreign_files.add(file)
        return self._places[file]

    def imported(self, name: str, names: tuple[str, ...], importer: str, frame: FrameType | None) -> None:
        """Take down that the file ``importer`` imported ``name``, and ``names`` from it."""
        if (importer, name, names) in self._seen:
            return
        place = self.place_of(importer)
        if place is None:
            return
        self._seen.add((importer, name, names))
        self.loaded_files.add(place)
        if not is_foreign(name):
            return
        parts = {part: sys.modules.get(part) for part in (name, *(f"{name}.{taken}" for taken in names))}
        found = {part: file_of(module) for part, module in parts.items() if module is not None}
        if found.get(name) is None and any(found.values()):
            found.pop(name, None)  # a namespace is nobody's; what was taken from it is somebody's
        for part, file in found.items():
            if not self._is_own(part, file):
                self.uses.setdefault(part, Use(file)).places.setdefault(place, _line_in(importer, frame))

    def loaded(self, name: str) -> None:
        """Take down that the module ``name`` was imported, by whomever, if it is the project's."""
        file = file_of(sys.modules.get(name))
        if file is not None and (place := self.place_of(file)) is not None:
            self.loaded_files.add(place)

    def _is_own(self, name: str, file: str | None) -> bool:
        paths = [file] if file is not None else _folders_of(sys.modules.get(name))
        places = [place for path in paths if (place := self.place_of(path)) is not None]
        if file is not None:
            self.loaded_files.update(places)
        return bool(places)

    def _find_place(self, path: str) -> str | None:
        for root in self._roots:
            if path.startswith(root):
                place = path[len(root) :].replace(os.sep, "/")
                inside_environment = path.startswith(tuple(_environments_below(root)))
                return None if inside_environment or _ENVIRONMENT_FOLDERS.intersection(place.split("/")) else place
        return None


def is_foreign(name: str) -> bool:
    """Whether a module is neither the standard library's nor the runtime's."""
    top = name.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in (_RUNTIME, "__main__")


def file_of(module: object) -> str | None:
    """The file that a module was made from; None for namespaces and for whatever else stands in ``sys.modules``."""
    try:
        file = getattr(module, "__file__", None)
    except Exception:  # noqa: BLE001 - stand-ins for modules run code of their own here
        return None
    return file if isinstance(file, str) else None


def _folders_of(module: object) -> list[str]:
    """The folders of a namespace package."""
    try:
        return [str(path) for path in getattr(module, "__path__", ())]
    except Exception:  # noqa: BLE001 - as above
        return []


def _put_hooks(record: ImportRecord) -> Callable[[], None]:
    """Put hooks around the two ways to import; gives the function that takes them away.

    Hooks that others put over these later stay in place; then these only hand on.
    """
    import_, import_module = builtins.__import__, importlib.import_module
    hook, module_hook = _hook_of_import(record, import_), _hook_of_import_module(record, import_module)

    def undo() -> None:
        if builtins.__import__ is hook:
            builtins.__import__ = import_
        if importlib.import_module is module_hook:
            importlib.import_module = import_module

    builtins.__import__, importlib.import_module = hook, module_hook
    return undo


def _hook_of_import(record: ImportRecord, original: Callable[..., Any]) -> Callable[..., Any]:
    foreign = record.foreign_files

    def __import__(name, globals=None, locals=None, fromlist=(), level=0):  # type: ignore[no-untyped-def]  # noqa: A001, A002, ANN001, ANN202, N807 - its signature
        module = original(name, globals, locals, fromlist, level)
        importer = globals.get("__file__") if globals is not None else None
        if level or importer in foreign or not record.watching:
            return module
        # Compiled code that needs something, such as an unpickler, asks with an empty list on behalf of no file.
        if fromlist or type(fromlist) is not list or globals is None:
            frame = sys._getframe(1)  # noqa: SLF001 - documented, and the only cheap way
            importer = importer if isinstance(importer, str) else _file_that_asks(frame)
            if importer is not None:
                record.imported(name, tuple(fromlist or ()), importer, frame)
        return module

    return _disguised(cast("FunctionType", __import__))


def _hook_of_import_module(record: ImportRecord, original: Callable[..., Any]) -> Callable[..., Any]:
    def import_module(name, package=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - its signature
        module = original(name, package)
        if record.watching and not name.startswith("."):
            record.loaded(name)
            frame = sys._getframe(1)  # noqa: SLF001 - as above
            importer = _file_that_asks(frame)
            if importer is not None:
                record.imported(name, (), importer, frame)
        return module

    return _disguised(cast("FunctionType", import_module))


def _disguised(hook: FunctionType) -> Callable[..., Any]:
    """The hook as a part of the import system, so that warnings about a module name the code that imports it."""
    code = hook.__code__.replace(co_filename=f"<importlib._bootstrap, watched by {__name__}>")
    return FunctionType(code, hook.__globals__, hook.__name__, hook.__defaults__, hook.__closure__)


def _file_that_asks(frame: FrameType | None) -> str | None:
    """The file of the code on whose behalf an import runs that names no module as its origin."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<") and frame.f_globals.get("__name__") not in _BETWEEN:
            return file
        frame = frame.f_back
    return None


def _line_in(file: str, frame: FrameType | None) -> int | None:
    while frame is not None:
        if frame.f_code.co_filename == file:
            return frame.f_lineno
        frame = frame.f_back
    return None


def _environments_below(root: str) -> list[str]:
    """Folders of this Python that are inside the project, such as a conda environment's, with a final separator."""
    prefixes = {os.path.join(prefix, "") for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix)}
    return [prefix for prefix in prefixes if prefix.startswith(root) and prefix != root]
