"""The user's editor, and how it is told a line."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_USUAL = ("sensible-editor", "nano", "vim", "vi", "micro", "emacs")
_PLUS = frozenset(
    {"vi", "vim", "nvim", "view", "nano", "emacs", "emacsclient", "micro", "joe", "sensible-editor", "pico"}
)
_COLON = frozenset({"hx", "helix", "subl", "zed", "kak"})


def editor_command(path: Path, line: int | None) -> list[str] | None:
    """The words that open a file at a line: VISUAL, EDITOR, else what is usually there. None where nothing is."""
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR") or next(filter(shutil.which, _USUAL), None)
    try:
        words = shlex.split(chosen or "")
    except ValueError:  # a quote that is not closed
        words = [chosen or ""]
    if not words:
        return None
    name = os.path.basename(words[0])  # noqa: PTH119 - of a word, not of a path
    if line is None:
        return [*words, str(path)]
    if name in _PLUS:
        return [*words, f"+{line}", str(path)]
    if name in _COLON:
        return [*words, f"{path}:{line}"]
    return [*words, "--goto", f"{path}:{line}"] if name in ("code", "codium", "cursor") else [*words, str(path)]
