"""Compressed events: gzip and zstd are known by their first bytes, on files, pipes and standard input alike."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import ExitCode, PackflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[[int], bytes]

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_HEAD = 64 * 1024
# A zstd block of four bytes can stand for 128 KiB: what is fed at once bounds what comes out, here by 8 MiB.
_ZSTD_FEED = 256


class PlainReader:
    """Gives what ``read(n)`` gives, unpacked where it is compressed; ``read(n)`` may return fewer bytes.

    Raises OSError or EOFError where the data is damaged or cut off, PackflowError where zstd cannot be read here.
    """

    def __init__(self, read: Read) -> None:
        self._source = read
        self._read: Read | None = None

    def open(self) -> None:
        """Look at the first bytes now; otherwise ``read`` does, when it is first asked."""
        head = b""
        while any(len(head) < len(magic) and magic.startswith(head) for magic in (_GZIP, _ZSTD)):
            piece = self._source(_HEAD)
            if not piece:
                break
            head += piece
        source = _Source(head, self._source)
        if head.startswith(_GZIP):
            import gzip  # noqa: PLC0415 - plain events do without it
            import zlib  # noqa: PLC0415

            self._read = _translating(gzip.GzipFile(fileobj=source).read1, zlib.error)  # type: ignore[call-overload]
        elif head.startswith(_ZSTD):
            self._read = _open_zstd(source)
        else:
            self._read = source.read

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, none at the end."""
        if self._read is None:
            self.open()
        assert self._read is not None  # noqa: S101 - open() sets it
        return self._read(size)


class _Source:
    """The first bytes again, then the rest: as much of a file as the unpackers ask for."""

    def __init__(self, head: bytes, read: Read) -> None:
        self._head = head
        self._more = read

    def read(self, size: int) -> bytes:
        if not self._head:
            return self._more(size)
        piece, self._head = self._head[:size], self._head[size:]
        return piece


def _open_zstd(source: _Source) -> Read:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module = import_module(name)
        except ImportError:
            continue
        return _translating(module.ZstdFile(source).read1, module.ZstdError)
    try:
        module = import_module("zstandard")
    except ImportError:
        raise PackflowError(
            "The events are compressed with zstd, which this Python cannot read.",
            code="zstd-not-found",
            exit_code=ExitCode.NOT_FOUND,
            hint="Run `pip install backports.zstd` in its environment, or pipe the events through `zstd -dc`.",
        ) from None
    pieces = _zstandard_pieces(source, module)
    return _translating(lambda _: next(pieces, b""), module.ZstdError)


def _translating(read: Read, damaged: type[Exception]) -> Read:
    """Wrap ``read`` so that damaged data is an OSError."""

    def translated(size: int) -> bytes:
        try:
            return read(size)
        except damaged as error:
            raise OSError(str(error)) from error

    return translated


def _zstandard_pieces(source: _Source, zstandard: Any) -> Iterator[bytes]:  # noqa: ANN401 - an optional module
    """Unpack frame after frame; ``zstandard``'s own reader takes a frame that is cut off for a whole one."""
    frame = None
    while chunk := source.read(_HEAD):
        while chunk:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            piece = frame.decompress(chunk[:_ZSTD_FEED])
            chunk = chunk[_ZSTD_FEED:]
            if frame.eof:
                chunk, frame = frame.unused_data + chunk, None
            if piece:
                yield piece
    if frame is not None:
        raise EOFError("the compressed data ends before its end marker")
