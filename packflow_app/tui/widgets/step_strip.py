"""The second line: all screens with the state of their steps, this one marked."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widgets import Static

from packflow_app.tui.keys import SCREENS
from packflow_app.tui.steps import STYLES, ProjectSeen, State, StepState

_WAYS = (
    (tuple(State), " "),
    ((State.STALE, State.FAILED, State.RUNNING), " "),
    ((State.FAILED, State.RUNNING), " "),
    ((State.FAILED,), " "),
    ((), " "),
    ((), ""),
)
"""Which states have their words beside them, and what stands between two screens: the first that there is room for."""


class StepStrip(Static):
    """Shows words beside the glyphs where there is room for them; a click goes to the screen."""

    DEFAULT_CSS = "StepStrip { height: 1; padding: 0 1; text-wrap: nowrap; background: $panel; }"

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self._states: dict[str, StepState] = {}
        self._places: list[tuple[str, int]] = []

    def show(self, seen: ProjectSeen | None, running: set[str]) -> None:
        """Show where a project stands."""
        self._states = {} if seen is None else {name: seen.step(name) for name in SCREENS if name != "home"}
        for name in running & SCREENS.keys():
            self._states[name] = StepState(name, State.RUNNING, "running")
        self._draw()

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        for words, gap in _WAYS:
            line = self._line(words, gap)
            if line.cell_length <= self.content_size.width:
                break
        self.update(line)

    def on_click(self, event: events.Click) -> None:
        at = event.x - 1
        for name, width in self._places:
            if 0 <= at < width:
                self.app.call_later(self.app.run_action, f"app.go('{name}')")
            at -= width

    def _line(self, words: tuple[State, ...], gap: str) -> Content:
        self._places = []
        return Content("").join(
            self._item(number, name, title, words, gap) for number, (name, title) in enumerate(SCREENS.items(), 1)
        )

    def _item(self, number: int, name: str, title: str, words: tuple[State, ...], gap: str) -> Content:
        state = self._states.get(name)
        is_current = name == self._current
        text = Content.assemble(
            (f" {number} ", "$muted" if not is_current else ""), (title, "bold" if is_current else "")
        )
        if state is not None:
            shown = f" {state.state.value}" + (f" {state.word}" if state.state in words else "")
            # Sixteen colours have no green that can be read on their blue.
            text += Content.styled(shown, "" if is_current and self.app.current_theme.ansi else STYLES[state.state])
        if is_current:
            marked = "reverse" if self.app.no_color else "$cursor-foreground on $cursor-background"
            text = (text + " ").stylize_before(marked)
        else:
            text += gap
        self._places.append((name, text.cell_length))
        return text
