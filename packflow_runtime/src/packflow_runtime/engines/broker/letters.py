"""What is published for an event: its output, an error record in its place, or a dead letter."""

from __future__ import annotations

import json
from typing import Any

from ...jsonlines import encode
from ...outputs import ERROR_KEY
from .messages import ERROR_PREFIX, ID_HEADER, ORIGIN_HEADER, Headers, Message, Outgoing


def output_message(message: Message, encoded: bytes) -> Outgoing:
    """An event's outcome, with the event's key, headers and partition."""
    return Outgoing(message.id, encoded, message.key, _headers(message), message.partition, message.mark)


def error_message(message: Message, record: dict[str, Any]) -> Outgoing:
    """An error record among the outputs, where nothing was named for dead letters."""
    return output_message(message, _encoded(message, record))


def dead_letter(message: Message, record: dict[str, Any]) -> Outgoing:
    """The event as it was, byte for byte, with the error in its headers: mended, it can be published again."""
    told = tuple(
        (f"{ERROR_PREFIX}{name}", str(record[name]).encode("utf-8", "backslashreplace"))
        for name in ("code", "step", "type", "message")
    )
    headers = (*_headers(message), *told)
    letter = Outgoing(message.id, message.value, message.key, headers, message.partition, message.mark)
    return letter._replace(record=_encoded(message, record))


def without_value(letter: Outgoing) -> Outgoing:
    """A dead letter whose event is too large for where dead letters go: what it was, without its value."""
    size = str(len(letter.value or b"")).encode()
    return letter._replace(value=b"", headers=(*letter.headers, ("packflow-value-bytes", size)))


def record_of(encoded: bytes) -> dict[str, Any]:
    """The fields of an encoded error record."""
    record: dict[str, Any] = json.loads(encoded)[ERROR_KEY]
    return record


def _encoded(message: Message, record: dict[str, Any]) -> bytes:
    """The record as a stream of lines has it, but with the event's id in the place of the line number."""
    told = {name: value for name, value in record.items() if name != "line"}
    return encode({ERROR_KEY: {"event": message.id, **told}})


def _headers(message: Message) -> Headers:
    """The event's own headers, without what earlier models and dead letters added, and the id to tell doubles by."""
    own = ((ID_HEADER, message.id.encode()),)
    if not message.headers:
        return own
    origin = earlier = None
    kept = []
    for header in message.headers:
        name, value = header
        if not name.startswith("packflow-"):
            kept.append(header)
        elif name == ORIGIN_HEADER:
            origin = value
        elif name == ID_HEADER:
            earlier = value
    first = origin if origin is not None else earlier
    return (*kept, *own) if first is None else (*kept, *own, (ORIGIN_HEADER, first))
