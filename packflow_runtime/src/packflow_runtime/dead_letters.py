"""Dead letters: the events that failed, each with its error, in a file of JSON lines.

A line is ``{"packflow_error": {"line", "code", "step", "type", "message"}, "raw": "..."}``: the error record as it
would have been written among the outcomes, and the line as it was read, without its newline. A line that is not UTF-8
has ``"raw_base64"`` instead of ``"raw"``; one that was longer than the limit was not kept, so its ``"raw"`` is null.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from .stdio import not_writable, write_all

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from .lines import Lines
    from .outcomes import BatchOutcomes


class DeadLetters:
    """Appends to a file, so that a second run never destroys the events that a first one failed on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            self.found_bytes = os.fstat(self.descriptor).st_size
        except OSError as error:
            raise not_writable(f"The dead letters file {path}", error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self.descriptor)

    def separate(self, lines: Lines, outcomes: BatchOutcomes) -> bytes:
        """Write the failed lines to the file; returns the other outcomes, as text. Raises PackflowError."""
        if not outcomes.codes:
            return outcomes.text
        letters = [letter(outcomes.encoded[index], _raw_of(lines, index)) for index in sorted(outcomes.codes)]
        try:
            write_all(self.descriptor, b"".join(letters))
        except OSError as error:
            raise not_writable(f"The dead letters file {self.path}", error) from error
        return b"\n".join(line for index, line in enumerate(outcomes.encoded) if index not in outcomes.codes)


def _raw_of(lines: Lines, index: int) -> bytes | None:
    return None if lines.numbers[index] in lines.faults else lines.raws[index]


def letter(record: bytes, raw: bytes | None) -> bytes:
    """One line of the file: the record, which is an encoded object, and the line as it was read (None: not kept)."""
    key, value = "raw", None
    if raw is not None:
        try:
            value = raw.decode("utf-8")
        except UnicodeDecodeError:
            import base64  # noqa: PLC0415 - for such lines only

            key, value = "raw_base64", base64.b64encode(raw).decode("ascii")
    added = json.dumps({key: value}, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return record[:-1] + b"," + added[1:] + b"\n"
