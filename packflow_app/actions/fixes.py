"""Mend what can be mended with nothing left to decide: lines are added, open versions pinned; nothing is taken away."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packflow_app.checks.artifacts import ignored_artifacts, is_meant, taking_back
from packflow_app.dryrun.needs import planned_rewrite
from packflow_app.dryrun.needs_report import Needs
from packflow_app.projects.ignore_files import PACKFLOW_IGNORE
from packflow_app.projects.replacing import replace_file
from packflow_app.projects.requirements import REQUIREMENTS_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from packflow_app.checks.check import Finding
    from packflow_app.checks.context import Context

_OF_REQUIREMENTS = frozenset({"requirements-file-missing", "requirement-missing", "requirement-unpinned"})
MENDED = _OF_REQUIREMENTS | {"artifact-ignored"}
"""The checks whose findings can be mended so."""


@dataclass(frozen=True)
class Fix:
    """Something that was mended: the check that had found it, the file that was changed, and how."""

    check: str
    file: str
    what: str


@dataclass(frozen=True)
class PlannedFix:
    """A file as it was read (``before`` is None where there was none) and as it is to be, and what that mends."""

    path: Path
    before: bytes | None
    after: bytes
    fixes: list[Fix]

    @property
    def diff(self) -> list[str]:
        """The lines of a unified diff, without ends of lines."""
        before, after = (
            (content or b"").decode("utf-8", "surrogateescape").splitlines() for content in (self.before, self.after)
        )
        name = self.fixes[0].file
        old = name if self.before is not None else "/dev/null"
        return [*difflib.unified_diff(before, after, old, name, lineterm="")]


def planned_fixes(context: Context, findings: list[Finding], only: Collection[str] = ()) -> list[PlannedFix]:
    """What is safe to mend of these findings; ``only`` those of these checks, where any are named."""
    found = {finding.check for finding in findings if not only or finding.check in only}
    planned = list(_taking_back(context)) if "artifact-ignored" in found else []
    if found & _OF_REQUIREMENTS:
        planned += _listing(context, found)
    return planned


def apply_fixes(planned: list[PlannedFix]) -> list[Fix]:
    """Change the files; raises NotWritableError, also where one is no longer as it was read."""
    for one in planned:
        replace_file(one.path, one.before, one.after)
    return [fix for one in planned for fix in one.fixes]


def _taking_back(context: Context) -> Iterator[PlannedFix]:
    """Let files ship that the model opens and .gitignore leaves out; what .packflowignore says was meant."""
    contents = context.contents
    names = [
        name for name in ignored_artifacts(context) if not is_meant(contents.rules[contents.exclusion_of(name) or name])
    ]
    if not names:
        return
    before = context.text(PACKFLOW_IGNORE)
    end = b"" if not before or before.endswith(b"\n") else b"\n"
    added = "".join(f"{line}\n" for line in taking_back(context, names))
    after = (before or b"") + end + added.encode("utf-8", "surrogateescape")
    fixes = [Fix("artifact-ignored", PACKFLOW_IGNORE, f"{name} ships") for name in names]
    yield PlannedFix(context.folder / PACKFLOW_IGNORE, before, after, fixes)


def _listing(context: Context, found: Collection[str]) -> Iterator[PlannedFix]:
    """Add what the model was seen using and pin what is open, as ``dry-run --write-requirements`` does."""
    try:
        needs = Needs.from_json(context.verdict.part("needs")) if context.verdict.is_fresh else None
    except (KeyError, TypeError):  # another version of Packflow wrote it
        needs = None
    if needs is None or context.declared.text is None:
        return
    if "requirement-unpinned" not in found:
        needs = replace(needs, unpinned=[])
    if not {"requirement-missing", "requirements-file-missing"} & set(found):
        needs = replace(needs, missing=[])
    plan = planned_rewrite(needs, context.declared)
    before = plan.before if plan.path.exists() else None
    fixes = [
        Fix(
            "requirement-missing" if edit.kind == "added" else "requirement-unpinned",
            REQUIREMENTS_FILE,
            f"{edit.name}=={edit.version} {edit.kind}",
        )
        for edit in plan.edits
    ]
    if before is None and not fixes:
        what = "created, empty: the model needs nothing but Python"
        fixes = [Fix("requirements-file-missing", REQUIREMENTS_FILE, what)]
    if fixes:
        yield PlannedFix(plan.path, before, plan.after, fixes)
