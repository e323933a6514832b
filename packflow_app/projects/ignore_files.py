"""What `.gitignore` and `.packflowignore` leave out, with git's own meaning and the line that says so.

A path is judged from its parents down: below a folder that is left out nothing is looked at, so that nothing in it can
be taken back. A file of rules further down outweighs those above it, and in one file the last line that matches wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

if TYPE_CHECKING:
    from collections.abc import Sequence

GIT_IGNORE = ".gitignore"
PACKFLOW_IGNORE = ".packflowignore"
_ANYWHERE = re.compile(r"/?(\*\*/+)+(?=[^/])|/(?=\*\*/*$)")
_FOLDER_GROUP = "ps_d"  # pathspec's name for the slash after a folder whose members match because it does


@dataclass(frozen=True)
class IgnoreRule:
    """A line of a file of rules: ``file`` is below the project, ``line`` counts from 1."""

    file: str
    line: int
    pattern: str

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class IgnoreDecision:
    """What a rule says of a path: that it is left out, or (``!``) that it is not."""

    rule: IgnoreRule
    is_ignored: bool


class IgnoreFile:
    """The rules of one file; ``folder`` is where it lies below the project, empty or with a slash at its end."""

    def __init__(self, folder: str, name: str, content: bytes) -> None:
        self.folder = folder
        self._rules: list[_Rule] = []
        text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        for number, line in enumerate(text.split("\n"), 1):
            pattern = _parsed(line.removesuffix("\r"))
            if pattern is not None:
                self._rules.append(_Rule(IgnoreRule(f"{folder}{name}", number, line.strip()), pattern))
        self._rules.reverse()

    def decide(self, path: str, *, is_folder: bool) -> IgnoreDecision | None:
        """What the last matching line says of ``path``, which is below the project and in this file's folder."""
        whole = path.removeprefix(self.folder)
        slash = "/" if is_folder else ""
        name = whole.rpartition("/")[2]
        for one in self._rules:
            if one.matches(name if one.is_name else whole, slash):
                return IgnoreDecision(one.rule, is_ignored=bool(one.pattern.include))
        return None


def decide(files: Sequence[IgnoreFile], path: str, *, is_folder: bool) -> IgnoreDecision | None:
    """What the innermost of ``files`` (outermost first) that has a word to say decides; None where none has."""
    for one in reversed(files):
        decision = one.decide(path, is_folder=is_folder)
        if decision is not None:
            return decision
    return None


class _Rule:
    """One pattern. ``is_name``: it is about a name in any folder, so that the folders above need not be looked at."""

    def __init__(self, rule: IgnoreRule, pattern: GitIgnoreSpecPattern) -> None:
        body = rule.pattern.removeprefix("!")
        self.rule = rule
        self.pattern = pattern
        anywhere = _ANYWHERE.match(body)
        rest = body[anywhere.end() :] if anywhere is not None else body
        self.is_name = "/" not in rest.rstrip("/")
        self._is_inside = not self.is_name and rest.rstrip("/").endswith("/**")  # all below, not the folder itself
        self._folders_only = body.endswith("/")

    def matches(self, text: str, slash: str) -> bool:
        """Whether the pattern is about this very path, not only about a folder above it."""
        found = self.pattern.match_file(text + slash)
        if found is None:
            return False
        if self._is_inside:
            return found.match.end() < len(text) and (bool(slash) or not self._folders_only)
        folder = found.match.groupdict().get(_FOLDER_GROUP)
        return folder is None or found.match.start(_FOLDER_GROUP) == len(text)


def _parsed(line: str) -> GitIgnoreSpecPattern | None:
    """The pattern of a line; None for a comment, a blank, and what git takes for a pattern that matches nothing."""
    try:
        pattern = GitIgnoreSpecPattern(line)
    except (GitIgnorePatternError, ValueError, IndexError, re.error):
        return None
    return pattern if pattern.include is not None else None
