"""A form that fills the options of an action, with the command that they make below its fields."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Input, Label, Static

from packflow_app.errors import NotFoundError
from packflow_app.runtime import PackflowError
from packflow_app.tui.registry import ACTIONS
from packflow_app.tui.widgets.lists import Scroll
from packflow_app.tui.widgets.path_input import PathInput
from packflow_app.wording import home_path, visible

Options = TypeVar("Options")


class FormDialog(ModalScreen["Options | None"], Generic[Options]):
    """Gives the options, or None where it was left; it stays until they can be taken.

    A subclass composes its fields and says what they mean; ``ACTION`` is what the options are of.
    """

    ACTION: ClassVar[str]
    TITLE: ClassVar[str]
    HINT: ClassVar[str]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.before = options

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog form") as dialog:
            dialog.border_title = self.TITLE
            with Scroll(can_focus=False):
                yield from self.compose_fields()
            yield Label("", id="wrong", classes="wrong", markup=False)
            yield Static(id="plan", classes="hint")
            yield Label(f"{self.HINT}   tab next   space ticks   esc leaves", classes="hint")

    def compose_fields(self) -> ComposeResult:
        """The fields."""
        yield from ()

    def options(self) -> Options:
        """What the fields say; raises PackflowError where one of them cannot be."""
        raise NotImplementedError

    def text(self, name: str) -> str:
        """What was typed into a field."""
        return self.query_one(f"#{name}", Input).value.strip()

    def path(self, name: str) -> Path | None:
        """The path in a field; None where there is none."""
        return self.query_one(f"#{name}", PathInput).path if self.text(name) else None

    def file(self, name: str) -> Path | None:
        """The file in a field; raises NotFoundError for a path that is none."""
        path = self.path(name)
        if path is not None and not path.is_file():
            raise NotFoundError(f"There is no file {path}.", hint="Name one that is there.")
        return path

    def is_ticked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.query_one(f"#{name}", Checkbox).value

    def on_mount(self) -> None:
        self.set_focus(self.query(Input).first())
        self._look()

    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _look(self) -> Options | None:
        """Show the command of what is chosen, or what is wrong with it."""
        wrong, command, options = "", "", None
        try:
            options = self.options()
            command = ACTIONS[self.ACTION].call(options).command
        except PackflowError as error:
            wrong = f"{error.title} {error.hint}".strip()
        self.query_one("#wrong", Label).update(visible(wrong))
        self.query_one("#wrong").display = bool(wrong)
        self.query_one("#plan", Static).update(Content.assemble(("$ ", "$muted"), visible(command)))
        self.query_one("#plan").display = not wrong
        return options

    @on(Input.Submitted)
    def _take(self) -> None:
        options = self._look()
        if options is not None:
            self.dismiss(options)


def shown(path: Path | None) -> str:
    """A path as a field has it."""
    return "" if path is None else home_path(path)
