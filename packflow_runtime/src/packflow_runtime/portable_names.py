"""Names that mean the same one file on every system, and the error for whatever is no canonical archive."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

from .errors import ExitCode, PackflowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_NAME = 1024  # bytes of UTF-8
MAX_COMPONENT = 255  # bytes of UTF-8
MAX_DEPTH = 64  # components

# By Unicode category. Unassigned characters are refused because a later Unicode may fold, compose or hide
# them: a name that passes on one Python then passes on every newer one.
_CHARACTERS = {
    "Cc": ("name-control", "holds a control character"),
    "Zl": ("name-control", "holds a line separator"),
    "Zp": ("name-control", "holds a paragraph separator"),
    "Cf": ("name-format", "holds an invisible formatting character"),
    "Cs": ("name-surrogate", "holds half a character, an unpaired surrogate"),
    "Cn": ("name-unassigned", "holds a character that this Python's Unicode does not know"),
}
_PATTERNS = tuple(
    (reason, sentence, re.compile(pattern, re.IGNORECASE | re.ASCII))
    for reason, sentence, pattern in (
        ("name-empty", "is empty", r"\A\Z"),
        ("name-backslash", "holds a backslash", r"\\"),
        ("name-character", 'holds one of < > : " | ? *, which Windows refuses', r'[<>:"|?*]'),
        ("name-absolute", "begins with a slash", r"\A/"),
        ("name-directory", "ends with a slash, as only a folder's does", r"/\Z"),
        ("name-empty-component", "holds two slashes in a row", r"//"),
        ("name-dots", "has . or .. as a component", r"(\A|/)\.\.?(/|\Z)"),
        ("name-edge", "has a component that begins with a space", r"(\A|/) "),
        ("name-edge", "has a component that ends with a dot or a space", r"[. ](/|\Z)"),
        (
            "name-device",
            "has a component that Windows takes for a device",
            r"(\A|/)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.[^/]*)?(/|\Z)",
        ),
    )
)


def shown(name: str) -> str:
    """Return a name as it may be shown on a terminal, whatever it holds."""
    return repr(name if len(name) <= 120 else name[:119] + "…")


def _name_error(reason: str, sentence: str, name: str) -> ArchiveFormatError:
    return ArchiveFormatError(sentence, reason=reason, entry=name, hint="Rename the file and export again.")


def _faults(name: str) -> Iterator[tuple[str, str]]:
    if len(name) > MAX_NAME or len(name.encode("utf-8", "surrogatepass")) > MAX_NAME:
        yield "name-too-long", f"is longer than {MAX_NAME} bytes"
    if not (name.isascii() and name.isprintable()):
        yield from (_CHARACTERS[kind] for kind in map(unicodedata.category, name) if kind in _CHARACTERS)
    for reason, sentence, pattern in _PATTERNS:
        if pattern.search(name):
            yield reason, sentence
    if not unicodedata.is_normalized("NFC", name):
        yield "name-not-nfc", "is not in Unicode's composed form (NFC)"
    parts = name.split("/")
    if len(parts) > MAX_DEPTH:
        yield "name-too-deep", f"has more than {MAX_DEPTH} components"
    if any(len(part.encode()) > MAX_COMPONENT for part in parts):
        yield "name-component-too-long", f"has a component longer than {MAX_COMPONENT} bytes"


def check_name(name: str) -> None:
    """Raise unless a name means the same one file on every system that may extract it."""
    for reason, sentence in _faults(name):
        raise _name_error(reason, f"The name {shown(name)} {sentence}", name)


def _folded(name: str) -> str:
    """Return what a system that ignores case makes of a name; a folder sorts just before what it holds."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
    return folded.replace("/", "\0")


def check_names(names: Iterable[str]) -> None:
    """Raise unless every name is fit for an archive and no two can meet on disk; their order does not matter.

    An exporter calls this before it writes; ``Writer.finish`` and ``read_entries`` hold the same rule.
    """
    names = list(names)
    for name in names:
        check_name(name)
    check_clashes(names)


def check_clashes(names: Iterable[str]) -> None:
    """Sort the folded names: two that clash are neighbours, and no tree of folders can outgrow memory."""
    for (first, name), (second, other) in pairwise(sorted((_folded(name), name) for name in names)):
        if name == other:
            raise _name_error("name-duplicate", f"Two entries have the name {shown(name)}", name)
        if first == second:
            both = f"{shown(name)} and {shown(other)}"
            raise _name_error("name-clash", f"The names {both} are one file where case does not count", other)
        if second.startswith(first + "\0"):
            sentence = f"{shown(name)} is a file, and a folder in {shown(other)}"
            raise _name_error("name-file-and-folder", sentence, name)


def check_next(previous: str, name: str) -> None:
    """Check a name and its place; Python orders text by code point, which is the order of the UTF-8 bytes."""
    check_name(name)
    if name == previous:
        raise _name_error("name-duplicate", f"Two entries have the name {shown(name)}", name)
    if name < previous:
        raise ArchiveFormatError(f"{shown(name)} comes after {shown(previous)}", reason="unsorted", entry=name)


class ArchiveFormatError(PackflowError):
    """The archive, or a name meant for one, is not in the canonical form.

    ``reason`` is a stable slug, ``entry`` the name in the archive that it is about, None where it is about the whole.
    """

    code = "archive-invalid"
    exit_code = ExitCode.CHECK_FAILED
    _hint = "Copy the archive again from where it was made, or export it again; nothing may change its bytes."

    def __init__(self, title: str, *, reason: str = "invalid", entry: str | None = None, hint: str = _hint) -> None:
        super().__init__(title, hint=hint)
        self.reason = reason
        self.entry = entry
