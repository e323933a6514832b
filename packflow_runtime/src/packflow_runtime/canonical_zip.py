"""Write and read the one canonical form of zip that Packflow archives have.

A sequence of names and contents has exactly one representation in bytes. From each header the reader takes
a name, a size, a checksum and a place, builds the header again from those, and demands the bytes that are in
the file. That one rule refuses whatever zip readers could disagree on; the ``reason`` of an error only says
which part differed first. Layout: APPNOTE 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from .errors import ExitCode, PackflowError
from .portable_names import ArchiveFormatError, check_clashes, check_next, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
MAX_ENTRIES = 150_000  # more than a manifest of 16 MiB, the largest, can list
MAX_DIRECTORY = 32 << 20  # bytes: those names and as many records

_LIMIT16 = 0xFFFF
_LIMIT32 = 0xFFFFFFFF
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END64_MARK, _LOCATOR_MARK = b"PK\x06\x06", b"PK\x06\x07"
_TAIL = _END64.size + _LOCATOR.size + _END.size
_CRC_AT = 14  # bytes into a local header
_MADE_BY = 3 << 8 | 20  # Unix, version 2.0
_NEEDS, _NEEDS64 = 10, 45
_UTF8 = 0x0800
_DATE = 1 << 5 | 1  # 1980-01-01
_MODE = 0o100644 << 16

# What each packed field of _LOCAL and _CENTRAL is called when it differs, in order.
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


class SourceChangedError(PackflowError):
    """A file had another size when it was written than when it was measured."""

    code = "source-changed"
    exit_code = ExitCode.CHECK_FAILED


# --- The bytes of headers ---------------------------------------------------------------------------------


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
        return self.header_offset + _LOCAL.size + len(self.name.encode()) + len(extra)


def _zip64_extra(*values: int) -> bytes:
    """Return the ZIP64 extra field for those values that do not fit 32 bits; nothing when all do."""
    large = [value for value in values if value >= _LIMIT32]
    return struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""


def local_header(name: str, size: int, crc32: int) -> bytes:
    """Return the header that stands before an entry's content."""
    raw, extra, short = name.encode(), _zip64_extra(size, size), min(size, _LIMIT32)
    needs = _NEEDS64 if extra else _NEEDS
    lengths = (len(raw), len(extra))
    return _LOCAL.pack(_LOCAL_MARK, needs, _UTF8, 0, 0, _DATE, crc32, short, short, *lengths) + raw + extra


def central_record(name: str, size: int, crc32: int, offset: int) -> bytes:
    """Return an entry's record in the central directory."""
    raw, extra, short = name.encode(), _zip64_extra(size, size, offset), min(size, _LIMIT32)
    needs = _NEEDS64 if extra else _NEEDS
    head = (_CENTRAL_MARK, _MADE_BY, needs, _UTF8, 0, 0, _DATE, crc32, short, short)
    return _CENTRAL.pack(*head, len(raw), len(extra), 0, 0, 0, _MODE, min(offset, _LIMIT32)) + raw + extra


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
    if count > _LIMIT16 or size >= _LIMIT32 or offset >= _LIMIT32:
        length = _END64.size - 12  # its own first two fields do not count
        wide = _END64.pack(_END64_MARK, length, _MADE_BY, _NEEDS64, 0, 0, count, count, size, offset)
        wide += _LOCATOR.pack(_LOCATOR_MARK, 0, offset + size, 1)
    short = min(count, _LIMIT16)
    return wide + _END.pack(_END_MARK, 0, 0, short, short, min(size, _LIMIT32), min(offset, _LIMIT32), 0)


def needs_zip64(entries: Sequence[Entry]) -> bool:
    """Whether an archive of these entries has ZIP64 structures, which no Python before 3.13 starts from."""
    if not entries:
        return False
    end = entries[-1].data_offset + entries[-1].size
    directory = sum(len(central_record(entry.name, entry.size, 0, entry.header_offset)) for entry in entries)
    return len(entries) > _LIMIT16 or max(end, directory, *(entry.size for entry in entries)) >= _LIMIT32


# --- Writing ----------------------------------------------------------------------------------------------


def _fill(source: BinaryIO, view: memoryview) -> int:
    """Read into ``view`` once and return how many bytes came, 0 at the end."""
    readinto = getattr(source, "readinto", None)
    if readinto is not None:
        return readinto(view) or 0
    data = source.read(len(view))
    view[: len(data)] = data
    return len(data)


class Writer:
    """Write an archive to a buffered, seekable file that is empty; without ``finish`` it is no archive.

    After an error the file is of no use: the writer then refuses to go on.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: list[Entry] = []
        self._buffer = memoryview(bytearray(CHUNK))
        self._end = 0
        self._directory_size = 0
        self._usable = True
        self.needs_zip64 = False
        """Whether ZIP64 structures were written, which zipimport reads from Python 3.13 on."""

    def add(
        self, name: str, source: BinaryIO, size: int, on_chunk: Callable[[memoryview], None] | None = None
    ) -> Entry:
        """Copy exactly ``size`` bytes in one pass and return the entry; names come in bytewise order.

        ``on_chunk`` sees each piece once it is written (to hash it, say); its view is overwritten afterwards.
        """
        self._begin(name)
        self._put(local_header(name, size, 0))
        crc32, left = 0, size
        while left:
            chunk = self._buffer[: _fill(source, self._buffer[:left])]
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
        self._file.seek(self._end + _CRC_AT)
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
        _check_limits(len(self._entries), self._directory_size)
        self._end = entry.data_offset + entry.size
        self._usable = True
        return entry

    def _put(self, data: bytes | memoryview) -> None:
        if self._file.write(data) != len(data):
            raise OSError("the archive could not be written in full")


# --- Reading ----------------------------------------------------------------------------------------------


class _Directory(NamedTuple):
    records: int
    size: int
    offset: int


def read_entries(file: BinaryIO) -> list[Entry]:
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


def _check_limits(count: int, size: int) -> None:
    if count > MAX_ENTRIES:
        title = f"The archive has more than {MAX_ENTRIES:,} entries"
        raise ArchiveFormatError(title, reason="too-many-entries")
    if size > MAX_DIRECTORY:
        title = f"The archive's directory is larger than {MAX_DIRECTORY >> 20} MiB"
        raise ArchiveFormatError(title, reason="directory-too-large")


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise ArchiveFormatError("The archive ends too early", reason="truncated")
        data += more
    return data


def _read_end(file: BinaryIO) -> _Directory:
    """Find the directory from the end record, the file's last 22 bytes; nothing is searched for."""
    size = file.seek(0, os.SEEK_END)
    tail_at = max(0, size - _TAIL)
    file.seek(0)
    _check_start(_read(file, min(size, 30)))
    file.seek(tail_at)
    tail = _read(file, size - tail_at)
    if tail[-_END.size : -_END.size + 4] != _END_MARK or len(tail) < _END.size:
        raise _end_missing(file, size)
    found = _Directory(*_END.unpack(tail[-_END.size :])[4:7])
    length = _END.size
    # An ordinary end record may hold 65,535 and mean it, so the place of the directory decides.
    if found.offset + found.size + length != size and tail[:4] == _END64_MARK and len(tail) == _TAIL:
        found = _Directory(*_END64.unpack_from(tail)[7:])
        length = _TAIL
    if found.offset + found.size + length != size:
        title = "The directory does not lie right before the end of the archive"
        raise ArchiveFormatError(title, reason="directory-misplaced")
    if end_records(*found) != tail[-length:]:
        raise ArchiveFormatError("The end record is not in the one form it may have", reason="end-record")
    _check_limits(found.records, found.size)
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
    if head[:4] not in {_LOCAL_MARK, _END_MARK}:
        title = "The file does not begin as an archive does: it is another file, or one with a prefix"
        raise ArchiveFormatError(title, reason="prefix")


def _end_missing(file: BinaryIO, size: int) -> ArchiveFormatError:
    """Tell a file that was cut short from one that something follows: to word the error, never to read on."""
    start = max(0, size - _END.size - _LIMIT16)
    file.seek(start)
    tail = _read(file, size - start)
    at = tail.rfind(_END_MARK, 0, max(0, len(tail) - _END.size + 4))
    if at < 0:
        return ArchiveFormatError("The archive is cut short: its end record is missing", reason="truncated")
    (comment,) = struct.unpack_from("<H", tail, at + _END.size - 2)
    if comment == len(tail) - at - _END.size:
        return ArchiveFormatError("The archive has a comment", reason="archive-comment")
    return ArchiveFormatError("Something follows the end of the archive", reason="suffix")


def _read_directory(file: BinaryIO, directory: _Directory) -> list[Entry]:
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


def _read_record(file: BinaryIO, left: int) -> tuple[Entry, int]:
    """Read the next record of the directory, of which ``left`` bytes remain, and return its length too."""
    raw = _read(file, min(left, _CENTRAL.size))
    if raw[:4] != _CENTRAL_MARK or len(raw) < _CENTRAL.size:
        raise ArchiveFormatError("The directory holds fewer records than it says", reason="directory-size")
    fields = _CENTRAL.unpack(raw)
    lengths = fields[10:13]
    if sum(lengths) > left - len(raw):
        raise ArchiveFormatError("A record reaches over the end of the directory", reason="directory-size")
    raw += _read(file, sum(lengths))
    try:
        name = raw[_CENTRAL.size : _CENTRAL.size + lengths[0]].decode()
    except UnicodeDecodeError:
        raise ArchiveFormatError("A name is not in UTF-8", reason="name-not-utf8") from None
    extra = raw[_CENTRAL.size + lengths[0] :]
    size, offset = _wide_values(extra, fields[9], fields[16])
    entry = Entry(name, size, fields[7], offset)
    expected = central_record(name, size, entry.crc32, offset)
    if raw != expected:
        raise _form_error(entry, "directory record", _CENTRAL_FIELDS, fields, _CENTRAL.unpack_from(expected))
    return entry, len(raw)


def _wide_values(extra: bytes, size: int, offset: int) -> tuple[int, int]:
    """Take size and offset from a ZIP64 extra field where the record points to one; it is judged later."""
    wide = [value for (value,) in struct.iter_unpack("<Q", extra[4:28])] if len(extra) % 8 == 4 else []
    if size == _LIMIT32 and len(wide) >= 2:
        size, wide = wide[0], wide[2:]
    if offset == _LIMIT32 and wide:
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


def _check_local(file: BinaryIO, entry: Entry) -> None:
    expected = local_header(entry.name, entry.size, entry.crc32)
    file.seek(entry.header_offset)
    raw = _read(file, len(expected))
    if raw != expected:
        found = _LOCAL.unpack_from(raw)
        raise _form_error(entry, "header", _LOCAL_FIELDS, found, _LOCAL.unpack_from(expected))


class _Content(io.RawIOBase):
    """An entry's bytes; keeps its own place, so that several can be open over one file (in one thread)."""

    def __init__(self, file: BinaryIO, entry: Entry) -> None:
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
            view = view[: _fill(self._file, view)]
            if not view:
                raise ArchiveFormatError("The archive ends too early", reason="truncated", entry=entry.name)
            self._crc32 = zlib.crc32(view, self._crc32)
            self._done += len(view)
        if self._done == entry.size and self._crc32 != entry.crc32:
            title = f"The content of {shown(entry.name)} is not what was written: its checksum differs"
            raise ArchiveFormatError(title, reason="damaged", entry=entry.name)
        return len(view)


def open_entry(file: BinaryIO, entry: Entry) -> io.BufferedReader:
    """Open an entry that ``read_entries`` returned; reading to its end raises unless its CRC is right."""
    return io.BufferedReader(_Content(file, entry), min(CHUNK, max(entry.size, 1)))
