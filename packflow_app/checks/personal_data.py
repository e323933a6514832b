"""Kinds of data about people in events: public addresses, e-mail addresses, names of users and of their keys."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from packflow_app.runtime import decode_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.runtime import GoldenEvents

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_ADDRESS = re.compile(r"[0-9A-Fa-f:]*[.:][0-9A-Fa-f.:]+")
_USER = re.compile(
    r"(?i)(user|account|login|subject|target|owner|client|customer)?[_. -]?(user|account|login)[_. -]?(name|id)?"
)
_KEY_NAME = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{16}")  # of AWS
_LONGEST_ADDRESS = 45


def kinds_in(golden: GoldenEvents) -> list[str]:
    """What the events and outputs hold, as ``KIND in FIELD``, each kind with the first field that has it."""
    found: dict[str, str] = {}
    for line in (*golden.inputs, *golden.outputs):
        for path, kind in _personal(decode_event(line), ""):
            found.setdefault(kind, path)
    return [f"{kind} in {path}" for kind, path in sorted(found.items())]


def _personal(value: object, path: str) -> Iterator[tuple[str, str]]:
    """The paths below ``path`` that hold personal data, with its kind."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _personal(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for below in value:
            yield from _personal(below, f"{path}[]")
    elif isinstance(value, str) and value:
        if _EMAIL.fullmatch(value):
            yield path, "e-mail addresses"
        elif len(value) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(value) and _is_public(value):
            yield path, "public IP addresses"
        elif _KEY_NAME.fullmatch(value):
            yield path, "names of access keys"
        elif _USER.fullmatch(path.rpartition(".")[2].removesuffix("[]")):
            yield path, "names of users"


def _is_public(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False
