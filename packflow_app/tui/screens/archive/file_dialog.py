"""One file of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from packflow_app.tui.json_text import laid_out
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.wording import counted, visible

if TYPE_CHECKING:
    from packflow_app.actions.show import ArchivedFile

_MOST_LINES = 5000


class FileDialog(ModalScreen[None]):
    """Shows its text; JSON as it was written, laid out."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", show=False)]

    def __init__(self, file: ArchivedFile) -> None:
        super().__init__()
        self._file = file

    def compose(self) -> ComposeResult:
        file = self._file
        with Vertical(classes="dialog wide-dialog") as dialog:
            dialog.border_title = Content(visible(file.name)).markup
            dialog.border_subtitle = f"{counted(file.size, 'byte')}, as the manifest says   esc closes"
            with Scroll():
                yield Static(self._content())

    def _content(self) -> Content:
        file = self._file
        if file.text is None:
            return Content(f"{counted(file.size, 'byte')} that are no text, sha256 {file.sha256}")
        cut = file.size > len(file.data)
        if file.name.endswith(".json") and not cut:
            lines = list(laid_out(file.text))
        else:
            lines = [Content(visible(line)) for line in file.text.splitlines()]
        if cut or len(lines) > _MOST_LINES:
            lines = [*lines[:_MOST_LINES], Content.styled("… and more, which is not shown", "$muted")]
        return Content("\n").join(lines)
