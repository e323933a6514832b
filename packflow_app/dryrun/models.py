"""What a worker can load: a project folder, or an archive extracted for the time of a run."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError
from packflow_app.projects.project import Project, open_project
from packflow_app.runtime import PROJECT_DIR, Manifest, extract, is_archive, open_archive

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Model:
    """A folder with a backend's modules; ``config`` is an archive's, None reads the folder's packflow.yaml.

    ``label`` is how people know it, such as ``dns-score 0.1.0``.
    """

    folder: Path
    label: str
    config: dict[str, Any] | None = None

    @classmethod
    def of_project(cls, project: Project) -> Model:
        """The model of a project."""
        return cls(project.folder, f"{project.config.name} {project.config.version}")

    @classmethod
    def of_archive(cls, tree: Path, manifest: Manifest) -> Model:
        """The model of an archive that was extracted to ``tree``."""
        return cls(tree / PROJECT_DIR, f"{manifest.name} {manifest.version}", manifest.config)


@contextmanager
def opened_model(path: Path) -> Iterator[Model]:
    """The model at ``path``: a project's folder, or an archive, whose checked copy is removed in the end.

    Raises NotFoundError, or what the runtime raises for an archive that is not to be trusted.
    """
    if not path.exists():
        raise NotFoundError(
            f"{path} does not exist.",
            code="archive-not-found",
            hint="Name a .zip that `packflow export` wrote, or a folder with packflow.yaml.",
        )
    if not path.is_file() and not is_archive(path):
        yield Model.of_project(open_project(path))
        return
    with tempfile.TemporaryDirectory(prefix="packflow-model-") as folder, open_archive(path) as archive:
        tree = Path(folder, "tree")
        tree.mkdir()
        extract(archive, tree)
        yield Model.of_archive(tree, archive.manifest)
