"""The name of a new project, asked before anything else is looked at."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.projects.scaffold import check_free, check_project_name
from packflow_app.questions.question import Form, Question

if TYPE_CHECKING:
    from packflow_app.actions.init_options import InitOptions

_LONGEST = 56
"""Characters of a proposed name, which leaves room for a number behind it."""


def name_question(folder: Path, place: Path | None = None) -> Question:
    """What the project is called; the default is ``proposed_name``."""
    hint = "letters, digits, - and _"
    return Question("--name", "Project name", Form.TEXT, proposed_name(folder, place), hint=hint)


def proposed_name(folder: Path, place: Path | None = None) -> str:
    """A name that a project can have, made of the folder's; with a number where ``place`` holds one of that name.

    ``place`` is the folder that the project comes to lie in: ``folder`` itself, unless another is given.
    """
    place = place or folder
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-_")[:_LONGEST]
    name = name if name[:1].isalpha() else f"model-{name}".rstrip("-")
    numbered = [name, *(f"{name}-{number}" for number in range(2, 100))]
    return next((one for one in numbered if not (place / one).exists()), name)


def placed(options: InitOptions, name: str, place: Path = Path()) -> InitOptions:
    """The options with the place of a project of this name; raises as ``place_of`` does."""
    target = place_of(name, place)
    return replace(options, target=target, name=name if target.absolute().name != name else None)


def place_of(name: str, place: Path = Path()) -> Path:
    """The folder of a project of this name: ``place`` itself where it is empty, else a new one in it.

    Raises UsageError for what is no name, and where the folder is taken.
    """
    check_project_name(name)
    target = place if not any(place.iterdir()) else place / name
    check_free(target)
    return target
