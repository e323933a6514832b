"""What the documents say exists does exist: the tests that show a promise, and the imports to write."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPATIBILITY = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
NAMED_TEST = re.compile(r"`(test_\w+\.py(?:::\w+)+)`")
IMPORT = re.compile(r"`(from packflow_runtime[\w.]* import [^`]+)`")


@cache
def named_in(file: str) -> set[str]:
    """The tests in a file of this name, as ``Class::test`` or ``test``; the name is of one file only."""
    (path,) = (ROOT / "tests").rglob(file)
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {
            prefix + member.name
            for member in members
            if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)) and member.name.startswith("test_")
        }
    return found


@pytest.mark.parametrize("name", sorted(set(NAMED_TEST.findall(COMPATIBILITY))))
def test_every_test_that_is_named_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert test in named_in(file)


@pytest.mark.parametrize("section", ["Kept", "Better on purpose"])
def test_every_row_names_its_test(section: str) -> None:
    table = COMPATIBILITY.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [row for row in rows if not NAMED_TEST.search(row.rsplit(" | ", 1)[-1])] == []


@pytest.mark.parametrize("statement", sorted(set(IMPORT.findall(COMPATIBILITY))))
def test_every_import_to_write_works(statement: str) -> None:
    (parsed,) = ast.parse(statement).body
    assert isinstance(parsed, ast.ImportFrom)
    assert parsed.module is not None
    if parsed.module.endswith(".pydantic") and find_spec("pydantic") is None:
        pytest.skip("pip install pydantic would un-skip this")
    module = import_module(parsed.module)
    for alias in parsed.names:
        if not hasattr(module, alias.name):
            import_module(f"{parsed.module}.{alias.name}")
