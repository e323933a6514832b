"""Change several files of a project together: all of them or none, also when the process is killed, and back again.

What is to be done lies in ``.packflow/migration`` before the first file changes; each file is then renamed into its
place, and in the end the folder, which holds the files as they were, becomes the backup. A folder ``migration`` that is
still there was left by a process that was killed: what it changed is taken back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.errors import CheckFailedError, NotFoundError, NotWritableError, UsageError, not_writable
from packflow_app.locations import STATE_DIR, migration_dir
from packflow_app.placing import remove_empty, sibling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packflow_app.projects.migration.plan import FileChange

_BACKUP = "before-migration"
_RECORD = "record.json"
_OLD = "old"
_NEW = "new"


@dataclass(frozen=True)
class Restored:
    """Files that are again as they were before a migration."""

    files: list[str]
    backup: Path | None


def apply_changes(project: Path, changes: list[FileChange]) -> Path:
    """Make all changes; returns the folder that keeps the files as they were.

    Raises NotWritableError, also where a file is no longer as it was read; nothing is changed then.
    """
    journal = migration_dir(project)
    state = project / STATE_DIR
    had_state = state.exists()
    work = sibling(journal)
    for killed in state.glob(f".{journal.name}-*.partial"):
        shutil.rmtree(killed, ignore_errors=True)
    try:
        for change in changes:
            _check_as_read(project, change)
        _prepare(work, project, changes)
        work.rename(journal)
    except OSError as error:
        raise not_writable(project, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if not had_state:
            _remove_state(state)
    try:
        for number, change in enumerate(changes):
            target = project / change.name
            target.parent.mkdir(parents=True, exist_ok=True)
            (journal / _NEW / str(number)).replace(target)
        return _keep(journal)
    except BaseException as error:
        take_back(project)
        if isinstance(error, OSError):
            raise not_writable(project, error) from error
        raise


def take_back(project: Path) -> Restored | None:
    """Undo what a migration that was killed had changed; None where there was none. Raises NotWritableError."""
    journal = migration_dir(project)
    if not journal.is_dir():
        return None
    try:
        files = _restore(project, journal, _record(journal))
        _discard(journal)
    except OSError as error:
        raise not_writable(project, error) from error
    return Restored(files, None)


def undo_migration(project: Path) -> Restored:
    """Bring the files back that the last migration changed.

    Raises UsageError where there is no backup, CheckFailedError where a file was changed since, NotWritableError.
    """
    interrupted = take_back(project)
    if interrupted is not None:
        return interrupted
    backups = list(_backups(project))
    if not backups:
        raise UsageError(
            "There is no migration to take back: no backup is kept in this project.",
            code="backup-not-found",
            hint="Name the project that was migrated.",
        )
    backup = backups[-1]
    record = _record(backup)
    edited = [one["name"] for one in record["files"] if _digest(project / one["name"]) != one["after"]]
    if edited:
        raise CheckFailedError(
            f"{edited[0]} was changed after the migration"
            + (f", and {len(edited) - 1} further files" if len(edited) > 1 else "")
            + ": nothing is taken back.",
            code="changed-since",
            file=edited[0],
            hint=f"The files as they were are in {backup / _OLD}, numbered as in {_RECORD} beside them.",
        )
    journal = migration_dir(project)
    try:
        backup.rename(journal)  # from here on, a kill is mended by the next call
        files = _restore(project, journal, record)
        _discard(journal)
    except OSError as error:
        raise not_writable(project, error) from error
    return Restored(files, backup)


def _discard(journal: Path) -> None:
    """End a migration that was taken back: at once, however long removing its files takes."""
    work = sibling(journal)
    journal.rename(work)
    shutil.rmtree(work, ignore_errors=True)


def _check_as_read(project: Path, change: FileChange) -> None:
    path = project / change.name
    if (path.read_bytes() if path.exists() else None) != change.before:
        raise NotWritableError(
            f"{change.name} was changed by somebody else while this ran, so nothing is changed.",
            file=change.name,
            hint="Run the command again.",
        )
    parent = path.parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise NotWritableError(
            f"{parent} may not be written to.", file=change.name, hint="Mend its permissions; nothing was changed."
        )


def _prepare(work: Path, project: Path, changes: list[FileChange]) -> None:
    """Write the record and every file, old and new, to the disk."""
    for folder in (_OLD, _NEW):
        (work / folder).mkdir(parents=True)
    ignore = project / STATE_DIR / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    files = []
    for number, change in enumerate(changes):
        target = project / change.name
        if change.before is not None:
            _write(work / _OLD / str(number), change.before)
            shutil.copymode(target, work / _OLD / str(number))
        _write(work / _NEW / str(number), change.after)
        if target.exists():
            shutil.copymode(target, work / _NEW / str(number))
        before = None if change.before is None else hashlib.sha256(change.before).hexdigest()
        after = hashlib.sha256(change.after).hexdigest()
        files.append({"name": change.name, "before": before, "after": after})
    _write(work / _RECORD, json.dumps({"format": 1, "files": files}, indent=2).encode() + b"\n")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep(journal: Path) -> Path:
    """Turn the journal into a backup: from here on the migration is done."""
    number = 1
    while (backup := journal.with_name(f"{_BACKUP}-{number}")).exists():
        number += 1
    journal.rename(backup)
    shutil.rmtree(backup / _NEW, ignore_errors=True)
    return backup


def _backups(project: Path) -> Iterator[Path]:
    """The backups of a project, oldest first."""
    number = 1
    while (backup := project / STATE_DIR / f"{_BACKUP}-{number}").is_dir():
        yield backup
        number += 1


def _record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / _RECORD).read_bytes())
    except (OSError, ValueError):
        raise NotFoundError(
            f"{folder / _RECORD} cannot be read, so nothing is taken back.",
            code="backup-unreadable",
            hint=f"The files as they were are in {folder / _OLD}.",
        ) from None
    return record


def _restore(project: Path, journal: Path, record: dict[str, Any]) -> list[str]:
    """Put the old files back over those that the migration wrote; others are the user's and stay."""
    restored = []
    for number, one in enumerate(record["files"]):
        path = project / one["name"]
        if _digest(path) != one["after"]:
            continue
        if one["before"] is None:
            path.unlink()
            remove_empty([parent for parent in reversed(path.parents) if parent.is_relative_to(project)][1:])
        else:
            work = sibling(journal / _OLD / "file")
            shutil.copy(journal / _OLD / str(number), work)
            work.replace(path)
        restored.append(one["name"])
    return restored


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _remove_state(state: Path) -> None:
    """Remove what was made for a migration that was not begun."""
    if (
        not migration_dir(state.parent).exists()
        and state.is_dir()
        and {one.name for one in state.iterdir()} <= {".gitignore"}
    ):
        shutil.rmtree(state, ignore_errors=True)
