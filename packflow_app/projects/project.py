"""An opened project: its folder, its configuration, and where its parts are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError, NotFoundError
from packflow_app.locations import migration_dir, update_dir
from packflow_app.placing import absolute
from packflow_app.projects.contents import Contents, contents_digest, project_contents
from packflow_app.projects.file_hashes import hashes_of
from packflow_app.runtime import ProjectConfig, read_project_config

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Project:
    """A folder with a valid packflow.yaml."""

    folder: Path
    config: ProjectConfig

    def contents(self) -> Contents:
        """The files that ship and count for verdicts, as they are now."""
        return project_contents(self.folder, self.config)

    def digest(self, contents: Contents, *, reuse: bool) -> str:
        """The digest of its contents; with ``reuse``, files that have not changed since they were hashed are not read.

        Raises NotFoundError when a file cannot be read.
        """
        return contents_digest(hashes_of(self.folder, contents.files, reuse=reuse))

    @property
    def backend_file(self) -> Path:
        """The file that ``inference_backend`` names, whether or not it exists."""
        return self.folder.joinpath(*self.config.inference_backend.partition(":")[0].split(".")).with_suffix(".py")

    @property
    def sample_events(self) -> Path | None:
        """The project's own sample events, where packflow.yaml names them."""
        return self.folder / self.config.dry_run.events if self.config.dry_run.events else None


def check_folder(folder: Path) -> None:
    """Raise NotFoundError for a project's folder that is none."""
    try:
        found, exists = folder.is_dir(), folder.exists()
    except OSError:  # a name too long to be one, a folder that may not be looked into
        found = exists = False
    if found:
        return
    if exists:
        raise NotFoundError(
            f"{folder} is a file; a project is a folder.",
            code="project-not-found",
            hint="Name the folder that holds packflow.yaml.",
        )
    raise NotFoundError(
        f"There is no folder {folder}.",
        code="project-not-found",
        hint="Create a project with `packflow init DIR`, or name another folder.",
    )


def open_project(folder: Path) -> Project:
    """Read the project in ``folder``; raises NotFoundError or the runtime's errors about packflow.yaml.

    Raises CheckFailedError for one that a killed migration or update left half-changed.
    """
    folder = absolute(folder)
    check_folder(folder)
    if migration_dir(folder).exists():
        raise CheckFailedError(
            "A migration of this project was interrupted: some of its files are of before, some of after.",
            code="migration-unfinished",
            hint="Run `packflow migrate` again, or `packflow migrate --undo` to take it back.",
        )
    if update_dir(folder).exists():
        raise CheckFailedError(
            "An update of this project was interrupted while its files were swapped.",
            code="update-unfinished",
            hint="Run `packflow update` again: it first puts the old model back.",
        )
    project = Project(folder, read_project_config(folder))
    package = project.backend_file.with_suffix("") / "__init__.py"
    if project.config.loader == "local" and not project.backend_file.is_file() and not package.is_file():
        name = project.backend_file.relative_to(folder).as_posix()
        raise NotFoundError(
            f"The project has no backend: {name} does not exist.",
            code="backend-not-found",
            file=str(folder / "packflow.yaml"),
            hint=f"Create {name}, or set inference_backend to the module that has the backend.",
        )
    return project
