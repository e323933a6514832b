"""Save the sample of the events that are shown, with the values at some paths replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.actions.inspect import InspectOptions


class SaveDialog(ModalScreen["InspectOptions | None"]):
    """Gives the options of the action; whether a file may be overwritten is asked afterwards, where there is one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, options: InspectOptions, target: str) -> None:
        super().__init__()
        self._options = options
        self._target = target

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Save the sample"
            yield Label("At most 200 events that stand for all: every shape, conflict and extreme", markup=False)
            yield PathInput(self._target, id="target")
            yield Label("Paths whose values are replaced, such as id.orig_h, user.name (none: as they are)")
            yield Input(id="masks", placeholder="none")
            yield Static(id="plan", classes="hint")
            yield Label("enter saves   esc leaves", classes="hint")

    def options(self) -> InspectOptions:
        """What the fields say."""
        masks = [part.strip() for part in self.query_one("#masks", Input).value.split(",") if part.strip()]
        return replace(self._options, save=self.query_one("#target", PathInput).path, masks=masks)

    def on_mount(self) -> None:
        self._plan()

    @on(Input.Changed)
    def _plan(self) -> None:
        command = ACTIONS["save"].call(self.options()).command
        self.query_one("#plan", Static).update(Content.assemble(("$ ", "$muted"), visible(command)))

    @on(Input.Submitted)
    def _save(self) -> None:
        if self.query_one("#target", PathInput).value.strip():
            self.dismiss(self.options())
