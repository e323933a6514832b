"""Lines of a label and a text, whose further lines stand below the text, not below the label."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from packflow_app.wording import visible

_LEAST = 20


def row(head: Content, text: str, width: int, style: str = "") -> Content:
    """``head`` is as wide as the label's column; ``text`` is anybody's. A width of 0 is not known yet."""
    room = max(_LEAST, width - head.cell_length) if width else 10_000
    lines = textwrap.wrap(visible(text), room, break_on_hyphens=False) or [""]
    parts: list[Content | tuple[str, str] | str] = [head, (lines[0], style)]
    for line in lines[1:]:
        parts += ["\n", " " * head.cell_length, (line, style)]
    return Content.assemble(*parts)


class Rows(Static):
    """Rows of a head and a text each, folded anew whenever the width changes, also when it gets its first one."""

    _rows: Sequence[tuple[Content, str]] = ()

    def show(self, rows: Sequence[tuple[Content, str]]) -> None:
        """Show these rows."""
        self._rows = rows
        self._draw()

    def say(self, text: Content) -> None:
        """Show a text that folds by itself instead."""
        self._rows = ()
        self.update(text)

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._rows:
            self.update(Content("\n").join([row(*one, self.content_size.width) for one in self._rows]))
