"""Textual's table and tree with the keys of ``less`` and ``vi``; apart from the lists, since Home needs neither."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import DataTable, Tree

from packflow_app.tui.widgets.lists import moves


class Table(DataTable[object]):
    """A table of cells."""

    BINDINGS: ClassVar[list[BindingType]] = moves(
        "cursor_down", "cursor_up", "scroll_top", "scroll_bottom", "scroll_left", "scroll_right"
    )


class Leaves(Tree[str]):
    """A tree of names."""

    BINDINGS: ClassVar[list[BindingType]] = moves("cursor_down", "cursor_up", "scroll_home", "scroll_end")
