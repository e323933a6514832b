"""Frames between the app and a worker: a length, a JSON header, and lines that are passed on byte for byte.

A frame is a 4-byte big-endian length and that many bytes: one line of JSON (the header, an object), then lines, with
newlines between them. Events travel as the bytes they were read as, so that a worker decodes them exactly as a stream
does.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from .jsonlines import decode_event, encode
from .stdio import write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EVENTS_PER_FRAME = 64
_LENGTH = struct.Struct(">I")


def write_frame(descriptor: int, header: dict[str, Any], lines: Sequence[bytes] = ()) -> None:
    """Write one frame; raises OSError when the other side is gone."""
    payload = b"\n".join([encode(header), *lines])
    write_all(descriptor, _LENGTH.pack(len(payload)) + payload)


def read_frame(read: Callable[[int], bytes]) -> tuple[dict[str, Any], list[bytes]] | None:
    """Read one frame with ``read(n)``, which may return fewer bytes; None at a clean or a broken end."""
    length = _read_exactly(read, _LENGTH.size)
    if length is None:
        return None
    payload = _read_exactly(read, _LENGTH.unpack(length)[0])
    if payload is None:
        return None
    header, *lines = payload.split(b"\n")
    return decode_event(header), lines


def _read_exactly(read: Callable[[int], bytes], size: int) -> bytes | None:
    pieces: list[bytes] = []
    while size:
        piece = read(min(size, 1 << 20))
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
