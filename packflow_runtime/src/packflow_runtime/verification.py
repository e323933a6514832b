"""Check an archive from outside: what is so, apart from what its builder only claims.

Nothing of the archive runs, nothing is written, and memory is bounded by the format's limits, not by the archive.
"""

from __future__ import annotations

import hashlib
import os
import pkgutil
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from . import __version__
from .archive import ENTRY_POINT, Archive, open_archive
from .archived_pickles import ArchivedPickle, pickles_in
from .canonical_zip import directory_of, local_header
from .errors import ExitCode, PackflowError
from .manifest import RUNTIME_DIR, Manifest, ManifestError
from .portable_names import ArchiveFormatError
from .signatures import SignatureCheck, check_signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from .public_keys import PublicKey

MEANINGS = {
    "structure": "the zip has the one form that it may have: every header, nothing before, between or after",
    "names": "every name means the same one file on every system",
    "manifest": "the manifest is of a format known here, complete, and in its one spelling",
    "listing": "every file is listed, every listed file is there, each in its folder and of its size",
    "configuration": "packflow.yaml says what the manifest says",
    "contents": "every byte of every file: CRC-32 and SHA-256",
}
"""What is checked, in this order, and what it means that it passed."""

_SHOWN_FINDINGS = 100
_CONFIGURATION = {"manifest-disagrees", "manifest-config", "config-too-large", "config-invalid", "config-differs"}
_LISTING = {"file-unlisted", "file-size", "file-absent", "part-missing", "file-misplaced", "compiled-code"}
_CONTENTS = {"damaged", "file-digest"}
_ENTRY_SOURCE = f"{RUNTIME_DIR}/archive_entry.py"


@dataclass(frozen=True)
class ArchiveFault:
    """Something that is wrong: which check found it, in which file of the archive (None: in the whole), and why.

    ``code`` and ``reason`` are stable, the texts are for people.
    """

    check: str
    reason: str
    message: str
    entry: str | None
    code: str
    hint: str


@dataclass(frozen=True)
class Check:
    """One of ``MEANINGS``; ``passed`` is None where an earlier fault kept it from being done."""

    name: str
    passed: bool | None
    detail: str = ""


@dataclass(frozen=True)
class Verification:
    """What was found of one archive. All but ``manifest`` was seen here; what that claims was not.

    ``sha256`` is of the whole file, ``digest`` of its manifest, which names all else; both, like ``manifest``, are None
    where the archive did not pass. ``more_faults`` counts those that were not kept. ``same_runtime`` says whether the
    runtime inside is byte for byte the one that checks, None where the versions differ or it cannot be told.
    ``signature`` is None where the archive did not pass.
    """

    path: Path
    size: int
    checks: tuple[Check, ...]
    faults: tuple[ArchiveFault, ...] = ()
    more_faults: int = 0
    sha256: str | None = None
    digest: str | None = None
    manifest: Manifest | None = None
    files: int = 0
    pickles: tuple[ArchivedPickle, ...] = ()
    same_runtime: bool | None = None
    signature: SignatureCheck | None = None

    @property
    def passed(self) -> bool:
        """Whether the archive is whole, canonical, and what its manifest says."""
        return self.manifest is not None

    def claims(self) -> dict[str, Any]:
        """What the builder says, and nobody has checked here; empty where the archive did not pass."""
        manifest = self.manifest
        if manifest is None:
            return {}
        return {
            "parity": None if manifest.parity is None else asdict(manifest.parity),
            "golden_events": manifest.golden_events,
            "stateful": manifest.stateful,
            "reason": manifest.project_config.dry_run.reason,
            "python_requires": manifest.python_requires,
            "requirements": manifest.requirements,
            "runtime_version": manifest.runtime_version,
            "pickle_allowlist": manifest.pickle_allowlist,
            "provenance": asdict(manifest.provenance),
            "created": manifest.created,
        }

    def as_json(self) -> dict[str, Any]:
        """Plain data of what was found, ``checked`` apart from ``claimed``."""
        return {
            "path": str(self.path),
            "ok": self.passed,
            "name": self.manifest.name if self.manifest else None,
            "version": self.manifest.version if self.manifest else None,
            "size": self.size,
            "files": self.files,
            "sha256": self.sha256,
            "manifest_sha256": self.digest,
            "checked": [asdict(check) for check in self.checks],
            "faults": [asdict(fault) for fault in self.faults],
            "more_faults": self.more_faults,
            "pickles": [asdict(pickle) for pickle in self.pickles],
            "same_runtime": self.same_runtime,
            "signature": self.signature.as_json() if self.signature is not None else None,
            "claimed": self.claims(),
        }


def verify(
    path: Path,
    report: Callable[[int, int], object] = lambda _done, _total: None,
    *,
    keys: Sequence[PublicKey] = (),
    signature: Path | None = None,
) -> Verification:
    """Check the archive at ``path``, and the signature beside it (or in ``signature``) with ``keys``.

    What is wrong with it is a value, not an error. ``report`` gets the bytes looked at so far, and the archive's size.
    Raises PackflowError where the file, or a signature that was named, cannot be opened or read.
    """
    try:
        with open_archive(path) as archive:
            found = _verify_contents(archive, os.fstat(archive.file.fileno()).st_size, report)
        if found.sha256 is None:
            return found
        return replace(found, signature=check_signature_of(path, found.sha256, keys, signature))
    except (ArchiveFormatError, ManifestError) as error:
        fault = _fault(error)
        return Verification(path, path.stat().st_size, _checks(fault, contents_began=False), (fault,))
    except OSError as error:
        raise PackflowError(
            f"{path} cannot be read: {error.strerror or error}.",
            code="archive-not-readable",
            exit_code=ExitCode.NOT_FOUND,
            hint="Copy the archive to another disk, and check it there.",
        ) from None


def _verify_contents(archive: Archive, size: int, report: Callable[[int, int], object]) -> Verification:
    """Read everything once, and go on after a file that is wrong, so that all of them are named."""
    whole, faults, done = hashlib.sha256(), [], 0

    def take(chunk: bytes) -> None:
        nonlocal done
        whole.update(chunk)
        done += len(chunk)
        report(done, size)

    for name, entry in archive.entries.items():
        take(local_header(name, entry.size, entry.crc32))
        try:
            archive.copy(name, take)
        except (ArchiveFormatError, ManifestError) as error:
            faults.append(_fault(error))
    if faults:
        kept = tuple(faults[:_SHOWN_FINDINGS])
        checks = _checks(kept[0], contents_began=True)
        return Verification(archive.path, size, checks, kept, len(faults) - len(kept), files=len(archive.entries))
    for piece in directory_of(list(archive.entries.values())):
        whole.update(piece)
    files = len(archive.entries)
    return Verification(
        archive.path,
        size,
        tuple(Check(name, passed=True, detail=meaning) for name, meaning in MEANINGS.items()),
        sha256=whole.hexdigest(),
        digest=archive.digest,
        manifest=archive.manifest,
        files=files,
        pickles=pickles_in(archive),
        same_runtime=_is_this_runtime(archive.manifest),
    )


def _fault(error: ArchiveFormatError | ManifestError) -> ArchiveFault:
    return ArchiveFault(_check_of(error), error.reason, error.title, error.entry, error.code, error.hint)


def _check_of(error: ArchiveFormatError | ManifestError) -> str:
    reason = error.reason
    if reason in _CONTENTS:
        return "contents"
    if isinstance(error, ArchiveFormatError):
        return "names" if reason.startswith("name-") else "structure"
    return "listing" if reason in _LISTING else "configuration" if reason in _CONFIGURATION else "manifest"


def _checks(fault: ArchiveFault, *, contents_began: bool) -> tuple[Check, ...]:
    """The checks, of which one failed: those before it passed, those after it were not done.

    Names are looked at before the structure is through. The configuration is read, and its bytes checked, before
    the other contents are.
    """
    undone = {"names": {"structure"}, "contents": set() if contents_began else {"configuration"}}.get(
        fault.check, set()
    )
    checks, before = [], True
    for name, meaning in MEANINGS.items():
        if name == fault.check:
            checks.append(Check(name, passed=False, detail=fault.message))
            before = False
        elif before and name not in undone:
            checks.append(Check(name, passed=True, detail=meaning))
        else:
            checks.append(Check(name, passed=None, detail="not looked at"))
    return tuple(checks)


def _is_this_runtime(manifest: Manifest) -> bool | None:
    """Whether the archive starts with, and carries, exactly the files of the runtime that runs here."""
    if manifest.runtime_version != __version__:
        return None
    prefix = f"{RUNTIME_DIR}/"
    inside = {
        name.removeprefix(prefix): record.sha256 for name, record in manifest.files.items() if name.startswith(prefix)
    }
    own = _own_digests(inside)
    if own is None:
        return None
    if not {name for name in own if name.endswith(".py")} <= set(inside) <= set(own):
        return False
    if manifest.files[ENTRY_POINT] != manifest.files[_ENTRY_SOURCE]:
        return False
    return all(own[name] == sha256 for name, sha256 in inside.items())


def _own_digests(wanted: Collection[str]) -> dict[str, str] | None:
    """The SHA-256 of each file of the runtime that runs here, read where it is wanted; None where there are none.

    The verifier in one file has no such files; it carries their digests.
    """
    carried: dict[str, str] | None = getattr(sys.modules[__package__], "DIGESTS", None)
    own = os.path.dirname(os.path.abspath(__file__))
    if carried is not None or not os.path.isdir(own):
        return carried

    def digest(name: str) -> str:
        return hashlib.sha256(pkgutil.get_data(__package__, name) or b"").hexdigest()

    return {name: digest(name) if name in wanted else "" for name in _files_below(own)}


def _files_below(folder: str) -> Iterator[str]:
    """Every file, by its path with slashes, but what Python keeps of compiled modules."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            yield os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
