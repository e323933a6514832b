"""Archives of gigabytes that take little room: what is zero is a hole in the file."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import BinaryIO

from packflow_runtime.manifest import MANIFEST_NAME, FileRecord
from packflow_runtime.zip_writer import Writer
from runtime.archives import Files, manifest_of

_ZEROS = bytes(1 << 20)


class Zeros(io.RawIOBase):
    """So many zero bytes, to be read."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = min(len(buffer), self.left)
        buffer[:count] = _ZEROS[:count]
        self.left -= count
        return count


class SparseSink:
    """A file in which long runs of zeros are left out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes | memoryview) -> int:
        if len(data) == len(_ZEROS) and data == _ZEROS:
            self._file.seek(len(data), io.SEEK_CUR)
        else:
            self._file.write(data)
        return len(data)

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)


def write_sparse_archive(path: Path, files: Files, name: str, size: int) -> None:
    """The archive of ``files`` and one more, ``name``, of ``size`` zeros."""
    digest = hashlib.sha256()
    for _ in range(size >> 20):
        digest.update(_ZEROS)
    digest.update(bytes(size & 0xFFFFF))
    manifest = manifest_of(files)
    manifest.files[name] = FileRecord(size, digest.hexdigest())
    contents: dict[str, bytes | None] = {**files, MANIFEST_NAME: manifest.to_bytes(), name: None}
    with path.open("wb") as file:
        writer = Writer(SparseSink(file))  # type: ignore[arg-type]
        for entry in sorted(contents, key=str.encode):
            data = contents[entry]
            if data is None:
                writer.add(entry, Zeros(size), size)  # type: ignore[arg-type]
            else:
                writer.add_bytes(entry, data)
        writer.finish()
