"""What packflow 0.4 took a plain scalar of packflow.yaml for: YAML 1.1, as PyYAML reads it."""

from __future__ import annotations

import math
import re

_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0b(?P<binary>[01_]+)|0x(?P<hexadecimal>[0-9a-fA-F_]+)|0(?P<octal>[0-7_]+)"
    r"|(?P<sixties>[1-9][0-9_]*(?::[0-5]?[0-9])+)|(?P<decimal>0|[1-9][0-9_]*))\Z"
)
_FLOAT = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<sixties>[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)|(?P<infinite>\.(?:inf|Inf|INF))"
    r"|(?P<decimal>[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|(?<![-+])\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?))\Z"
)
_NAN = re.compile(r"\.(?:nan|NaN|NAN)\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:.*)?\Z")
_BASES = {"binary": 2, "hexadecimal": 16, "octal": 8, "decimal": 10}
_LONGEST = 400  # no one writes a longer number


def old_value(text: str) -> bool | int | float | None:
    """The boolean or number that the scalar was; None where it was text, a date or null."""
    if len(text) > _LONGEST:
        return None
    if text.lower() in _BOOLEANS and text in (text.lower(), text.capitalize(), text.upper()):
        return _BOOLEANS[text.lower()]
    if found := _INTEGER.match(text):
        return _integer(found)
    if found := _FLOAT.match(text):
        return _float(found)
    return math.nan if _NAN.match(text) else None


def is_date(text: str) -> bool:
    """Whether the scalar was a date or a time."""
    return _DATE.match(text) is not None


def _integer(found: re.Match[str]) -> int | None:
    sign = -1 if found["sign"] == "-" else 1
    if found["sixties"]:
        return sign * int(_of_sixties(found["sixties"]))
    kind = str(found.lastgroup)
    digits = found[kind].replace("_", "") or ("0" if kind == "octal" else "")
    return sign * int(digits, _BASES[kind]) if digits else None


def _float(found: re.Match[str]) -> float | None:
    sign = -1.0 if found["sign"] == "-" else 1.0
    if found["infinite"]:
        return sign * math.inf
    if found["sixties"]:
        return sign * _of_sixties(found["sixties"])
    return sign * float(found["decimal"].replace("_", ""))


def _of_sixties(text: str) -> float:
    """``1:30`` is ninety."""
    total: float = 0
    for part in text.replace("_", "").split(":"):
        total = total * 60 + (float(part) if "." in part else int(part))
    return total
