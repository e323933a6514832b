"""Where pickles are read from: files, parts of files, and what unpacks from them, all within limits."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

_BUFFER = 64 * 1024
_CHUNK = 1 << 20
_LZMA_MEMORY = 256 << 20  # bytes; a header may ask for gigabytes


@dataclass(frozen=True)
class Limits:
    """How much one file may cost before it is reported instead of read on; far above what honest models need."""

    opcodes: int = 100_000_000
    stack: int = 4_000_000
    line: int = 64 * 1024  # bytes of a name or number written as text
    pickles: int = 100_000
    members: int = 100_000  # of a zip or tar
    depth: int = 5  # containers within containers
    unpacked: int = 8 << 30  # bytes, over all that is compressed in the file
    spooled: int = 1 << 30  # bytes of a zip within compressed data, which is read through a temporary file
    globals: int = 10_000


class UnreadableError(Exception):
    """Packed data is damaged; ``args[0]`` says how."""


class TooLargeError(Exception):
    """More was unpacked than the limits allow."""


@dataclass
class Budget:
    """What may still be unpacked, in bytes."""

    left: int

    def spend(self, size: int) -> None:
        """Count ``size`` bytes; raises TooLargeError."""
        self.left -= size
        if self.left < 0:
            raise TooLargeError


class Source:
    """Buffered bytes from ``raw``; ``size`` is their number where ``raw`` can seek, else None.

    ``raw`` may be shared by several sources, of which only one is read at a time: ``rewind`` comes before reading.
    """

    def __init__(self, raw: Any, size: int | None) -> None:  # noqa: ANN401 - anything that has readinto
        self.raw = raw
        self.size = size
        self.file = io.BufferedReader(raw, _BUFFER)
        self.read, self.readline, self.tell = self.file.read, self.file.readline, self.file.tell

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> Source:
        """Read a stream that may be in use elsewhere: it is neither closed nor detached."""
        if not stream.seekable():
            return cls(_Borrowed(stream), None)
        start = stream.tell()
        end = stream.seek(0, os.SEEK_END)
        return cls(_Window(stream, start, end - start), end - start)

    def rewind(self) -> None:
        """Go back to the start."""
        self.file.seek(0)

    def head(self, size: int) -> bytes:
        """Up to ``size`` of the next bytes, without moving on."""
        return self.file.peek(size)[:size]

    def skip(self, size: int) -> bool:
        """Move on by ``size`` bytes; False where there are fewer."""
        if self.size is not None:
            position = self.tell()
            self.file.seek(min(position + size, self.size))
            return position + size <= self.size
        while size:
            got = len(self.read(min(size, _CHUNK)))
            if not got:
                return False
            size -= got
        return True

    def part(self, start: int, size: int) -> Source:
        """Return ``size`` bytes from ``start`` as a source of its own; only where ``size`` is known."""
        assert self.size is not None  # noqa: S101 - the caller has looked
        size = max(0, min(size, self.size - start))
        return Source(_Window(self.raw, start, size), size)

    @contextmanager
    def seekable(self, limit: int) -> Iterator[Source]:
        """Give this source, or a temporary copy where it cannot seek; raises TooLargeError above ``limit`` bytes."""
        if self.size is not None:
            yield self
            return
        import tempfile  # noqa: PLC0415 - hardly ever needed

        with tempfile.SpooledTemporaryFile(max_size=32 << 20) as copy:
            budget = Budget(limit)
            while piece := self.read(_CHUNK):
                budget.spend(len(piece))
                copy.write(piece)
            size = copy.tell()
            yield Source(_Window(copy, 0, size), size)


class _Raw(io.RawIOBase):
    """A raw reader that knows how far it has read."""

    def __init__(self) -> None:
        self.position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position


class _Borrowed(_Raw):
    """A stream that cannot seek."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.stream = stream

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self.stream.read(len(view))
        view[: len(data)] = data
        self.position += len(data)
        return len(data)


class _Window(_Raw):
    """``size`` bytes of a file from ``start``; a window of a window looks at the file itself."""

    def __init__(self, base: Any, start: int, size: int) -> None:  # noqa: ANN401 - any file
        super().__init__()
        self.base, self.start, self.size = base, start, size
        if isinstance(base, _Window):
            self.base, self.start = base.base, base.start + start

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}[whence]
        return self.position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)[: max(0, self.size - self.position)]
        self.base.seek(self.start + self.position)
        data = self.base.read(len(view))
        view[: len(data)] = data
        self.position += len(data)
        return len(data)


def window(file: BinaryIO, start: int, size: int) -> BinaryIO:
    """``size`` bytes of ``file`` from ``start``, as a stream of its own; only one of a file is read at a time."""
    return cast("BinaryIO", _Window(file, start, size))


@dataclass(eq=False)
class Unpacked(_Raw):
    """What ``decoder()`` makes of the bytes of ``source``; streams that follow one another are read as one.

    ``magic`` begins each further stream, none where there can be only one.
    """

    source: Source
    decoder: Callable[[], Any]
    budget: Budget
    magic: bytes = b""
    _current: Any = None
    _waiting: bytes = b""
    _failure: Exception | None = None
    position: int = field(default=0)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` unless the end comes first; what was unpacked before damage is given before the error."""
        view = memoryview(buffer)
        filled = 0
        while filled < len(view) and self._failure is None:
            try:
                piece = self._piece(len(view) - filled)
            except (UnreadableError, TooLargeError) as error:
                self._failure = error
                break
            if not piece:
                break
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        if self._failure is not None and not filled:
            raise self._failure
        self.position += filled
        return filled

    def _piece(self, size: int) -> bytes:
        """Some bytes, at most ``size``; none at the end. Raises UnreadableError or TooLargeError."""
        while True:
            if self._current is None or self._current.eof:
                if not self._next_stream():
                    return b""
            elif not self._waiting and getattr(self._current, "needs_input", True):
                self._waiting = self.source.read(_BUFFER)
                if not self._waiting:
                    raise UnreadableError("it ends in the middle")
            try:
                piece: bytes = self._current.decompress(self._waiting, size)
            except Exception as error:  # noqa: BLE001 - each codec has an error of its own
                if "emory" in str(error):  # lzma's limit, which other readers do not have
                    raise TooLargeError from None
                raise UnreadableError(str(error)) from None
            tail = self._current.unused_data if self._current.eof else getattr(self._current, "unconsumed_tail", b"")
            self._waiting = tail
            if piece:
                self.budget.spend(len(piece))
                return piece

    def _next_stream(self) -> bool:
        if self._current is not None:
            self._waiting += self.source.read(_BUFFER - len(self._waiting) % _BUFFER)
            self._waiting = self._waiting.lstrip(b"\0")  # padding between streams
            if not self.magic or not self._waiting.startswith(self.magic):
                return False
        else:
            self._waiting = self.source.read(_BUFFER)
            if not self._waiting:
                return False
        self._current = self.decoder()
        return True


# What compressed data begins with, its name, and whether the standard library unpacks it.
_FORMATS = (
    (b"\x1f\x8b\x08", "gzip", True),
    (b"BZh", "bz2", True),
    (b"\xfd7zXZ\0", "xz", True),
    (b"\x5d\0", "lzma", True),
    (b"\x78\x01", "zlib", True),
    (b"\x78\x5e", "zlib", True),
    (b"\x78\x9c", "zlib", True),
    (b"\x78\xda", "zlib", True),
    (b"\x04\x22\x4d\x18", "lz4", False),
    (b"\x28\xb5\x2f\xfd", "zstd", False),
)


def compression_of(head: bytes) -> tuple[str, bool]:
    """The compression that ``head`` begins, and whether it can be unpacked here; an empty name where there is none."""
    for magic, name, readable in _FORMATS:
        if head.startswith(magic):
            return name, readable
    return "", False


def unpacked(source: Source, name: str, budget: Budget) -> Source:
    """What ``source`` holds, unpacked by the compression ``name`` (``deflate`` is zlib's without a header)."""
    import bz2  # noqa: PLC0415 - most artifacts are not compressed
    import lzma  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    decoders: dict[str, tuple[Callable[[], Any], bytes]] = {
        "gzip": (lambda: zlib.decompressobj(31), b"\x1f\x8b"),
        "zlib": (lambda: zlib.decompressobj(15), b"\x78"),
        "deflate": (lambda: zlib.decompressobj(-15), b""),
        "bz2": (bz2.BZ2Decompressor, b"BZ"),
        "xz": (lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY), b"\xfd7zXZ"),
        "lzma": (lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY), b"\x5d\0"),
    }
    decoder, magic = decoders[name]
    return Source(Unpacked(source, decoder, budget, magic), None)
