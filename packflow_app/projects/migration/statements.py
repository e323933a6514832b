"""Put new import statements in the place of an old one."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.projects.migration.source import comments_in

if TYPE_CHECKING:
    import ast

    from packflow_app.projects.migration.source import Source

_WIDTH = 88
_MODULE = re.compile(r"from[\s\\]+([\w.\s\\]*?)[\s\\]+import\b")


@dataclass
class NewImports:
    """What is to be imported: names by their module, whole modules, and statements that follow."""

    _names: dict[str, list[str]] = field(default_factory=dict)
    _modules: list[str] = field(default_factory=list)
    _then: list[str] = field(default_factory=list)

    def add(self, module: str, written: str) -> None:
        """``from module import written``."""
        names = self._names.setdefault(module, [])
        if written not in names:
            names.append(written)

    def add_module(self, written: str) -> None:
        """``import written``."""
        if written not in self._modules:
            self._modules.append(written)

    def then(self, statement: str) -> None:
        """A statement after the imports."""
        self._then.append(statement)

    def one_module(self, written: list[str]) -> str | None:
        """The module, where one gives exactly these names and there is nothing else."""
        if len(self._names) != 1 or self._modules or self._then:
            return None
        ((module, names),) = self._names.items()
        return module if names == written else None

    def statements(self, indent: str, newline: str, width: float = _WIDTH) -> list[str]:
        """All of it, each statement at most as long as a line may be."""
        lines = []
        for module, names in self._names.items():
            line = f"from {module} import {', '.join(names)}"
            if len(indent) + len(line) > width and len(names) > 1:
                inner = f",{newline}{indent}    ".join(names)
                line = f"from {module} import ({newline}{indent}    {inner},{newline}{indent})"
            lines.append(line)
        return [*lines, *(f"import {module}" for module in self._modules), *self._then]


def replace_statement(source: Source, node: ast.ImportFrom, new: NewImports) -> None:
    """Edit ``node`` in place where only its module changes; else write the new statements, its comments above them."""
    start, end = source.start(node), source.end(node)
    written = [alias.name if alias.asname is None else f"{alias.name} as {alias.asname}" for alias in node.names]
    module = new.one_module(written)
    text = source.text[start:end]
    place = _MODULE.match(text)
    if module is not None and place is not None:
        if module != node.module:
            source.replace(start + place.start(1), start + place.end(1), module)
        return
    before = source.text[source.line_start(start) : start]
    if before.strip() or source.rest_of_line(end).lstrip().startswith(";"):
        source.replace(start, end, "; ".join(new.statements("", "", math.inf)))
        return
    comments = [comment for comment in comments_in(text) if comment] if "#" in text else []
    lines = [*comments, *new.statements(before, source.newline)]
    source.replace(start, end, f"{source.newline}{before}".join(lines))
