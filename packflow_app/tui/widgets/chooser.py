"""One of a few words, chosen with the arrows; all of them are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events


class Chooser(Static, can_focus=True):
    """Left and right choose, space takes the next; enter is as in a field."""

    DEFAULT_CSS = "Chooser { width: 1fr; height: 1; text-wrap: nowrap; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", show=False),
        Binding("right,l,space", "move(1)", show=False),
        Binding("enter", "submit", show=False),
    ]
    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another word was chosen."""

        value: str

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(self, words: Sequence[str], value: str, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._words = tuple(words)
        self.set_reactive(Chooser.value, value)

    def on_mount(self) -> None:
        self._draw()

    def watch_has_focus(self, has_focus: bool) -> None:  # noqa: FBT001 - Textual calls it so
        super().watch_has_focus(has_focus)
        self._draw()

    def watch_value(self, value: str) -> None:
        self._draw()
        self.post_message(self.Changed(value))

    def _draw(self) -> None:
        style = "bold $cursor-foreground on $cursor-background" if self.has_focus else "bold $primary"
        parts = [
            (f"({word})", f"{style} reverse" if self.app.no_color and self.has_focus else style)
            if word == self.value
            else (f" {word} ", "$muted")
            for word in self._words
        ]
        self.update(Content.assemble(*[piece for part in parts for piece in (part, " ")]))

    def action_move(self, by: int) -> None:
        self.value = self._words[(self._words.index(self.value) + by) % len(self._words)]

    def action_submit(self) -> None:
        self.post_message(self.Submitted())

    def on_click(self, event: events.Click) -> None:
        at = 0
        for word in self._words:
            if at <= event.x < at + len(word) + 2:
                self.value = word
            at += len(word) + 3
