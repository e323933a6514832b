"""What the journal keeps of each step, and that it is only ever a note."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.actions.export import ExportOptions, export
from packflow_app.actions.validate import ValidateOptions, validate
from packflow_app.locations import journal_file
from packflow_app.projects.journal import JournalEntry, file_stamp, read_journal, record_step
from packflow_app.projects.project import open_project
from projects import write_project

if TYPE_CHECKING:
    from pathlib import Path


def test_steps_are_kept_apart(tmp_path: Path) -> None:
    record_step(tmp_path, "inspect", JournalEntry(ok=True, summary="ok", detail="2,000 events", at=1.0))
    record_step(tmp_path, "validate", JournalEntry(ok=False, summary="2 errors", at=2.0))
    record_step(tmp_path, "validate", JournalEntry(ok=True, summary="ok", at=3.0))
    kept = read_journal(tmp_path)
    assert (kept["inspect"].detail, kept["validate"].summary, kept["validate"].at) == ("2,000 events", "ok", 3.0)


def test_a_journal_that_cannot_be_read_or_written_is_none(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == {}
    record_step(tmp_path / "missing", "inspect", JournalEntry(ok=True, summary="ok"))
    assert not (tmp_path / "missing").exists()
    record_step(tmp_path, "inspect", JournalEntry(ok=True, summary="ok"))
    for content in ("[]", "{", '{"inspect": {"ok": true}}', '{"inspect": 1}'):
        journal_file(tmp_path).write_text(content)
        assert read_journal(tmp_path) == {}


def test_validate_and_export_keep_what_they_were_about(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model")
    (project / "requirements.txt").write_text("")
    validate(ValidateOptions(project, run=False))
    assert read_journal(project) == {}
    validate(ValidateOptions(project))
    done = export(ExportOptions(project, tmp_path / "out"))
    kept = read_journal(project)
    digest = open_project(project).contents().digest()
    assert kept["validate"].looked_at == kept["export"].looked_at == digest
    assert kept["export"].file == str(done.exported.path)
    assert kept["validate"].ok


def test_a_stamp_changes_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "events"
    assert file_stamp(path) == ""
    path.write_text("a")
    before = file_stamp(path)
    path.write_text("ab")
    assert before != file_stamp(path) != ""
