"""What was last done with a project, step by step: when, how it went, and what it was about.

Kept below ``.packflow`` so that a screen can say what is stale. It is a note, not a verdict: nothing is refused or
allowed because of it, and one that cannot be written is left out.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from packflow_app.locations import STATE_DIR, journal_file

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class JournalEntry:
    """One step: ``summary`` is its outcome in a few words, ``detail`` the first thing to know about it.

    ``looked_at`` names what it was about: the digest of the project's contents, or a file's size and time. ``file`` is
    that file, or the one that was made. ``at`` is in seconds since 1970.
    """

    ok: bool
    summary: str
    detail: str = ""
    looked_at: str = ""
    file: str | None = None
    at: float = field(default_factory=time.time)


def record_step(project_dir: Path, step: str, entry: JournalEntry) -> None:
    """Note how a step went; a folder that cannot be written to keeps no journal."""
    path = journal_file(project_dir)
    kept = {name: asdict(one) for name, one in read_journal(project_dir).items()}
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        ignore = project_dir / STATE_DIR / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        work = path.with_name(f".{path.name}.new")
        work.write_text(json.dumps({**kept, step: asdict(entry)}, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        work.replace(path)


def read_journal(project_dir: Path) -> dict[str, JournalEntry]:
    """The last entry of each step; what cannot be read counts as never done."""
    try:
        kept = json.loads(journal_file(project_dir).read_bytes())
        return {step: JournalEntry(**entry) for step, entry in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def file_stamp(path: Path) -> str:
    """A file's size and time, which change when it does; empty where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"
