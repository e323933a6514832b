"""Ask for a file or a folder that is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from packflow_app.tui.here import current_folder
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.wording import home_path


@dataclass(frozen=True)
class PathQuestion:
    """What is asked for: a file with one of these endings (none: any), or the folder of a project."""

    title: str
    what: str
    suffixes: tuple[str, ...] = ()
    folders: bool = False


class AskPath(ModalScreen["Path | None"]):
    """Stays until the path is one that can be opened; what is wrong is said beside the field, and the text kept."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, question: PathQuestion, start: Path | None = None) -> None:
        super().__init__()
        self._question = question
        self._start = home_path(start) if start is not None else ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._question.title
            yield Label(self._question.what, markup=False)
            yield PathInput(self._start, suffixes=self._question.suffixes, folders=self._question.folders)
            yield Label("", id="wrong", classes="wrong", markup=False)
            yield Label("→ completes   enter opens   esc leaves", classes="hint")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        path = current_folder() / self.query_one(PathInput).path
        wrong = self._wrong(path)
        if wrong:
            self.query_one("#wrong", Label).update(wrong)
        else:
            self.dismiss(path)

    def _wrong(self, path: Path) -> str:
        """Why a path will not do; empty where it will."""
        if not self.query_one(PathInput).value.strip():
            return "Type a path."
        try:
            is_folder, is_file = path.is_dir(), path.is_file()
            has_config = (path / "packflow.yaml").is_file()
        except OSError as error:
            return f"It cannot be looked at: {error.strerror}."
        if not self._question.folders:
            return "" if is_file else "It is a folder." if is_folder else "There is no such file."
        if not is_folder:
            return "There is no such folder."
        return "" if has_config else "There is no packflow.yaml in this folder. Press esc and n to make a project."
