"""A text whose lines are folded by its own width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events


class Folded(Static):
    """Drawn anew when its width changes, also where a scroll bar beside it comes or goes."""

    DEFAULT_CSS = "Folded { height: auto; }"

    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._text: Callable[[int], Content] = lambda _width: Content("")
        self._width = 0

    def show(self, text: Callable[[int], Content]) -> None:
        """Show what ``text`` gives for a width in columns; 0 where there is none yet."""
        self._text = text
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        del event
        if self.content_size.width != self._width:
            self._draw()

    def _draw(self) -> None:
        self._width = self.content_size.width
        self.update(self._text(self._width))
