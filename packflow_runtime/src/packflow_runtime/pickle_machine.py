"""The stack, memo and bytes of a pickle that is being followed; what its opcodes mean stands in ``pickle_opcodes``."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from .pickle_values import COMPUTED, MARK, OTHER, UNKNOWN, GlobalUse

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from .pickle_sources import Limits, Source

MAX_PROTOCOL = 5
HEADERS = tuple(bytes((0x80, protocol)) for protocol in range(2, MAX_PROTOCOL + 1))
_KEPT_BYTES = 16 << 20  # of a bytes value that may be a pickle itself
_MAX_FRAME = 64 << 20  # bytes; picklers make frames of 64 KiB


class End(Enum):
    """How the reading of one pickle ended."""

    STOPPED = "stopped"  # at its STOP opcode
    BROKEN = "broken"  # where every unpickler would raise
    TRUNCATED = "truncated"
    LIMIT = "too-large"


class EndReached(Exception):  # noqa: N818 - an end, not an error
    """Reading a pickle is over; ``end`` says how."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end


@dataclass
class Reading:
    """What one pickle was found to do; ``doubts`` are codes of problems with their places."""

    globals: dict[str, GlobalUse] = field(default_factory=dict)
    doubts: list[tuple[str, int]] = field(default_factory=list)
    inner: list[tuple[int, bytes]] = field(default_factory=list)  # bytes values that look like pickles
    end: End = End.BROKEN
    protocol: int = 0
    opcodes: int = 0
    has_arrays: bool = False


class PickleMachine:
    """What opcodes work on. Where an unpickler would raise, EndReached is raised, or the error of a failed look-up."""

    def __init__(self, source: Source, limits: Limits, earlier: MutableMapping[int, Any], reading: Reading) -> None:
        self.source, self.limits, self.earlier, self.reading = source, limits, earlier, reading
        self.memo: MutableMapping[int, Any] = {}
        self.stack: list[Any] = []
        self.frame: io.BytesIO | None = None
        self.read = source.read

    # --- bytes -----------------------------------------------------------------------------------------------

    def take(self, size: int) -> bytes:
        """Read the next ``size`` bytes."""
        data = self.read(size)
        if len(data) < size and self.frame is not None:
            self.cross_frame()
            data += self.read(size - len(data))
        if len(data) < size:
            raise EndReached(End.TRUNCATED)
        return data

    def number(self, size: int, *, signed: bool = False) -> int:
        """Read an integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def line(self, *, required: bool = True) -> bytes:
        """Read the rest of the line, without its last byte, as unpicklers do, and no more of it than the limit."""
        limit = self.limits.line
        data = b"" if self.frame is None else self.frame.readline(limit)
        if not data.endswith(b"\n") and len(data) < limit:
            self.cross_frame()
            data += self.source.readline(limit - len(data))
        if not data and required:
            raise EndReached(End.TRUNCATED)
        rest = data
        while len(rest) == limit and not rest.endswith(b"\n"):
            self.cross_frame()
            rest = self.source.readline(limit)
        return data[:-1]

    def short_line(self) -> bytes | None:
        """Read a line of a number or text; None where it is so long that its value is of no interest."""
        data = self.line()
        return data if len(data) < self.limits.line - 1 else None

    def skip(self, size: int) -> None:
        """Step over ``size`` bytes."""
        if self.frame is not None:
            size -= len(self.read(size))
            if size:
                self.cross_frame()
        if not self.source.skip(size):
            raise EndReached(End.TRUNCATED)

    @property
    def position(self) -> int:
        """Where the next byte stands in the source."""
        return self.source.tell() - len(self.rest_of_frame())

    def doubt(self, code: str) -> None:
        """Note that something cannot be told, here."""
        self.reading.doubts.append((code, self.position))

    # --- frames ----------------------------------------------------------------------------------------------
    #
    # Python reads a frame at once and goes on in it; C goes on in the file, and from a file without peek() it loses
    # what is left of the frame when a value crosses its end. Honest values do not cross.

    def begin_frame(self) -> None:
        """Read a frame at once."""
        size = self.number(8)
        if self.rest_of_frame():
            self.doubt_frames()
            return
        if size > _MAX_FRAME:
            self.doubt("frames-disagree")
            return
        data = self.source.read(size)
        self.frame = io.BytesIO(data)
        self.read = self.frame.read

    def rest_of_frame(self) -> bytes:
        """What is left of the frame."""
        return b"" if self.frame is None else self.frame.getvalue()[self.frame.tell() :]

    def leave_frame(self) -> bool:
        """Go on after the frame, if there is one."""
        left = self.frame is not None
        self.frame, self.read = None, self.source.read
        return left

    def cross_frame(self) -> None:
        """Go on after the frame in the middle of a value; where nothing follows, the file just ends there."""
        if self.leave_frame() and self.source.head(1):
            self.doubt_frames()

    def doubt_frames(self) -> None:
        """Note that unpicklers go on at different places, so that nobody can tell what comes."""
        self.doubt("frames-disagree")
        self.unknown()

    def unknown(self) -> Any:  # noqa: ANN401 - a value of the stack
        """Name a global that cannot be told."""
        self.reading.globals.setdefault(UNKNOWN, GlobalUse(UNKNOWN, self.position))
        return COMPUTED

    # --- the stack -------------------------------------------------------------------------------------------

    def push(self, value: Any) -> None:  # noqa: ANN401 - any value
        """Put a value on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:  # noqa: ANN401 - any value
        """Take the last value, which may not be a mark."""
        self.top()
        return self.stack.pop()

    def top(self) -> Any:  # noqa: ANN401 - any value
        """Look at the last value, which may not be a mark."""
        if self.stack[-1] is MARK:
            raise EndReached(End.BROKEN)
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """Take the values after the last mark, and the mark."""
        stack, position = self.stack, len(self.stack) - 1
        while position >= 0 and stack[position] is not MARK:
            position -= 1
        if position < 0:
            raise EndReached(End.BROKEN)
        values = stack[position + 1 :]
        del stack[position:]
        return values

    def data(self, size: int) -> None:
        """Read a bytes value; one that looks like a pickle is kept to be read too."""
        if size > _KEPT_BYTES:
            if (self.rest_of_frame() or self.source.head(1))[:1] == b"\x80":
                self.doubt("inner-too-large")
            self.skip(size)
        else:
            data = self.take(size)
            if data.startswith(HEADERS):
                self.reading.inner.append((self.position - size, data))
        self.push(OTHER)

    # --- the memo --------------------------------------------------------------------------------------------

    def put(self, index: int) -> None:
        """Remember the last value."""
        if index < 0:
            raise EndReached(End.BROKEN)
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        """Put a remembered value on the stack; one Unpickler that loads several pickles keeps what it remembers."""
        self.push(self.memo[index] if index in self.memo else self.earlier[index])

    # --- structure -------------------------------------------------------------------------------------------

    def protocol(self) -> None:
        """Begin a protocol, of which there are six."""
        self.reading.protocol = self.number(1)
        if self.reading.protocol > MAX_PROTOCOL:
            raise EndReached(End.BROKEN)

    def stop(self) -> None:
        """End the pickle; some unpicklers look for the next one after the frame, others right here."""
        self.pop()
        rest = self.rest_of_frame()
        if rest:
            self.doubt("frames-disagree")
            self.reading.inner.append((self.position, rest))
        raise EndReached(End.STOPPED)
