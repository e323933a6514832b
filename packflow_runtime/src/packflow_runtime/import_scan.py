"""Which imports a project's sources contain, found without running them: what a run did not reach is told by name."""

from __future__ import annotations

import ast
import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
_NOT_SOURCES = frozenset(("__pycache__", "node_modules", "site-packages", "dist-packages"))
_MISSING_MODULE = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))
_IMPORTERS = frozenset(("import_module", "__import__"))


@dataclass(frozen=True)
class WrittenImport:
    """An absolute import in a source file: ``module``, and the ``names`` taken from it.

    ``file`` is below the project, with slashes. ``optional``: the code goes on without it.
    """

    module: str
    names: tuple[str, ...]
    file: str
    line: int
    optional: bool


@dataclass
class Scan:
    """What the sources say; ``unreadable`` are files that are no Python here: path, line, reason."""

    imports: list[WrittenImport] = field(default_factory=list)
    unreadable: list[tuple[str, int | None, str]] = field(default_factory=list)


def scan_imports(project_dir: str, files: Iterable[str] | None = None) -> Scan:
    """Read the project's Python files, or only ``files`` (paths below it); type checkers' imports do not count."""
    scan = Scan()
    for path in sorted(python_files(project_dir) if files is None else files):
        name = path.replace(os.sep, "/")
        try:
            with open(os.path.join(project_dir, path), "rb") as source:
                content = source.read()
            with warnings.catch_warnings():  # "\\d" in somebody's string is not what was asked
                warnings.simplefilter("ignore")
                tree = ast.parse(content, name)
            scan.imports += _Reader(name).read(tree)
        except SyntaxError as error:
            scan.unreadable.append((name, error.lineno, error.msg))
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            scan.unreadable.append((name, None, str(error) or type(error).__name__))
    return scan


def python_files(project_dir: str) -> Iterator[str]:
    """Paths of the Python files below the project, without those of environments and hidden folders."""
    for folder, folders, files in os.walk(project_dir):
        if folder != project_dir and any(mark in files or mark in folders for mark in _ENVIRONMENT_MARKS):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _NOT_SOURCES]
        yield from (os.path.relpath(os.path.join(folder, name), project_dir) for name in files if name.endswith(".py"))


class _Reader:
    """Collects the imports of one file; the walk is a loop, so that deep code cannot exhaust the stack."""

    def __init__(self, file: str) -> None:
        self.file = file

    def read(self, tree: ast.AST) -> list[WrittenImport]:
        found: list[WrittenImport] = []
        waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
        while waiting:
            node, optional = waiting.pop()
            found += self._imports(node, optional)
            waiting += _children(node, optional)
        return sorted(found, key=lambda one: (one.line, one.module))

    def _imports(self, node: ast.AST, optional: bool) -> list[WrittenImport]:  # noqa: FBT001 - a state of the walk
        if isinstance(node, ast.Import):
            return [WrittenImport(alias.name, (), self.file, node.lineno, optional) for alias in node.names]
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            return [WrittenImport(node.module, names, self.file, node.lineno, optional)]
        if isinstance(node, ast.Call) and node.args and _name_of(node.func) in _IMPORTERS:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value[:1] not in ("", "."):
                return [WrittenImport(name.value, (), self.file, node.lineno, optional)]
        return []


def _children(node: ast.AST, optional: bool) -> list[tuple[ast.AST, bool]]:  # noqa: FBT001 - a state of the walk
    """The nodes below that may run, each with whether an import there is optional."""
    if isinstance(node, ast.If):
        negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        test = node.test.operand if isinstance(node.test, ast.UnaryOp) and negated else node.test
        body = [] if not negated and _never_runs(test) else node.body
        orelse = [] if negated and _never_runs(test) else node.orelse
        return [(child, optional) for child in [node.test, *body, *orelse]]
    if isinstance(node, ast.Try) and any(_catches_missing(handler) for handler in node.handlers):
        return [(child, optional or child not in node.finalbody) for child in ast.iter_child_nodes(node)]
    return [(child, optional) for child in ast.iter_child_nodes(node)]


def _never_runs(test: ast.expr) -> bool:
    """Whether a condition holds for type checkers only, or only where the file is run as a script."""
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__":
        return isinstance(test.ops[0], ast.Eq)
    return _name_of(test) == "TYPE_CHECKING"


def _catches_missing(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or _name_of(kind) in _MISSING_MODULE for kind in caught)


def _name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
