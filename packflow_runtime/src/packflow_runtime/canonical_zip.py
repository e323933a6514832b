"""The one canonical form of zip that Packflow archives have: the bytes of its headers, and its limits.

A sequence of names and contents has exactly one representation in bytes. ``zip_writer`` writes it, ``zip_reader``
accepts nothing else. Layout: APPNOTE 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .portable_names import ArchiveFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_ENTRIES = 150_000  # more than a manifest of 16 MiB, the largest, can list
MAX_DIRECTORY = 32 << 20  # bytes: those names and as many records

LIMIT16 = 0xFFFF
LIMIT32 = 0xFFFFFFFF
LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END64_MARK, _LOCATOR_MARK = b"PK\x06\x06", b"PK\x06\x07"
TAIL = END64.size + _LOCATOR.size + END.size
CRC_AT = 14  # bytes into a local header
_MADE_BY = 3 << 8 | 20  # Unix, version 2.0
_NEEDS, _NEEDS64 = 10, 45
_UTF8 = 0x0800
_DATE = 1 << 5 | 1  # 1980-01-01
_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive: ``size`` bytes from ``data_offset`` whose CRC-32 is ``crc32``."""

    name: str
    size: int
    crc32: int
    header_offset: int

    @property
    def data_offset(self) -> int:
        """Where in the archive the content begins."""
        extra = _zip64_extra(self.size, self.size)
        return self.header_offset + LOCAL.size + len(self.name.encode()) + len(extra)


def _zip64_extra(*values: int) -> bytes:
    """Return the ZIP64 extra field for those values that do not fit 32 bits; nothing when all do."""
    large = [value for value in values if value >= LIMIT32]
    return struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""


def local_header(name: str, size: int, crc32: int) -> bytes:
    """Return the header that stands before an entry's content."""
    raw, extra, short = name.encode(), _zip64_extra(size, size), min(size, LIMIT32)
    needs = _NEEDS64 if extra else _NEEDS
    lengths = (len(raw), len(extra))
    return LOCAL.pack(LOCAL_MARK, needs, _UTF8, 0, 0, _DATE, crc32, short, short, *lengths) + raw + extra


def central_record(name: str, size: int, crc32: int, offset: int) -> bytes:
    """Return an entry's record in the central directory."""
    raw, extra, short = name.encode(), _zip64_extra(size, size, offset), min(size, LIMIT32)
    needs = _NEEDS64 if extra else _NEEDS
    head = (CENTRAL_MARK, _MADE_BY, needs, _UTF8, 0, 0, _DATE, crc32, short, short)
    return CENTRAL.pack(*head, len(raw), len(extra), 0, 0, 0, _MODE, min(offset, LIMIT32)) + raw + extra


def directory_of(entries: list[Entry]) -> Iterator[bytes]:
    """Give the bytes that follow the contents of ``entries`` in their archive, piece by piece."""
    size = 0
    for entry in entries:
        record = central_record(entry.name, entry.size, entry.crc32, entry.header_offset)
        size += len(record)
        yield record
    end = entries[-1].data_offset + entries[-1].size if entries else 0
    yield end_records(len(entries), size, end)


def end_records(count: int, size: int, offset: int) -> bytes:
    """Return all that follows a central directory of ``count`` records in ``size`` bytes at ``offset``."""
    wide = b""
    if count > LIMIT16 or size >= LIMIT32 or offset >= LIMIT32:
        length = END64.size - 12  # its own first two fields do not count
        wide = END64.pack(END64_MARK, length, _MADE_BY, _NEEDS64, 0, 0, count, count, size, offset)
        wide += _LOCATOR.pack(_LOCATOR_MARK, 0, offset + size, 1)
    short = min(count, LIMIT16)
    return wide + END.pack(END_MARK, 0, 0, short, short, min(size, LIMIT32), min(offset, LIMIT32), 0)


def needs_zip64(entries: Sequence[Entry]) -> bool:
    """Whether an archive of these entries has ZIP64 structures, which no Python before 3.13 starts from."""
    if not entries:
        return False
    end = entries[-1].data_offset + entries[-1].size
    directory = sum(len(central_record(entry.name, entry.size, 0, entry.header_offset)) for entry in entries)
    return len(entries) > LIMIT16 or max(end, directory, *(entry.size for entry in entries)) >= LIMIT32


def check_limits(count: int, size: int) -> None:
    """Refuse a directory of more records, or in more bytes, than any archive may have."""
    if count > MAX_ENTRIES:
        title = f"The archive has more than {MAX_ENTRIES:,} entries"
        raise ArchiveFormatError(title, reason="too-many-entries")
    if size > MAX_DIRECTORY:
        title = f"The archive's directory is larger than {MAX_DIRECTORY >> 20} MiB"
        raise ArchiveFormatError(title, reason="directory-too-large")
