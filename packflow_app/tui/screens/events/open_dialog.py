"""Which file of events to look at, and how it is to be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from packflow_app.actions.inspect import InspectOptions
from packflow_app.events.formats import FORMATS
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.widgets.chooser import Chooser
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.wording import home_path, visible

if TYPE_CHECKING:
    from pathlib import Path

_TOLD = "by content"
_SAMPLE, _ALL = "a sample", "all of it"


class OpenEventsDialog(ModalScreen["InspectOptions | None"]):
    """Stays until the path is one of a file; what is wrong is said beside the fields, and the text kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, options: InspectOptions | None) -> None:
        super().__init__()
        self._options = options

    def compose(self) -> ComposeResult:
        options = self._options
        start = home_path(options.source) if options is not None else ""  # type: ignore[arg-type]
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Open events"
            with Horizontal(classes="field"):
                yield Label("file")
                yield PathInput(start, id="file", placeholder="JSON, CSV or Parquet, also packed", compact=True)
            with Horizontal(classes="field"):
                yield Label("format")
                yield Chooser((_TOLD, *FORMATS), (options and options.format) or _TOLD, id="format")
            with Horizontal(classes="field"):
                yield Label("of a huge file")
                yield Chooser((_SAMPLE, _ALL), _ALL if options and options.full else _SAMPLE, id="full")
            yield Label("", id="wrong", classes="wrong", markup=False)
            yield Static(id="plan", classes="hint")
            yield Label("enter opens   → completes, chooses   ↑ ↓ fields   esc leaves", classes="hint")

    def options(self) -> InspectOptions:
        """What the fields say."""
        told = self.query_one("#format", Chooser).value
        path: Path = self.query_one("#file", PathInput).path
        before = self._options or InspectOptions(path)
        full = self.query_one("#full", Chooser).value == _ALL
        return replace(before, source=path, format=None if told == _TOLD else told, full=full, filter=None)

    def on_mount(self) -> None:
        self._plan()

    @on(Input.Changed)
    @on(Chooser.Changed)
    def _plan(self) -> None:
        has_file = bool(self.query_one("#file", PathInput).value.strip())
        command = ACTIONS["inspect"].call(self.options()).command if has_file else "packflow inspect"
        self.query_one("#plan", Static).update(Content.assemble(("$ ", "$muted"), visible(command)))

    @on(Input.Submitted)
    @on(Chooser.Submitted)
    def _take(self) -> None:
        field = self.query_one("#file", PathInput)
        wrong = "Type a path." if not field.value.strip() else _wrong(field.path)
        self.query_one("#wrong", Label).update(wrong)
        if not wrong:
            options = self.options()
            self.dismiss(replace(options, source=field.path.absolute()))


def _wrong(path: Path) -> str:
    """Why a path will not do; empty where it will."""
    try:
        return "" if path.is_file() else "It is a folder." if path.is_dir() else "There is no such file."
    except OSError as error:
        return f"It cannot be looked at: {error.strerror}."
