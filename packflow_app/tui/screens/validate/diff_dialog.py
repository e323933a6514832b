"""What a fix would change, before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from packflow_app.tui.widgets.lists import Scroll
from packflow_app.wording import visible

if TYPE_CHECKING:
    from packflow_app.actions.fixes import PlannedFix

_STYLES = {"+": "$success", "-": "$error", "@": "$muted"}


class DiffDialog(ModalScreen[bool]):
    """Shows the lines; ``y`` or enter says yes, escape and ``n`` no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", show=False),
        Binding("y,enter", "dismiss(True)", show=False),
    ]

    def __init__(self, planned: list[PlannedFix], command: str) -> None:
        super().__init__()
        self._planned = planned
        self._command = command

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide-dialog") as dialog:
            dialog.border_title = "What would change"
            with Scroll():
                yield Static(Content("\n").join(line for one in self._planned for line in _lines(one)))
            yield Static(Content.assemble("\n", ("$ ", "$muted"), visible(self._command)))
            yield Static(
                Content.assemble((" y ", "bold $key"), "Change it   ", (" n ", "bold $key"), "Leave it as it is")
            )


def _lines(planned: PlannedFix) -> list[Content]:
    diff = [Content.styled(visible(line), _style(line)) for line in planned.diff]
    told = [Content.assemble(("✓ ", "$success"), visible(f"{fix.file}: {fix.what}")) for fix in planned.fixes]
    return [*told, Content(""), *(diff or [Content.styled("The new file is empty.", "$muted")]), Content("")]


def _style(line: str) -> str:
    return "bold" if line.startswith(("+++", "---")) else _STYLES.get(line[:1], "")
