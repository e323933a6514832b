"""Find every pickle in a file by its content, through compression, zips, tars and numpy's formats, resolving nothing.

A file is a pickle where an unpickler would get as far as resolving something in it. What is read here is never run, and
memory stays near what the pickles themselves need; ``Limits`` bounds the rest.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

from .pickle_globals import PickleReader
from .pickle_listing import PickleGlobal, PickleListing, PickleProblem
from .pickle_machine import HEADERS, End, Reading
from .pickle_sources import Budget, Limits, Source, TooLargeError, UnreadableError, compression_of, unpacked
from .pickle_values import EXTENSION, UNKNOWN
from .pickle_zips import BZIP2, DEFLATED, STORED, Member, ZipDamagedError, is_zip, members

if TYPE_CHECKING:
    from .pickle_values import GlobalUse

_SURE_OPCODES = 4  # after a header; random bytes do not get so far
_TORCH_LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_NPY = b"\x93NUMPY"
_TAR_AT = 257
_HEAD = 512
_COMPRESSIONS = {DEFLATED: "deflate", BZIP2: "bz2"}
_ENDS = {End.TRUNCATED: "truncated", End.BROKEN: "undecodable", End.LIMIT: "too-large"}
DEFAULT_LIMITS = Limits()


def list_pickles(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> PickleListing:
    """List the globals of all pickles in a regular file; raises OSError where it cannot be read."""
    with open(path, "rb", buffering=0) as file:
        return list_pickles_in(file, os.fspath(path), limits=limits)


def list_pickles_in(stream: BinaryIO, name: str = "", *, limits: Limits = DEFAULT_LIMITS) -> PickleListing:
    """List the globals of all pickles in a binary stream, from where it stands; ``name`` is what to call it."""
    scan = _Scan(limits)
    kind = scan.look(Source.of_stream(stream), "", 0)
    return PickleListing(name, kind, scan.globals(), tuple(sorted(scan.problems)), scan.pickles)


class _Scan:
    """What has been found so far in one file."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.budget = Budget(limits.unpacked)
        self.found: dict[str, tuple[GlobalUse, str]] = {}
        self.problems: set[PickleProblem] = set()
        self.pickles = 0
        self.members = 0

    def globals(self) -> tuple[PickleGlobal, ...]:
        return tuple(
            PickleGlobal(name, tuple(sorted(use.uses)), use.offset, member)
            for name, (use, member) in sorted(self.found.items())
        )

    def problem(self, code: str, member: str, offset: int = 0, detail: str = "") -> None:
        self.problems.add(PickleProblem(code, member, offset, detail))

    def look(self, source: Source, member: str, depth: int) -> str:
        """Note what ``source`` holds, and return its kind."""
        try:
            return self._look(source, member, depth)
        except UnreadableError as error:
            if self.pickles:
                self.problem("damaged", member, detail=str(error))
        except TooLargeError:
            self.problem("too-large", member)
        return "none"

    def _look(self, source: Source, member: str, depth: int) -> str:
        head = source.head(_HEAD)
        compression, readable = compression_of(head)
        if compression and not readable:
            self.problem("unreadable", member, detail=f"compressed with {compression}")
            return compression
        is_tar = head[_TAR_AT : _TAR_AT + 5] == b"ustar"
        if source.size is None and (is_tar or head.startswith((b"PK\3\4", b"BZh"))):  # which are read more than once
            with source.seekable(self.limits.spooled) as copy:
                return self._look(copy, member, depth)
        is_archive = source.size is not None and is_zip(source)
        if source.size is not None:
            source.rewind()
        if depth > self.limits.depth and (compression or is_archive or is_tar):
            self.problem("too-deep", member)
            return "none"
        kind = "none"
        if not head.startswith(b"PK\3\4") and compression in ("", "bz2"):  # whose first bytes are opcodes too
            kind = self._pickles(source, member, head)
        if compression:
            kind = self._compressed(source, compression, member, depth)
        if is_archive:
            kind = self._zip(source, member, depth)
        elif is_tar:
            kind = self._tar(source, member, depth)
        return kind

    # --- pickles ---------------------------------------------------------------------------------------------

    def _pickles(self, source: Source, member: str, head: bytes) -> str:
        """Read pickle after pickle until what follows is none."""
        kind, before, has_arrays = "raw", self.pickles, False
        if head.startswith(_NPY):
            kind = "npy"
            wide = head[6:7] not in (b"\0", b"\1")
            source.skip(
                12 + int.from_bytes(head[8:12], "little") if wide else 10 + int.from_bytes(head[8:10], "little")
            )
        elif head.startswith(_TORCH_LEGACY):
            kind = "torch-legacy"
        memo: dict[int, Any] = {}
        for _ in range(self.limits.pickles):
            start = source.head(2)
            if not start:
                break
            reading = self._reading(source, member, memo, has_header=start in HEADERS)
            has_arrays = has_arrays or reading.has_arrays
            if not self._note(reading, member, source, has_header=start in HEADERS) or reading.end is not End.STOPPED:
                break
        else:
            self.problem("too-large", member, source.tell())
        if kind == "npy":
            return kind
        return "none" if self.pickles == before else "joblib" if has_arrays else kind

    def _reading(self, source: Source, member: str, memo: dict[int, Any], *, has_header: bool) -> Reading:
        reading = Reading()
        try:
            PickleReader(source, self.limits, memo, reading=reading).run()
        except (UnreadableError, TooLargeError):
            reading.end = End.TRUNCATED
            self._note(reading, member, source, has_header=has_header)
            raise
        return reading

    def _note(self, reading: Reading, member: str, source: Source, *, has_header: bool) -> bool:
        """Take over what a reading found; False where no unpickler would get anything from those bytes."""
        found = reading.globals
        if not has_header:  # three bytes in a row name a code; without a protocol it is chance, unless it is called
            found = {name: use for name, use in found.items() if use.uses or not name.startswith(EXTENSION)}
        if reading.end is not End.STOPPED:
            if not has_header and not any(use.uses or _could_import(use.name) for use in found.values()):
                found = {}
            if not found and (reading.opcodes < _SURE_OPCODES or not has_header) and reading.end is not End.LIMIT:
                return False
            self.problem(_ENDS[reading.end], member, source.tell())
        self.pickles += 1
        for name, use in found.items():
            if name in self.found:
                self.found[name][0].uses.update(use.uses)
            elif len(self.found) < self.limits.globals:
                self.found[name] = (use, member)
            else:
                self.problem("too-large", member, detail="too many names")
        for code, offset in reading.doubts:
            self.problem(code, member, offset)
        for offset, data in reading.inner:
            inner = f"{member}@{offset}" if member else f"@{offset}"
            self._pickles(Source.of_stream(io.BytesIO(data)), inner, data[:_HEAD])
        return True

    # --- containers ------------------------------------------------------------------------------------------

    def _compressed(self, source: Source, name: str, member: str, depth: int) -> str:
        if source.size is not None:
            source.rewind()
        kind = self.look(unpacked(source, name, self.budget), member, depth + 1)
        return "joblib" if kind == "joblib" or (name == "zlib" and kind == "raw") else name if kind != "none" else kind

    def _zip(self, source: Source, member: str, depth: int) -> str:
        before, names = self.pickles, set()
        try:
            for entry in members(source):
                self._count_member()
                names.add(entry.name)
                self._zip_member(source, entry, f"{member}/{entry.name}" if member else entry.name, depth)
        except ZipDamagedError as error:
            self.problem("inconsistent", member, detail=str(error))
        if any(name.endswith("/data.pkl") for name in names):
            return "torch"
        if any(name.endswith(".npy") for name in names):
            return "npz"
        return "zip" if self.pickles > before else "none"

    def _zip_member(self, source: Source, entry: Member, name: str, depth: int) -> None:
        if entry.doubt:
            self.problem("inconsistent", name, detail=entry.doubt)
        if entry.encrypted:
            self.problem("unreadable", name, detail="encrypted")
        part = source.part(entry.start, entry.size)
        if entry.method == STORED:
            self.look(part, name, depth + 1)
        elif entry.method in _COMPRESSIONS:
            self.look(unpacked(part, _COMPRESSIONS[entry.method], self.budget), name, depth + 1)
        else:
            self.problem("unreadable", name, detail=f"zip method {entry.method}")

    def _tar(self, source: Source, member: str, depth: int) -> str:
        import tarfile  # noqa: PLC0415 - models are rarely tars

        before = self.pickles
        if source.size is not None:
            source.rewind()
        try:
            with tarfile.open(fileobj=source, mode="r|") as tar:  # type: ignore[call-overload]
                for entry in tar:
                    self._count_member()
                    tar.members = []  # which it keeps for seeking
                    content = tar.extractfile(entry) if entry.isreg() else None
                    if content is not None:
                        self.look(Source(content, None), f"{member}/{entry.name}" if member else entry.name, depth + 1)
        except (tarfile.TarError, OSError, ValueError) as error:
            self.problem("damaged", member, detail=str(error))
        return "tar" if self.pickles > before else "none"

    def _count_member(self) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise TooLargeError


def _could_import(name: str) -> bool:
    """Whether the global's module could be there to import: nearly all text that looks like a name names nothing."""
    return name == UNKNOWN or name.partition(":")[0].partition(".")[0] in sys.stdlib_module_names
