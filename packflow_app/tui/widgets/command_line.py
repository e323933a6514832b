"""The line that shows the shell command which does the same as this screen."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from packflow_app.wording import visible


class CommandLine(Static):
    """``command`` is the whole of it; where it does not fit, its middle is left out on the screen only.

    ``key`` copies it.
    """

    DEFAULT_CSS = "CommandLine { height: 1; padding: 0 1; text-wrap: nowrap; }"

    def __init__(self, key: str = "y") -> None:
        super().__init__(id="command")
        self.command = ""
        self._key = key
        self._copied = True

    def show(self, command: str, *, copied: bool = True) -> None:
        """Show a command; none where it is empty. ``copied``: the key copies it, and is not typed into a field."""
        self.command = command
        self._copied = copied
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self.command:
            self.update("")
            return
        right = Content.assemble((self._key, "bold $key"), (" copy", "$muted")) if self._copied else Content("")
        room = self.content_size.width - right.cell_length - 4
        text = visible(self.command)
        if len(text) > room > 8:
            keep = (room - 1) // 2
            text = f"{text[: room - keep - 1]}…{text[-keep:]}"
        left = Content.assemble(("$ ", "$muted"), text)
        gap = max(1, self.content_size.width - left.cell_length - right.cell_length)
        self.update(Content.assemble(left, " " * gap, right))
