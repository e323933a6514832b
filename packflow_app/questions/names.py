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


def name_question(folder: Path) -> Question:
    """What the project is called; the default is made of the name of the folder it comes to lie in."""
    hint = "letters, digits, - and _"
    return Question("--name", "Project name", Form.TEXT, proposed_name(folder), hint=hint)


def proposed_name(folder: Path) -> str:
    """A name that a project can have, made of the folder's; with a number where ``folder`` holds one of that name."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-_")[:_LONGEST]
    name = name if name[:1].isalpha() else f"model-{name}".rstrip("-")
    numbered = [name, *(f"{name}-{number}" for number in range(2, 100))]
    return next((one for one in numbered if not (folder / one).exists()), name)


def placed(options: InitOptions, name: str) -> InitOptions:
    """The options with the place of a project of this name; raises as ``place_of`` does."""
    target = place_of(name)
    return replace(options, target=target, name=name if target.absolute().name != name else None)


def place_of(name: str) -> Path:
    """The folder of a project of this name: the current one where it is empty, else a new one in it.

    Raises UsageError for what is no name, and where the folder is taken.
    """
    check_project_name(name)
    here = Path()
    target = here if not any(here.iterdir()) else Path(name)
    check_free(target)
    return target
