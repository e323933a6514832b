"""What stands in place of a screen that has no room."""

from __future__ import annotations

from textual.widget import Widget


class TooSmall(Widget):
    """Drawn anew with every size of the terminal; when it is seen, the style sheet says."""

    def render(self) -> str:
        width, height = self.app.size
        return (
            f"Packflow needs 60 columns and 16 lines of room; here are {width} and {height}. Make the window larger, "
            "or run packflow --help for the commands."
        )
