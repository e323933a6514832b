"""What a requirements.lock pins: each package with its version, its marker, its hashes and who wants it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from packflow_app.errors import CheckFailedError
from packflow_app.locations import LOCK_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})\Z")
_REQUIREMENT_FILE = re.compile(r"-[rc] ")


@dataclass(frozen=True)
class LockedPackage:
    """One pin of a lock.

    ``name`` is in normal form; ``version`` is None for what comes from a URL. ``hashes`` are SHA-256, one for each file
    of that version that may be installed. ``wanted_by`` names packages of the lock, None where the requirements
    themselves ask for it.
    """

    name: str
    version: str | None
    marker: str | None
    url: str | None
    hashes: tuple[str, ...]
    wanted_by: tuple[str | None, ...]


def locked_packages(lock: bytes) -> list[LockedPackage]:
    """The pins of a lock as ``packflow env lock`` writes it, in its order.

    Raises CheckFailedError for a line that is no pin.
    """
    return [_package(first, number, rest) for number, first, rest in _entries(lock.decode("utf-8"))]


def _entries(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Each pin's line number and own words, and the hashes and comments that follow it."""
    found: tuple[int, str, list[str]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.removesuffix("\\").strip()
        if not words or line.startswith(("#", "-")):
            continue  # what the lock is of, and where to look
        if line[0].isspace() and found is not None:
            found[2].append(words)
        else:
            if found is not None:
                yield found
            found = (number, words, [])
    if found is not None:
        yield found


def _package(first: str, number: int, rest: list[str]) -> LockedPackage:
    try:
        pin = Requirement(first)
    except InvalidRequirement:
        raise _no_pin(first, number) from None
    exact = [one.version for one in pin.specifier if one.operator in ("==", "===")]
    if not exact and pin.url is None:
        raise _no_pin(first, number)
    hashes = [match[1] for words in rest if (match := _HASH.match(words))]
    wanted_by = [name for words in rest if words.startswith("#") for name in _wanting(words)]
    return LockedPackage(
        canonicalize_name(pin.name),
        exact[0] if exact else None,
        str(pin.marker) if pin.marker is not None else None,
        pin.url,
        tuple(sorted(hashes)),
        tuple(dict.fromkeys(wanted_by)),
    )


def _wanting(comment: str) -> Iterator[str | None]:
    """Who wants a package, by a line of the comment below it: `# via a` or, below `# via`, `#   a`."""
    name = comment.removeprefix("#").strip().removeprefix("via").strip()
    if _REQUIREMENT_FILE.match(name):
        yield None
    elif name:
        yield canonicalize_name(name.partition("[")[0])


def _no_pin(text: str, number: int) -> CheckFailedError:
    return CheckFailedError(
        f"{LOCK_FILE} has a line that pins no version: {text}",
        code="lock-unreadable",
        file=LOCK_FILE,
        line=number,
        hint="Write it anew: packflow env lock",
    )
