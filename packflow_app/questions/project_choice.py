"""Which project a command is about, where it is started beside some."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.questions.question import Choice, Form, Question, Step
from packflow_app.runtime import CONFIG_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 8


class ProjectChoice:
    """Asks which of the projects below ``folder`` is meant, the newest being the default: ``project``."""

    flags = ("PROJECT",)

    def __init__(self, folder: Path) -> None:
        self.project: Path | None = None
        self._found = projects_below(folder)

    @property
    def has_any(self) -> bool:
        """Whether there is one to choose."""
        return bool(self._found)

    def look(self) -> None:
        """Nothing is to be looked at."""

    def steps(self) -> Iterator[Step]:
        """The one question."""
        choices = tuple(Choice(str(path), (str(path),)) for path in self._found[:_SHOWN])
        told = ("This folder is no project, but it holds some.",)
        yield Step(Question("PROJECT", "Which project?", Form.CHOICE, choices[0].value, choices, told=told), self._take)

    def _take(self, answer: str) -> tuple[str, ...]:
        self.project = Path(answer)
        return ()


def projects_below(folder: Path) -> list[Path]:
    """The folders right below ``folder`` that are projects, those that changed last first; none if it is one itself."""
    try:
        if (folder / CONFIG_FILE).exists():
            return []
        found = [path for path in folder.iterdir() if (path / CONFIG_FILE).is_file()]
    except OSError:
        return []
    return sorted(found, key=lambda path: (-(path / CONFIG_FILE).stat().st_mtime_ns, path.name))
