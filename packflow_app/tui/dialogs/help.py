"""The keys of a screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from packflow_app.tui.keys import MOVES, NEW_PROJECT, SCREENS, keys_of
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.rows import row

_ABOUT = {
    "home": "Where the project stands. ✓ ok, ● stale: what it looked at has changed since, ✗ failed, – not run.",
    "inspect": "The events of a file as they are, and what is odd about them. Huge files are read page by page.",
    "dry-run": "The model runs one by one (single) and in batches, in a process of its own, and must answer alike.",
    "validate": "Everything an export needs. Errors (✗) are in its way, warnings (●) and notes (–) are not.",
    "export": "The project becomes one file, after a dry run where that is stale. Equal projects give equal bytes.",
    NEW_PROJECT: "Nothing is written before the last yes. The model is opened in a process of its own, a pickle only "
    "after yours.",
    "verify": "What an archive holds and claims. Verified: every byte is the one that its manifest lists.",
}
_WIDTH = 66  # of a dialog, between its frame and its scroll bar
_LISTS = ("Lists", [(keys, what.capitalize()) for keys, what in MOVES])


class HelpDialog(ModalScreen[None]):
    """Any key of its own closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q,enter", "dismiss", show=False)]

    def __init__(self, screen: str) -> None:
        super().__init__()
        self._screen = screen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = f"Keys of {SCREENS.get(self._screen, 'a new project')}"
            dialog.border_subtitle = "esc closes"
            with Scroll():
                yield Static(self._text())

    def _text(self) -> Content:
        if self._screen == NEW_PROJECT:
            return self._listed(("Here", [(key.shown, key.title) for key in keys_of(self._screen)]), _LISTS)
        own = [(key.shown, key.title) for key in keys_of(self._screen) if key.screen]
        everywhere = [("1 – 6", "Go to a screen")]
        everywhere += [
            (f"{key.shown} F1" if key.shown == "?" else key.shown, key.title)
            for key in keys_of(self._screen)
            if not key.screen and not key.shown.isdigit()
        ]
        return self._listed(("Here", own), _LISTS, ("Everywhere", everywhere))

    def _listed(self, *groups: tuple[str, list[tuple[str, str]]]) -> Content:
        lines = [Content(_ABOUT[self._screen])]
        for title, rows in groups:
            lines += [Content(""), Content.styled(title, "bold $primary")]
            lines += [row(Content.styled(f"{keys:14}", "bold $key"), what, _WIDTH) for keys, what in rows]
        return Content("\n").join(lines)
