"""Read archives, and accept none that is not in the canonical form.

From each header the reader takes a name, a size, a checksum and a place, builds the header again from those, and
demands the bytes that are in the file. That one rule refuses whatever zip readers could disagree on; the ``reason`` of
an error only says which part differed first.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from .canonical_zip import (
    CENTRAL,
    CENTRAL_MARK,
    END,
    END64,
    END64_MARK,
    END_MARK,
    LIMIT16,
    LIMIT32,
    LOCAL,
    LOCAL_MARK,
    TAIL,
    Entry,
    central_record,
    check_limits,
    end_records,
    local_header,
)
from .portable_names import ArchiveFormatError, check_clashes, check_next, shown

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1 << 20

# What each packed field of LOCAL and CENTRAL is called when it differs, in order.
_LOCAL_FIELDS = "signature version flags method time time crc size size name extra-field"
_CENTRAL_FIELDS = (
    "signature creator version flags method time time crc size size name extra-field comment disk attributes "
    "attributes offset"
)
_FORM = {
    "signature": "does not stand where it must",
    "creator": "names another creator than Unix, version 2.0",
    "version": "asks for another zip version than it needs",
    "encrypted": "says that it is encrypted",
    "data-descriptor": "leaves its size to a data descriptor",
    "flags": "has flags other than the one for UTF-8 names",
    "method": "says that it is compressed; every entry must be stored",
    "time": "has a time other than 1980-01-01 00:00:00",
    "crc": "has another checksum than the directory",
    "size": "gives its size wrongly, or in another than the one form",
    "name": "has another name than the directory",
    "extra-field": "has an extra field it may not have",
    "comment": "has a comment",
    "disk": "lies on another disk",
    "attributes": "is not a regular file of mode 0644",
    "offset": "gives its place wrongly, or in another than the one form",
}


class _Directory(NamedTuple):
    records: int
    size: int
    offset: int


def read_entries(file: io.BufferedReader) -> list[Entry]:
    """Return an archive's entries, in order, once every byte but their contents is what it must be.

    Contents are not read: ``open_entry`` checks them against the CRC. Memory is in proportion to the
    directory, which is bounded. Raises nothing but ``ArchiveFormatError`` and ``OSError``.
    """
    directory = _read_end(file)
    entries = _read_directory(file, directory)
    check_clashes(entry.name for entry in entries)
    for entry in entries:
        _check_local(file, entry)
    return entries


def _read(file: io.BufferedReader, size: int) -> bytes:
    data = file.read(size)
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise ArchiveFormatError("The archive ends too early", reason="truncated")
        data += more
    return data


def _read_end(file: io.BufferedReader) -> _Directory:
    """Find the directory from the end record, the file's last 22 bytes; nothing is searched for."""
    size = file.seek(0, os.SEEK_END)
    tail_at = max(0, size - TAIL)
    file.seek(0)
    _check_start(_read(file, min(size, 30)))
    file.seek(tail_at)
    tail = _read(file, size - tail_at)
    if tail[-END.size : -END.size + 4] != END_MARK or len(tail) < END.size:
        raise _end_missing(file, size)
    found = _Directory(*END.unpack(tail[-END.size :])[4:7])
    length = END.size
    # An ordinary end record may hold 65,535 and mean it, so the place of the directory decides.
    if found.offset + found.size + length != size and tail[:4] == END64_MARK and len(tail) == TAIL:
        found = _Directory(*END64.unpack_from(tail)[7:])
        length = TAIL
    if found.offset + found.size + length != size:
        title = "The directory does not lie right before the end of the archive"
        raise ArchiveFormatError(title, reason="directory-misplaced")
    if end_records(*found) != tail[-length:]:
        raise ArchiveFormatError("The end record is not in the one form it may have", reason="end-record")
    check_limits(found.records, found.size)
    return found


def _check_start(head: bytes) -> None:
    """Say early, and in plain words, that a file is no zip or has something in front of one."""
    if not head:
        raise ArchiveFormatError("The file is empty", reason="empty-file")
    if head.startswith(b"version https://git-lfs"):
        title, hint = (
            "The file is a Git LFS pointer, not the archive",
            "Fetch the archive itself: git lfs pull",
        )
        raise ArchiveFormatError(title, reason="lfs-pointer", hint=hint)
    if head[:4] not in {LOCAL_MARK, END_MARK}:
        title = "The file does not begin as an archive does: it is another file, or one with a prefix"
        raise ArchiveFormatError(title, reason="prefix")


def _end_missing(file: io.BufferedReader, size: int) -> ArchiveFormatError:
    """Tell a file that was cut short from one that something follows: to word the error, never to read on."""
    start = max(0, size - END.size - LIMIT16)
    file.seek(start)
    tail = _read(file, size - start)
    at = tail.rfind(END_MARK, 0, max(0, len(tail) - END.size + 4))
    if at < 0:
        return ArchiveFormatError("The archive is cut short: its end record is missing", reason="truncated")
    (comment,) = struct.unpack_from("<H", tail, at + END.size - 2)
    if comment == len(tail) - at - END.size:
        return ArchiveFormatError("The archive has a comment", reason="archive-comment")
    return ArchiveFormatError("Something follows the end of the archive", reason="suffix")


def _read_directory(file: io.BufferedReader, directory: _Directory) -> list[Entry]:
    entries: list[Entry] = []
    previous, at, left = "", 0, directory.size
    file.seek(directory.offset)
    for _ in range(directory.records):
        entry, length = _read_record(file, left)
        left -= length
        check_next(previous, entry.name)
        if entry.header_offset != at:
            reason = "gap" if entry.header_offset > at else "overlap"
            title = f"{shown(entry.name)} does not begin where it must"
            raise ArchiveFormatError(title, reason=reason, entry=entry.name)
        previous, at = entry.name, entry.data_offset + entry.size
        if at > directory.offset:
            title = f"{shown(entry.name)} reaches into the directory"
            raise ArchiveFormatError(title, reason="overlap", entry=entry.name)
        entries.append(entry)
    if left:
        raise ArchiveFormatError("The directory holds more than its entries", reason="directory-size")
    if at != directory.offset:
        raise ArchiveFormatError("Bytes that belong to no entry precede the directory", reason="gap")
    return entries


def _read_record(file: io.BufferedReader, left: int) -> tuple[Entry, int]:
    """Read the next record of the directory, of which ``left`` bytes remain, and return its length too."""
    raw = _read(file, min(left, CENTRAL.size))
    if raw[:4] != CENTRAL_MARK or len(raw) < CENTRAL.size:
        raise ArchiveFormatError("The directory holds fewer records than it says", reason="directory-size")
    fields = CENTRAL.unpack(raw)
    lengths = fields[10:13]
    if sum(lengths) > left - len(raw):
        raise ArchiveFormatError("A record reaches over the end of the directory", reason="directory-size")
    raw += _read(file, sum(lengths))
    try:
        name = raw[CENTRAL.size : CENTRAL.size + lengths[0]].decode()
    except UnicodeDecodeError:
        raise ArchiveFormatError("A name is not in UTF-8", reason="name-not-utf8") from None
    extra = raw[CENTRAL.size + lengths[0] :]
    size, offset = _wide_values(extra, fields[9], fields[16])
    entry = Entry(name, size, fields[7], offset)
    expected = central_record(name, size, entry.crc32, offset)
    if raw != expected:
        raise _form_error(entry, "directory record", _CENTRAL_FIELDS, fields, CENTRAL.unpack_from(expected))
    return entry, len(raw)


def _wide_values(extra: bytes, size: int, offset: int) -> tuple[int, int]:
    """Take size and offset from a ZIP64 extra field where the record points to one; it is judged later."""
    wide = [value for (value,) in struct.iter_unpack("<Q", extra[4:28])] if len(extra) % 8 == 4 else []
    if size == LIMIT32 and len(wide) >= 2:
        size, wide = wide[0], wide[2:]
    if offset == LIMIT32 and wide:
        offset = wide[0]
    return size, offset


def _form_error(
    entry: Entry, where: str, names: str, found: tuple[object, ...], expected: tuple[object, ...]
) -> ArchiveFormatError:
    """Name the first field in which a header differs from its canonical form."""
    differing = (item for item in zip(names.split(), found, expected, strict=True) if item[1] != item[2])
    reason, value, _ = next(differing, ("name" if where == "header" else "extra-field", None, None))
    if reason == "flags" and isinstance(value, int):
        reason = "encrypted" if value & 1 else "data-descriptor" if value & 8 else "flags"
    return ArchiveFormatError(f"The {where} of {shown(entry.name)} {_FORM[reason]}", reason=reason, entry=entry.name)


def _check_local(file: io.BufferedReader, entry: Entry) -> None:
    expected = local_header(entry.name, entry.size, entry.crc32)
    file.seek(entry.header_offset)
    raw = _read(file, len(expected))
    if raw != expected:
        found = LOCAL.unpack_from(raw)
        raise _form_error(entry, "header", _LOCAL_FIELDS, found, LOCAL.unpack_from(expected))


class _Content(io.RawIOBase):
    """An entry's bytes; keeps its own place, so that several can be open over one file (in one thread)."""

    def __init__(self, file: io.BufferedReader, entry: Entry) -> None:
        self._file = file
        self._entry = entry
        self._crc32 = 0
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read once; raises before the last piece is handed out if the whole does not have the CRC."""
        entry = self._entry
        view = memoryview(buffer).cast("B")[: entry.size - self._done]
        if view:
            self._file.seek(entry.data_offset + self._done)
            view = view[: self._file.readinto(view) or 0]
            if not view:
                raise ArchiveFormatError("The archive ends too early", reason="truncated", entry=entry.name)
            self._crc32 = zlib.crc32(view, self._crc32)
            self._done += len(view)
        if self._done == entry.size and self._crc32 != entry.crc32:
            title = f"The content of {shown(entry.name)} is not what was written: its checksum differs"
            raise ArchiveFormatError(title, reason="damaged", entry=entry.name)
        return len(view)


def open_entry(file: io.BufferedReader, entry: Entry) -> io.BufferedReader:
    """Open an entry that ``read_entries`` returned; reading to its end raises unless its CRC is right."""
    return io.BufferedReader(_Content(file, entry), min(_CHUNK, max(entry.size, 1)))
