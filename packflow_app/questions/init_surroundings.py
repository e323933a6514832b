"""What a wizard sees around a new project: skeletons, model files, files of events, Pythons."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.init_choices import model_files
from packflow_app.actions.init_values import needed_packages
from packflow_app.environments.offered import OfferedPython, offered_pythons
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.model_file import ModelFile, read_model_file
from packflow_app.projects.skeletons import own_skeletons
from packflow_app.questions.files import event_file_choices
from packflow_app.questions.looking import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.projects.skeletons import Skeleton
    from packflow_app.questions.question import Choice

_LOOKED_AT = 100


class InitSurroundings:
    """The current folder as a new project's author sees it; looked at in the background once ``begin`` is called."""

    def __init__(self, target: Path | None) -> None:
        self.folder = Path()
        self._pythons = Look(lambda: offered_pythons(target, self.folder))
        self._models = Look(self._found_models)
        self._events = Look(lambda: event_file_choices(self.folder, {file.path for file in self._models.result()}))
        self._examples: dict[str, ModelFile | None] = {}

    def begin(self) -> None:
        """Look at the files first, which the second question asks about."""
        self._models.begin()
        self._events.begin()
        self._pythons.begin()

    @cached_property
    def skeletons(self) -> list[Skeleton]:
        """Those that come with Packflow: plain Python first, then by name."""
        return sorted(own_skeletons(), key=lambda one: (one.name != "python", one.name))

    def models(self, skeleton: Skeleton) -> list[ModelFile]:
        """The model files here that a skeleton runs, the newest first."""
        return [file for file in self._models.result() if file.format.key in skeleton.models]

    def pythons(self) -> list[OfferedPython]:
        """The Pythons here."""
        return self._pythons.result()

    def needs(self, skeleton: Skeleton, file: ModelFile | None, asked: Sequence[str]) -> list[str]:
        """The requirements of a project with this model; of the skeleton's example where there is none yet."""
        model = file or self.example(skeleton)
        others = [*skeleton.with_names, *skeleton.without_names]
        return [*needed_packages(skeleton, model, asked), *(one for one in others if one not in skeleton.requirements)]

    def example(self, skeleton: Skeleton) -> ModelFile | None:
        """The skeleton's example model."""
        if skeleton.name not in self._examples:
            path = skeleton.example(skeleton.example_model)
            self._examples[skeleton.name] = read_model_file(path) if path is not None else None
        return self._examples[skeleton.name]

    def events(self, model: Path | None) -> list[Choice]:
        """The files of events here, none of which is a model."""
        return [one for one in self._events.result() if Path(one.value) != model]

    def _found_models(self) -> list[ModelFile]:
        found: dict[Path, ModelFile] = {}
        paths = {path for skeleton in self.skeletons for path in model_files(self.folder, skeleton)}
        for path in sorted(paths, key=lambda one: (-one.stat().st_mtime_ns, one.name))[:_LOOKED_AT]:
            try:
                found[path] = read_model_file(path)
            except (NotFoundError, UsageError):  # another kind of file by a name like a model's
                continue
        return list(found.values())
