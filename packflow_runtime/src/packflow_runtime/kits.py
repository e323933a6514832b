"""A kit: one folder with an archive and all that it needs on the other side, and SHA256SUMS over everything in it.

SHA256SUMS tells of accidents. Whoever can rewrite the kit can rewrite it too, unless it is signed itself; the archive's
signature, and the hashes in its lock, hold for the archive and its wheels either way.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .portable_names import ArchiveFormatError, check_name, shown
from .signatures import SignatureCheck, check_signature_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .public_keys import PublicKey

SUMS_NAME = "SHA256SUMS"
SUMS_SIGNATURE = f"{SUMS_NAME}.sig"
WHEELS = "wheels"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\Z")
_MAX_SUMS_BYTES = 16 << 20
_CHUNK = 1 << 20
_ACTIVE = (".zip", ".whl", ".py", ".pyc", ".pth", ".so", ".dll", ".exe", ".tar.gz")  # what could run, or be installed
_AGAIN = "Copy the kit again from where it was made."


@dataclass(frozen=True)
class KitFault:
    """What is wrong with one file of a kit; ``code`` is stable."""

    code: str
    file: str
    message: str
    hint: str = _AGAIN


@dataclass(frozen=True)
class Kit:
    """What was found of a kit: the files that SHA256SUMS lists, what is wrong, and whether SHA256SUMS is signed."""

    folder: str
    files: tuple[str, ...]
    faults: tuple[KitFault, ...]
    signature: SignatureCheck | None = None

    @property
    def archives(self) -> list[str]:
        """The archives that it lists and has."""
        lost = {fault.file for fault in self.faults}
        return [os.path.join(self.folder, name) for name in self.files if name.endswith(".zip") and name not in lost]


def is_kit(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is a folder with a SHA256SUMS."""
    return os.path.isfile(os.path.join(os.fspath(path), SUMS_NAME))


def check_kit(folder: str | os.PathLike[str], keys: Sequence[PublicKey] = ()) -> Kit:
    """Read every file that SHA256SUMS lists; what is wrong is a value. Raises OSError for a list that is unreadable.

    A file that could run or be installed, and is not listed, is wrong too; a note or a key beside the others is not.
    """
    place = os.fspath(folder)
    with open(os.path.join(place, SUMS_NAME), "rb") as file:
        content = file.read(_MAX_SUMS_BYTES + 1)
    signature = check_signature_of(os.path.join(place, SUMS_NAME), hashlib.sha256(content).hexdigest(), keys)
    faults = []
    if signature.state == "invalid":
        faults.append(KitFault("kit-signature", SUMS_NAME, signature.message, signature.hint))
    try:
        sums = _parsed(content)
    except _SumsInvalidError as error:
        invalid = KitFault("kit-sums", SUMS_NAME, f"{SUMS_NAME} is not valid: {error}.")
        return Kit(place, (), (*faults, invalid), signature)
    found = [_fault(place, name, sha256) for name, sha256 in sums.items()]
    faults += [fault for fault in found if fault is not None]
    faults += _unlisted(place, sums)
    return Kit(place, tuple(sums), tuple(faults), signature)


def _parsed(content: bytes) -> dict[str, str]:
    """The digest of each file by its name; raises _SumsInvalidError for a list that is none."""
    if len(content) > _MAX_SUMS_BYTES:
        raise _SumsInvalidError("it is too large")
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise _SumsInvalidError("it is not UTF-8") from None
    if lines.pop() or not lines:
        raise _SumsInvalidError("it is cut short: its last line has no end")
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.match(line)
        if match is None:
            raise _SumsInvalidError(f"line {number} is not a SHA-256, two spaces and a name")
        try:
            check_name(match[2])
        except ArchiveFormatError as error:
            raise _SumsInvalidError(f"line {number}: {error.title}") from None
        if match[2] in sums:
            raise _SumsInvalidError(f"line {number} lists {shown(match[2])} again")
        sums[match[2]] = match[1]
    return sums


class _SumsInvalidError(Exception):
    """Why a SHA256SUMS is none."""


def _fault(folder: str, name: str, sha256: str) -> KitFault | None:
    path = os.path.join(folder, *name.split("/"))
    if not os.path.lexists(path):
        return KitFault("kit-file-missing", name, f"{name} is missing from the kit.")
    if os.path.islink(path) or not os.path.isfile(path):
        return KitFault("kit-file-changed", name, f"{name} is not a plain file.")
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        return KitFault(
            "kit-file-unreadable", name, f"{name} cannot be read: {error.strerror}.", "Mend its permissions."
        )
    if digest.hexdigest() != sha256:
        return KitFault(
            "kit-file-changed", name, f"{name} is not the file that {SUMS_NAME} lists: its SHA-256 differs."
        )
    return None


def _unlisted(folder: str, sums: dict[str, str]) -> list[KitFault]:
    faults = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            inside = os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")
            matters = inside.startswith(f"{WHEELS}/") or name.lower().endswith(_ACTIVE)
            if matters and inside not in sums:
                message = f"{shown(inside)} is in the kit, and {SUMS_NAME} does not list it."
                faults.append(KitFault("kit-file-unlisted", inside, message, "Remove it, or copy the kit again."))
    return faults
