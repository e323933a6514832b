"""Change versions in a requirements file, and add to it; every other byte stays as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from packflow_app.errors import NotFoundError
from packflow_app.projects.replacing import replace_file
from packflow_app.projects.requirements import DeclaredRequirements, RequirementsText, logical_lines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packflow_app.projects.requirements import Declaration

_NAME = re.compile(r"\ufeff?\s*[A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[^\]]*\])?")
_AFTER_VERSION = re.compile(r";|\s+#|\s+--?[A-Za-z]|\s*\Z")
_BLANKS = " \t\r\n\\"  # with the backslash that continues a line
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class RequirementEdit:
    """One requirement that was added, or pinned where it stood.

    ``line`` counts from 1: where an added one stands now, and where a pinned one stood when the file was read.
    """

    kind: str  # added, pinned
    name: str
    version: str
    line: int


@dataclass(frozen=True)
class LeftAlone:
    """Something that was wanted and not done, with the reason; ``line`` is None where no line stands for it."""

    name: str
    reason: str
    file: str
    line: int | None


@dataclass(frozen=True)
class RequirementsRewrite:
    """A requirements file as it was read and as it should be; the same where there is nothing to do."""

    path: Path
    before: bytes
    after: bytes
    edits: list[RequirementEdit] = field(default_factory=list)
    left: list[LeftAlone] = field(default_factory=list)


def rewritten(
    declared: DeclaredRequirements, pins: Iterable[tuple[Declaration, str]], added: Iterable[tuple[str, str]]
) -> RequirementsRewrite:
    """Give declarations the version they are pinned to, and add ``name==version`` lines at the end.

    Only the file itself is changed, not those that it includes. Raises NotFoundError when it could not be read.
    """
    if declared.text is None:
        raise NotFoundError(
            f"{declared.path} cannot be read, so it is not changed.",
            code="requirements-unreadable",
            file=str(declared.path),
            hint="Save it as UTF-8 text.",
        )
    editor = _Editor(declared, declared.text)
    for declaration, version in pins:
        editor.pin(declaration, version)
    for name, version in added:
        editor.add(name, version)
    after = RequirementsText(tuple(editor.lines), declared.text.encoding).encode()
    return RequirementsRewrite(declared.path, declared.text.encode(), after, editor.edits, editor.left)


def write_requirements(rewrite: RequirementsRewrite) -> bool:
    """Put the new file in place at once, if it differs; gives whether it does.

    Raises NotWritableError, also when the file is no longer as it was read.
    """
    if rewrite.after == rewrite.before:
        return False
    replace_file(rewrite.path, rewrite.before if rewrite.before or rewrite.path.exists() else None, rewrite.after)
    return True


class _Editor:
    def __init__(self, declared: DeclaredRequirements, text: RequirementsText) -> None:
        self.file = declared.path.name
        self.lines = list(text.lines)
        self.edits: list[RequirementEdit] = []
        self.left: list[LeftAlone] = []
        self._hashed = any(one.hashes for one in declared.declarations) or any(
            option.startswith("--require-hashes") for option in declared.options
        )

    def pin(self, declaration: Declaration, version: str) -> None:
        """Replace the specifier, on the same physical lines."""
        first, end = declaration.lines
        reason = self._why_not(declaration)
        changed = None if reason else with_version("".join(self.lines[first:end]), version)
        if changed is None:
            reason = reason or "its line is written in a way that cannot be changed safely"
            self.left.append(LeftAlone(declaration.name, reason, declaration.file, declaration.line))
            return
        # All on the first; the others become empty, so that the places of later declarations stay what they are.
        self.lines[first:end] = [changed, *[""] * (end - first - 1)]
        self.edits.append(RequirementEdit("pinned", declaration.name, version, declaration.line))

    def add(self, name: str, version: str) -> None:
        """Append a line, after an end of line where the file has none."""
        if self._hashed:
            self.left.append(LeftAlone(name, "the file has hashes, and this one's are not known here", self.file, None))
            return
        text = "".join(self.lines)
        ends = _LINE_END.search(text)
        end = ends[0] if ends else "\n"
        last = text.splitlines()[-1] if text else ""
        if text and not _LINE_END.search(text[-1]):
            self.lines.append(end)
        if last.endswith("\\") and not last.lstrip().startswith("#"):
            self.lines.append(end)  # ends what would be continued here
        self.lines.append(f"{name}=={version}{end}")
        self.edits.append(RequirementEdit("added", name, version, len("".join(self.lines).splitlines())))

    def _why_not(self, declaration: Declaration) -> str:
        if declaration.file != self.file:
            return f"{self.file} only includes it"
        if declaration.is_place:
            return "it names a place, not a version"
        return "its hashes are those of another version" if declaration.hashes else ""


def with_version(raw: str, version: str) -> str | None:
    """The physical lines of one requirement with ``==version`` for its specifier; None where that cannot be told.

    Whatever comes of it is read again: only the specifier may have changed.
    """
    name = _NAME.match(raw)
    if name is None:
        return None
    rest = raw[name.end() :]
    after = _AFTER_VERSION.search(rest)
    region = rest[: after.start() if after else len(rest)]
    kept = region.rstrip(_BLANKS)
    specifier = kept.lstrip(_BLANKS)
    before = kept[: len(kept) - len(specifier)]
    changed = f"{raw[: name.end()]}{before}=={version}{rest[len(kept) :]}"
    old, new = _parsed(raw), _parsed(changed)
    if old is None or new is None or new.specifier != SpecifierSet(f"=={version}"):
        return None
    same = (old.name, old.extras, str(old.marker)) == (new.name, new.extras, str(new.marker))
    return changed if same else None


def _parsed(raw: str) -> Requirement | None:
    found = list(logical_lines(tuple(raw.splitlines(keepends=True))))
    try:
        return Requirement(re.sub(r"\s+--?[A-Za-z].*", "", found[0][1])) if len(found) == 1 else None
    except InvalidRequirement:
        return None
