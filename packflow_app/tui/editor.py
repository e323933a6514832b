"""The user's editor: how it is told a line, and the terminal that it has meanwhile."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from packflow_app.wording import shown_path

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.tui.app import PackflowApp

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


def edit(app: PackflowApp, path: Path, line: int | None) -> None:
    """Open a file in the editor, which has the app's terminal until it ends; what keeps it from that is said."""
    if app.is_web:
        place = f"{shown_path(path)}{f':{line}' if line else ''}"
        app.say(f"A browser cannot be lent to an editor; open {place} in one.")
        return
    command = editor_command(path, line)
    if command is None:
        app.say("No editor was found: set EDITOR, for example to nano.", severity="error")
        return
    fault = ""
    try:
        with app.suspend():  # which an error would not end: the app would never have its terminal back
            fault = _run(command)
    except SuspendNotSupported:
        fault = "This terminal cannot be lent to an editor."
    if fault:
        app.say(fault, severity="error")
    app.refresh()


def _run(command: list[str]) -> str:
    """Why it could not be started; empty where it was."""
    try:
        subprocess.run(command, check=False)
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror}."
    return ""
