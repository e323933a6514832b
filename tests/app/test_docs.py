"""What the documents say exists does exist: the tests that show a promise, and the imports to write."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from packflow_app.actions.init import Initialized
from packflow_app.actions.init_values import TemplateModel
from packflow_app.checks.registry import CHECKS
from packflow_app.cli.help_pages import PAGES
from packflow_app.cli.init_view import init_data
from packflow_app.events.survey import EventsSurvey
from packflow_app.health.finding import Finding
from packflow_app.locations import skeletons_dir
from packflow_app.models.features import MatchedFeature
from packflow_app.models.model_file import FORMATS
from packflow_app.projects.skeletons import read_skeleton, skeleton_kinds
from packflow_app.runtime import ExitCode
from packflow_app.settings import SETTINGS
from packflow_app.variables import HONOURED, INTERNAL, TESTS, VARIABLES
from skeleton_values import skeleton_values

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


def test_the_values_of_templates_and_the_skeletons_are_all_told() -> None:
    text = (ROOT / "docs" / "skeletons.md").read_text(encoding="utf-8")
    python = read_skeleton(skeletons_dir() / "python")
    told = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    words = {word for phrase in told for word in phrase.split()}
    assert {*skeleton_values(python)} <= words
    assert {one.name for one in fields(TemplateModel)} <= words
    assert {one.name for one in fields(MatchedFeature)} <= words
    assert {*FORMATS} <= words
    for kind in skeleton_kinds():
        assert f"**{kind}**" in text


def test_the_data_of_init_is_told() -> None:
    text = (ROOT / "docs" / "init.md").read_text(encoding="utf-8")
    listed = re.search(r"`packflow.init/1`: `([^`]+)`", text)
    assert listed is not None
    survey = EventsSurvey(1, 0, [], [], [])
    done = Initialized(Path("p"), "p", "python", [], survey, [])
    assert listed[1].split() == [*init_data(done)]


# Variables, settings and exit codes.

VARIABLE = re.compile(r"PACKFLOW_[A-Z]+(?:_[A-Z]+)*")


def variables_in_code() -> set[str]:
    """Every variable of ours that a string of the sources is, or that a setting has."""
    found = {setting.variable for setting in SETTINGS.values()}
    for folder in ("packflow_app", "packflow_runtime/src"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value):
                    found.add(node.value)
    return found


def test_the_variables_of_the_code_are_those_that_are_told() -> None:
    known = {*VARIABLES, *INTERNAL}
    assert variables_in_code() - {*TESTS} == known
    text = (ROOT / "docs" / "environment-variables.md").read_text(encoding="utf-8")
    rows = [name for line in text.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line[:70])]
    assert {name for name in rows if name.startswith("PACKFLOW_")} == {*VARIABLES}
    assert {*HONOURED} <= {*rows}
    assert {*INTERNAL} <= {*VARIABLE.findall(text)}


def test_the_settings_are_told_with_their_values() -> None:
    text = (ROOT / "docs" / "environment-variables.md").read_text(encoding="utf-8").partition("\n## Settings\n")[2]
    for setting in SETTINGS.values():
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{setting.key}` |")]
        assert re.findall(r"`([^`]+)`", row)[1 : len(setting.values) + 1] == [*setting.values]


def test_help_pages_name_exit_codes_that_there_are() -> None:
    for page in PAGES.values():
        assert {*page.exits, *page.codes} <= {*map(int, ExitCode)}


def test_what_the_pages_on_doctor_and_platforms_name_exists() -> None:
    platforms = (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8")
    assert "name-long" in {check.id for check in CHECKS}
    assert "`name-long`" in platforms
    doctor = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    fields_told = re.search(r"data\.findings\[\]\.\{([^}]+)\}", doctor)
    assert fields_told is not None
    assert fields_told[1].split(", ") == ["subject", *(one.name for one in fields(Finding))]
