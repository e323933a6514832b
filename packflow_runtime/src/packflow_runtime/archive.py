"""Open an archive, check it against its manifest, and extract it; its code is never run from here."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .canonical_zip import Entry, needs_zip64
from .errors import ExitCode, PackflowError
from .manifest import (
    GOLDEN_INPUTS,
    GOLDEN_OUTPUTS,
    INFO_DIR,
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    PROJECT_DIR,
    RUNTIME_DIR,
    Manifest,
    ManifestError,
    parse_manifest,
)
from .portable_names import ArchiveFormatError, check_name
from .project import CONFIG_FILE, MAX_CONFIG_BYTES
from .reporting import printable
from .zip_reader import open_entry, read_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader
    from pathlib import Path
    from typing import BinaryIO

ENTRY_POINT = "__main__.py"
_CHUNK = 1 << 20
_ZEROS = bytes(_CHUNK)


@dataclass(frozen=True)
class Archive:
    """An open archive whose structure and manifest agree; contents are checked as they are read."""

    path: Path
    file: BufferedReader
    entries: dict[str, Entry]
    manifest: Manifest
    digest: str
    """SHA-256 of the manifest, and so of everything that the manifest vouches for."""

    @property
    def needs_zip64(self) -> bool:
        """Whether it is too large for Pythons before 3.13 to start; they run it with ``python -m packflow_runtime``."""
        return needs_zip64([*self.entries.values()])

    def read(self, name: str) -> bytes:
        """One file's bytes, checked; for the small files of ``packflow-info`` and the like."""
        chunks: list[bytes] = []
        self.copy(name, chunks.append)
        return b"".join(chunks)

    def copy(self, name: str, write: Callable[[bytes], object]) -> None:
        """Give one file's bytes to ``write`` chunk by chunk; raises ManifestError at the end if they are not right."""
        digest = hashlib.sha256()
        with open_entry(self.file, self.entries[name]) as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                write(chunk)
        if name != MANIFEST_NAME and digest.hexdigest() != self.manifest.files[name].sha256:
            raise _another_file(name)

    def verify_contents(self) -> None:
        """Read everything once; raises ManifestError or ArchiveFormatError at the first byte that is not right."""
        for name in self.entries:
            self.copy(name, lambda _chunk: None)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive and check its structure: canonical zip, valid manifest, the same files in both.

    Raises ArchiveFormatError, ManifestError, or PackflowError when the file cannot be opened.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe could wait for ever
            raise _not_opened(path, os.strerror(errno.EISDIR) if stat.S_ISDIR(status.st_mode) else "It is no file")
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise _not_opened(path, getattr(error, "strerror", None) or str(error)) from None
    with file:
        entries = {entry.name: entry for entry in _entries(file)}
        manifest, digest = _read_manifest(file, entries)
        _check_names(entries, manifest)
        archive = Archive(path, file, entries, manifest, digest)
        _check_config(archive)
        yield archive


def _entries(file: BufferedReader) -> list[Entry]:
    try:
        return read_entries(file)
    except ArchiveFormatError as error:
        if error.reason.startswith("name-"):  # an exporter can rename a file, a receiver cannot
            error.hint = "Do not unpack it: no export gives such a name. Ask where the archive comes from."
        raise


def _not_opened(path: Path, reason: str) -> PackflowError:
    return PackflowError(
        f"{path} cannot be opened: {reason}.",
        code="archive-not-found",
        exit_code=ExitCode.NOT_FOUND,
        hint="Check the archive's path.",
    )


def is_archive(path: Path) -> bool:
    """Whether ``path`` is a file that starts as a zip does."""
    try:
        if not path.is_file():  # opening a pipe could wait for ever
            return False
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _read_manifest(file: BufferedReader, entries: dict[str, Entry]) -> tuple[Manifest, str]:
    entry = entries.get(MANIFEST_NAME)
    if entry is None:
        raise ManifestError(
            "The file is no Packflow archive: it has no manifest.",
            reason="manifest-missing",
            hint="Export a project with `packflow export`.",
        )
    if entry.size > MAX_MANIFEST_BYTES:
        raise _contradiction("manifest-too-large", f"the manifest is larger than {MAX_MANIFEST_BYTES:,} bytes")
    with open_entry(file, entry) as source:
        content = source.read()
    return parse_manifest(content), hashlib.sha256(content).hexdigest()


def _check_names(entries: dict[str, Entry], manifest: Manifest) -> None:
    for name, entry in entries.items():
        _check_place(name)
        if name == MANIFEST_NAME:
            continue
        record = manifest.files.get(name)
        if record is None:
            raise _unlisted(name)
        if record.size != entry.size:
            words = f"{name} has {entry.size:,} bytes, the manifest says {record.size:,}"
            raise _contradiction("file-size", words, name)
    for name in manifest.files:
        if name not in entries or name == MANIFEST_NAME:
            shown = printable(name)
            raise _contradiction("file-absent", f"the manifest lists {shown}, which is not in the archive", name)
    for needed in (ENTRY_POINT, f"{RUNTIME_DIR}/__init__.py", f"{PROJECT_DIR}/{CONFIG_FILE}"):
        if needed not in entries:
            raise _contradiction("part-missing", f"{needed} is missing", needed)


def _check_place(name: str) -> None:
    top, slash, _ = name.partition("/")
    if name != ENTRY_POINT and not (slash and top in (INFO_DIR, RUNTIME_DIR, PROJECT_DIR)):
        raise _contradiction("file-misplaced", f"{name} stands outside the archive's folders", name)
    if _is_compiled(name):
        words = f"{name} is compiled code, which could stand in for a source that was checked"
        raise _contradiction("compiled-code", words, name)


def _is_compiled(name: str) -> bool:
    return name.endswith((".pyc", ".pyo")) or "/__pycache__/" in f"/{name}"


def _check_config(archive: Archive) -> None:
    """The manifest's configuration is in force; a packflow.yaml that says something else must not be believed."""
    manifest, config = archive.manifest, archive.manifest.project_config
    for key, claimed, meant in (
        ("name", manifest.name, config.name),
        ("entry_point", manifest.entry_point, config.inference_backend),
        ("stateful", manifest.stateful or not config.stateful, True),
        ("golden_events", manifest.golden_events > 0, GOLDEN_INPUTS in archive.entries),
        ("golden_events", manifest.golden_events > 0, GOLDEN_OUTPUTS in archive.entries),
    ):
        if claimed != meant:
            raise _contradiction("manifest-disagrees", f"the manifest's {key} disagrees with the rest of it")
    from .yaml_subset import YamlError, parse  # noqa: PLC0415 - a warm start does not open the archive

    name = f"{PROJECT_DIR}/{CONFIG_FILE}"
    if archive.entries[name].size > MAX_CONFIG_BYTES:
        raise _contradiction("config-too-large", f"{name} is larger than {MAX_CONFIG_BYTES:,} bytes", name)
    try:
        said = parse(archive.read(name), file=name).data()
    except YamlError as error:
        raise _contradiction("config-invalid", f"{name} is not valid: {error.detail.rstrip('.')}", name) from None
    if said != archive.manifest.config:
        raise _contradiction("config-differs", f"{name} says something else than the manifest", name)


def extract(archive: Archive, target: Path) -> None:
    """Write every file below ``target``, an existing empty folder, read-only, and check each byte.

    Raises ManifestError or ArchiveFormatError when a byte is not right; ``target`` is then incomplete and the caller's
    to remove.
    """
    for name, entry in archive.entries.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as sink:
            archive.copy(name, partial(_write_sparse, sink))
            sink.truncate(entry.size)
        path.chmod(0o444)


def _write_sparse(sink: BinaryIO, chunk: bytes) -> None:
    """Write a chunk, or leave a hole where it is all zeros: untrained weights and padding then take no room."""
    if len(chunk) == _CHUNK and chunk == _ZEROS:
        sink.seek(_CHUNK, os.SEEK_CUR)
    else:
        sink.write(chunk)


def check_tree(root: Path) -> Manifest:
    """Check an unzipped archive against its manifest.

    Raises ManifestError at the first difference, ArchiveFormatError for a name that could lead out of the folder.
    """
    try:
        manifest = parse_manifest((root / MANIFEST_NAME).read_bytes())
    except OSError as error:
        words = f"{root} is no unzipped archive: {MANIFEST_NAME}: {error.strerror}."
        hint = "Unzip the archive again, all of it, or name the archive itself."
        raise ManifestError(words, reason="manifest-missing", hint=hint) from None
    for name in _tree_files(root):
        if name not in manifest.files and name != MANIFEST_NAME:
            raise _unlisted(name)
    for name, record in manifest.files.items():
        check_name(name)  # it may lead anywhere
        _check_place(name)
        try:
            with open(root / name, "rb") as file:
                digest = hashlib.sha256()
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise _contradiction("file-absent", f"{name}: {os.strerror(error.errno or 0)}", name) from None
        if digest.hexdigest() != record.sha256:
            raise _another_file(name)
    return manifest


def _tree_files(root: Path) -> Iterator[str]:
    """What an unzipped archive's own folders hold; a link counts as a file, for it is none that was packed."""
    for top in (INFO_DIR, RUNTIME_DIR, PROJECT_DIR):
        for folder, folders, names in os.walk(root / top):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in (*names, *links):
                yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def _unlisted(name: str) -> ManifestError:
    return _contradiction("file-unlisted", f"{name} is not listed in the manifest", name)


def _another_file(name: str) -> ManifestError:
    words = f"{name} is not the file that the manifest lists: its SHA-256 differs"
    return _contradiction("file-digest", words, name)


def _contradiction(reason: str, words: str, entry: str = MANIFEST_NAME) -> ManifestError:
    return ManifestError(
        f"The archive contradicts its manifest: {words}.",
        code="archive-changed",
        reason=reason,
        entry=entry,
        hint="Get the archive again from its source.",
    )
