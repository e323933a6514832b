"""A screen as plain text, line by line, as eyes see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen


def screen_text(screen: Screen[Any]) -> str:
    """The text of all that is drawn, without trailing blanks."""
    strips = screen._compositor.render_strips()  # noqa: SLF001 - Textual offers the screen as SVG only
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"
