"""Textual's lists with the keys of ``less`` and ``vi`` beside the arrows."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import OptionList


def moves(down: str, up: str, first: str, last: str, left: str = "", right: str = "") -> list[BindingType]:
    """Bindings of the letters to a list's own actions."""
    named = {"j": down, "k": up, "g": first, "G": last, "h": left, "l": right}
    return [Binding(key, action, show=False) for key, action in named.items() if action]


class Options(OptionList):
    """A list to choose from."""

    BINDINGS: ClassVar[list[BindingType]] = moves("cursor_down", "cursor_up", "first", "last")


class Scroll(VerticalScroll, can_focus=True):
    """Text to scroll."""

    BINDINGS: ClassVar[list[BindingType]] = moves(
        "scroll_down", "scroll_up", "scroll_home", "scroll_end", "scroll_left", "scroll_right"
    )
