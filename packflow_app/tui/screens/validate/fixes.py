"""The calls behind safe fixes: those of ``packflow validate --fix``, which are shown first, and other commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunOptions
from packflow_app.actions.environment import LockOptions, SyncOptions
from packflow_app.actions.fixes import MENDED
from packflow_app.actions.validate import ValidateOptions
from packflow_app.tui.registry import ACTIONS, Call

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.checks.check import Finding

_OTHERS = {
    "packflow dry-run": lambda project: ACTIONS["dry-run"].call(DryRunOptions(project=project)),
    "packflow env sync": lambda project: ACTIONS["sync"].call(SyncOptions(project=project)),
    "packflow env lock": lambda project: ACTIONS["lock"].call(LockOptions(project=project)),
}


def fix_call(finding: Finding, project: Path) -> Call | None:
    """What mends a finding with nothing left to decide; None where somebody must think."""
    if finding.safe_fix is None:
        return None
    if finding.check in MENDED:
        return mend_call(project, finding.check)
    other = _OTHERS.get(finding.safe_fix)
    return other(project) if other is not None else None


def mend_call(project: Path, *only: str) -> Call:
    """Mend what is safe to mend; of these checks, where any are named."""
    return ACTIONS["fix"].call(ValidateOptions(project, fix=True, only=only))


def plan_call(project: Path, *only: str) -> Call:
    """What ``mend_call`` would change."""
    return ACTIONS["plan-fixes"].call(ValidateOptions(project, fix=True, only=only, plan=True))
