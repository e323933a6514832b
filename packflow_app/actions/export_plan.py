"""What an export would ship and leave out, told without writing anything or running the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.actions.export_gates import blocking
from packflow_app.checks.check import Finding, Severity
from packflow_app.checks.context import look_at
from packflow_app.checks.registry import findings_in
from packflow_app.checks.verdict import Verdict, verdict_on
from packflow_app.environments.lock import LockState, lock_state
from packflow_app.packaging.export import archive_path
from packflow_app.packaging.sources import runtime_sources
from packflow_app.projects.project import Project, open_project
from packflow_app.runtime import PROJECT_DIR, check_names, read_golden

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.actions.export import ExportOptions
    from packflow_app.projects.contents import Contents


@dataclass(frozen=True)
class ExportPlan:
    """The archive's place, the project's files with their sizes, what is in the way, and what would be done first.

    ``golden_events`` are those there are; None where they would be recorded. ``runtime_size`` is in bytes.
    ``findings`` are what the checks see without running the model, ``blocking`` those that would refuse the export;
    ``is_there``: another file stands at ``path``, or this very archive.
    """

    project: Project
    path: Path
    contents: Contents
    sizes: dict[str, int]
    runtime_files: int
    runtime_size: int
    verdict: Verdict
    lock: LockState
    golden_events: int | None
    findings: list[Finding]
    blocking: list[Finding]
    is_there: bool

    @property
    def warnings(self) -> list[Finding]:
        """What was found that would not refuse it."""
        return [one for one in self.findings if one.severity is Severity.WARNING and one not in self.blocking]


def plan_export(options: ExportOptions) -> ExportPlan:
    """Look at the project; raises what opening it and choosing its files does, and for names no archive may hold."""
    project = open_project(options.project)
    path = archive_path(project, options.output)
    contents = project.contents()
    check_names(f"{PROJECT_DIR}/{name}" for name in contents.files)
    golden = read_golden(project.folder)
    wanted = options.golden if isinstance(options.golden, int) else project.config.golden
    runtime = runtime_sources()
    findings = findings_in(look_at(project.folder, options.python).wants_run())
    return ExportPlan(
        project=project,
        path=path,
        contents=contents,
        sizes={name: file.stat().st_size for name, file in contents.files.items()},
        runtime_files=len(runtime),
        runtime_size=sum(map(len, runtime.values())),
        verdict=verdict_on(project.folder, contents.digest(), golden),
        lock=lock_state(project),
        golden_events=0 if wanted == 0 else len(golden.inputs) if golden is not None else None,
        findings=findings,
        blocking=blocking(findings, options, strict=options.strict),
        is_there=path.exists() or path.is_symlink(),
    )
