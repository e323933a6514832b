"""A yes or a no."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from packflow_app.tui.widgets.lists import Options
from packflow_app.wording import visible


class ConfirmDialog(ModalScreen[bool]):
    """Asks once; escape and the first choice mean no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", show=False),
        Binding("y", "answer(True)", show=False),
    ]

    def __init__(self, question: str, yes: str, no: str = "Leave it as it is") -> None:
        super().__init__()
        self._question = question
        self._answers = {"no": ("n", no), "yes": ("y", yes)}

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Are you sure?"
            yield Label(visible(self._question), markup=False)
            yield Label("")
            yield Options(
                *(
                    Option(Content.assemble((f" {key} ", "bold $key"), title), id=name)
                    for name, (key, title) in self._answers.items()
                )
            )

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id == "yes")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - Textual calls it so
        self.dismiss(answer)
