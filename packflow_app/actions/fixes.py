"""Mend what can be mended with nothing left to decide: lines are added, open versions pinned; nothing is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.checks.artifacts import ignored_artifacts, is_meant, taking_back
from packflow_app.dryrun.needs import planned_rewrite
from packflow_app.dryrun.needs_report import Needs
from packflow_app.errors import not_writable
from packflow_app.placing import sibling
from packflow_app.projects.ignore_files import PACKFLOW_IGNORE
from packflow_app.projects.requirements import REQUIREMENTS_FILE
from packflow_app.projects.requirements_edits import write_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packflow_app.checks.check import Finding
    from packflow_app.checks.context import Context

_OF_REQUIREMENTS = frozenset({"requirements-file-missing", "requirement-missing", "requirement-unpinned"})


@dataclass(frozen=True)
class Fix:
    """Something that was mended: the check that had found it, the file that was changed, and how."""

    check: str
    file: str
    what: str


def apply_fixes(context: Context, findings: list[Finding]) -> list[Fix]:
    """Mend what is safe to mend of these findings; raises NotWritableError."""
    found = {finding.check for finding in findings}
    fixes = list(_take_back(context)) if "artifact-ignored" in found else []
    if found & _OF_REQUIREMENTS:
        fixes += _list_requirements(context)
    return fixes


def _take_back(context: Context) -> Iterator[Fix]:
    """Let files ship that the model opens and .gitignore leaves out; what .packflowignore says was meant."""
    contents = context.contents
    names = [
        name for name in ignored_artifacts(context) if not is_meant(contents.rules[contents.exclusion_of(name) or name])
    ]
    if not names:
        return
    path = context.folder / PACKFLOW_IGNORE
    before = context.text(PACKFLOW_IGNORE) or b""
    end = b"" if not before or before.endswith(b"\n") else b"\n"
    added = "".join(f"{line}\n" for line in taking_back(context, names))
    _replace(path, before + end + added.encode("utf-8", "surrogateescape"))
    for name in names:
        yield Fix("artifact-ignored", PACKFLOW_IGNORE, f"{name} ships")


def _list_requirements(context: Context) -> Iterator[Fix]:
    """Add what the model was seen using and pin what is open, as ``dry-run --write-requirements`` does."""
    try:
        needs = Needs.from_json(context.verdict.part("needs")) if context.verdict.is_fresh else None
    except (KeyError, TypeError):  # another version of Packflow wrote it
        needs = None
    if needs is None or context.declared.text is None:
        return
    plan = planned_rewrite(needs, context.declared)
    path = context.folder / REQUIREMENTS_FILE
    if not path.exists() and not plan.edits:
        _replace(path, b"")
        yield Fix("requirements-file-missing", REQUIREMENTS_FILE, "created, empty: the model needs nothing but Python")
        return
    write_requirements(plan)
    for edit in plan.edits:
        check = "requirement-missing" if edit.kind == "added" else "requirement-unpinned"
        yield Fix(check, REQUIREMENTS_FILE, f"{edit.name}=={edit.version} {edit.kind}")


def _replace(path: Path, content: bytes) -> None:
    work = sibling(path)
    try:
        work.write_bytes(content)
        work.replace(path)
    except OSError as error:
        work.unlink(missing_ok=True)
        raise not_writable(path, error) from error
