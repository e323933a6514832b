"""Write an archive in one pass over its files: each is read once, written, and hashed meanwhile."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.projects.file_hashes import unreadable
from packflow_app.runtime import MANIFEST_NAME, FileRecord, Manifest, SourceChangedError, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO
    from pathlib import Path
    from typing import Any

    from typing_extensions import Self

    from packflow_app.packaging.sources import Sources

_CHUNK = 1 << 20
_SMALL = 1 << 20  # bytes; a thread costs more than hashing such a file does
_WAITING = 8  # chunks that may wait to be hashed


@dataclass(frozen=True)
class FileWritten:
    """Some more is in the archive: a file, or a part of a large one; sizes in bytes.

    ``again``: it is built a second time, to see that the bytes are the same.
    """

    name: str
    done: int
    total: int
    bytes_done: int
    bytes_total: int
    again: bool = False


@dataclass(frozen=True)
class Written:
    """An archive under a name for the time being; ``needs_zip64``: it runs directly on Python 3.13 and later only."""

    manifest: Manifest
    sha256: str
    needs_zip64: bool


def write_archive(
    work: Path,
    sources: Sources,
    make_manifest: Callable[[dict[str, FileRecord]], Manifest],
    report: Callable[[FileWritten], None],
) -> Written:
    """Write the archive to ``work``, which must not exist.

    The manifest stands before the files whose hashes it lists; its size is known before they are, so its place is kept
    and filled at the end. Raises NotFoundError for a file that cannot be read, SourceChangedError for one that grows or
    shrinks meanwhile, OSError when the archive cannot be written.
    """
    sizes = {name: len(data) if isinstance(data, bytes) else _size(data) for name, data in sources.items()}
    blank = make_manifest({name: FileRecord(size, "0" * 64) for name, size in sizes.items()})
    sizes[MANIFEST_NAME] = len(blank.to_bytes())
    with work.open("x+b", buffering=_CHUNK) as file, _Hasher() as hasher:
        writer = Writer(file)
        progress = _Progress(report, len(sizes), sum(sizes.values()))
        for name in sorted(sizes, key=str.encode):
            if name == MANIFEST_NAME:
                place = writer.add_bytes(name, blank.to_bytes())
                progress.add(sizes[name])
            else:
                _add(writer, name, sources[name], sizes[name], hasher, progress)
            progress.file_done(name)
        hashes = hasher.hashes()
        records = {name: FileRecord(sizes[name], hashes[name]) for name in sources}
        manifest = Manifest(**{**vars(blank), "files": records})
        writer.rewrite(place, manifest.to_bytes())
        writer.finish()
        file.flush()
        sha256 = hasher.start(work)
        os.fsync(file.fileno())
        return Written(manifest, sha256(), writer.needs_zip64)


def _add(writer: Writer, name: str, source: bytes | Path, size: int, hasher: _Hasher, progress: _Progress) -> None:
    if isinstance(source, bytes):
        writer.add_bytes(name, source)
        hasher.add(name, source)
        progress.add(size)
        return
    try:
        file: FileIO = source.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(source, error) from None
    with file:
        reader = _Reader(file, source)
        if size <= _SMALL:
            data = reader.read(size + 1)
            if len(data) != size:
                raise SourceChangedError(
                    f"{name!r} changed while it was exported",
                    detail=f"It had {size} bytes when measured, and has {'fewer' if len(data) < size else 'more'} now.",
                    hint="Export again when nothing writes to the file.",
                )
            writer.add_bytes(name, data)
            hasher.add(name, data)
            progress.add(size)
            return

        def written(chunk: memoryview) -> None:
            hasher.add_later(name, bytes(chunk))
            progress.add(len(chunk))
            progress.tell(name)

        writer.add(name, reader, size, written)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from None


class _Reader:
    """A project's file, whose errors are not taken for those of the archive."""

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file = file
        self._path = path

    def readinto(self, view: memoryview) -> int:
        try:
            return self._file.readinto(view)
        except OSError as error:
            raise unreadable(self._path, error) from None

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, fewer only at the end of the file."""
        pieces = []
        try:
            while size and (piece := self._file.read(size)):
                pieces.append(piece)
                size -= len(piece)
        except OSError as error:
            raise unreadable(self._path, error) from None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Hasher:
    """Hashes files by their names, large ones in a thread, which needs no lock of Python's for that."""

    def __init__(self) -> None:
        self._digests: dict[str, Any] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="packflow-sha256")
        self._free = threading.Semaphore(_WAITING)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, name: str, data: bytes) -> None:
        """Hash a whole file now."""
        self._digests[name] = hashlib.sha256(data)

    def add_later(self, name: str, chunk: bytes) -> None:
        """Hash the next piece of a file, in its turn; waits where many pieces do."""
        digest = self._digests.setdefault(name, hashlib.sha256())
        self._free.acquire()
        self._pool.submit(self._update, digest, chunk)

    def hashes(self) -> dict[str, str]:
        """The hashes of all that was added."""
        self._pool.submit(lambda: None).result()
        return {name: digest.hexdigest() for name, digest in self._digests.items()}

    def start(self, path: Path) -> Callable[[], str]:
        """Begin to hash a file; what is returned waits for the hash."""
        return self._pool.submit(_sha256, path).result

    def _update(self, digest: Any, chunk: bytes) -> None:  # noqa: ANN401 - hashlib names no type
        digest.update(chunk)
        self._free.release()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


class _Progress:
    def __init__(self, report: Callable[[FileWritten], None], files: int, size: int) -> None:
        self._report = report
        self._files = files
        self._size = size
        self._done = 0
        self._bytes_done = 0

    def add(self, size: int) -> None:
        self._bytes_done += size

    def file_done(self, name: str) -> None:
        self._done += 1
        self.tell(name)

    def tell(self, name: str) -> None:
        self._report(FileWritten(name, self._done, self._files, self._bytes_done, self._size))
