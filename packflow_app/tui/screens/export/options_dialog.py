"""Where and how to export."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.validation import Integer
from textual.widgets import Checkbox, Input, Label, Static

from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.actions.export import ExportOptions

MOST_GOLDEN = 50


class ExportOptionsDialog(ModalScreen["ExportOptions | None"]):
    """Gives the options of the action; nothing is exported yet."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, options: ExportOptions) -> None:
        super().__init__()
        self._options = options

    def compose(self) -> ComposeResult:
        golden = "" if self._options.golden is None else str(self._options.golden)
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Export"
            yield Label("Folder to write to; it is made if it is missing")
            yield PathInput(str(self._options.output), folders=True, id="output")
            yield Label(f"Golden events to record anew, 0 to {MOST_GOLDEN} (0: ship none; empty: as they are)")
            yield Input(
                golden, id="golden", placeholder="as they are", validators=[Integer(0, MOST_GOLDEN)], valid_empty=True
            )
            yield Checkbox("Replace another archive of the same name", self._options.force, id="force", compact=True)
            yield Label("", id="wrong", classes="wrong")
            yield Static(id="plan", classes="hint")
            yield Label("enter takes these   tab next field   space ticks   esc leaves", classes="hint")

    def options(self) -> ExportOptions | None:
        """What the fields say; None where one of them cannot be."""
        field = self.query_one("#golden", Input)
        golden = field.value.strip()
        if golden and not (golden.isdigit() and int(golden) <= MOST_GOLDEN):
            return None
        return replace(
            self._options,
            output=self.query_one("#output", PathInput).path,
            golden=int(golden) if golden else None,
            force=self.query_one("#force", Checkbox).value,
        )

    def on_mount(self) -> None:
        self._plan()

    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _plan(self) -> None:
        options = self.options()
        self.query_one("#wrong", Label).update(
            "" if options else f"Golden events are a number from 0 to {MOST_GOLDEN}."
        )
        command = ACTIONS["export"].call(options).command if options else ""
        self.query_one("#plan", Static).update(Content.assemble(("$ ", "$muted"), visible(command)))

    @on(Input.Submitted)
    def _take(self) -> None:
        options = self.options()
        if options is not None:
            self.dismiss(options)
