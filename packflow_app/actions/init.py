"""Make a project from a model file and a file of example events: one that runs, without a line of code written."""

from __future__ import annotations

import os
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packflow_app.actions.init_choices import Chosen, complete, default_kind
from packflow_app.actions.init_mlflow import TakenFromMlflow, named_by_signature, with_mlflow
from packflow_app.actions.init_options import EXAMPLE, InitOptions
from packflow_app.actions.init_python import HEADER, Place, ProjectPython, project_python
from packflow_app.actions.init_target import check_target
from packflow_app.actions.init_values import (
    artifact_name,
    check_suitable,
    made_up_features,
    more_packages,
    needed_packages,
    template_values,
)
from packflow_app.dryrun.model_look import describe_model
from packflow_app.dryrun.trust import remember_trust
from packflow_app.errors import CancelledError, UsageError
from packflow_app.events.generated import feature_events, firewall_events
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import read_blocks
from packflow_app.events.survey import survey_events
from packflow_app.locations import SAMPLE_EVENTS
from packflow_app.models.consent import check_consent
from packflow_app.models.feature_list import read_features
from packflow_app.models.features import match_features
from packflow_app.models.model_file import read_model_file
from packflow_app.placing import absolute
from packflow_app.projects.licenses import license_text
from packflow_app.projects.rendering import project_files, render_skeleton
from packflow_app.projects.requirements import REQUIREMENTS_FILE
from packflow_app.projects.scaffold import add_files, create_project, remove_files
from packflow_app.projects.skeletons import opened_skeleton
from packflow_app.runtime import project_globals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.environments.tools import EnvironmentProgressed
    from packflow_app.events.profile import EventsProfile
    from packflow_app.events.survey import EventsSurvey
    from packflow_app.models.description import ModelDescription
    from packflow_app.models.features import FeatureMatch, MatchedFeature
    from packflow_app.models.model_file import ModelFile
    from packflow_app.projects.scaffold import Content
    from packflow_app.projects.skeletons import Skeleton

__all__ = ["LICENSE_FILE", "Consulted", "FeatureOffer", "InitOptions", "Initialized", "init"]

LICENSE_FILE = "LICENSE.txt"
_EXAMPLE_EVENTS = 2000


@dataclass(frozen=True)
class Initialized:
    """The project that was made, or with ``planned`` would be.

    ``files`` are its files, ``added`` those that were written: all of them in a new folder. ``model`` and ``features``
    are None where there are none; in a plan also where only opening the model, in a Python that is yet to be made,
    would tell. ``python`` is what the model runs in (None: it needs nothing beside Python), ``requirements`` what is
    pinned. ``assumed`` says in words what was chosen by default, ``mlflow`` what an MLflow model folder told.
    """

    path: Path
    name: str
    kind: str
    files: list[str]
    events: EventsSurvey
    added: list[str]
    model_file: ModelFile | None = None
    model: ModelDescription | None = None
    features: FeatureMatch | None = None
    python: Interpreter | None = None
    made_environment: bool = False
    requirements: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    mlflow: TakenFromMlflow | None = None
    planned: bool = False


@dataclass(frozen=True)
class FeatureOffer:
    """A model that was looked at, and the events it is to take.

    ``numbers``: it takes numbers alone; ``named``: it takes columns by name.
    """

    model: ModelDescription
    profile: EventsProfile
    numbers: bool
    named: bool

    def match(self, listed: list[str] | None) -> FeatureMatch:
        """Find the features, by a list if there is one; raises as ``match_features`` does."""
        return match_features(self.model, self.profile, listed, numbers=self.numbers, named=self.named)

    def match_one(self, feature: str, field: str | None) -> MatchedFeature:
        """Find one of the model's named features alone: in ``field`` where that is given."""
        alone = replace(self.model, feature_names=(feature,), feature_count=1)
        listed = [f"{feature}={field}"] if field is not None else None
        return match_features(alone, self.profile, listed, numbers=self.numbers, named=self.named).features[0]


class Consulted(Protocol):
    """Who is asked on the way, once the model and the events are known and before anything is written."""

    def features(self, offer: FeatureOffer) -> list[str] | None:
        """The list of features, as ``--features`` gives it; None leaves it to the model's own names."""

    def agrees(self, planned: Initialized) -> bool | None:
        """Whether the project is to be made; None where the features are to be asked for once more."""


def init(
    options: InitOptions,
    *,
    report: Callable[[EnvironmentProgressed | str], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
    consulted: Consulted | None = None,
) -> Initialized:
    """Create the project; nothing is left of it unless everything is in order.

    ``consulted`` is asked about the features where the options give none, and whether to go on: CancelledError where
    it is not to. Raises UsageError for what is missing or only the user can decide, CheckFailedError for a model that
    is not to be trusted, NotFoundError for what is not there, ModelFailedError for a model that cannot be opened.
    """
    if options.target is None and options.name is not None:
        options = replace(options, target=Path(options.name))
    adding = check_target(options)
    with with_mlflow(options) as (filled, mlflow):
        return _init(filled, mlflow, report, cancel or threading.Event(), consulted, adding=adding)


def _init(
    options: InitOptions,
    mlflow: TakenFromMlflow | None,
    report: Callable[[EnvironmentProgressed | str], None],
    cancel: threading.Event,
    consulted: Consulted | None,
    *,
    adding: bool,
) -> Initialized:
    file = read_model_file(options.model) if options.model not in (None, EXAMPLE) else None
    with opened_skeleton(options.kind or default_kind(file)) as skeleton:
        chosen = complete(options, skeleton, file)
        if chosen.file is not None:
            own = project_globals(str(chosen.target)) if adding else frozenset()
            check_consent(chosen.file, own | {*options.trust_pickles}, yes=options.trust_model or chosen.is_example)
        return _Making(options, chosen, skeleton, adding, report, cancel, consulted, mlflow).make()


@dataclass
class _Making:
    """One project in the making."""

    options: InitOptions
    chosen: Chosen
    skeleton: Skeleton
    adding: bool
    report: Callable[[EnvironmentProgressed | str], None]
    cancel: threading.Event
    consulted: Consulted | None = None
    mlflow: TakenFromMlflow | None = None

    def make(self) -> Initialized:
        given = self._given_features()
        self.report("reading the events")
        survey, profile = self._events(firewall_events(_EXAMPLE_EVENTS))
        place = Place(self.chosen.target, self.chosen.name, self.options.python, self.report, self.cancel)
        wanted = needed_packages(self.skeleton, self.chosen.file, self.options.requirements, self._own_modules())
        others = [*self.skeleton.with_names, *self.skeleton.without_names]
        with project_python(place, wanted, others, plan=self.options.plan) as python:
            model = self._model(python)
            if model is not None and self.chosen.events is None:
                given = given or made_up_features(model)
                survey, profile = self._events(feature_events(given, _EXAMPLE_EVENTS))
            agreed = None
            while agreed is None:
                features = self._features(model, profile, given)
                done = self._told(survey, model, features, python)
                if self.options.plan:
                    return done
                agreed = self.consulted is None or self.consulted.agrees(done)
            if not agreed:
                raise CancelledError("Nothing was created.")
            pins = python.settle(more_packages(self.skeleton, features))
            files = self._files(survey, model, features, python, pins)
            added = self._place(files, python)
            return replace(done, files=sorted(files), added=added, python=python.interpreter, requirements=tuple(pins))

    def _own_modules(self) -> set[str]:
        """Modules that the folder has already, which a pickle may name."""
        if not self.adding:
            return set()
        found = self.chosen.target.iterdir()
        return {path.stem for path in found if path.suffix == ".py" or (path / "__init__.py").is_file()}

    def _given_features(self) -> list[str] | None:
        if self.chosen.features is None:
            return None
        if self.chosen.file is None:
            raise UsageError(
                f"The skeleton {self.skeleton.name} takes whole events, so --features says nothing to it.",
                code="features-unused",
                hint="Leave --features out, or name a model file with --model.",
            )
        return read_features(self.chosen.features)

    def _events(self, made_up: Iterable[bytes]) -> tuple[EventsSurvey, EventsProfile | None]:
        """What the events hold, those ``made_up`` where there is no file; their profile too where features matter."""
        path = self.chosen.events
        with tempfile.TemporaryDirectory(prefix="packflow-init-") as work:
            if path is None:
                path = Path(work, "events.ndjson")
                path.write_bytes(b"".join(line + b"\n" for line in made_up))
            survey = survey_events(path)
            if self.chosen.file is None:
                return survey, None
            profiler = Profiler()
            for block in read_blocks(path):
                profiler.add(block)
            return survey, profiler.profile("ndjson", 0)

    def _model(self, python: ProjectPython) -> ModelDescription | None:
        file = self.chosen.file
        if file is None or python.interpreter is None:
            return None
        self.report("looking at the model")
        trusted = self.options.trust_pickles
        with tempfile.TemporaryDirectory(prefix="packflow-init-") as empty:
            folder = self.chosen.target if self.adding else Path(empty)
            model = describe_model(file, python.interpreter, folder, trusted, self.cancel)
        check_suitable(file, model, self.skeleton)
        return model

    def _features(
        self, model: ModelDescription | None, profile: EventsProfile | None, given: list[str] | None
    ) -> FeatureMatch | None:
        if model is None or profile is None or self.skeleton.inputs == "events":
            return None
        columns = self.skeleton.inputs == "columns"
        numbers = not columns or model.feature_names is None
        offer = FeatureOffer(model, profile, numbers, columns)
        told = self.mlflow.features(model) if self.mlflow is not None and given is None else None
        if told is None and given is None and self.consulted is not None:
            given = self.consulted.features(offer)
        match = offer.match(given or told)
        return named_by_signature(match) if told else match

    def _told(
        self,
        survey: EventsSurvey,
        model: ModelDescription | None,
        features: FeatureMatch | None,
        python: ProjectPython,
    ) -> Initialized:
        """The project as far as it is known before anything is written."""
        files = {*project_files(self.skeleton), SAMPLE_EVENTS, REQUIREMENTS_FILE, LICENSE_FILE}
        files |= {*self.chosen.files}
        if self.chosen.file is not None:
            files.add(artifact_name(self.chosen.file))
        target = absolute(self.chosen.target)
        is_ours = python.is_made and not self.adding  # then all that is there is what was made for .venv
        return Initialized(
            path=target,
            name=self.chosen.name,
            kind=self.skeleton.name,
            files=sorted(files),
            events=survey,
            added=sorted(name for name in files if is_ours or not os.path.lexists(target / name)),
            model_file=self.chosen.file,
            model=model,
            features=features,
            python=python.interpreter,
            made_environment=python.is_made or (self.options.plan and python.is_needed and python.provision is None),
            requirements=python.wanted,
            assumed=self.chosen.assumed,
            mlflow=self.mlflow,
            planned=self.options.plan,
        )

    def _files(
        self,
        survey: EventsSurvey,
        model: ModelDescription | None,
        features: FeatureMatch | None,
        python: ProjectPython,
        pins: list[str],
    ) -> dict[str, Content]:
        values = template_values(
            self.chosen, self.skeleton, survey, self.options.description, model, features, python.interpreter, pins
        )
        files: dict[str, Content] = {**render_skeleton(self.skeleton, values)}
        files.setdefault(REQUIREMENTS_FILE, (HEADER + "".join(f"{line}\n" for line in pins)).encode())
        files[SAMPLE_EVENTS] = b"".join(event.raw.strip() + b"\n" for event in survey.sample)
        files |= self.chosen.files
        if self.options.license is not None:
            files[LICENSE_FILE] = license_text(self.options.license, values["holder"], values["year"]).encode()
        if self.chosen.file is not None:
            files[artifact_name(self.chosen.file)] = self.chosen.file.path
        return files

    def _go_on(self) -> None:
        """Raise CancelledError once it is to stop."""
        if self.cancel.is_set():
            raise CancelledError("Nothing was created.")

    def _place(self, files: dict[str, Content], python: ProjectPython) -> list[str]:
        """Write the project; returns what was written."""
        target = self.chosen.target
        self.report("writing the project")
        if self.adding or python.is_made:
            own = python.is_made and not self.adding
            added = add_files(target, files, {REQUIREMENTS_FILE} if own else (), self._go_on)
            requirements = files[REQUIREMENTS_FILE]
            assert isinstance(requirements, bytes)  # noqa: S101 - rendered
            try:
                python.install(requirements)
            except BaseException:
                remove_files(target, added)
                raise
        else:
            create_project(target, files, self._go_on)
            added = sorted(files)
        if self.options.trust_pickles:
            remember_trust(absolute(target), self.options.trust_pickles)
        return added
