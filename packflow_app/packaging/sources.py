"""What an archive is made of: every file but the manifest, and the manifest that tells of them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.environments.lock import LockState, lock_state
from packflow_app.errors import CheckFailedError
from packflow_app.locations import LOCK_FILE
from packflow_app.packaging.locked_packages import locked_packages
from packflow_app.packaging.provenance import read_provenance
from packflow_app.packaging.sbom import Subject, sbom
from packflow_app.packaging.versions import normal_version
from packflow_app.projects.file_hashes import unreadable
from packflow_app.projects.requirements import REQUIREMENTS_FILE, read_declared
from packflow_app.runtime import (
    DRY_RUN_NAME,
    ENTRY_POINT,
    GOLDEN_DIR,
    GOLDEN_INPUTS,
    GOLDEN_INPUTS_NAME,
    GOLDEN_OUTPUTS,
    GOLDEN_OUTPUTS_NAME,
    INPUT_SCHEMA_NAME,
    LOCK_NAME,
    OUTPUT_SCHEMA_NAME,
    PROJECT_DIR,
    RUNTIME_DIR,
    SBOM_NAME,
    FileRecord,
    Manifest,
    Parity,
    canonical_json,
    parse_yaml,
    read_config_bytes,
    runtime_version,
    runtime_wheel,
)

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.projects.contents import Contents
    from packflow_app.projects.project import Project
    from packflow_app.runtime import GoldenEvents

_ENTRY_SOURCE = f"{RUNTIME_DIR}/archive_entry.py"

Sources = dict[str, "bytes | Path"]


@dataclass(frozen=True)
class Evidence:
    """What a dry run gives an archive: its report, golden events, and the schemas of its events and their outputs."""

    dry_run: dict[str, Any]
    golden: GoldenEvents | None
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


def sources_of(project: Project, contents: Contents, evidence: Evidence) -> Sources:
    """Every file of the archive but the manifest: those made here as bytes, the project's as paths.

    Raises CheckFailedError when the lock is of other requirements, NotFoundError when it cannot be read.
    """
    sources: Sources = {
        DRY_RUN_NAME: canonical_json(_verdicts(evidence.dry_run)),
        INPUT_SCHEMA_NAME: canonical_json(evidence.input_schema),
        OUTPUT_SCHEMA_NAME: canonical_json(evidence.output_schema),
        **runtime_sources(),
    }
    lock = read_lock(project)
    if lock is not None:
        sources[LOCK_NAME] = lock
    golden = evidence.golden
    if golden is not None and golden.inputs:
        sources[GOLDEN_INPUTS] = b"".join(line + b"\n" for line in golden.inputs)
        sources[GOLDEN_OUTPUTS] = b"".join(line + b"\n" for line in golden.outputs)
    sources.update({f"{PROJECT_DIR}/{name}": path for name, path in contents.files.items()})
    sources[SBOM_NAME] = sbom(_subject(project, evidence, sources, lock))
    return sources


def _subject(project: Project, evidence: Evidence, sources: Sources, lock: bytes | None) -> Subject:
    return Subject(
        config=project.config,
        version=normal_version(project.config.version),
        python_requires=_python_requires(project, evidence.dry_run),
        runtime_version=runtime_version,
        requirements=_requirements(project),
        locked=None if lock is None else locked_packages(lock),
        files=list(sources),
        parity=_parity(evidence.dry_run),
        created=read_provenance(project.folder, _own_files(sources))[1],
    )


def runtime_sources() -> dict[str, bytes]:
    """The runtime's files, and the program that starts the archive."""
    with zipfile.ZipFile(runtime_wheel()) as wheel:
        found = {name: wheel.read(name) for name in wheel.namelist() if name.startswith(f"{RUNTIME_DIR}/")}
    return {ENTRY_POINT: found[_ENTRY_SOURCE], **found}


def read_lock(project: Project) -> bytes | None:
    """The project's lock; None where there is none. Raises CheckFailedError when it is of other requirements."""
    state = lock_state(project)
    if state is LockState.MISSING:
        return None
    if state is LockState.STALE:
        raise CheckFailedError(
            f"{LOCK_FILE} does not fit {REQUIREMENTS_FILE} and python_requires as they are now.",
            code="lock-stale",
            file=LOCK_FILE,
            hint="Bring it up to date: packflow env lock",
        )
    path = project.folder / LOCK_FILE
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def manifest_of(
    project: Project, version: str, evidence: Evidence, sources: Sources, files: dict[str, FileRecord]
) -> Manifest:
    """The manifest of an archive that holds ``files``; ``version`` is in normal form."""
    provenance, created = read_provenance(project.folder, _own_files(sources))
    dry_run, golden, config = evidence.dry_run, evidence.golden, project.config
    return Manifest(
        name=config.name,
        version=version,
        entry_point=config.inference_backend,
        python_requires=_python_requires(project, dry_run),
        runtime_version=runtime_version,
        config=parse_yaml(read_config_bytes(project.folder)).data(),  # type: ignore[arg-type]
        files=files,
        parity=_parity(dry_run),
        golden_events=len(golden.inputs) if golden is not None else 0,
        stateful=dry_run["stateful"],
        stateful_reason=(config.dry_run.reason or "").strip() or None if dry_run["stateful"] else None,
        requirements=_requirements(project),
        pickle_allowlist=dry_run["pickles"]["allowlist"],
        provenance=provenance,
        created=created,
    )


def _python_requires(project: Project, dry_run: dict[str, Any]) -> str:
    minor = ".".join(dry_run["python"].split(".")[:2])
    return project.config.python_requires or f">={minor}"


def _parity(dry_run: dict[str, Any]) -> Parity | None:
    parity = dry_run["parity"]
    return Parity(parity["equal"], parity["events"], parity["rule"]) if parity else None


def _own_files(sources: Sources) -> list[str]:
    """The files of the project's folder that ship, by their names there."""
    elsewhere = {
        LOCK_NAME: LOCK_FILE,
        GOLDEN_INPUTS: f"{GOLDEN_DIR}/{GOLDEN_INPUTS_NAME}",
        GOLDEN_OUTPUTS: f"{GOLDEN_DIR}/{GOLDEN_OUTPUTS_NAME}",
    }
    prefix = f"{PROJECT_DIR}/"
    inside = [name.removeprefix(prefix) for name in sources if name.startswith(prefix)]
    return inside + [own for name, own in elsewhere.items() if name in sources]


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


def _requirements(project: Project) -> list[str]:
    """What requirements.txt asks for, in its order, each once."""
    declared = read_declared(project.folder / REQUIREMENTS_FILE)
    return list(dict.fromkeys(one.text for one in declared.declarations if not one.is_constraint))
