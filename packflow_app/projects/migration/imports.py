"""Rewrite the imports of packflow 0.4 in one file, and the places that go through an imported module.

Only the statements and dotted names concerned change; comments, strings and formatting stay. What has no counterpart
stays as it is and is told.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.projects.migration.findings import Found
from packflow_app.projects.migration.module_uses import ModuleUses, Use
from packflow_app.projects.migration.old_names import (
    COUNTERPARTS,
    INSTEAD,
    INSTEAD_OF_ANY,
    NEW,
    OLD,
    PROVIDED,
    new_home,
)
from packflow_app.projects.migration.statements import NewImports, replace_statement

if TYPE_CHECKING:
    from packflow_app.projects.migration.source import Source


def rewrite_imports(source: Source, *, pydantic: bool) -> list[Found]:
    """Put the edits into ``source``; gives what was left. ``pydantic``: configurations are to be pydantic models."""
    rewriter = _Rewriter(source, pydantic)
    nodes = [node for node in ast.walk(source.tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in sorted(nodes, key=source.start):
        if isinstance(node, ast.Import) and any(_is_old(alias.name) for alias in node.names):
            rewriter.modules(node)
        elif isinstance(node, ast.ImportFrom) and not node.level and _is_old(node.module):
            rewriter.names(node, str(node.module))
    return rewriter.found


def _is_old(module: str | None) -> bool:
    return module is not None and (module == OLD or module.startswith(f"{OLD}."))


@dataclass(frozen=True)
class _Binding:
    """How a name that was bound to a module of packflow 0.4 is bound now.

    ``module`` is what it stands for, ``keeps_old`` whether the old import stays too since something needs it.
    """

    module: str
    submodules: list[str]
    keeps_old: bool


@dataclass
class _Rewriter:
    source: Source
    pydantic: bool
    found: list[Found] = field(default_factory=list)
    _uses: ModuleUses | None = None
    _bound: dict[tuple[str, str, str], _Binding] = field(default_factory=dict)

    def modules(self, node: ast.Import) -> None:
        """``import packflow``, ``import packflow.loaders as l``, also beside other modules."""
        pieces: list[str] = []
        for alias in node.names:
            if not _is_old(alias.name):
                pieces.append(self.source.segment(alias))
                continue
            if alias.name not in COUNTERPARTS:
                self._left(alias, alias.name, INSTEAD_OF_ANY)
                pieces.append(self.source.segment(alias))
                continue
            pieces += self._import(alias)
        text = "import " + ", ".join(dict.fromkeys(pieces))
        self.source.replace(self.source.start(node), self.source.end(node), text)

    def _import(self, alias: ast.alias) -> list[str]:
        """What stands for one module in an import statement."""
        if alias.asname is None:  # binds ``packflow``, and makes a submodule known
            binding = self._bind(OLD, OLD, NEW)
            own = COUNTERPARTS[alias.name]
            if own is None:
                self._left(alias, alias.name, INSTEAD_OF_ANY)
            kept = [alias.name] if binding.keeps_old or own is None else []
            return [*kept, own or NEW, *binding.submodules]
        if COUNTERPARTS[alias.name] is None:
            self._left(alias, alias.name, INSTEAD_OF_ANY)
            return [self.source.segment(alias)]
        binding = self._bind(alias.asname, alias.name, alias.asname)
        if binding.keeps_old:
            return [self.source.segment(alias), NEW, *binding.submodules]
        return [f"{binding.module} as {alias.asname}", *binding.submodules]

    def names(self, node: ast.ImportFrom, module: str) -> None:
        """``from packflow.loaders import LocalLoader``: names and modules."""
        if node.names[0].name == "*":
            self._star(node, module)
            return
        new = NewImports()
        for alias in node.names:
            written = alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
            bound = alias.asname or alias.name
            if COUNTERPARTS.get(f"{module}.{alias.name}") is not None:
                self._module_by_name(new, alias, module)
            elif (home := new_home(module, alias.name, pydantic=self.pydantic)) is not None:
                new.add(home, written)
            elif module == f"{OLD}.logger" and alias.name == "logger":
                new.add(f"{NEW}.logger", "get_logger")
                new.then(f"{bound} = get_logger()")
            else:
                new.add(module, written)
                self._left(alias, f"{module}.{alias.name}", INSTEAD.get(alias.name, INSTEAD_OF_ANY))
        replace_statement(self.source, node, new)

    def _module_by_name(self, new: NewImports, alias: ast.alias, module: str) -> None:
        """``from packflow import exceptions``, a module that the file then goes through."""
        bound = alias.asname or alias.name
        binding = self._bind(bound, f"{module}.{alias.name}", bound)
        if binding.keeps_old:
            new.add(module, alias.name if alias.asname is None else f"{alias.name} as {alias.asname}")
            new.add_module(NEW)
        elif binding.module == NEW:
            new.add_module(f"{NEW} as {bound}")
        else:
            own = binding.module.rpartition(".")[2]
            new.add(NEW, own if own == bound else f"{own} as {bound}")
        for submodule in binding.submodules:
            new.add_module(submodule)

    def _star(self, node: ast.ImportFrom, module: str) -> None:
        """``from packflow import *``: by name what the file uses."""
        used = {name.id for name in ast.walk(self.source.tree) if isinstance(name, ast.Name)}
        known = sorted(name for name in used if new_home(module, name, pydantic=self.pydantic) is not None)
        new = NewImports()
        for name in known:
            new.add(str(new_home(module, name, pydantic=self.pydantic)), name)
        if not known:
            self._left(node.names[0], f"{module}.*", "Nothing of it is used in this file: remove the line.")
            return
        replace_statement(self.source, node, new)

    def _bind(self, name: str, module: str, new_name: str) -> _Binding:
        """Decide what ``name`` is bound to, and rewrite the places that go through it; once for each."""
        key = (name, module, new_name)
        if key not in self._bound:
            self._bound[key] = self._decide(name, module, new_name)
        return self._bound[key]

    def _decide(self, name: str, module: str, new_name: str) -> _Binding:
        self._uses = self._uses or ModuleUses(self.source.tree)
        uses = self._uses.through(name, module)
        if self._uses.is_rebound(name):
            return self._ambiguous(name, module, uses)
        homes = {use: new_home(use.module, use.name, pydantic=self.pydantic) for use in uses if use.name}
        lost = [use for use in uses if homes.get(use) is None]
        for use in lost:
            what = ".".join(filter(None, (use.module, use.name)))
            hint = INSTEAD.get(use.name, INSTEAD_OF_ANY) if use.name else "Name what is needed of it."
            self._left(use.node, what, hint)
        counterpart = COUNTERPARTS[module]
        if name != OLD and not lost and counterpart is not None and self._stands_in(counterpart, module, homes):
            return _Binding(counterpart, [], keeps_old=False)
        root = NEW if lost else new_name
        submodules: set[str] = set()
        for use, home in homes.items():
            if home is None:
                continue
            where = NEW if home != NEW and use.name in PROVIDED[NEW] and not home.endswith(".pydantic") else home
            if where != NEW:
                submodules.add(where)
            text = f"{root}{where.removeprefix(NEW)}.{use.name}"
            self.source.replace(self.source.start(use.node), self.source.end(use.node), text)
        return _Binding(NEW, sorted(submodules), keeps_old=bool(lost))

    def _ambiguous(self, name: str, module: str, uses: list[Use]) -> _Binding:
        """Something else has the name too, and which is meant where cannot be told."""
        message = f"{name} is {module} here and something else elsewhere in the file: it is left as it is."
        line = min((use.node.lineno for use in uses), default=1)
        hint = "Give the other thing another name, and run it again."
        self.found.append(Found("left", "name-ambiguous", message, self.source.name, line, hint))
        return _Binding(NEW, [], keeps_old=True)

    def _stands_in(self, counterpart: str, module: str, homes: dict[Use, str | None]) -> bool:
        """Whether everything that is used through a module is in its counterpart under the same name."""
        provided = PROVIDED.get(counterpart, frozenset())
        return counterpart != NEW and all(
            use.module == module and use.name in provided and not str(home).endswith(".pydantic")
            for use, home in homes.items()
        )

    def _left(self, node: ast.expr | ast.alias, what: str, hint: str) -> None:
        message = f"{what} has no counterpart and is left as it is."
        self.found.append(Found("left", "no-counterpart", message, self.source.name, node.lineno, hint))
