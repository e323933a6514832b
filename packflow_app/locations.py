"""Where things are: pure functions from a project or an installation to paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STATE_DIR = ".packflow"
"""Beside ``packflow.yaml``: what Packflow remembers of a project. Never exported, never needed."""

LOCK_FILE = "requirements.lock"
"""Beside ``requirements.txt``: every distribution pinned and hashed. An archive has it beside the project's files."""

SAMPLE_EVENTS = "samples/events.ndjson"
"""Where a new project keeps its sample events."""


def skeletons_dir() -> Path:
    """The project templates: the checkout's, or those installed with the app."""
    from packflow_app.runtime_wheel import (  # noqa: PLC0415 - hashlib is slow to import, and the app looks for settings
        BUNDLE_DIR,
        CHECKOUT_SOURCES,
        is_checkout,
    )

    return CHECKOUT_SOURCES.parent / "skeletons" if is_checkout() else BUNDLE_DIR / "skeletons"


def dry_run_dir(project_dir: Path) -> Path:
    """Where the last dry run's report, events and outputs are kept."""
    return project_dir / STATE_DIR / "dry-run"


def migration_dir(project_dir: Path) -> Path:
    """Where a migration keeps what it is about to do; it is there only while one runs, or after one was killed."""
    return project_dir / STATE_DIR / "migration"


def journal_file(project_dir: Path) -> Path:
    """Where the last outcome of each step of the journey is noted."""
    return project_dir / STATE_DIR / "journal.json"


def settings_file() -> Path:
    """Where the user's settings are kept, by the rules of the system."""
    import platformdirs  # noqa: PLC0415 - rooms are imported without it

    return platformdirs.user_config_path("packflow", appauthor=False) / "config.yaml"


def update_dir(project_dir: Path) -> Path:
    """Where an update keeps the files that it replaces; it is there only while they are swapped, or after a kill."""
    return project_dir / STATE_DIR / "update"
