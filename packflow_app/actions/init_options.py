"""What ``packflow init`` may be told. A module of its own, so that a wizard's first question waits for no room."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

EXAMPLE = Path("example")
"""What --model and --events say for the skeleton's own example."""

NEW_ENVIRONMENT = "new"
"""What --python says for an environment of the project's own, whatever else there is."""


@dataclass(frozen=True)
class InitOptions:
    """What ``packflow init`` may be told, by flags or by a wizard's answers (see ``init_choices.QUESTIONS``).

    Without ``target`` the project goes to a folder of its ``name``. ``model`` and ``events`` are files or ``example``,
    ``kind`` is a skeleton's name, a folder or a git repository, ``features`` is a list with commas or ``@FILE``.
    ``trust_model`` is the yes to opening a pickle, ``trust_pickles`` are globals beyond the reviewed ones.
    ``requirements`` are added to what the model needs, or pin it. ``settings`` answer the skeleton's own questions.
    ``from_mlflow`` is an MLflow model folder, which tells what these do not. ``yes`` takes the defaults, ``force`` adds
    missing files to a folder that holds others, ``plan`` writes nothing.
    """

    target: Path | None = None
    events: Path | None = None
    name: str | None = None
    kind: str | None = None
    description: str | None = None
    model: Path | None = None
    trust_model: bool = False
    trust_pickles: tuple[str, ...] = ()
    features: str | None = None
    requirements: tuple[str, ...] = ()
    python: str | None = None
    maintainers: tuple[str, ...] = ()
    license: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    from_mlflow: Path | None = None
    yes: bool = False
    force: bool = False
    plan: bool = False
