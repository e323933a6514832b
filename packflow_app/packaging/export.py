"""Write the archive: the same project, golden events and verdict always give the same bytes."""

from __future__ import annotations

import filecmp
import hashlib
import os
import zipfile
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from packflow_app.errors import CheckFailedError, NotFoundError, UsageError, not_writable
from packflow_app.packaging.provenance import read_provenance
from packflow_app.packaging.versions import archive_file_name, normal_version
from packflow_app.placing import make_folders, remove_empty, sibling
from packflow_app.projects.contents import contents_digest, file_digest
from packflow_app.projects.requirements import REQUIREMENTS_FILE, read_declared
from packflow_app.runtime import (
    DRY_RUN_NAME,
    ENTRY_POINT,
    GOLDEN_INPUTS,
    GOLDEN_OUTPUTS,
    INPUT_SCHEMA_NAME,
    MANIFEST_NAME,
    PROJECT_DIR,
    RUNTIME_DIR,
    FileRecord,
    Manifest,
    Parity,
    Writer,
    canonical_json,
    check_names,
    parse_yaml,
    read_config_bytes,
    runtime_version,
    runtime_wheel,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.projects.project import Project
    from packflow_app.runtime import GoldenEvents

_ENTRY_SOURCE = f"{RUNTIME_DIR}/archive_entry.py"

Sources = dict[str, "bytes | Path"]


@dataclass(frozen=True)
class Exported:
    """A finished archive; ``unchanged`` says that the same bytes already stood there."""

    path: Path
    size: int
    sha256: str
    manifest: Manifest
    excluded: dict[str, str]
    unchanged: bool


@dataclass(frozen=True)
class FileWritten:
    """One more file is in the archive."""

    name: str
    done: int
    total: int


def export_archive(
    project: Project,
    dry_run: dict[str, Any],
    golden: GoldenEvents | None,
    folder: Path,
    *,
    schema: dict[str, Any],
    force: bool = False,
    report: Callable[[FileWritten], None] = lambda _progress: None,
) -> Exported:
    """Write the archive of ``project`` into ``folder``, which is created if need be.

    ``dry_run`` is the report about the project as it is now, ``schema`` the JSON schema of its events. The file appears
    whole or not at all. Raises UsageError when other bytes stand in its place (unless ``force``), NotWritableError, or
    CheckFailedError when the project is not the one that the dry run was about.
    """
    version = normal_version(project.config.version)
    folder = folder.absolute()
    target = folder / archive_file_name(project.config.name, version)
    contents = project.contents()
    sources = _sources(contents.files, dry_run, golden, schema)
    check_names([*sources, MANIFEST_NAME])
    make_manifest = partial(_manifest, project, version, dry_run, golden)
    made: list[Path] = []
    work = sibling(target)
    try:
        made = make_folders(folder)
        manifest = _write(work, sources, make_manifest, report)
        _check_unchanged(manifest, dry_run)
        sha256 = file_digest(work)
        unchanged = _put_in_place(work, target, force=force)
    except BaseException as error:
        if folder.is_dir():
            work.unlink(missing_ok=True)
        remove_empty(made)
        if isinstance(error, OSError):
            raise not_writable(target, error) from error
        raise
    return Exported(target, target.stat().st_size, sha256, manifest, contents.excluded, unchanged)


def _sources(
    files: dict[str, Path], dry_run: dict[str, Any], golden: GoldenEvents | None, schema: dict[str, Any]
) -> Sources:
    """Every file of the archive but the manifest: those made here as bytes, the project's as paths."""
    sources: Sources = {
        DRY_RUN_NAME: canonical_json(_verdicts(dry_run)),
        INPUT_SCHEMA_NAME: canonical_json(schema),
    }
    with zipfile.ZipFile(runtime_wheel()) as wheel:
        for name in wheel.namelist():
            if name.startswith(f"{RUNTIME_DIR}/"):
                sources[name] = wheel.read(name)
    sources[ENTRY_POINT] = sources[_ENTRY_SOURCE]
    if golden is not None and golden.inputs:
        sources[GOLDEN_INPUTS] = b"".join(line + b"\n" for line in golden.inputs)
        sources[GOLDEN_OUTPUTS] = b"".join(line + b"\n" for line in golden.outputs)
    sources.update({f"{PROJECT_DIR}/{name}": path for name, path in files.items()})
    return sources


def _verdicts(dry_run: dict[str, Any]) -> dict[str, Any]:
    """What the archive keeps of a dry run: verdicts and digests, no time, host, path or other measurement."""
    parity = dry_run["parity"]
    return {
        "digest": dry_run["digest"],
        "events": dry_run["events"],
        "failed": dry_run["failed"],
        "modes": [{"name": mode["name"], "batch_size": mode["batch_size"]} for mode in dry_run["modes"]],
        "parity": {"equal": parity["equal"], "events": parity["events"], "rule": parity["rule"]} if parity else None,
    }


def _manifest(
    project: Project,
    version: str,
    dry_run: dict[str, Any],
    golden: GoldenEvents | None,
    files: dict[str, FileRecord],
) -> Manifest:
    provenance, created = read_provenance(project.folder)
    parity = dry_run["parity"]
    minor = ".".join(dry_run["python"].split(".")[:2])
    return Manifest(
        name=project.config.name,
        version=version,
        entry_point=project.config.inference_backend,
        python_requires=project.config.python_requires or f">={minor}",
        runtime_version=runtime_version,
        config=parse_yaml(read_config_bytes(project.folder)).data(),  # type: ignore[arg-type]
        files=files,
        parity=Parity(parity["equal"], parity["events"], parity["rule"]) if parity else None,
        golden_events=len(golden.inputs) if golden is not None else 0,
        stateful=dry_run["stateful"],
        requirements=_requirements(project),
        pickle_allowlist=dry_run["pickles"]["allowlist"],
        provenance=provenance,
        created=created,
    )


def _requirements(project: Project) -> list[str]:
    """What requirements.txt asks for, in its order, each once."""
    declared = read_declared(project.folder / REQUIREMENTS_FILE)
    return list(dict.fromkeys(one.text for one in declared.declarations if not one.is_constraint))


def _write(
    work: Path,
    sources: Sources,
    make_manifest: Callable[[dict[str, FileRecord]], Manifest],
    report: Callable[[FileWritten], None],
) -> Manifest:
    """Write the archive in one pass.

    The manifest stands before the files whose hashes it lists; its size is known before they are, so its place is kept
    and filled at the end.
    """
    sizes = {name: len(data) if isinstance(data, bytes) else data.stat().st_size for name, data in sources.items()}
    blank = make_manifest({name: FileRecord(size, "0" * 64) for name, size in sizes.items()})
    order = sorted([*sources, MANIFEST_NAME], key=str.encode)
    records: dict[str, FileRecord] = {}
    with work.open("x+b") as file:
        writer = Writer(file)
        for done, name in enumerate(order, 1):
            if name == MANIFEST_NAME:
                place = writer.add_bytes(name, blank.to_bytes())
            else:
                records[name] = _add(writer, name, sources[name], sizes[name])
            report(FileWritten(name, done, len(order)))
        manifest = Manifest(**{**vars(blank), "files": records})
        writer.rewrite(place, manifest.to_bytes())
        writer.finish()
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _add(writer: Writer, name: str, source: bytes | Path, size: int) -> FileRecord:
    if isinstance(source, bytes):
        writer.add_bytes(name, source)
        return FileRecord(size, hashlib.sha256(source).hexdigest())
    digest = hashlib.sha256()
    try:
        file = source.open("rb", buffering=0)
    except OSError as error:
        raise NotFoundError(
            f"{source} cannot be read: {error.strerror}.", code="file-not-readable", hint="Mend its permissions."
        ) from None
    with file:
        writer.add(name, file, size, digest.update)
    return FileRecord(size, digest.hexdigest())


def _check_unchanged(manifest: Manifest, dry_run: dict[str, Any]) -> None:
    prefix = f"{PROJECT_DIR}/"
    hashes = {
        name.removeprefix(prefix): item.sha256 for name, item in manifest.files.items() if name.startswith(prefix)
    }
    if contents_digest(hashes) != dry_run["digest"]:
        raise CheckFailedError(
            "The project changed after its dry run.",
            code="project-changed",
            hint="Export again when nothing writes to the project.",
        )


def _put_in_place(work: Path, target: Path, *, force: bool) -> bool:
    """Rename ``work`` to ``target``; True where the same bytes stood there already."""
    if target.is_file() and filecmp.cmp(work, target, shallow=False):
        work.unlink()
        return True
    if (target.exists() or target.is_symlink()) and not (force and target.is_file()):
        raise UsageError(
            f"{target} already exists and is another archive.",
            code="target-exists",
            hint="Give packflow.yaml a new version, choose another folder with -o, or replace it with --force.",
        )
    work.replace(target)
    return False
