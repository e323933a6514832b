"""The calls behind safe fixes, by the command that a finding names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunOptions
from packflow_app.actions.environment import SyncOptions
from packflow_app.tui.registry import ACTIONS, Call

if TYPE_CHECKING:
    from pathlib import Path


def fix_call(command: str | None, project: Path) -> Call | None:
    """What does a safe fix to a project; None where there is none, or none that is known here."""
    if command == "packflow dry-run":
        return ACTIONS["dry-run"].call(DryRunOptions(project=project))
    if command == "packflow dry-run --write-requirements":
        return ACTIONS["requirements"].call(DryRunOptions(project=project, write_requirements=True))
    if command == "packflow env sync":
        return ACTIONS["sync"].call(SyncOptions(project=project))
    return None
