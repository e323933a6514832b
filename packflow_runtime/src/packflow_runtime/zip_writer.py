"""Write an archive in its canonical form, one entry after another."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from .canonical_zip import CRC_AT, Entry, central_record, check_limits, directory_of, local_header, needs_zip64
from .errors import ExitCode, PackflowError
from .portable_names import check_clashes, check_next, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, Protocol

    class Source(Protocol):
        """What a content is copied from."""

        def readinto(self, view: memoryview, /) -> int | None:
            """Read into ``view`` once and return how many bytes came, 0 at the end."""

        def read(self, size: int, /) -> bytes:
            """Read as much once; nothing at the end."""


_CHUNK = 1 << 20


class SourceChangedError(PackflowError):
    """A file had another size when it was written than when it was measured."""

    code = "source-changed"
    exit_code = ExitCode.CHECK_FAILED


class Writer:
    """Write an archive to a buffered, seekable file that is empty; without ``finish`` it is no archive.

    After an error the file is of no use: the writer then refuses to go on.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: list[Entry] = []
        self._buffer = memoryview(bytearray(_CHUNK))
        self._end = 0
        self._directory_size = 0
        self._usable = True
        self.needs_zip64 = False
        """Whether ZIP64 structures were written, which zipimport reads from Python 3.13 on."""

    def add(self, name: str, source: Source, size: int, on_chunk: Callable[[memoryview], None] | None = None) -> Entry:
        """Copy exactly ``size`` bytes in one pass and return the entry; names come in bytewise order.

        ``on_chunk`` sees each piece once it is written (to hash it, say); its view is overwritten afterwards.
        """
        self._begin(name)
        self._put(local_header(name, size, 0))
        crc32, left = 0, size
        while left:
            chunk = self._buffer[: source.readinto(self._buffer[:left]) or 0]
            if not chunk:
                break
            left -= len(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            self._put(chunk)
            if on_chunk is not None:
                on_chunk(chunk)
        if left or source.read(1):
            raise SourceChangedError(
                f"{shown(name)} changed while it was exported",
                detail=f"It had {size} bytes when measured, and has {'fewer' if left else 'more'} now.",
                hint="Export again when nothing writes to the file.",
            )
        entry = Entry(name, size, crc32, self._end)
        self._file.seek(self._end + CRC_AT)
        self._put(struct.pack("<L", crc32))
        self._file.seek(entry.data_offset + size)
        return self._done(entry)

    def add_bytes(self, name: str, data: bytes) -> Entry:
        """Write a content that is in memory."""
        self._begin(name)
        entry = Entry(name, len(data), zlib.crc32(data), self._end)
        self._put(local_header(name, entry.size, entry.crc32))
        self._put(data)
        return self._done(entry)

    def rewrite(self, entry: Entry, data: bytes) -> Entry:
        """Replace the content of an entry by another of the same size, for what is known only at the end."""
        self._claim()
        if len(data) != entry.size:
            raise ValueError(f"{entry.name} has {entry.size} bytes, not {len(data)}")
        rewritten = replace(entry, crc32=zlib.crc32(data))
        self._file.seek(entry.header_offset)
        self._put(local_header(entry.name, entry.size, rewritten.crc32))
        self._put(data)
        self._file.seek(self._end)
        self._entries[self._entries.index(entry)] = rewritten
        self._usable = True
        return rewritten

    def finish(self) -> None:
        """Write the directory, which makes the file an archive; flushing and closing are the caller's."""
        self._claim()
        check_clashes(entry.name for entry in self._entries)
        for piece in directory_of(self._entries):
            self._put(piece)
        self.needs_zip64 = needs_zip64(self._entries)

    def _claim(self) -> None:
        if not self._usable:
            raise ValueError("this archive is finished, or an error broke it off")
        self._usable = False

    def _begin(self, name: str) -> None:
        self._claim()
        check_next(self._entries[-1].name if self._entries else "", name)

    def _done(self, entry: Entry) -> Entry:
        self._directory_size += len(central_record(entry.name, entry.size, 0, entry.header_offset))
        self._entries.append(entry)
        check_limits(len(self._entries), self._directory_size)
        self._end = entry.data_offset + entry.size
        self._usable = True
        return entry

    def _put(self, data: bytes | memoryview) -> None:
        if self._file.write(data) != len(data):
            raise OSError("the archive could not be written in full")
