"""Names of panes in one line, one of them chosen; each may carry a number."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class PaneTabs(Widget):
    """Posts which pane is chosen; what a pane is, its owner knows."""

    DEFAULT_CSS = "PaneTabs { height: 1; margin: 0 0 1 0; }"

    current: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """Another pane was chosen."""

        pane: str

    def __init__(self, panes: dict[str, str]) -> None:
        super().__init__()
        self._panes = panes
        self._counts: dict[str, int] = {}
        self._hidden: frozenset[str] = frozenset()
        self.set_reactive(PaneTabs.current, next(iter(panes)))

    def count(self, pane: str, number: int) -> None:
        """How much there is in a pane."""
        self._counts[pane] = number
        self.refresh()

    def hide(self, *panes: str) -> None:
        """Leave these out, and show all others; where the chosen one goes, the first that is left is chosen."""
        if self._hidden != frozenset(panes):
            self._hidden = frozenset(panes)
            if self.current in self._hidden:
                self.choose(self._names[0])
            self.refresh()

    @property
    def _names(self) -> list[str]:
        return [name for name in self._panes if name not in self._hidden]

    def choose(self, pane: str) -> None:
        """Choose a pane by its id."""
        self.current = pane
        self.post_message(self.Chosen(pane))

    def move(self, by: int) -> None:
        """Choose the next one, around the end."""
        names = self._names
        self.choose(names[(names.index(self.current) + by) % len(names)])

    def render(self) -> Content:
        return Content("  ").join(self._item(pane) for pane in self._names)

    def _item(self, pane: str) -> Content:
        number = f" {self._counts[pane]:,}" if self._counts.get(pane) else ""
        if pane == self.current:
            return Content.styled(f" {self._panes[pane]}{number} ", "bold reverse")
        return Content.assemble(f" {self._panes[pane]}", (f"{number} ", "$muted"))

    def on_click(self, event: events.Click) -> None:
        start = 0
        for pane in self._names:
            width = self._item(pane).cell_length
            if start <= event.x < start + width:
                self.choose(pane)
            start += width + 2
