"""Which of a project's files were read in this process: what an archive cannot leave out.

Python tells of every file that it opens, and the system of what is mapped into memory. What compiled libraries open by
themselves and close again is seen by neither.
"""

from __future__ import annotations

import os
import sys
from typing import Any

_MOST = 10_000
_MAPS = "/proc/self/maps"


class OpenedFiles:
    """Notes what is opened for reading below ``project_dir`` from here on; the process must be ours, for good."""

    def __init__(self, project_dir: str) -> None:
        self._roots = tuple({os.path.join(root, "") for root in (project_dir, os.path.realpath(project_dir))})
        self._paths: set[str] = set()
        sys.addaudithook(self._hook)

    def names(self) -> list[str]:
        """The regular files among them, as paths below the project with slashes, sorted."""
        paths = {path for path in self._paths | _mapped(self._roots) if os.path.isfile(path)}
        return sorted({path[len(root) :].replace(os.sep, "/") for path in paths for root in self._of(path)})

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or len(self._paths) >= _MOST:
            return
        path, _, flags = arguments
        if not isinstance(path, (str, bytes, os.PathLike)) or (isinstance(flags, int) and flags & os.O_WRONLY):
            return
        try:
            absolute = os.path.abspath(os.fsdecode(path))
        except (OSError, ValueError, TypeError):
            return  # what opens it will say so
        if absolute.startswith(self._roots):
            self._paths.add(absolute)

    def _of(self, path: str) -> list[str]:
        return [root for root in self._roots if path.startswith(root)][:1]


def _mapped(roots: tuple[str, ...]) -> set[str]:
    """The files below ``roots`` that are mapped into memory now (Linux)."""
    try:
        with open(_MAPS, encoding="utf-8", errors="surrogateescape") as file:
            paths = {line.rstrip("\n").partition("/")[1:] for line in file if "/" in line}
    except OSError:
        return set()
    return {path for slash, rest in paths if (path := slash + rest).startswith(roots)}
