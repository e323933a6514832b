"""Make the archive: the same project, golden events and verdict always give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError, UsageError, not_writable
from packflow_app.packaging.provenance import source_date_epoch
from packflow_app.packaging.sources import Evidence, manifest_of, sources_of
from packflow_app.packaging.versions import archive_file_name, normal_version
from packflow_app.packaging.writing import FileWritten, Written, write_archive
from packflow_app.placing import absolute, make_folders, remove_empty, sibling
from packflow_app.projects.contents import contents_digest
from packflow_app.projects.file_hashes import file_digest, forget_hashes
from packflow_app.runtime import MANIFEST_NAME, PROJECT_DIR, check_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.projects.contents import Contents
    from packflow_app.projects.project import Project
    from packflow_app.runtime import Manifest


@dataclass(frozen=True)
class Exported:
    """A finished archive.

    ``unchanged``: the same bytes already stood there. ``needs_zip64``: it runs directly on Python 3.13 and later only.
    ``rebuilt``: it was built twice, and both gave the same bytes.
    """

    path: Path
    size: int
    sha256: str
    manifest: Manifest
    contents: Contents
    unchanged: bool
    needs_zip64: bool
    rebuilt: bool = False

    @property
    def excluded(self) -> dict[str, str]:
        """Why what is not in the archive is not."""
        return self.contents.excluded


def archive_path(project: Project, folder: Path) -> Path:
    """Where ``export_archive`` puts the archive; raises UsageError for a version that is none."""
    return absolute(folder) / archive_file_name(project.config.name, normal_version(project.config.version))


def check_place(project: Project, folder: Path) -> None:
    """See that an archive can be written to ``folder``, before much is done for it; leaves nothing there.

    Raises NotWritableError, or UsageError for a version, or a SOURCE_DATE_EPOCH, that is none.
    """
    target = archive_path(project, folder)
    source_date_epoch()
    made: list[Path] = []
    probe = sibling(target)
    try:
        made = make_folders(target.parent)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise not_writable(target, error) from error
    finally:
        remove_empty(made)


def export_archive(
    project: Project,
    evidence: Evidence,
    folder: Path,
    *,
    force: bool = False,
    rebuild_below: int = 0,
    report: Callable[[FileWritten], None] = lambda _progress: None,
) -> Exported:
    """Write the archive of ``project`` into ``folder``, which is created if need be.

    ``evidence`` is of the dry run about the project as it is now. An archive of fewer than ``rebuild_below`` bytes is
    built a second time, from files chosen and read anew. The file appears whole or not at all. Raises UsageError when
    other bytes stand in its place (unless ``force``), NotWritableError, what ``sources_of`` does, or CheckFailedError
    when the project is not the one that the dry run was about, or the second build gives other bytes.
    """
    target = archive_path(project, folder)
    contents = project.contents()
    made: list[Path] = []
    work, second = sibling(target), sibling(target)
    try:
        made = make_folders(target.parent)
        written = _built(project, contents, evidence, work, report)
        _check_unchanged(project, written.manifest, evidence)
        rebuilt = work.stat().st_size < rebuild_below
        if rebuilt:
            anew = _built(project, project.contents(), evidence, second, lambda one: report(replace(one, again=True)))
            second.unlink()
            _check_same(written, anew)
        unchanged = _put_in_place(work, target, written.sha256, force=force)
        size = target.stat().st_size
    except BaseException as error:
        if target.parent.is_dir():
            work.unlink(missing_ok=True)
            second.unlink(missing_ok=True)
        remove_empty(made)
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise
    return Exported(target, size, written.sha256, written.manifest, contents, unchanged, written.needs_zip64, rebuilt)


def _built(
    project: Project, contents: Contents, evidence: Evidence, work: Path, report: Callable[[FileWritten], None]
) -> Written:
    """The archive under the name ``work``."""
    version = normal_version(project.config.version)
    sources = sources_of(project, contents, evidence)
    check_names([*sources, MANIFEST_NAME])
    return write_archive(work, sources, partial(manifest_of, project, version, evidence, sources), report)


def _check_same(written: Written, anew: Written) -> None:
    if written.sha256 == anew.sha256:
        return
    before, after = written.manifest.files, anew.manifest.files
    differing = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    raise CheckFailedError(
        f"The archive was built twice, and the bytes differ: {differing[0] if differing else MANIFEST_NAME}.",
        code="rebuild-differs",
        detail=f"{len(differing) - 1:,} more files differ." if len(differing) > 1 else "",
        hint="Export again when nothing writes to the project or commits to its repository.",
    )


def _check_unchanged(project: Project, manifest: Manifest, evidence: Evidence) -> None:
    """Hold what was written against what the dry run was about: by its bytes, whatever is remembered of them."""
    prefix = f"{PROJECT_DIR}/"
    hashes = {
        name.removeprefix(prefix): item.sha256 for name, item in manifest.files.items() if name.startswith(prefix)
    }
    if contents_digest(hashes) != evidence.dry_run["digest"]:
        forget_hashes(project.folder)
        raise CheckFailedError(
            "The project changed after its dry run.",
            code="project-changed",
            hint="Export again when nothing writes to the project.",
        )


def _put_in_place(work: Path, target: Path, sha256: str, *, force: bool) -> bool:
    """Rename ``work`` to ``target``; True where the same bytes stood there already."""
    is_file = target.is_file()
    if is_file and target.stat().st_size == work.stat().st_size and file_digest(target) == sha256:
        work.unlink()
        return True
    if (is_file or target.exists() or target.is_symlink()) and not (force and is_file):
        raise UsageError(
            f"{target} already exists and is another archive.",
            code="target-exists",
            hint="Give packflow.yaml a new version, choose another folder with -o, or replace it with --force.",
        )
    work.replace(target)
    return False
