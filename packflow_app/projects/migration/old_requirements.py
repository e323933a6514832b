"""Take packflow out of requirements files, and name what came along with it and is used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError
from packflow_app.projects.migration.findings import Found
from packflow_app.projects.requirements import REQUIREMENTS_FILE, DeclaredRequirements, RequirementsText, read_declared

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_CAME_ALONG = {
    "click": ("click", "click>=8.0.0"),
    "deepmerge": ("deepmerge", "deepmerge>=2.0,<3.0"),
    "flatten_dict": ("flatten-dict", "flatten-dict>=0.4.2,<1.0.0"),
    "loguru": ("loguru", "loguru>=0.7.3,<0.8.0"),
    "numpy": ("numpy", "numpy<3"),
    "packaging": ("packaging", "packaging>=21.0"),
    "pathspec": ("pathspec", "pathspec>=0.12.0,<2.0.0"),
    "pydantic": ("pydantic", "pydantic>=2.11.0,<3.0.0"),
    "questionary": ("questionary", "questionary>=2.1.0,<3.0.0"),
    "yaml": ("pyyaml", "PyYAML>=6.0"),
}
"""What packflow 0.4.1 required, by the module: the distribution, and the range it asked for."""
_COMMENT = re.compile(r"(?:^|\s)(#.*?)[\r\n]*\Z")
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class RequirementsChange:
    """One file with and without packflow; the same where there was none."""

    name: str
    before: bytes
    after: bytes


def migrated_requirements(
    project: Path, others: Iterable[str], imported: Iterable[str]
) -> tuple[list[RequirementsChange], list[Found]]:
    """Rewrite requirements.txt with all that it includes, and ``others``; ``imported`` are modules that code imports.

    Raises CheckFailedError for a file that is not text.
    """
    main = read_declared(project / REQUIREMENTS_FILE)
    names = dict.fromkeys([REQUIREMENTS_FILE, *(one.file for one in main.declarations), *others])
    changes: dict[str, RequirementsChange] = {}
    removed = False
    for name in names:
        # A file that another includes lies below it; each is read by itself for its own lines.
        if ".." in name.split("/"):
            continue
        declared = main if name == REQUIREMENTS_FILE else read_declared(project / name)
        text = _text_of(declared, name)
        lines = _without_packflow(declared, text, name.rpartition("/")[2])
        removed |= lines != text.lines
        changes[name] = RequirementsChange(name, text.encode(), RequirementsText(lines, text.encoding).encode())
    found: list[Found] = []
    if removed:
        declared_names = {one.name for one in main.declarations if not one.is_constraint}
        wanted = [_CAME_ALONG[module] for module in sorted(set(imported) & set(_CAME_ALONG))]
        missing = [requirement for name, requirement in wanted if name not in declared_names]
        changes[REQUIREMENTS_FILE] = _with(changes[REQUIREMENTS_FILE], main, missing, found)
    return list(changes.values()), found


def _text_of(declared: DeclaredRequirements, name: str) -> RequirementsText:
    """The file's lines; none where it does not exist."""
    if declared.text is None:
        problem = next((one.message for one in declared.problems if one.file == name), f"{name} cannot be read.")
        raise CheckFailedError(problem, code="requirements-unreadable", file=name, hint="Save it as UTF-8 text.")
    return declared.text


def _without_packflow(declared: DeclaredRequirements, text: RequirementsText, file: str) -> tuple[str, ...]:
    """The lines without those that require packflow; a comment on such a line stays."""
    lines = list(text.lines)
    for one in declared.declarations:
        if one.name != "packflow" or one.file != file:
            continue
        first, end = one.lines
        last = lines[end - 1]
        comment = _COMMENT.search(last)
        ends = _LINE_END.search(last)
        lines[first:end] = [""] * (end - first)
        if comment is not None:
            lines[first] = comment[1] + (ends[0] if ends else "")
    return tuple(line for line in lines if line)


def _with(
    change: RequirementsChange, declared: DeclaredRequirements, added: list[str], found: list[Found]
) -> RequirementsChange:
    """The file with further lines at its end; where it has hashes they are told instead."""
    if not added:
        return change
    if any(one.hashes for one in declared.declarations) or "--require-hashes" in declared.options:
        listed = ", ".join(added)
        message = f"{change.name} has hashes, so {listed}, which came with packflow, must be added by hand."
        found.append(Found("left", "requirements-hashed", message, change.name, None, "Compile the file again."))
        return change
    encoding = declared.text.encoding if declared.text is not None else "utf-8"
    ends = _LINE_END.search(change.before.decode(encoding, "replace"))
    end = (ends[0] if ends else "\n").encode(encoding)
    after = change.after
    if after and not after.endswith(end):
        after += end
    return RequirementsChange(change.name, change.before, after + b"".join(one.encode(encoding) + end for one in added))
