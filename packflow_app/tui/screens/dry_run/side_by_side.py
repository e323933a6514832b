"""Both outputs of the first event that differs, line by line, what differs standing out."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from packflow_app.runtime import Difference
from packflow_app.tui.json_text import laid_out
from packflow_app.tui.widgets.lists import Scroll


class SideBySide(ModalScreen[None]):
    """Scrolls both together."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", show=False)]
    DEFAULT_CSS = """
    SideBySide Horizontal { height: auto; }
    SideBySide .half { width: 1fr; height: auto; }
    SideBySide .head { height: 1; margin: 0 0 1 0; }
    """

    def __init__(self, title: str, difference: Difference, outputs: list[Any]) -> None:
        super().__init__()
        self._title = title
        self._difference = difference
        self._outputs = outputs

    def compose(self) -> ComposeResult:
        left, right = compared(*self._outputs)
        with Vertical(classes="dialog wide-dialog") as dialog:
            dialog.border_title = f"Event {self._difference.event}"
            dialog.border_subtitle = "esc closes"
            yield Static(Content.styled(self._title, "bold $error"), classes="head", markup=False)
            with Scroll(), Horizontal():
                yield Static(_half("one by one", left), classes="half")
                yield Static(_half(self._difference.mode, right), classes="half")


def _half(title: str, lines: list[Content]) -> Content:
    return Content("\n").join([Content.styled(title, "bold $primary"), *lines])


def compared(left: Any, right: Any) -> tuple[list[Content], list[Content]]:  # noqa: ANN401 - any JSON
    """Both values as lines, as many on either side, those that differ marked."""
    texts = [json.dumps(value, ensure_ascii=False) for value in (left, right)]
    plain = [[line.plain for line in laid_out(text)] for text in texts]
    marked: tuple[set[int], set[int]] = (set(), set())
    gaps: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for tag, left_from, left_to, right_from, right_to in SequenceMatcher(
        None, plain[0], plain[1], autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        marked[0].update(range(left_from, left_to))
        marked[1].update(range(right_from, right_to))
        longer = (right_to - right_from) - (left_to - left_from)
        if longer:
            gaps[0 if longer > 0 else 1][left_to if longer > 0 else right_to] = abs(longer)
    return tuple(  # type: ignore[return-value]
        _with_gaps(laid_out(text, frozenset(lines)), spaces)
        for text, lines, spaces in zip(texts, marked, gaps, strict=True)
    )


def _with_gaps(lines: list[Content], gaps: dict[int, int]) -> list[Content]:
    filled: list[Content] = []
    for at in range(len(lines) + 1):
        filled += [Content("")] * gaps.get(at, 0) + lines[at : at + 1]
    return filled
