"""One event: as coloured JSON, or why it is none."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from packflow_app.tui.json_text import laid_out
from packflow_app.tui.screens.events.opened import Row
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.wording import visible

_AROUND = 60


def event_text(row: Row | None) -> Content:
    """All there is to say about a row."""
    if row is None:
        return Content.styled("…", "$muted")
    if row.invalid:
        return _invalid_text(row)
    if not row.text:
        return Content.styled("An empty line.", "$muted")
    lines = laid_out(row.text)
    if row.odd:
        lines.insert(0, Content.styled(f"● {visible(row.odd)}", "bold $warning"))
    return Content("\n").join(lines)


def _invalid_text(row: Row) -> Content:
    """The reason, and the part of the line around the place, with a mark below it."""
    parts: list[str | tuple[str, str]] = [("✗ This line is no event\n", "bold $error"), visible(row.invalid), "\n\n"]
    if row.column is None or not row.text:
        return Content.assemble(*parts, (visible(row.text[:2000]), "$muted"))
    start = max(0, row.column - 1 - _AROUND // 2)
    before = visible(row.text[start : row.column - 1])
    shown = before + visible(row.text[row.column - 1 : start + _AROUND])
    mark = " " * len(before) + "▲"
    return Content.assemble(*parts, shown, "\n", (f"{mark} column {row.column}", "$error"))


class EventDialog(ModalScreen[None]):
    """An event alone, over the whole screen: where the terminal is too narrow for a third pane."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", show=False)]

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide-dialog") as dialog:
            dialog.border_title = f"Event {self._row.position:,}"
            dialog.border_subtitle = "esc closes"
            with Scroll():
                yield Static(event_text(self._row))
