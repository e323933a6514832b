"""The last line: the few keys that matter here, as many as fit, and never a part of one."""

from __future__ import annotations

from dataclasses import replace

from textual import events
from textual.content import Content
from textual.widgets import Static

from packflow_app.tui.keys import SCREENS, Key, footer_of

_PALETTE = Key("ctrl+p", "^p", "Commands", "", "app.command_palette")
_NARROW = 100
_MOST_NARROW = 5


class KeyHints(Static):
    """At most five items under 100 columns, the palette among them; a click does what the key does."""

    DEFAULT_CSS = "KeyHints { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; }"

    def __init__(self, screen: str) -> None:
        super().__init__(id="keys")
        self._keys = footer_of(screen)
        self._has_palette = screen in SCREENS
        self._left_out: tuple[str, ...] = ()
        self._labels: dict[str, str] = {}
        self._places: list[tuple[int, int, Key]] = []

    def adapt(self, *, left_out: tuple[str, ...] = (), labels: dict[str, str] | None = None) -> None:
        """Show no keys that do nothing now, and what others do now; by the names of the keys."""
        self._left_out, self._labels = left_out, labels or {}
        self._draw()

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @property
    def shown(self) -> list[Key]:
        """The keys that the line shows now."""
        return [key for _, _, key in self._places]

    def _draw(self) -> None:
        width = self.content_size.width
        right = _item(_PALETTE) if self._has_palette else Content("")
        most = (_MOST_NARROW if self.app.size.width < _NARROW else len(self._keys) + 1) - self._has_palette
        useful = [
            replace(key, label=self._labels.get(key.keys, key.label))
            for key in self._keys
            if key.keys not in self._left_out
        ]
        last = [key for key in useful if key.footer >= 80]
        first = [key for key in useful if key.footer < 80][: most - len(last)]
        while first and _length([*first, *last]) + right.cell_length + 2 > width:
            first.pop()
        line = Content("")
        self._places = []
        for key in [*first, *last]:
            item = _item(key)
            self._places.append((line.cell_length, line.cell_length + item.cell_length, key))
            line = Content.assemble(line, item, "  ")
        gap = max(0, width - line.cell_length - right.cell_length)
        if self._has_palette:
            self._places.append((line.cell_length + gap, width, _PALETTE))
        self.update(Content.assemble(line, " " * gap, right))

    async def on_click(self, event: events.Click) -> None:
        at = event.x - 1
        for start, end, key in self._places:
            if start <= at < end:
                await self.run_action(key.action)


def _item(key: Key) -> Content:
    return Content.assemble((key.shown, "bold $key"), (f" {key.label}", "$foreground"))


def _length(keys: list[Key]) -> int:
    return sum(_item(key).cell_length + 2 for key in keys)
