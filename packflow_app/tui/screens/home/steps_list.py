"""The steps as a list to choose from: a glyph and a word for each."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from packflow_app.tui.keys import SCREENS
from packflow_app.tui.steps import STYLES, StepState


class StepsList(Widget, can_focus=True):
    """The six screens; enter opens the marked one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("home,g", "jump(0)", show=False),
        Binding("end,G", "jump(-1)", show=False),
    ]
    DEFAULT_CSS = "StepsList { height: auto; width: 1fr; }"

    marked: reactive[int] = reactive(0)
    states: reactive[dict[str, StepState]] = reactive(dict, always_update=True)

    class Opened(Message):
        """A step was clicked."""

    @property
    def chosen(self) -> str:
        """The step that is marked."""
        return list(SCREENS)[self.marked]

    def get_content_height(self, *_: object) -> int:
        return len(SCREENS)

    def render(self) -> Content:
        return Content("\n").join(self._line(at, name) for at, name in enumerate(SCREENS))

    def _line(self, at: int, name: str) -> Content:
        state = self.states.get(name)
        mark = "▸" if at == self.marked else " "
        line = Content.assemble((mark, "$primary"), (f"{at + 1} ", "$muted"), SCREENS[name].ljust(10))
        if state is not None:
            room = max(1, self.content_size.width - 15) if self.content_size.width else len(state.word)
            word = state.word if len(state.word) <= room else f"{state.word[: room - 1]}…"
            line = Content.assemble(line, (f"{state.state.value} {word}", STYLES[state.state]))
        if at == self.marked:
            line = line.stylize("bold")
        return line

    def action_move(self, by: int) -> None:
        self.marked = max(0, min(len(SCREENS) - 1, self.marked + by))

    def action_jump(self, to: int) -> None:
        self.marked = to % len(SCREENS)

    def on_click(self, event: events.Click) -> None:
        if 0 <= event.y < len(SCREENS):
            self.marked = event.y
            self.post_message(self.Opened())
