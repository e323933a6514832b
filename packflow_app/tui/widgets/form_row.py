"""A field in one line: what it is, then where it is typed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static


class FormRow(Horizontal):
    """A name of at most 16 columns beside its field."""

    def __init__(self, name: str, field: Widget) -> None:
        super().__init__(classes="row")
        self._title = name
        self._field = field

    def compose(self) -> ComposeResult:
        yield Static(self._title, classes="name", markup=False)
        yield self._field
