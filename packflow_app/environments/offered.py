"""The Pythons that a new project may be run with, each with what it has: for a person to choose from."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.environments.folders import ENVIRONMENT_DIR, is_environment, python_of
from packflow_app.environments.installed import installed_with
from packflow_app.environments.interpreters import candidates, is_apps_own, probe_interpreter
from packflow_app.environments.requirements import read_requirements, unmet
from packflow_app.errors import NotFoundError
from packflow_app.projects.requirements import REQUIREMENTS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packflow_app.environments.installed import Installed
    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.environments.requirements import UnmetRequirement

_ACTIVE = ("$VIRTUAL_ENV", "$CONDA_PREFIX")


@dataclass(frozen=True)
class OfferedPython:
    """A Python that runs, and what is installed in it; ``is_first_found`` marks the one that is taken unasked."""

    interpreter: Interpreter
    installed: Installed
    is_first_found: bool = False

    def missing(self, needed: Sequence[str]) -> list[UnmetRequirement]:
        """What of ``needed`` it lacks; raises NotFoundError for what is no requirement."""
        if not needed:
            return []
        with tempfile.TemporaryDirectory(prefix="packflow-init-") as work:
            Path(work, REQUIREMENTS_FILE).write_text("".join(f"{line}\n" for line in needed), encoding="utf-8")
            return unmet(read_requirements(Path(work)), self.installed)


def offered_pythons(target: Path | None, here: Path) -> list[OfferedPython]:
    """Those for a project at ``target``, each environment once: the active one, those in ``here``, then the others.

    Packflow's own is none of them, nor is one that does not run.
    """
    with tempfile.TemporaryDirectory(prefix="packflow-init-") as work:
        places = list(candidates(target if target is not None and target.is_dir() else Path(work)))
    usable = [one.interpreter for one in places if one.interpreter is not None and not one.reason]
    is_stuck = any(one.own and one.error is not None for one in places)  # then nothing is taken unasked
    first = usable[0] if usable and not is_stuck else None
    found: dict[str, Interpreter] = {}
    for one in sorted([*usable, *_in_folder(here)], key=_rank):
        found.setdefault(one.prefix, one)
    if first is not None:
        first = found[first.prefix]
    offered: list[OfferedPython] = []
    for one in found.values():
        with suppress(NotFoundError):
            offered.append(OfferedPython(one, installed_with(one.path), one is first))
    return offered


def _in_folder(here: Path) -> Iterator[Interpreter]:
    for name in (ENVIRONMENT_DIR, "venv"):
        folder = here / name
        if is_environment(folder) and not is_apps_own(folder):
            with suppress(NotFoundError):
                yield probe_interpreter(python_of(folder), f"{name} in this folder")


def _rank(python: Interpreter) -> int:
    """The active environment first, then the folder's own."""
    return 0 if python.origin in _ACTIVE else 1 if python.origin.endswith("in this folder") else 2
