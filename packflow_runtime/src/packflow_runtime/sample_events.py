"""The sample events that ``packflow.yaml`` names, for tests: few enough to keep in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .compression import PlainReader
from .errors import ExitCode, PackflowError
from .jsonlines import BadLineError, Event, decode_event, decode_value
from .project import CONFIG_FILE, read_project_config
from .stream import LineReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_EVENTS = 1000
_SAVE_SOME = "Save a few real events in it, one JSON object a line."


def read_sample_events(project_dir: Path, most: int = MOST_EVENTS) -> list[Event]:
    """The first events of the file that ``dry_run: events`` names: JSON lines or one JSON array, plain or compressed.

    Lines that are no events are passed over, as a dry run does. Raises PackflowError where no file is named, it cannot
    be read, or it holds no event.
    """
    named = read_project_config(project_dir).dry_run.events
    if named is None:
        raise _missing(f"{CONFIG_FILE} names no sample events.", "Set dry_run: events to a file of JSON lines.")
    path = project_dir / named
    found: list[Event] = []
    try:
        with path.open("rb") as file:
            for event in _events(PlainReader(file.read)):
                found.append(event)
                if len(found) == most:
                    break
    except (OSError, EOFError) as error:
        raise _missing(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.", _SAVE_SOME) from None
    if not found:
        raise _missing(f"{path} holds no events.", _SAVE_SOME)
    return found


def _events(reader: PlainReader) -> Iterator[Event]:
    is_array: bool | None = None
    pieces: list[bytes] = []
    for lines in LineReader(reader.read).arrivals():
        for line in lines:
            if is_array is None:
                is_array = line.raw.lstrip(b"\xef\xbb\xbf \t\r").startswith(b"[")
            if is_array:
                pieces.append(line.raw)
                continue
            try:
                yield decode_event(line.raw)
            except BadLineError:
                continue
    if pieces:
        try:
            items = decode_value(b"\n".join(pieces).lstrip(b"\xef\xbb\xbf"))
        except BadLineError as error:
            raise OSError(f"it is no JSON array: {error}") from None
        yield from (item for item in items if isinstance(item, dict))


def _missing(title: str, hint: str) -> PackflowError:
    return PackflowError(title, code="events-not-found", exit_code=ExitCode.NOT_FOUND, hint=hint)
