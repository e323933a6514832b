"""Events that a project already has: files of them, and the literals that its tests give to the backend."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

from packflow_app.projects.migration.usage import is_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packflow_app.projects.migration.source import Source

_CHECKS = ("check_io", "validate")
_LINES = re.compile(r"\.(?:ndjson|jsonl)(?:\.gz)?\Z", re.IGNORECASE)
_ARRAY = re.compile(r"(?:^|/)[^/]*(?:event|sample|example|input|record)[^/]*\.json(?:\.gz)?\Z", re.IGNORECASE)


def recorded_events(files: Iterable[str]) -> list[str]:
    """Those of a project's files that may hold events, by their names: likelier ones first."""
    named = list(files)
    lines = sorted(name for name in named if _LINES.search(name))
    return [*lines, *sorted(name for name in named if _ARRAY.search(name))]


def events_of_tests(sources: Iterable[Source]) -> tuple[list[bytes], str]:
    """The events that tests give to the backend, as lines of JSON without repeats; and where the first stands."""
    found: dict[bytes, str] = {}
    for source in sources:
        if not is_test(source.name):
            continue
        for line, event in _events(source.tree):
            try:
                text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                found.setdefault(text.encode(), f"{source.name}:{line}")
            except (TypeError, ValueError):  # a set, a NaN, half a surrogate: nothing that an event can hold
                continue
    return list(found), next(iter(found.values()), "")


def _events(tree: ast.Module) -> Iterator[tuple[int, dict[str, Any]]]:
    literals = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args and _gives_events(node.func)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        given: ast.expr = call.args[0]
        if isinstance(given, ast.Name) and given.id in literals:
            given = literals[given.id]
        try:
            value = ast.literal_eval(given)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue  # made by code
        for event in value if isinstance(value, list) else [value]:
            if isinstance(event, dict) and event and all(isinstance(key, str) for key in event):
                yield given.lineno, event


def _gives_events(function: ast.expr) -> bool:
    """Whether a call is one of the backend, or of a check of its outputs."""
    if isinstance(function, ast.Attribute):
        return function.attr in _CHECKS or function.attr == "backend"
    return isinstance(function, ast.Name) and function.id == "backend"
