"""Make a kit: one folder with an archive, its signature, wheels for each target, and what checks and explains them."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.environments.runtime_wheel import carried_wheel
from packflow_app.errors import CheckFailedError
from packflow_app.packaging.kit_folder import KitWheel, check_kit_place, collect_wheels, kit_folder, write_sums
from packflow_app.packaging.kit_readme import README_NAME, readme
from packflow_app.packaging.model_wheel import write_model_wheel
from packflow_app.packaging.signing import Signer, signature_path, write_signature
from packflow_app.packaging.verifier import VERIFIER_NAME, verifier
from packflow_app.packaging.versions import archive_file_name
from packflow_app.placing import absolute
from packflow_app.projects.file_hashes import file_digest
from packflow_app.runtime import (
    LOCK_NAME,
    SUMS_NAME,
    WHEELS,
    Archive,
    PackflowError,
    check_signature,
    open_archive,
    read_signature,
    satisfies,
    signed_file,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from packflow_app.environments.tools import Toolbox
    from packflow_app.packaging.targets import Target


@dataclass(frozen=True)
class MadeKit:
    """A kit in its place. ``files`` has the SHA-256 of each file that SHA256SUMS lists; ``signed_by`` a fingerprint."""

    folder: Path
    archive: str
    signature: str | None
    signed_by: str | None
    targets: tuple[Target, ...]
    wheels: tuple[KitWheel, ...]
    files: dict[str, str]
    size: int


def make_kit(
    archive: Path,
    folder: Path,
    targets: Sequence[Target],
    tools: Toolbox,
    *,
    wheelhouse: Path | None = None,
    signer: Signer | None = None,
    model_wheel: bool = False,
    force: bool = False,
) -> MadeKit:
    """Make the kit of ``archive`` in ``folder``, which appears whole or not at all.

    With a ``signer`` the archive and SHA256SUMS are signed; without, a signature beside the archive goes along. With
    ``model_wheel`` the model is among the wheels. Raises UsageError for a folder that is there (``force`` replaces one
    that is a kit), CheckFailedError for an archive that lacks the lock that it needs, a target that the model is not
    for or that lacks a wheel, a signature of another file.
    """
    folder = absolute(folder)
    replaced = check_kit_place(folder, force=force)
    with open_archive(archive) as opened:
        opened.verify_contents()
        _check_targets(opened, targets)
        with kit_folder(folder, replaced=replaced) as work:
            kit = _fill(work, opened, targets, tools, wheelhouse, signer, model_wheel=model_wheel)
    return MadeKit(folder, *kit)


def _check_targets(archive: Archive, targets: Sequence[Target]) -> None:
    manifest = archive.manifest
    for target in targets:
        if not any(satisfies((3, target.minor, patch), manifest.python_requires) for patch in (0, 99)):
            raise CheckFailedError(
                f"{manifest.name} needs Python {manifest.python_requires}; {target.name} has Python 3.{target.minor}.",
                code="target-python",
                hint="Name targets with such a Python: --target linux-x86_64-cp312",
            )
    if manifest.requirements and LOCK_NAME not in archive.entries:
        raise CheckFailedError(
            f"{manifest.name} has requirements, and its archive has no lock that says which wheels they are.",
            code="lock-missing",
            hint="Lock them and export again: packflow env lock",
        )


def _fill(
    work: Path,
    archive: Archive,
    targets: Sequence[Target],
    tools: Toolbox,
    wheelhouse: Path | None,
    signer: Signer | None,
    *,
    model_wheel: bool,
) -> tuple[str, str | None, str | None, tuple[Target, ...], tuple[KitWheel, ...], dict[str, str], int]:
    copy = work / archive_file_name(archive.manifest.name, archive.manifest.version)  # whatever it was renamed to
    shutil.copyfile(archive.path, copy)
    signature, signed_by = _signature(copy, archive.path, signer)
    lock = archive.read(LOCK_NAME) if LOCK_NAME in archive.entries else b""
    wheels = collect_wheels(work, lock, targets, tools, wheelhouse)
    if model_wheel:
        write_model_wheel(copy, archive.manifest, work / WHEELS)
    runtime = carried_wheel()
    shutil.copyfile(runtime, work / WHEELS / runtime.name)
    (work / VERIFIER_NAME).write_bytes(verifier())
    told = readme(archive.manifest, copy.name, signed_by, list(targets), runtime.name)
    (work / README_NAME).write_text(told, encoding="utf-8", newline="\n")
    files, sums = write_sums(work)
    if signer is not None:
        write_signature(io.BytesIO(sums), SUMS_NAME, signer, signature_path(work / SUMS_NAME))
    size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    return copy.name, signature, signed_by, tuple(targets), wheels, files, size


def _signature(copy: Path, original: Path, signer: Signer | None) -> tuple[str | None, str | None]:
    """Put the archive's signature beside its copy; returns its name and the fingerprint of the key that it names."""
    target, content = signature_path(copy), read_signature(signature_path(original))
    if signer is not None:
        if content is not None and _is_by(signer, copy, content):  # a token may ask somebody each time
            target.write_bytes(content)
            return target.name, signer.key.fingerprint
        with copy.open("rb") as file:
            write_signature(file, copy.name, signer, target)
        return target.name, signer.key.fingerprint
    if content is None:
        return None, None
    try:
        sha256, fingerprint = signed_file(content)
    except PackflowError as error:
        raise _wrong_signature(original, error.title) from None
    if sha256 != file_digest(copy):
        raise _wrong_signature(original, "It is the signature of other bytes.")
    target.write_bytes(content)
    return target.name, fingerprint or "(one that the signature does not name)"


def _is_by(signer: Signer, file: Path, content: bytes) -> bool:
    return check_signature(file.name, file_digest(file), content, [signer.key]).state == "valid"


def _wrong_signature(archive: Path, why: str) -> CheckFailedError:
    return CheckFailedError(
        f"{signature_path(archive).name} does not belong to {archive.name}. {why}",
        code="signature-other-file",
        file=str(signature_path(archive)),
        hint="Sign the archive again (packflow sign --force), or remove the signature.",
    )
