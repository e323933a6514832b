"""The project's own Python, read and never run."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context


def models_code(context: Context) -> Iterator[tuple[str, ast.Module]]:
    """The files that the model may load, by name, as syntax trees; what is no Python is left out."""
    for name in context.contents.files:
        content = context.text(name) if _is_models_code(name) else None
        if content is None:
            continue
        try:
            yield name, ast.parse(content)
        except (SyntaxError, ValueError, RecursionError):  # running the backend tells
            continue


def _is_models_code(name: str) -> bool:
    """Whether a file is Python that the model may load; tests are run from the project's folder."""
    path = PurePosixPath(name)
    is_test = path.parts[0] in ("test", "tests") or path.name.startswith(("test_", "conftest"))
    return path.suffix == ".py" and not is_test
