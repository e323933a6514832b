"""Try a new model in a copy of its project: its features, what it needs, how it differs, and a dry run."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from packflow_app.actions.dry_run import DryRunDone, DryRunOptions, dry_run
from packflow_app.actions.environment import SyncOptions, sync
from packflow_app.actions.golden_events import recorded_from
from packflow_app.actions.init_values import feature_sentence, origin_sentence
from packflow_app.actions.update_features import FeatureChanges, check_said, feature_changes, fields_behind
from packflow_app.actions.update_plan import UpdatePlan
from packflow_app.actions.update_stage import requirements_for
from packflow_app.actions.update_version import Bump, bumped, suggested_bump
from packflow_app.dryrun.client import WorkerLimits
from packflow_app.dryrun.comparison import one_by_one
from packflow_app.dryrun.golden import write_golden
from packflow_app.dryrun.model_look import describe_model
from packflow_app.dryrun.models import Model
from packflow_app.dryrun.problems import errors_of
from packflow_app.environments.installed import installed_with
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.environments.requirements import missing_requirements
from packflow_app.errors import CancelledError, CheckFailedError, ModelFailedError, NotFoundError, UsageError
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import read_blocks
from packflow_app.events.survey import survey_events
from packflow_app.locations import LOCK_FILE
from packflow_app.models.feature_list import read_features
from packflow_app.projects.config_edits import with_features, with_version
from packflow_app.projects.project import open_project
from packflow_app.projects.requirements import REQUIREMENTS_FILE
from packflow_app.projects.swap import digest_of
from packflow_app.runtime import (
    CONFIG_FILE,
    ERROR_KEY,
    GOLDEN_DIR,
    GOLDEN_INPUTS_NAME,
    GOLDEN_OUTPUTS_NAME,
    ModelComparison,
    PackflowError,
    Rule,
    describe_models,
    read_golden,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.actions.update_plan import UpdateOptions
    from packflow_app.actions.update_stage import Stage
    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.events.profile import EventsProfile
    from packflow_app.models.description import ModelDescription
    from packflow_app.models.model_file import ModelFile
    from packflow_app.projects.project import Project

_MODEL_CARD = "MODEL_CARD.md"
Golden = Literal["kept", "recorded", "stale", "none"]


@dataclass
class Trial:
    """One new model, tried in a copy of its project."""

    options: UpdateOptions
    project: Project
    stage: Stage
    name: str
    old: ModelFile
    file: ModelFile
    trusted: frozenset[str]
    report: Callable[[object], None]
    cancel: threading.Event

    def run(self, *, same: bool) -> UpdatePlan:
        """Everything that is to be known before the project changes; raises what ``prepared_update`` does."""
        before = find_interpreter(self.project.folder, self.options.python, self.project.config.python_requires)
        self.stage.write(self.name, self.file.path)
        self._sample_events()
        rewrite = requirements_for(
            self.file, self.options.requirements, self.project, installed_with(before.path).versions
        )
        if rewrite.after != rewrite.before:
            self.stage.write(REQUIREMENTS_FILE, rewrite.after)
        after, synced = self._environment(before)
        self.report("looking at the model")
        model = describe_model(self.file, after, self.stage.folder, self.trusted, self.cancel)
        features = self._features(model, before)
        comparison, not_compared = self._compared(before, after)
        bump, reason = suggested_bump(comparison, features_changed=features.changed)
        version = self._version(bump)
        if version is not None:
            self._configure(lambda content: with_version(content, version))
        self._model_card(features)
        golden = self._golden(after)
        done = self._dry_run(after, comparison.old_failed if comparison is not None else 0)
        if golden == "kept" and done.report.golden is not None and not done.report.golden.equal:
            golden = "stale"
        notes = [*features.notes, *(f"{REQUIREMENTS_FILE}: {one.name} is left: {one.reason}." for one in rewrite.left)]
        if version is None and self.options.bump != "none":
            notes.append(f"The version {self.project.config.version} is not one of numbers alone: move it by hand.")
        if rewrite.after != rewrite.before and (self.project.folder / LOCK_FILE).exists():
            notes.append(f"{LOCK_FILE} no longer fits {REQUIREMENTS_FILE}: packflow env lock makes it anew.")
        return UpdatePlan(
            self.project,
            self.name,
            self.old,
            self.file,
            same,
            after,
            model,
            features,
            tuple(rewrite.edits),
            synced,
            comparison,
            not_compared,
            done,
            bump,
            reason,
            version,
            golden,
            tuple(sorted(self.stage.written)),
            tuple(notes),
            self.stage,
        )

    def _sample_events(self) -> None:
        if self.options.events is None:
            return
        name = self.project.config.dry_run.events
        if name is None:
            raise UsageError(
                f"{CONFIG_FILE} names no sample events that --events could replace.",
                code="events-unused",
                hint=f"Name a file of the project as dry_run.events in {CONFIG_FILE} first.",
            )
        survey = survey_events(self.options.events, numeric=False)
        self.stage.write(name, b"".join(event.raw.strip() + b"\n" for event in survey.sample))

    def _environment(self, before: Interpreter) -> tuple[Interpreter, bool]:
        """The Python that has what the new model needs: the project's, else one of the copy; and whether it is that."""
        copy = open_project(self.stage.folder)
        if not missing_requirements(copy, before):
            return before, False
        done = sync(SyncOptions(self.stage.folder, str(before.path)), report=self.report, cancel=self.cancel)
        return done.interpreter, True

    def _features(self, model: ModelDescription, before: Interpreter) -> FeatureChanges:
        given = read_features(self.options.features) if self.options.features is not None else None
        try:
            path = self.project.folder / self.name
            old = describe_model(replace(self.old, path=path), before, self.project.folder, self.trusted, self.cancel)
        except CancelledError:
            raise
        except PackflowError:
            old = None  # packflow.yaml tells what it took
        settings = self.project.config.backend_config
        changes = feature_changes(settings, old, model, given, self._profile)
        check_said(changes, self.file.path.name, said=given is not None or self.options.yes)
        match = changes.match
        if match is not None:
            mark = str(settings.get("nested_field_delimiter") or ".")
            delimiter = match.delimiter if match.delimiter != mark else None
            self._configure(lambda content: with_features(content, match.feature_names, match.renames, delimiter))
        return changes

    def _profile(self) -> EventsProfile:
        profiler = Profiler()
        for block in read_blocks(self._events_file()):
            profiler.add(block)
        return profiler.profile("ndjson", 0)

    def _events_file(self) -> Path:
        name = self.project.config.dry_run.events
        if name is None or not (self.stage.folder / name).is_file():
            raise NotFoundError(
                "The project has no sample events to try the new model on.",
                code="events-not-found",
                file=CONFIG_FILE,
                hint=f"Name a file of the project as dry_run.events in {CONFIG_FILE}.",
            )
        return self.stage.folder / name

    def _configure(self, edit: Callable[[bytes], bytes]) -> None:
        self.stage.write(CONFIG_FILE, edit((self.stage.folder / CONFIG_FILE).read_bytes()))

    def _compared(self, before: Interpreter, after: Interpreter) -> tuple[ModelComparison | None, str]:
        """Both models on the sample events; events that the old one failed on say nothing about the new one."""
        lines = [event.raw for event in survey_events(self._events_file(), numeric=False).sample]
        self.report("comparing with the old model")
        new = self._outcomes(Model.of_project(open_project(self.stage.folder)), lines, after)
        try:
            old = self._outcomes(Model.of_project(self.project), lines, before)
        except CancelledError:
            raise
        except PackflowError as error:
            return None, f"the old model does not run: {error.title.rstrip('.')}"
        failed = [index for index, outcome in enumerate(old) if ERROR_KEY in outcome]
        if len(failed) == len(old):
            return None, "the old model fails on every sample event"
        new_failed = sum(ERROR_KEY in outcome for outcome in new)
        for index in failed:
            new[index] = old[index]
        written = self.project.config.dry_run
        rule = Rule(rtol=written.rtol, atol=written.atol, ignore=tuple(written.ignore))
        found = describe_models("the old model", "the new one", old, new, rule)
        return replace(found, events=len(old) - len(failed), new_failed=new_failed), ""

    def _outcomes(self, model: Model, lines: list[bytes], python: Interpreter) -> list[dict[str, object]]:
        return one_by_one(
            model, lines, interpreter=python, limits=WorkerLimits(), cancel=self.cancel, trusted=self.trusted
        )

    def _version(self, bump: Bump) -> str | None:
        if self.options.bump == "none":
            return None
        chosen = bump if self.options.bump in (None, "auto") else self.options.bump
        return bumped(self.project.config.version, chosen)  # type: ignore[arg-type]

    def _model_card(self, features: FeatureChanges) -> None:
        """Where the model card holds the sentences that init wrote of the old model, write those of the new one."""
        path = self.stage.folder / _MODEL_CARD
        if not path.is_file():
            return
        before = path.read_text(encoding="utf-8", errors="surrogateescape")
        old, new = (digest_of(folder / self.name) or "" for folder in (self.project.folder, self.stage.folder))
        origin = rf"The file [^\n]*? of {self.old.size:,} bytes, SHA-256 {old}\."
        after = re.sub(origin, lambda _match: origin_sentence(self.file, new), before)
        if features.match is not None:
            fields = [one.field for one in features.match.features]
            was = fields_behind(self.project.config.backend_config)
            after = after.replace(feature_sentence(was), feature_sentence(fields))
        if after != before:
            self.stage.write(_MODEL_CARD, after.encode("utf-8", "surrogateescape"))

    def _golden(self, python: Interpreter) -> Golden:
        if read_golden(self.stage.folder) is None:
            return "none"
        if not self.options.golden:
            return "kept"
        inputs = self.stage.folder / GOLDEN_DIR / GOLDEN_INPUTS_NAME
        recorded = recorded_from(inputs, open_project(self.stage.folder), str(python.path), self.cancel)
        for name in (GOLDEN_INPUTS_NAME, GOLDEN_OUTPUTS_NAME):
            self.stage.before[f"{GOLDEN_DIR}/{name}"] = digest_of(self.project.folder / GOLDEN_DIR / name)
            self.stage.written.add(f"{GOLDEN_DIR}/{name}")
        write_golden(self.stage.folder, recorded)
        return "recorded"

    def _dry_run(self, python: Interpreter, failed_before: int) -> DryRunDone:
        """The verdict on the project as it would be; raises for one that is not good, or not as good as it was."""
        done = dry_run(
            DryRunOptions(self.stage.folder, python=str(python.path), trust_pickles=sorted(self.trusted)),
            report=self.report,
            cancel=self.cancel,
        )
        for problem in errors_of(done.report):
            if problem.code == "golden-changed" or (
                problem.code == "events-failed" and done.report.failed <= failed_before
            ):
                continue
            kind = ModelFailedError if problem.code == "events-failed" else CheckFailedError
            raise kind(
                f"The dry run with {self.file.path.name} is not good: {problem.message}",
                code=problem.code,
                file=problem.file,
                line=problem.line,
                hint="Nothing was changed: the old model is in force. Mend the model, or the backend first.",
            )
        return done
