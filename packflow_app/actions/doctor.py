"""Look at everything that Packflow needs here, and tell what is wrong with it and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.health import installation, installers, project, pythons, settings, storage, terminal
from packflow_app.health.finding import Finding, State, error
from packflow_app.runtime import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Examined:
    """What was found of one subject, such as the cache; ``title`` is for people, ``name`` for programs."""

    name: str
    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What ``packflow doctor`` found, subject by subject."""

    subjects: tuple[Examined, ...]

    def of(self, state: State) -> list[Finding]:
        """The findings of one weight, in order."""
        return [one for subject in self.subjects for one in subject.findings if one.state is state]

    def exit_code(self, *, strict: bool) -> ExitCode:
        """OK where nothing is wrong; with ``strict`` a warning is."""
        wrong = self.of(State.ERROR) or (strict and self.of(State.WARNING))
        return ExitCode.CHECK_FAILED if wrong else ExitCode.OK


def doctor(*, report: Callable[[str], None] = lambda _title: None) -> Diagnosis:
    """Look at everything; changes nothing and asks no network. ``report`` hears which subject is next."""
    here = Path.cwd()
    subjects: dict[str, tuple[str, Callable[[], Iterator[Finding]]]] = {
        "terminal": ("Terminal", terminal.examine),
        "installation": ("Packflow", installation.examine),
        "pythons": ("Pythons", partial(pythons.examine, here)),
        "installers": ("Installers", partial(installers.examine, here)),
        "storage": ("Storage", storage.examine),
        "settings": ("Settings", settings.examine),
        "project": ("Project", partial(project.examine, here)),
    }
    found = []
    for name, (title, examine) in subjects.items():
        report(title)
        found.append(Examined(name, title, tuple(_looked(title, examine))))
    return Diagnosis(tuple(found))


def _looked(title: str, examine: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What ``examine`` finds; where looking itself fails, that is told, and the other subjects still are."""
    try:
        yield from examine()
    except Exception as problem:  # noqa: BLE001 - what is broken here may break looking at it in any way
        said = f"{type(problem).__name__}: {problem}"
        message = f"{title} could not be looked at to the end: {said}"
        yield error("looking", said, "not-looked-at", message, "Mend what it says, or report it with this message.")
