"""Where events come from: a file or a pipe, unpacked, with what was wrong with it and how far it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from packflow_app.errors import NotFoundError
from packflow_app.runtime import PlainReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNK = 64 * 1024
"""Bytes asked for at a time: enough events for work on columns, few enough to stay in the processor's cache."""
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


class EventSource:
    """Gives the unpacked bytes of a file that is open, the first of them for a look before.

    Packed data that is damaged or cut off ends early: ``damage`` says so then, as a code and a message, and what came
    before counts. ``offset`` is in bytes of the file as it lies on the disk. Raises NotFoundError where the file cannot
    be read or nothing can be unpacked, PackflowError where zstd cannot be read here.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self.offset = 0
        self.damage: tuple[str, str] | None = None
        self._read_packed: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._plain = PlainReader(self._packed)
        self._head = b""
        self._has_read = False
        self._first = b""

    @property
    def is_packed(self) -> bool:
        """Whether the file is gzip or zstd; known once something was read."""
        return self._first.startswith(_PACKED)

    def peek(self) -> bytes | None:
        """What was looked at, and a piece more of it; None at the end. ``read`` gives it again."""
        piece = self._unpacked(CHUNK)
        self._head += piece
        return self._head if piece else None

    def read(self, size: int = CHUNK) -> bytes:
        """Some bytes, about ``size``, none at the end."""
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._unpacked(size)

    def _packed(self, size: int) -> bytes:
        piece = self._read_packed(size)
        self.offset += len(piece)
        if len(self._first) < 4:
            self._first += piece[:4]
        return piece

    def _unpacked(self, size: int) -> bytes:
        if self.damage is not None:
            return b""
        try:
            piece = self._plain.read(size)
        except EOFError:
            self.damage = ("truncated", "the compressed file is cut off here; what follows is lost")
        except OSError as error:
            if error.errno is not None:
                raise unreadable(self.name, error) from None
            self.damage = ("damaged", f"the compressed file is damaged here ({error}); what follows is lost")
        else:
            self._has_read = self._has_read or bool(piece)
            return piece
        if not self._has_read:
            raise NotFoundError(
                f"The events of {self.name} cannot be unpacked: {self.damage[1].partition(';')[0]}.",
                code="events-damaged",
                hint="Copy or download it again.",
            )
        return b""


def unreadable(name: Path | str, error: OSError) -> NotFoundError:
    """The error for an OSError met while opening or reading events."""
    return NotFoundError(
        f"The events file {name} cannot be read: {error.strerror or error}.",
        code="events-not-found",
        hint="Name a file of events (JSON, CSV or Parquet, plain or compressed).",
    )
