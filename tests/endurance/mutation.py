"""Damage to a file, as fuzzing does it: a few bytes cut, doubled, moved, replaced or put in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random


def mutated(source: bytes, pieces: Sequence[bytes], chance: Random, most: int = 4) -> bytes:
    """The source after one to ``most`` changes; ``pieces`` are what is put in."""
    for _ in range(chance.randint(1, most)):
        start = chance.randint(0, len(source))
        stop = min(len(source), start + chance.choice((0, 0, 1, 1, 2, 4, 16, 64)))
        source = source[:start] + _instead(source, start, stop, pieces, chance) + source[stop:]
    return source


def _instead(source: bytes, start: int, stop: int, pieces: Sequence[bytes], chance: Random) -> bytes:
    kind = chance.randrange(7)
    if kind <= 2:
        return chance.choice(pieces)
    if kind == 3:
        return b""
    if kind == 4:
        return source[start:stop] * chance.choice((2, 2, 3, 300))
    if kind == 5:
        return bytes([source[start] ^ 1 << chance.randrange(8)]) + source[start + 1 : stop] if stop > start else b"\0"
    place = chance.randint(0, len(source))
    return source[place : place + chance.randrange(20)]
