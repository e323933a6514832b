"""Where a file goes through a module that it imported, such as ``packflow.loaders.LocalLoader``."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from packflow_app.projects.migration.old_names import COUNTERPARTS


@dataclass(frozen=True)
class Use:
    """One dotted name: ``name`` of ``module``, or the module itself where ``name`` is empty."""

    node: ast.expr
    module: str
    name: str


class ModuleUses:
    """The dotted names of a file, by the name that they begin with."""

    def __init__(self, tree: ast.Module) -> None:
        inside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        self._chains: dict[str, list[list[ast.expr]]] = {}
        self._rebound = _bound_otherwise(tree)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Attribute, ast.Name)) and id(node) not in inside:
                chain = _chain(node)
                if chain is not None:
                    self._chains.setdefault(chain[0].id, []).append([*chain])  # type: ignore[attr-defined]

    def through(self, name: str, module: str) -> list[Use]:
        """What is used through ``name``, which is bound to ``module``."""
        return [_use(chain, module) for chain in self._chains.get(name, [])]

    def is_rebound(self, name: str) -> bool:
        """Whether the file also calls something else by this name."""
        return name in self._rebound


def _bound_otherwise(tree: ast.Module) -> set[str]:
    """Names that are variables, parameters, functions or classes somewhere in the file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            found.add(node.name or "")
    return found


def _chain(node: ast.expr) -> list[ast.expr] | None:
    """``a``, ``a.b`` and ``a.b.c`` for ``a.b.c``; None where it does not begin with a name."""
    chain = [node]
    while isinstance(chain[0], ast.Attribute):
        chain.insert(0, chain[0].value)
    return chain if isinstance(chain[0], ast.Name) else None


def _use(chain: list[ast.expr], module: str) -> Use:
    """Follow the attributes through modules to the first that is none."""
    at = chain[0]
    for node in chain[1:]:
        assert isinstance(node, ast.Attribute)  # noqa: S101 - as _chain makes them
        if f"{module}.{node.attr}" not in COUNTERPARTS:
            return Use(node, module, node.attr)
        module, at = f"{module}.{node.attr}", node
    return Use(at, module, "")
