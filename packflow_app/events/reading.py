"""Read a file of events as the bytes they are: JSON lines or one JSON array, plain or gzipped, told by content."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from packflow_app.errors import NotFoundError
from packflow_app.runtime import BadLineError, Event, LineReader, decode_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

_GZIP_MAGIC = b"\x1f\x8b"
_MOST_ARRAY_BYTES = 512 * 1024 * 1024
_NEWLINES_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")


@dataclass(frozen=True)
class RawEvent:
    """One event: where it stands in its file (line, or place in an array, from 1), its bytes, its value.

    ``raw`` is one line: the bytes of the file, with line breaks between tokens (never inside a string) as spaces.
    """

    position: int
    raw: bytes
    value: Event


@dataclass(frozen=True)
class InvalidEvent:
    """A line or array item that is not an event, and why."""

    position: int
    code: str
    message: str


def read_events(path: Path) -> Iterator[RawEvent | InvalidEvent]:
    """Yield everything in the file that should be an event, in order.

    Raises NotFoundError when the file cannot be opened or read to its end.
    """
    try:
        with path.open("rb") as opened, _unpacked(opened) as file:
            head = file.peek(4096).lstrip(b"\xef\xbb\xbf \t\r\n")  # type: ignore[attr-defined]
            yield from _array_items(file, path) if head.startswith(b"[") else _lines(file)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NotFoundError(
            f"The events file {path} cannot be read: {reason}.",
            code="events-not-found",
            hint="Name a file of JSON lines (one event a line), plain or gzipped.",
        ) from None


def _unpacked(file: BufferedReader) -> BinaryIO:
    # Looked at, not read: the file may be a pipe, which gives its bytes once.
    packed = file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    return gzip.open(file, "rb") if packed else file  # type: ignore[return-value]


def _lines(file: BinaryIO) -> Iterator[RawEvent | InvalidEvent]:
    for lines in LineReader(file.read1).arrivals():  # type: ignore[attr-defined]
        for line in lines:
            if line.fault is not None:
                yield InvalidEvent(line.number, line.fault.code, str(line.fault))
            else:
                yield _checked(line.number, line.raw)


def _checked(position: int, raw: bytes) -> RawEvent | InvalidEvent:
    try:
        return RawEvent(position, raw, decode_event(raw))
    except BadLineError as error:
        return InvalidEvent(position, error.code, str(error))


def _array_items(file: BinaryIO, path: Path) -> Iterator[RawEvent | InvalidEvent]:
    content = file.read(_MOST_ARRAY_BYTES + 1)
    if len(content) > _MOST_ARRAY_BYTES:
        raise NotFoundError(
            f"{path} is one JSON array of more than {_MOST_ARRAY_BYTES >> 20} MiB.",
            code="events-too-large",
            hint="Convert it to JSON lines, for example with `jq -c '.[]'`.",
        )
    try:
        text = content.decode("utf-8-sig")
        for position, (start, end) in enumerate(_spans(text), 1):
            yield _checked(position, text[start:end].encode("utf-8").translate(_NEWLINES_TO_SPACES))
    except (ValueError, RecursionError) as error:
        raise NotFoundError(
            f"{path} is not a valid JSON array: {error}.",
            code="events-invalid",
            hint="Mend the file, or name a file of JSON lines.",
        ) from None


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each item of the array that ``text`` holds; raises ValueError where it breaks."""
    decoder = json.JSONDecoder()
    at = _skip_space(text, _skip_space(text, 0) + 1)
    if text[at : at + 1] == "]":
        return
    while True:
        _, end = decoder.raw_decode(text, at)
        yield at, end
        after = _skip_space(text, end)
        if text[after : after + 1] == "]":
            if _skip_space(text, after + 1) != len(text):
                raise ValueError(f"more text follows the array at character {after + 2}")
            return
        if text[after : after + 1] != ",":
            raise ValueError(f"expected a comma or the end of the array at character {after + 1}")
        at = _skip_space(text, after + 1)


def _skip_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at
