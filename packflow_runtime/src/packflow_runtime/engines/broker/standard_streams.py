"""``stdin:``, ``stdout:`` and ``file:PATH``: lines at one end of a service, and a broker or nothing at the other."""

from __future__ import annotations

import base64
import json
import os
import secrets
import select
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ExitCode, PackflowError
from ...jsonlines import Limits
from ...lines import LineReader, Lines
from ...stdio import not_writable, write_all
from .addresses import refuse_properties
from .links import GivenUpError
from .messages import Message, Outgoing, Unpublished

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .addresses import Address, Pipe

_THIS_RUN = secrets.token_hex(8)


def open_source(address: Address, properties: dict[str, str], pipe: Pipe) -> LinesSource:
    """Standard input; raises PackflowError where properties are given."""
    refuse_properties(str(address), properties, set())
    return LinesSource(pipe)


def open_sink(address: Address, properties: dict[str, str], descriptor: int) -> LinesSink:
    """Standard output or a file, which is appended to; raises PackflowError."""
    refuse_properties(str(address), properties, set())
    if address.scheme == "stdout":
        return LinesSink(str(address), descriptor, is_file=False)
    try:
        descriptor = os.open(address.name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        if _is_cut(Path(address.name)):
            write_all(descriptor, b"\n")
    except OSError as error:
        raise not_writable(f"The file {address.name}", error) from None
    return LinesSink(str(address), descriptor, is_file=True)


def _is_cut(path: Path) -> bool:
    """Whether a file ends within a line, as a full disk or a kill leaves it; what is added must not go on with that."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


class LinesSource:
    """Events from a descriptor, one a line; nothing remembers how far they were read."""

    name = "stdin:"

    def __init__(self, pipe: Pipe) -> None:
        self.ended = False
        self._descriptor = pipe.descriptor
        self._blocks = LineReader(pipe.read, Limits(max_line_bytes=pipe.max_line_bytes)).blocks()
        self._lines: Iterator[Message] = iter(())

    def connect(self) -> None:
        """Nothing is to be reached."""

    def take(self, most: int, seconds: float) -> list[Message]:
        """Lines that have arrived; none after ``seconds``, and at the end."""
        batch = list(islice(self._lines, most))
        if batch or self.ended:
            return batch
        if select.select([self._descriptor], [], [], seconds)[0]:
            try:
                block = next(self._blocks, None)
            except OSError as error:
                raise PackflowError(
                    f"Standard input cannot be read: {error.strerror or error}.",
                    code="events-not-readable",
                    exit_code=ExitCode.NOT_FOUND,
                    hint="Check what is connected to it; the outcomes of the events before are written.",
                ) from error
            if block is None:
                self.ended = True
            else:
                self._lines = _messages(block)
        return list(islice(self._lines, most))

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """What was read from a pipe is gone."""

    def close(self) -> None:
        """The descriptor is its opener's."""


def _messages(block: Lines) -> Iterator[Message]:
    for number, raw in zip(block.numbers, block.raws, strict=True):
        fault = block.faults.get(number)
        yield Message(f"stdin:{number}", None if fault is not None else raw, mark=_THIS_RUN, fault=fault)


class LinesSink:
    """Values as lines; of dead letters the error record with the event, its key and its headers."""

    def __init__(self, name: str, descriptor: int, *, is_file: bool) -> None:
        self.name = name
        self._descriptor = descriptor
        self._is_file = is_file

    def connect(self) -> None:
        """Nothing is to be reached."""

    def publish(self, messages: Sequence[Outgoing]) -> list[Unpublished | None]:
        """Write lines, to a file durably; raises PackflowError, and GivenUpError for a pipe that nobody reads."""
        lines = [_letter(message) if message.record is not None else message.value or b"" for message in messages]
        try:
            write_all(self._descriptor, b"".join(line + b"\n" for line in lines))
            if self._is_file:
                os.fsync(self._descriptor)
        except BrokenPipeError:
            raise GivenUpError from None
        except OSError as error:
            raise not_writable(self.name, error) from error
        return [None] * len(messages)

    def close(self) -> None:
        """A file is closed."""
        if self._is_file:
            os.close(self._descriptor)


def _letter(message: Outgoing) -> bytes:
    """A dead letter as ``run --dead-letters`` writes it, with key and headers besides."""
    assert message.record is not None  # noqa: S101 - asked of dead letters only
    added: dict[str, Any] = _text_of("raw", message.value)
    if message.key is not None:
        added |= _text_of("key", message.key)
    added["headers"] = [
        {"name": name, **_text_of("value", value)}
        for name, value in message.headers
        if not name.startswith("packflow-error-")
    ]
    text = json.dumps(added, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return message.record[:-1] + b"," + text[1:]


def _text_of(name: str, value: bytes | None) -> dict[str, str | None]:
    """Bytes as JSON has them: as text where they are text."""
    try:
        return {name: None if value is None else value.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode("ascii")}
