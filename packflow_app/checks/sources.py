"""What the project's own code shows without being run."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.checks.code import models_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context

_OPENERS = frozenset(
    {"open", "load", "load_model", "load_file", "from_file", "from_pretrained", "InferenceSession"}
    | {"read_csv", "read_json", "read_parquet", "read_pickle", "safe_open", "loadtxt", "genfromtxt", "memmap"}
)


@check(
    "path-relative",
    Severity.WARNING,
    why="An archive is started from any folder; there the file is not found, or another one is.",
    fix='Open it below the project: self.project_dir / "NAME"',
)
def path_relative(context: Context) -> Iterator[Spot]:
    """The code opens a file of the project by a path that depends on the current folder."""
    for name, tree in models_code(context):
        for path, line in sorted(_opened(tree), key=lambda found: found[1]):
            normal = PurePosixPath(path.replace("\\", "/")).as_posix()
            if normal in context.contents.files:
                yield Spot(
                    f"{path!r} is opened relative to the current folder.",
                    name,
                    line,
                    f'Open it below the project: self.project_dir / "{normal}"',
                )


def _opened(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Literal paths that are given to what opens files, as they are or wrapped in ``Path``, with their lines."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute):  # Path("model.json").read_text()
            yield from _path(function.value, wrapped=True)
        if _called(function) in _OPENERS and node.args:
            yield from _path(node.args[0], wrapped=False)


def _path(node: ast.expr, *, wrapped: bool) -> Iterator[tuple[str, int]]:
    """A literal path and its line: ``Path("a")``, or also the text alone where that is not ``wrapped``."""
    if isinstance(node, ast.Call) and _called(node.func) in ("Path", "PurePath") and len(node.args) == 1:
        node, wrapped = node.args[0], False
    if not wrapped and isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, node.lineno


def _called(function: ast.expr) -> str:
    """The last part of the name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
