"""The registry: every check has a name of its own and all its words, and the order in which findings come."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from packflow_app.actions.validate import ValidateOptions, validate
from packflow_app.checks.check import Check, Severity
from packflow_app.checks.registry import CHECKS
from packflow_app.result import COMMANDS
from projects import write_project


def test_ids_are_kebab_case_and_of_one_check_only() -> None:
    ids = [check.id for check in CHECKS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", one) for one in ids)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_says_what_why_and_how(check: Check) -> None:
    assert re.fullmatch(r"\S.{20,}\.", check.title)
    assert re.fullmatch(r"\S.{20,}\.", check.why)
    assert check.fix
    assert check.needed_to_run <= (check.severity is Severity.ERROR)


def test_a_safe_fix_is_a_command_that_exists() -> None:
    for check in CHECKS:
        if check.safe_fix is not None:
            words = check.safe_fix.split()
            assert words[0] == "packflow"
            assert words[1] in COMMANDS


def test_what_stands_in_the_way_comes_first(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "model", config="description: Doubles.\nmaintainers: [Ada]\n")
    (folder / "requirements.txt").unlink()
    (folder / "samples/events.ndjson").unlink()
    found = [(one.check, one.severity.value, one.file) for one in validate(ValidateOptions(folder)).findings]
    assert found == [
        ("sample-events-missing", "error", "packflow.yaml"),
        ("requirements-file-missing", "error", "requirements.txt"),
        ("document-missing", "warning", "README.md"),
        ("document-missing", "warning", "MODEL_CARD.md"),
        ("document-missing", "warning", "LICENSE.txt"),
        ("dry-run-held-back", "info", None),
    ]
