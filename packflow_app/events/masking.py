"""Replace values in events by stand-ins of the same type and form, the same one for the same value everywhere.

Nothing else of an event's bytes changes. Stand-ins follow from the value and a key that is made up for each run and
kept nowhere, so that nobody can try values until one fits.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import string
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from packflow_app.events.event_paths import ANY_KEY, ITEMS
from packflow_app.events.patterns import pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^ \t\r\n,\]}]+")
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?([.,]\d+)?")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_DIGITS, _HEX = string.digits, "0123456789abcdef"
_TRIES = 20
_PRIVATE_V4 = 10 << 24
_PRIVATE_V6 = 0xFD << 120


class Masker:
    """Masks the values at these paths, each given as its keys (``[]`` any item, ``*`` any key), with all inside them.

    true, false and null stay: they tell no one from another. Of a timestamp the time of day is replaced, the date
    stays; an IP address becomes a private one.
    """

    def __init__(self, paths: Iterable[tuple[str, ...]], key: bytes | None = None) -> None:
        self._paths = list(paths)
        self._key = key if key is not None else secrets.token_bytes(32)
        self._stand_ins: dict[str, str] = {}
        self._used: set[str] = set()

    def masked(self, raw: bytes) -> bytes:
        """The event with its values replaced; ``raw`` is one that decodes."""
        text = raw.decode()
        spans: list[tuple[int, int]] = []
        self._find(text, _after_space(text, 0), self._paths, spans)
        for start, end in reversed(spans):
            text = text[:start] + self._scalar(text[start:end]) + text[end:]
        return text.encode()

    def _find(self, text: str, at: int, paths: list[tuple[str, ...]], spans: list[tuple[int, int]]) -> int:
        """Note what is to be masked in the value at ``at``, of which ``paths`` are to be; returns where it ends."""
        opening = text[at]
        if opening in "{[":
            return self._find_inside(text, at, paths, spans)
        end = _end(_STRING if opening == '"' else _SCALAR, text, at)
        if () in paths and opening not in "tfn":
            spans.append((at, end))
        return end

    def _find_inside(self, text: str, at: int, paths: list[tuple[str, ...]], spans: list[tuple[int, int]]) -> int:
        is_object = text[at] == "{"
        at = _after_space(text, at + 1)
        while text[at] not in "}]":
            key = ITEMS
            if is_object:
                start, at = at, _end(_STRING, text, at)
                key = json.loads(text[start:at])
                at = _after_space(text, _after_space(text, at) + 1)
            inner = [path[1:] if path else () for path in paths if not path or _is(path[0], key, is_object=is_object)]
            at = _after_space(text, self._find(text, at, inner, spans))
            if text[at] == ",":
                at = _after_space(text, at + 1)
        return at + 1

    def _scalar(self, literal: str) -> str:
        """The stand-in for a string or a number, as it is written in JSON."""
        if not literal.startswith('"'):
            return self._stand_in(literal, _number)
        value: str = json.loads(literal)
        return json.dumps(self._stand_in(value, _string), ensure_ascii=False) if value else literal

    def _stand_in(self, value: str, make: _Make) -> str:
        known = self._stand_ins.get(value)
        if known is not None:
            return known
        for attempt in range(_TRIES):
            seed = blake2b(f"{attempt}:{value}".encode(), key=self._key).digest()
            made = make(value, random.Random(seed))  # noqa: S311 - the seed is a keyed hash
            if made not in self._used and made != value:
                break
        self._stand_ins[value] = made
        self._used.add(made)
        return made


def _is(wanted: str, key: str, *, is_object: bool) -> bool:
    return wanted in (key, ANY_KEY) if is_object else wanted == ITEMS


def _after_space(text: str, at: int) -> int:
    return _end(_SPACE, text, at)


def _end(token: re.Pattern[str], text: str, at: int) -> int:
    """Where a token ends that begins at ``at``; the event decodes, so it is there."""
    found = token.match(text, at)
    assert found is not None  # noqa: S101 - as said
    return found.end()


def _number(literal: str, source: random.Random) -> str:
    """As many digits before and after the point, with the same sign and exponent; no zero in front."""
    mantissa, mark, exponent = (
        re.split("([eE])", literal, maxsplit=1) if re.search("[eE]", literal) else (literal, "", "")
    )
    whole, point, fraction = mantissa.partition(".")
    digits = whole.lstrip("-")
    sign = whole[: len(whole) - len(digits)]
    if digits != "0":
        digits = source.choice("123456789") + _drawn(source, _DIGITS, len(digits) - 1)
    elif not fraction:
        digits = source.choice(_DIGITS)
    return sign + digits + point + _drawn(source, _DIGITS, len(fraction)) + mark + exponent


def _string(text: str, source: random.Random) -> str:
    """Letters for letters, digits for digits, all else as it is; times, addresses and UUIDs stay what they are."""
    pattern = pattern_of(text)
    if pattern == "ip":
        if ":" in text:
            return str(IPv6Address(_PRIVATE_V6 | source.getrandbits(120)))
        return str(IPv4Address(_PRIVATE_V4 | source.randrange(1, 2**24 - 1)))
    if pattern == "timestamp":
        return _CLOCK.sub(lambda found: _clock(found, source), text, count=1)
    if pattern == "number":
        return "".join(source.choice(_DIGITS) if char.isdecimal() else char for char in text)
    if pattern == "uuid":
        return "".join(source.choice(_HEX) if char.isalnum() else char for char in text)
    return "".join(_character(char, source) for char in text)


def _clock(found: re.Match[str], source: random.Random) -> str:
    seconds, fraction = found[1], found[2]
    shown = f"{source.randrange(24):02d}:{source.randrange(60):02d}"
    shown += f":{source.randrange(60):02d}" if seconds else ""
    return shown + (fraction[0] + _drawn(source, _DIGITS, len(fraction) - 1) if fraction else "")


def _character(char: str, source: random.Random) -> str:
    if char.isdecimal():
        return source.choice(_DIGITS)
    if char.isalpha():
        return source.choice(string.ascii_uppercase if char.isupper() else string.ascii_lowercase)
    return char


def _drawn(source: random.Random, alphabet: str, count: int) -> str:
    return "".join(source.choice(alphabet) for _ in range(count))


if TYPE_CHECKING:
    from collections.abc import Callable

    _Make = Callable[[str, random.Random], str]
