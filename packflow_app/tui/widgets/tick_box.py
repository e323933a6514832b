"""A box to tick, which can be told from an empty one without any colour."""

from __future__ import annotations

from textual.widgets import Checkbox


class TickBox(Checkbox):
    """``[x]`` or ``[ ]``, then what it stands for."""

    DEFAULT_CSS = """
    TickBox, TickBox:focus {
        width: 1fr; height: 1; border: none; padding: 0; background: $background;
        background-tint: transparent; text-wrap: nowrap; text-overflow: ellipsis;
    }
    TickBox > .toggle--button, TickBox.-on > .toggle--button { color: $foreground; background: $background; }
    TickBox:ansi > .toggle--button, TickBox:ansi.-on > .toggle--button {
        color: ansi_default; background: ansi_default; text-style: none;
    }
    TickBox:focus > .toggle--label { background: $cursor-background; color: $cursor-foreground; text-style: none; }
    TickBox:nocolor:focus > .toggle--label { text-style: bold underline; }
    """
    BUTTON_LEFT = BUTTON_RIGHT = ""  # Textual draws these in the colour behind the box, which is also ours

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 - Textual's name
        """What stands in the box."""
        return "[x]" if self.value else "[ ]"
