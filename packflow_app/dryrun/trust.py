"""Pickle globals that somebody said yes to, remembered beside the project so that the question is asked once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError, not_writable
from packflow_app.locations import STATE_DIR
from packflow_app.placing import sibling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FILE = "trusted-pickles.json"


def remembered_trust(project_dir: Path) -> frozenset[str]:
    """The names that were trusted before; none where nobody was asked or the file cannot be read."""
    try:
        names = json.loads((project_dir / STATE_DIR / _FILE).read_bytes())
    except (OSError, ValueError):
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def remember_trust(project_dir: Path, names: Iterable[str]) -> frozenset[str]:
    """Add names to those that are trusted, and return all; raises UsageError for what is no name of a global."""
    wrong = next((name for name in names if not _is_name(name)), None)
    if wrong is not None:
        raise UsageError(
            f"--trust-pickle {wrong!r} is no name of a global.",
            hint="Name it as the question does, such as --trust-pickle mypackage.models.Scorer.",
        )
    before = remembered_trust(project_dir)
    known = before | frozenset(names)
    if known == before:
        return known
    path = project_dir / STATE_DIR / _FILE
    work = sibling(path)
    try:
        path.parent.mkdir(exist_ok=True)
        work.write_text(json.dumps(sorted(known), indent=2) + "\n", encoding="utf-8")
        work.replace(path)
    except OSError as error:
        raise not_writable(path, error) from error
    return known


def _is_name(name: str) -> bool:
    parts = name.replace(":", ".").split(".")
    return len(parts) > 1 and all(part and not set(part) & set(" \t\n/\\\"'") for part in parts)
