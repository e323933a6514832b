"""An update of a project's model: what may be asked for, and what would be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packflow_app.actions.update_features import FeatureChanges

if TYPE_CHECKING:
    from packflow_app.actions.dry_run import DryRunDone
    from packflow_app.actions.update_stage import Stage
    from packflow_app.actions.update_version import Bump
    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.models.description import ModelDescription
    from packflow_app.models.model_file import ModelFile
    from packflow_app.projects.project import Project
    from packflow_app.projects.requirements_edits import RequirementEdit
    from packflow_app.runtime import ModelComparison


@dataclass(frozen=True)
class UpdateOptions:
    """What ``packflow update`` may be told.

    ``replace`` names the project's file that the ``model`` takes the place of. ``features`` and ``yes`` are a word
    about features that are not the old ones. ``events`` replace the sample events, ``golden`` records golden outputs
    anew. ``bump`` moves the version as far (None: nobody has said; auto: as suggested).
    """

    project: Path = field(default_factory=Path)
    model: Path | None = None
    replace: str | None = None
    trust_model: bool = False
    trust_pickles: tuple[str, ...] = ()
    features: str | None = None
    events: Path | None = None
    requirements: tuple[str, ...] = ()
    python: str | None = None
    golden: bool = False
    bump: Literal["auto", "major", "minor", "patch", "none"] | None = None
    yes: bool = False


@dataclass(frozen=True)
class UpdatePlan:
    """An update that was tried beside the project and would be carried out.

    ``name`` is the model's in the project. ``comparison`` is None where the old model did not run, ``not_compared``
    says why. ``version`` is the one that is suggested, or was asked for; None leaves it. ``golden`` says what becomes
    of golden events: kept (their outputs are still right), recorded (anew), stale, or none. ``synced`` tells that the
    environment has to change.
    """

    project: Project
    name: str
    old: ModelFile
    file: ModelFile
    same: bool
    interpreter: Interpreter | None = None
    model: ModelDescription | None = None
    features: FeatureChanges = field(default_factory=FeatureChanges)
    requirements: tuple[RequirementEdit, ...] = ()
    synced: bool = False
    comparison: ModelComparison | None = None
    not_compared: str = ""
    dry_run: DryRunDone | None = None
    bump: Bump | None = None
    reason: str = ""
    version: str | None = None
    golden: Literal["kept", "recorded", "stale", "none"] = "none"
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stage: Stage | None = None
