"""What a file of events is, told by how it begins and never by its name."""

from __future__ import annotations

import json
import re

from packflow_app.errors import NotFoundError, UsageError

FORMATS = ("ndjson", "json", "csv", "tsv", "parquet")
"""``json`` is any run of JSON values: one array or several, objects one after another, on any lines."""

DELIMITERS = {"csv": ",;|", "tsv": "\t"}
LOOK = 1024 * 1024
"""Bytes after which a format is decided on what was seen."""

_PARQUET = b"PAR1"
_FOREIGN = {
    b"PK\x03\x04": ("a zip file", "Unpack it, and name the file in it."),
    b"BZh": ("compressed with bzip2", "Pipe it: `bzip2 -dc FILE | packflow inspect -`."),
    b"\xfd7zXZ\x00": ("compressed with xz", "Pipe it: `xz -dc FILE | packflow inspect -`."),
    b"SQLite format 3\x00": ("an SQLite database", "Export its table as CSV or JSON."),
    b"Obj\x01": ("an Avro file", "Convert it to JSON lines or Parquet."),
    b"ORC": ("an ORC file", "Convert it to JSON lines or Parquet."),
    b"ARROW1": ("an Arrow file", "Convert it to JSON lines or Parquet."),
    b"\xff\xfe": ("text in UTF-16", "Convert it: `iconv -f UTF-16 -t UTF-8 FILE`."),
    b"\xfe\xff": ("text in UTF-16", "Convert it: `iconv -f UTF-16 -t UTF-8 FILE`."),
}
_BLANK = b"\xef\xbb\xbf \t\r\n"
_LINES_LOOKED_AT = 20
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def checked_format(name: str) -> str:
    """The name in lower case; raises UsageError for one that is none of ``FORMATS``."""
    if name.lower() not in FORMATS:
        raise UsageError(
            f"There is no events format {name!r}.", code="format-unknown", hint=f"Choose one of: {', '.join(FORMATS)}."
        )
    return name.lower()


def refuse_foreign(head: bytes, name: str) -> None:
    """Raise NotFoundError for a file of another kind, known by its first bytes, that would only give invalid lines."""
    for magic, (kind, hint) in _FOREIGN.items():
        if head.startswith(magic) and (b"\x00" in head or not magic.isalpha()):
            raise NotFoundError(f"{name} is {kind}, not a file of events.", code="events-format", hint=hint)


def told_format(head: bytes, *, ended: bool) -> str | None:
    """The format of a file that begins with ``head``; None where more of it would tell.

    What is none of them counts as ``ndjson``, whose reader says of each line what is wrong with it.
    """
    if head.startswith(_PARQUET):
        return "parquet"
    text = head.lstrip(_BLANK)
    ended = ended or len(head) >= LOOK
    lines = _lines(text, ended=ended)
    if not lines:
        return "ndjson" if ended else None
    if text.startswith((b"[", b"{")):
        looks = _array_or_lines if text.startswith(b"[") else _objects_or_lines
        return looks(lines, text, ended=ended)
    if any(line.startswith(b"{") and _is_value(line) for line in lines):
        return "ndjson"
    if not ended and len(lines) < _LINES_LOOKED_AT:
        return None
    return _table(lines)


def _lines(text: bytes, *, ended: bool) -> list[bytes]:
    """The first lines that are whole and not blank."""
    lines = text.split(b"\n", 4 * _LINES_LOOKED_AT)
    if not ended or len(lines) > 4 * _LINES_LOOKED_AT:
        lines.pop()
    return [line.rstrip(b"\r") for line in lines if line.strip()][:_LINES_LOOKED_AT]


def _array_or_lines(lines: list[bytes], _: bytes, *, ended: bool) -> str | None:
    """An array, unless it is one invalid line of several."""
    if not _is_value(lines[0]):
        return "json"
    if len(lines) == 1:
        return "json" if ended else None
    return "ndjson" if lines[1].startswith(b"{") and _is_value(lines[1]) else "json"


def _objects_or_lines(lines: list[bytes], text: bytes, *, ended: bool) -> str | None:
    if _is_value(lines[0]):
        return "ndjson"
    shown = text.decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(shown)
    except ValueError as error:
        place = error.pos if isinstance(error, json.JSONDecodeError) else 0
        cut_off = place >= len(shown.rstrip()) or "Unterminated" in str(error)
        if cut_off and not ended:
            return None
    except RecursionError:
        return "ndjson"
    else:
        rest = shown[end:].partition("\n")[0].strip()
        return "json" if "\n" in shown[:end] or rest[:1] in tuple("{[,") else "ndjson"
    if any(line.startswith(b"{") and _is_value(line) for line in lines[1:]):
        return "ndjson"
    return "json" if len(lines) > 1 and lines[0].endswith((b"{", b"[", b",", b":")) else "ndjson"


def _table(lines: list[bytes]) -> str:
    if len(lines) < 2 or _CONTROL.search(lines[0]):
        return "ndjson"
    for name, delimiters in DELIMITERS.items():
        if any(lines[0].count(mark.encode()) for mark in delimiters) and sniffed_delimiter(lines, delimiters):
            return name
    return "ndjson"


def sniffed_delimiter(lines: list[bytes], delimiters: str) -> str | None:
    """The mark that the first line has and that most lines have as often; None where there is none."""
    best, best_score = None, 0
    for mark in delimiters:
        count = lines[0].count(mark.encode())
        agreeing = sum(line.count(mark.encode()) >= count for line in lines)
        if count and 2 * agreeing > len(lines) and count * agreeing > best_score:
            best, best_score = mark, count * agreeing
    return best


def _is_value(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
