"""Swap a project's model for a new one: looked at, tried beside the project and compared before anything changes."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packflow_app.actions.update_plan import UpdateOptions, UpdatePlan
from packflow_app.actions.update_stage import staged
from packflow_app.actions.update_trial import Trial
from packflow_app.dryrun.trust import remember_trust, remembered_trust
from packflow_app.environments.guard import working_on
from packflow_app.environments.managed import python_named
from packflow_app.environments.sync import SyncSettings, sync_environment
from packflow_app.errors import UsageError
from packflow_app.locations import dry_run_dir
from packflow_app.models.consent import check_consent
from packflow_app.models.current import current_model
from packflow_app.models.model_file import read_model_file
from packflow_app.projects.config_edits import with_version
from packflow_app.projects.project import Project, open_project
from packflow_app.projects.swap import digest_of, put_back, swapped
from packflow_app.runtime import CONFIG_FILE, project_globals, read_project_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packflow_app.models.model_file import ModelFile


_MOVED = "Then put that module into the project, and run packflow update again."


def take_back(project: Path) -> list[str] | None:
    """Put back what a killed update had replaced; None where there was none."""
    return put_back(project.absolute()) if project.is_dir() else None


@contextmanager
def prepared_update(
    options: UpdateOptions,
    *,
    report: Callable[[object], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> Iterator[UpdatePlan]:
    """Look at the new model, try it in a copy of the project and compare; the project itself stays as it is.

    Raises UsageError for what is missing or only the user can decide, CheckFailedError for a model that is not to be
    trusted or whose dry run is not good, NotFoundError for what is not there, ModelFailedError for a model that fails.
    """
    if options.model is None:
        raise UsageError(
            "Missing: --model FILE.", code="input-missing", hint="Run for example: packflow update --model model.joblib"
        )
    project = open_project(options.project)
    file = read_model_file(options.model)
    name, old = current_model(project.folder, list(project.contents().files), options.replace)
    same = digest_of(options.model) == digest_of(project.folder / name)
    if same and not (options.requirements or options.features or options.events or options.golden):
        yield UpdatePlan(project, name, old, file, same=True)
        return
    _check_format(old, file, name)
    trusted = remembered_trust(project.folder) | {*options.trust_pickles}
    own = project_globals(str(project.folder))
    check_consent(file, own | trusted, yes=options.trust_model or same, then=_MOVED)
    with staged(project, name) as stage:
        yield Trial(options, project, stage, name, old, file, trusted, report, cancel or threading.Event()).run(
            same=same
        )


def carry_out(
    plan: UpdatePlan,
    options: UpdateOptions,
    version: str | None,
    *,
    report: Callable[[object], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> None:
    """Swap the files of ``plan`` in, all of them or none, with ``version`` as the project's (None: as it was).

    Raises NotWritableError, and what syncing the environment raises: everything is as before then.
    """
    stage, folder = plan.stage, plan.project.folder
    assert stage is not None  # noqa: S101 - there is something to do
    wanted = version or plan.project.config.version
    tried = plan.version or plan.project.config.version
    if wanted != tried:
        stage.write(CONFIG_FILE, with_version((stage.folder / CONFIG_FILE).read_bytes(), wanted))
    stage.forget_unchanged()
    with swapped(folder, stage.files(), stage.before):
        if plan.synced:
            _sync(folder, options.python, report, cancel or threading.Event())
    if options.trust_pickles:
        remember_trust(folder, options.trust_pickles)
    shutil.rmtree(dry_run_dir(folder), ignore_errors=True)
    if wanted == tried and not plan.synced:  # what was run is what is there now, in the same Python
        shutil.copytree(dry_run_dir(stage.folder), dry_run_dir(folder))


def _sync(folder: Path, chosen: str | None, report: Callable[[object], None], cancel: threading.Event) -> None:
    """Bring the project's environment in line, while its files are being swapped."""
    project = Project(folder, read_project_config(folder))
    with working_on(folder, report, cancel) as tools:
        python = python_named(chosen, tools) if chosen is not None else None
        sync_environment(project, SyncSettings(python), tools)


def _check_format(old: ModelFile, file: ModelFile, name: str) -> None:
    """Raise UsageError for a file that the project's own code would not open."""
    pair = (old.format.key, file.format.key)
    if old.format.loader != file.format.loader and pair != ("joblib", "pickle"):  # joblib opens any pickle
        raise UsageError(
            f"{file.path.name} is {file.format.title}; {name}, which it is to replace, is {old.format.title}.",
            code="format-changed",
            hint="The project's code opens one kind: save it as that, or make a project of it with packflow init.",
        )
