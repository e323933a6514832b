"""Headers as NATS has them: text in one line. What is none is written as RFC 2047 writes it, and read back so."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .messages import Headers, Outgoing

KEY_HEADER = "packflow-key"
"""Holds an event's key, of which NATS has none."""

MESSAGE_ID_HEADER = "Nats-Msg-Id"

_TOKEN = "!#$%&'*+-.^_`|~"  # noqa: S105 - characters of a name, beside letters and digits (RFC 9110)
_CODED = re.compile(r"=\?utf-8\?B\?([A-Za-z0-9+/=]*)\?=")
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?|")


def to_nats(message: Outgoing, subject: str) -> dict[str, str]:
    """The headers of a publication; those that the server itself acts on are not an event's to set."""
    headers = {
        quote(name, safe=_TOKEN): _text(value)
        for name, value in message.headers
        if name and not name.lower().startswith("nats-")
    }
    if message.key is not None:
        headers[KEY_HEADER] = _text(message.key)
    # Of two models that write to one stream each has its own subject or its own group, and so its own ids.
    headers[MESSAGE_ID_HEADER] = _text(f"{message.id} {message.mark} {subject}".encode())
    return headers


def from_nats(headers: Mapping[str, str] | None) -> tuple[bytes | None, Headers]:
    """The key and the headers of a message."""
    if not headers:
        return None, ()
    key = headers.get(KEY_HEADER)
    kept = tuple((name, _bytes(value)) for name, value in headers.items() if name != KEY_HEADER)
    return None if key is None else _bytes(key), kept


def _text(value: bytes) -> str:
    text = value.decode("ascii", "replace")
    if _PLAIN.fullmatch(text) and "�" not in text and not _CODED.fullmatch(text):
        return text
    return f"=?utf-8?B?{base64.b64encode(value).decode('ascii')}?="


def _bytes(text: str) -> bytes:
    coded = _CODED.fullmatch(text)
    if coded is not None:
        try:
            return base64.b64decode(coded[1], validate=True)
        except binascii.Error:
            pass
    return text.encode("utf-8", "surrogateescape")
