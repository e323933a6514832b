"""A project's requirements.txt, line by line as pip reads it, with every problem in its place and every byte kept."""

from __future__ import annotations

import codecs
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUIREMENTS_FILE = "requirements.txt"
_MAX_DEPTH = 50  # files that include each other; nobody writes more
_COMMENT = re.compile(r"(^|\s+)#.*$")
_COMMENT_LINE = re.compile(r"\s*#")
_OWN_OPTION = re.compile(r"\s+--?[A-Za-z].*", re.DOTALL)  # of one requirement, such as --hash
_HASH = re.compile(r"--hash[=\s]\s*(\S+)")
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(\S.*)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s+|(?<=-e))(\S.*)")
_OPTION = re.compile(
    r"(-i|-f|--((pypi|index|extra-index)-url|no-index|find-links|no-binary|only-binary|prefer-binary|require-hashes|pre"
    r"|trusted-host|use-feature))(?=[\s=]|$)"
)
_PLACE = re.compile(r"[.~/]|[A-Za-z]:[\\/]|[A-Za-z][A-Za-z0-9+.-]*:/|[^\s;]+[\\/]|[^\s;]+\.(whl|zip|tar\.gz)\s*(;|$)")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_FILE_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._]*?)-\d[^/]*\.(?:whl|zip|tar\.gz)$")
_URL_HASH = re.compile(r"[#&](sha256|sha384|sha512)=[0-9a-fA-F]{64,}|@[0-9a-f]{40}(?=$|#)")
_ERRORS = {"utf-8": "surrogateescape", "utf-16-le": "strict", "utf-16-be": "strict"}
_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class RequirementProblem:
    """What is wrong with a line, or with a whole file (``line`` is None); ``code`` is stable."""

    code: str
    message: str
    file: str
    line: int | None


@dataclass(frozen=True)
class Declaration:
    """One requirement or constraint: ``name`` is normalised, empty where only building it would tell.

    ``text`` has neither comment nor options. ``parsed`` is None for a path, a bare URL or an editable folder. ``lines``
    are the physical ones it stands on: the first and the one after the last, from 0.
    """

    name: str
    text: str
    file: str
    lines: tuple[int, int]
    parsed: Requirement | None
    hashes: tuple[str, ...] = ()
    is_constraint: bool = False

    @property
    def line(self) -> int:
        """The line to show, from 1."""
        return self.lines[0] + 1

    @property
    def pin(self) -> str | None:
        """The one version that is allowed, where the specifier says so."""
        specifiers = list(self.parsed.specifier) if self.parsed is not None else []
        exact = [one.version for one in specifiers if one.operator in ("==", "===") and not one.version.endswith(".*")]
        return exact[0] if exact else None

    @property
    def is_pinned(self) -> bool:
        """Whether it can only ever install the same: by version, by a URL's hash or by a commit."""
        return self.pin is not None or bool(_URL_HASH.search(self.text)) or (self.is_place and bool(self.hashes))

    @property
    def is_editable(self) -> bool:
        """Whether it is installed as a link to a folder of this machine."""
        return _EDITABLE.fullmatch(self.text) is not None

    @property
    def is_place(self) -> bool:
        """Whether it names a place to install from: a URL, a path, an editable folder."""
        return self.parsed is None or self.parsed.url is not None


@dataclass(frozen=True)
class RequirementsText:
    """The lines of one file as they are written, with their ends; encoding them again gives the same bytes."""

    lines: tuple[str, ...]
    encoding: str = "utf-8"

    def encode(self) -> bytes:
        """The file's bytes."""
        return "".join(self.lines).encode(self.encoding, _ERRORS[self.encoding])


@dataclass(frozen=True)
class DeclaredRequirements:
    """What requirements.txt asks for, with the files it includes, in order; never raises for what it holds.

    ``options`` are lines that are none of the above, such as indexes, as written. ``text`` is the first file's own,
    None where it cannot be read and rewritten.
    """

    path: Path
    declarations: list[Declaration] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    problems: list[RequirementProblem] = field(default_factory=list)
    text: RequirementsText | None = None


def read_declared(path: Path) -> DeclaredRequirements:
    """Read the requirements file at ``path``; files are named relative to its folder, with slashes.

    A file that does not exist is an empty one with a problem of the code ``requirements-not-found``.
    """
    reader = _Reader(path.parent)
    text = reader.read(path.name, is_constraint=False)
    return DeclaredRequirements(path, reader.declarations, reader.options, reader.problems, text)


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.declarations: list[Declaration] = []
        self.options: list[str] = []
        self.problems: list[RequirementProblem] = []
        self._open: list[str] = []  # the files that are being read, outermost first
        self._done: set[tuple[str, bool]] = set()
        self._first: dict[tuple[str, str], Declaration] = {}

    def read(self, name: str, *, is_constraint: bool, origin: tuple[str, int] | None = None) -> RequirementsText | None:
        """Read one file; ``origin`` is the line that includes it."""
        self._done.add((name, is_constraint))
        try:
            content = (self.folder / name).read_bytes()
        except (OSError, ValueError) as error:
            self._cannot_read(name, error, origin)
            return RequirementsText(()) if isinstance(error, FileNotFoundError) else None
        text = self._decoded(content, name)
        if text is None:
            return None
        self._open.append(name)
        for lines, logical in logical_lines(text.lines):
            if _is_text(logical):
                self._take(logical, name, lines, is_constraint=is_constraint)
            else:
                self._problem("requirement-invalid", "The line is not UTF-8 text, so it names nothing.", name, lines)
        self._open.pop()
        return text

    def _cannot_read(self, name: str, error: OSError | ValueError, origin: tuple[str, int] | None) -> None:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        missing = isinstance(error, FileNotFoundError)
        what = f"{name} does not exist" if missing else f"{name} cannot be read: {reason}"
        code = "requirements-not-found" if missing else "requirements-unreadable"
        file, line = origin or (name, None)
        self.problems.append(RequirementProblem(code, f"{what}.", file, line))

    def _decoded(self, content: bytes, name: str) -> RequirementsText | None:
        """The text, with what is not UTF-8 kept as it is and named; None for what is no text."""
        encoding = _BOMS.get(content[:2], "utf-8")
        try:
            text = content.decode(encoding, _ERRORS[encoding])
        except UnicodeDecodeError:
            self._problem("requirements-unreadable", "The file is no text.", name, None)
            return None
        if encoding != "utf-8":
            self._problem("requirements-encoding", "The file is UTF-16; save it as UTF-8.", name, None)
        lines = tuple(text.splitlines(keepends=True))
        for index, line in enumerate(lines):
            if not _is_text(line) and _is_text(_COMMENT.sub("", line)):  # what is asked for is told where it is read
                self._problem("requirements-encoding", "A comment is not UTF-8 text.", name, (index, index + 1))
        return RequirementsText(lines, encoding)

    def _take(self, logical: str, file: str, lines: tuple[int, int], *, is_constraint: bool) -> None:
        include = _INCLUDE.fullmatch(logical)
        if include is not None:
            self._include(
                include[2].strip(), file, lines, is_constraint=is_constraint or include[1].startswith(("-c", "--c"))
            )
        elif _OPTION.match(logical):
            self.options.append(logical)
        elif logical.startswith("-") and _EDITABLE.fullmatch(logical) is None:
            option = logical.split(maxsplit=1)[0]
            self._problem(
                "requirement-invalid", f"{option} is no option of such a file, or lacks its value.", file, lines
            )
        else:
            self._declare(logical, file, lines, is_constraint=is_constraint)

    def _include(self, target: str, file: str, lines: tuple[int, int], *, is_constraint: bool) -> None:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", target):
            self._problem("requirements-remote", f"{target} is not looked at: it is elsewhere.", file, lines)
            return
        name = posixpath.normpath(posixpath.join(posixpath.dirname(file), target))
        if name in self._open:
            self._problem("requirements-cycle", f"{target} includes itself.", file, lines)
        elif len(self._open) >= _MAX_DEPTH:
            self._problem("requirements-cycle", f"More than {_MAX_DEPTH} files include each other.", file, lines)
        elif (name, is_constraint) not in self._done:
            self.read(name, is_constraint=is_constraint, origin=(file, lines[0] + 1))

    def _declare(self, logical: str, file: str, lines: tuple[int, int], *, is_constraint: bool) -> None:
        editable = _EDITABLE.fullmatch(logical)
        text = _OWN_OPTION.sub("", editable[1] if editable else logical)
        hashes = tuple(_HASH.findall(logical))
        try:
            parsed = None if editable else Requirement(text)
            name = canonicalize_name(parsed.name) if parsed else _name_of_place(text)
        except (InvalidRequirement, RecursionError) as error:
            if not _PLACE.match(text):
                reason = str(error).partition("\n")[0].rstrip(".")
                self._problem("requirement-invalid", f"{_shown(text)} is not a requirement: {reason}.", file, lines)
                return
            parsed, name = None, _name_of_place(text)
        found = Declaration(name, logical if editable else text, file, lines, parsed, hashes, is_constraint)
        self.declarations.append(found)
        if name and not is_constraint:
            marker = str(parsed.marker) if parsed is not None and parsed.marker is not None else ""
            first = self._first.setdefault((name, marker), found)
            if first is not found:
                message = f"{name} is listed twice, first at {first.file}:{first.line}."
                self._problem("requirement-twice", message, file, lines)

    def _problem(self, code: str, message: str, file: str, lines: tuple[int, int] | None) -> None:
        self.problems.append(RequirementProblem(code, message, file, lines[0] + 1 if lines else None))


def logical_lines(lines: tuple[str, ...]) -> Iterator[tuple[tuple[int, int], str]]:
    """The lines that say something: continuations joined, comments gone; with the range of physical lines of each."""
    start, joined = 0, ""
    for index, line in enumerate((*lines, "")):
        bare = line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029") if line else ""
        bare = bare.removeprefix("\ufeff") if index == 0 else bare
        is_comment = _COMMENT_LINE.match(bare) is not None
        if bare.endswith("\\") and not is_comment:
            joined += bare.rstrip("\\")
            continue
        logical = _COMMENT.sub("", joined + (f" {bare}" if is_comment else bare)).strip()
        if logical:
            yield (start, min(index + 1, len(lines))), logical
        start, joined = index + 1, ""


def _is_text(line: str) -> bool:
    """Whether a line was UTF-8."""
    return not any("\udc80" <= character <= "\udcff" for character in line)


def _name_of_place(text: str) -> str:
    """The name that a path or URL shows, if any."""
    place = re.split(r"\s+;", text)[0].strip()
    named = _EGG.search(place) or _FILE_NAME.search(re.split(r"[#?]", place.replace("\\", "/"))[0].rpartition("/")[2])
    return canonicalize_name(named[1]) if named else ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:79]}…")
