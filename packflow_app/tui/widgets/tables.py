"""Textual's table and tree with the keys of ``less`` and ``vi``; apart from the lists, since Home needs neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widgets import DataTable, Tree

from packflow_app.tui.widgets.lists import moves

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Table(DataTable[object]):
    """A table of cells."""

    BINDINGS: ClassVar[list[BindingType]] = moves(
        "cursor_down", "cursor_up", "scroll_top", "scroll_bottom", "scroll_left", "scroll_right"
    )

    def fill(self, names: Sequence[str], rows: Iterable[tuple[str, Sequence[Text]]]) -> None:
        """Show other columns and rows; a row is its key and its cells, of one line each.

        The widths are given, not left to Textual: it measures once it is idle, and a line that was drawn before that,
        as wide as the names of the columns, is kept as it is.
        """
        rows = list(rows)
        self.clear(columns=True)
        for at, name in enumerate(names):
            # Not as str, in which emoji are looked for: their list takes as long to load as all the rest to draw.
            label = Text(name)
            width = max(text.cell_len for text in (label, *(cells[at] for _, cells in rows)))
            self.add_column(label, key=name, width=width)
        for key, cells in rows:
            self.add_row(*cells, key=key)


class Leaves(Tree[str]):
    """A tree of names."""

    BINDINGS: ClassVar[list[BindingType]] = moves("cursor_down", "cursor_up", "scroll_home", "scroll_end")
