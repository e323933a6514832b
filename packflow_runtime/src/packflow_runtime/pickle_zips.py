"""Find the members of a zip as lenient readers do, and say where strict ones would see something else.

``zipfile`` refuses what torch's reader takes, such as a wrong checksum or another name in the local header, and what
hides from a scanner there is still loaded. So each member's bytes are found by the central directory alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .pickle_sources import Source

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_LIMIT32 = 0xFFFFFFFF
_ENCRYPTED, _SIZES_FOLLOW = 1, 8
STORED, DEFLATED, BZIP2 = 0, 8, 12


class ZipDamagedError(Exception):
    """No reader could go on; ``args[0]`` says why."""


@dataclass(frozen=True)
class Member:
    """One file in a zip: ``size`` packed bytes from ``start``; ``doubt`` says what readers would disagree on."""

    name: str
    method: int
    start: int
    size: int
    doubt: str = ""
    encrypted: bool = False


@dataclass(frozen=True)
class _Directory:
    start: int
    end: int
    count: int
    shift: int  # bytes before the zip, by which its offsets are too small


def is_zip(source: Source) -> bool:
    """Whether a zip ends where the source does; only where its size is known."""
    return _find_directory(source) is not None


def members(source: Source) -> Iterator[Member]:
    """Each member that the central directory names; raises ZipDamagedError where the directory cannot be read on."""
    directory = _find_directory(source)
    if directory is None:
        raise ZipDamagedError("its directory is missing")
    position = directory.start
    for _ in range(directory.count):
        head = _at(source, position, _CENTRAL.size)
        if len(head) < _CENTRAL.size or not head.startswith(b"PK\1\2"):
            raise ZipDamagedError("its directory is shorter than it says")
        fields = _CENTRAL.unpack(head)
        name_size, extra_size, comment_size = fields[10:13]
        rest = _at(source, position + _CENTRAL.size, name_size + extra_size)
        name, extra = rest[:name_size], rest[name_size:]
        position += _CENTRAL.size + name_size + extra_size + comment_size
        yield _member(source, fields, name, extra, directory.shift)
    if position != directory.end:
        raise ZipDamagedError("its directory is longer than it says")


def _member(source: Source, fields: tuple[int, ...], name: bytes, extra: bytes, shift: int) -> Member:
    flags, method, packed, full, offset = fields[3], fields[4], fields[8], fields[9], fields[16]
    full, packed, offset = _wide((full, packed, offset), extra)
    local = _at(source, offset + shift, _LOCAL.size)
    text = name.decode("utf-8", "backslashreplace")
    if len(local) < _LOCAL.size or not local.startswith(b"PK\3\4"):
        return Member(text, method, 0, 0, "its local header is missing")
    local_fields = _LOCAL.unpack(local)
    name_size, extra_size = local_fields[9:11]
    rest = _at(source, offset + shift + _LOCAL.size, name_size + extra_size)
    start = offset + shift + _LOCAL.size + name_size + extra_size
    doubts = []
    if rest[:name_size] != name:
        doubts.append("its two headers name it differently")
    if local_fields[3] != method:
        doubts.append("its two headers disagree on its compression")
    local_full, local_packed, _ = _wide((local_fields[8], local_fields[7], 0), rest[name_size:])
    if not local_fields[2] & _SIZES_FOLLOW and (local_full, local_packed) != (full, packed):
        doubts.append("its two headers disagree on its size")
    if (method == STORED and full != packed) or start + packed > (source.size or 0):
        doubts.append("its sizes contradict one another")
    if shift:
        doubts.append("something stands before the zip")
    if (flags | local_fields[2]) & _ENCRYPTED:
        doubts.append("a flag calls it encrypted")
    encrypted = bool(flags & _ENCRYPTED and local_fields[2] & _ENCRYPTED)
    return Member(text, method, start, max(full, packed) if method == STORED else packed, "; ".join(doubts), encrypted)


def _wide(values: tuple[int, int, int], extra: bytes) -> tuple[int, int, int]:
    """Full size, packed size and offset, from the ZIP64 field where they are too large for 32 bits."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == 1:
            body = extra[4 : 4 + size]
            wide = list(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
            full, packed, offset = (wide.pop(0) if value == _LIMIT32 and wide else value for value in values)
            return full, packed, offset
        extra = extra[4 + size :]
    return values


def _find_directory(source: Source) -> _Directory | None:
    size = source.size or 0
    tail_start = max(0, size - _END.size - _MAX_COMMENT)
    tail = _at(source, tail_start, size - tail_start)
    found = tail.rfind(b"PK\5\6")
    if found < 0 or len(tail) - found < _END.size:
        return None
    end_at = tail_start + found
    _, _, _, _, count, length, offset, _ = _END.unpack_from(tail, found)
    locator = _at(source, end_at - _LOCATOR.size, _LOCATOR.size) if end_at >= _LOCATOR.size else b""
    if locator.startswith(b"PK\6\7"):
        end64 = _at(source, end_at - _LOCATOR.size - _END64.size, _END64.size)
        if end64.startswith(b"PK\6\6"):
            count, length, offset = _END64.unpack(end64)[7:10]
            end_at -= _LOCATOR.size + _END64.size
    start = end_at - length
    if start < 0 or offset > start:
        return None
    return _Directory(start, end_at, count, start - offset)


def _at(source: Source, position: int, size: int) -> bytes:
    if position >= (source.size or 0):
        return b""
    source.file.seek(position)
    return source.read(size)
