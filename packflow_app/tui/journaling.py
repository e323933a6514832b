"""Note in the project's journal what the app looked at: the steps whose actions know no project.

A dry run, a check and an export note themselves, whichever face asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.actions.verify import VerifiedArchive
    from packflow_app.events.profile import EventsProfile
    from packflow_app.projects.journal import JournalEntry
    from packflow_app.tui.jobs import Job
    from packflow_app.tui.steps import ProjectSeen


def note(job: Job, seen: ProjectSeen | None) -> None:
    """Take note of a job that is done, where it was about the project; this writes a file, so not in the loop."""
    if seen is None or seen.gone or job.state != "done":
        return
    from packflow_app.projects.journal import record_step  # noqa: PLC0415 - the rooms, not before the first picture

    if job.action == "inspect" and job.call.options.filter is None and job.call.options.source == seen.events:
        record_step(seen.folder, "inspect", profile_entry(job.call.options.source, job.value.profile))
    elif job.action in ("verify", "replay") and job.call.options.archives == [seen.archive]:
        record_step(seen.folder, "verify", archive_entry(job.value.archives[0]))


def profile_entry(file: Path, profile: EventsProfile) -> JournalEntry:
    """What is kept of a profile."""
    from packflow_app.projects.journal import JournalEntry, file_stamp  # noqa: PLC0415 - as above

    invalid, conflicts = profile.invalid_count, len(profile.conflicts)
    summary = f"{invalid:,} invalid" if invalid else counted(conflicts, "conflict") if conflicts else "ok"
    detail = f"{file.name}  {counted(profile.events, 'event')}, {invalid:,} invalid"
    return JournalEntry(not invalid, summary, detail, file_stamp(file), str(file))


def archive_entry(one: VerifiedArchive) -> JournalEntry:
    """What is kept of a verification."""
    from packflow_app.projects.journal import JournalEntry, file_stamp  # noqa: PLC0415 - as above

    found, bad = one.found, next(iter(one.problems), None)
    if bad is None:
        detail = f"sha256 {(found.sha256 or '')[:16]}…" if found is not None else ""
        summary = "verified" if one.replay is None else "verified, replayed"
        return JournalEntry(True, summary, detail, file_stamp(one.path), str(one.path))
    summary = (
        "not intact" if not one.has_passed and not one.unmet else "not as demanded" if one.unmet else "not replayed"
    )
    return JournalEntry(False, summary, bad.message, file_stamp(one.path), str(one.path))
