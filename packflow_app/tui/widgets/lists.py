"""Textual's lists with the keys of ``less`` and ``vi`` beside the arrows."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.strip import Strip
from textual.widgets import OptionList


def moves(down: str, up: str, first: str, last: str, left: str = "", right: str = "") -> list[BindingType]:
    """Bindings of the letters to a list's own actions."""
    named = {"j": down, "k": up, "g": first, "G": last, "h": left, "l": right}
    return [Binding(key, action, show=False) for key, action in named.items() if action]


class Options(OptionList):
    """A list to choose from.

    Where the terminal's own sixteen colours are used, the marked line has one colour: none of the others can be read
    on that of the cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = moves("cursor_down", "cursor_up", "first", "last")

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        marked = self.get_component_rich_style("option-list--option-highlighted")
        if not self.app.current_theme.ansi or marked.bgcolor is None or marked.bgcolor.is_default:
            return strip
        plain = Style(color=marked.color)
        return Strip(
            [
                Segment(
                    text, style + plain if style is not None and style.bgcolor == marked.bgcolor else style, control
                )
                for text, style, control in strip
            ],
            strip.cell_length,
        )


class Scroll(VerticalScroll, can_focus=True):
    """Text to scroll."""

    BINDINGS: ClassVar[list[BindingType]] = moves(
        "scroll_down", "scroll_up", "scroll_home", "scroll_end", "scroll_left", "scroll_right"
    )
