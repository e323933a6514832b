"""Look at a project again and again, cheaply: what did not change is not read anew."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.checks.verdict import verdict_on
from packflow_app.dryrun.kept_report import report_of
from packflow_app.dryrun.project_files import project_files
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.locations import dry_run_dir, journal_file
from packflow_app.projects.contents import contents_digest
from packflow_app.projects.file_hashes import file_digest
from packflow_app.projects.journal import file_stamp, read_journal
from packflow_app.projects.project import open_project
from packflow_app.result import Problem
from packflow_app.runtime import PackflowError, read_golden
from packflow_app.tui.here import current_folder
from packflow_app.tui.steps import ProjectSeen, StepState, dry_run_step, file_step, journal_step

if TYPE_CHECKING:
    from packflow_app.projects.project import Project
    from packflow_app.runtime import GoldenEvents

_SECONDS = 1.0
_PATIENCE = 20


class ProjectWatch:
    """Watches one folder; ``look`` is to be called from one thread.

    ``pause`` is how long to wait before the next look: a second, or more where looking itself takes long.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pause = _SECONDS
        self._signature: object = None
        self._digests: dict[str, tuple[str, str]] = {}
        self._python: tuple[str, str] = ("", "")

    def look(self) -> ProjectSeen | None:
        """The project as it is now; None where nothing changed since the last look."""
        started = time.monotonic()
        current_folder()
        try:
            files = project_files(self.folder)
        except OSError:
            files = {}
        signature = (files, file_stamp(self._report), self._journal_signature(), self._environment())
        self.pause = max(_SECONDS, _PATIENCE * (time.monotonic() - started))
        if signature == self._signature:
            return None
        self._signature = signature
        if not files and not self.folder.is_dir():
            return ProjectSeen(self.folder, gone=True)
        try:
            return self._seen(open_project(self.folder), files)
        except PackflowError as error:
            return ProjectSeen(self.folder, name=self.folder.name, problem=Problem.of(error))
        except OSError:  # a file went while it was read; the next look tells
            self._signature = None
            return ProjectSeen(self.folder, name=self.folder.name)

    @property
    def _report(self) -> Path:
        return dry_run_dir(self.folder) / "report.json"

    def _journal_signature(self) -> tuple[str, ...]:
        """The journal, and the files that its entries are about."""
        files = [entry.file for entry in read_journal(self.folder).values() if entry.file]
        return (file_stamp(journal_file(self.folder)), *(file_stamp(Path(name)) for name in files))

    def _environment(self) -> str:
        return file_stamp(self.folder / ".venv" / "pyvenv.cfg")

    def _seen(self, project: Project, files: dict[str, tuple[int, int]]) -> ProjectSeen:
        digest = self._digest(project)
        verdict = verdict_on(self.folder, digest, _golden(self.folder))
        journal = read_journal(self.folder)
        at = self._report.stat().st_mtime if self._report.is_file() else None
        exported = journal.get("export")
        archive = Path(exported.file) if exported is not None and exported.file else None
        steps: dict[str, StepState] = {
            "inspect": file_step("inspect", journal.get("inspect")),
            "dry-run": dry_run_step(verdict, at, journal.get("dry-run"), digest),
            "validate": journal_step("validate", journal.get("validate"), digest),
            "export": journal_step("export", exported, digest if archive and archive.is_file() else None),
            "verify": file_step("verify", journal.get("verify")),
        }
        return ProjectSeen(
            self.folder,
            name=project.config.name,
            version=project.config.version,
            python=self._python_version(project),
            events=project.sample_events,
            digest=digest,
            changed=tuple(name for name in self._digests if at and name in files and files[name][1] > at * 1e9),
            archive=archive if archive is not None and archive.is_file() else None,
            report=verdict.report,
            dry_run=report_of(verdict.report) if verdict.report else None,
            steps=steps,
        )

    def _digest(self, project: Project) -> str | None:
        """As ``Contents.digest`` has it; a file whose size and time are the same is not read again."""
        try:
            files = project.contents().files
            digests = {name: self._file_digest(name, path) for name, path in files.items()}
        except PackflowError:
            return None
        self._digests = {name: self._digests[name] for name in files}
        return contents_digest(digests)

    def _file_digest(self, name: str, path: Path) -> str:
        stamp = file_stamp(path)
        known, digest = self._digests.get(name, ("", ""))
        if not stamp or known != stamp:
            digest = file_digest(path)
            self._digests[name] = (stamp, digest)
        return digest

    def _python_version(self, project: Project) -> str:
        """Asked again when the environment is another."""
        environment = self._environment() or "none"
        if self._python[0] != environment:
            try:
                found = find_interpreter(self.folder, None, project.config.python_requires).version_text
            except PackflowError:
                found = ""
            self._python = (environment, found)
        return self._python[1]


def _golden(folder: Path) -> GoldenEvents | None:
    try:
        return read_golden(folder)
    except PackflowError:
        return None
