"""What the app remembers between two starts: the projects that were open last, and the theme that was chosen."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import platformdirs

_MOST_PROJECTS = 9


@dataclass(frozen=True)
class Remembered:
    """The folders of projects, the last one first, and the name of a theme."""

    projects: tuple[str, ...] = ()
    theme: str | None = None


def memory_file() -> Path:
    """Where it is kept, by the rules of the system."""
    return Path(platformdirs.user_state_path("packflow", appauthor=False), "app.json")


def remembered() -> Remembered:
    """What is kept; what cannot be read is nothing."""
    try:
        kept = json.loads(memory_file().read_bytes())
        projects = tuple(one for one in kept.get("projects", ()) if isinstance(one, str))
        return Remembered(projects, kept["theme"] if isinstance(kept.get("theme"), str) else None)
    except (OSError, ValueError, AttributeError, TypeError):
        return Remembered()


def remember_project(folder: Path) -> None:
    """Put a project first; those that are gone are forgotten."""
    before = remembered()
    others = [one for one in before.projects if one != str(folder) and Path(one, "packflow.yaml").is_file()]
    _keep(replace(before, projects=(str(folder), *others)[:_MOST_PROJECTS]))


def remember_theme(name: str) -> None:
    """Take this theme at the next start."""
    _keep(replace(remembered(), theme=name))


def _keep(what: Remembered) -> None:
    """A memory that cannot be written is none; it is no reason to stop."""
    path = memory_file()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        work = path.with_name(f".{path.name}.new")
        work.write_text(json.dumps(asdict(what), indent=2) + "\n", encoding="utf-8")
        work.replace(path)
