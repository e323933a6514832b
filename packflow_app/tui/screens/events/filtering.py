"""Which of the events are shown: all, or those that hold a text or for which an SQL expression is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input

if TYPE_CHECKING:
    from array import array


@dataclass(frozen=True)
class Filter:
    """What the events are chosen by; ``found`` are the positions of those it chooses, None until they are known."""

    expression: str = ""
    found: array[int] | None = None

    @property
    def is_sql(self) -> bool:
        """Whether it is an expression rather than a text to find."""
        return looks_like_sql(self.expression)

    def __bool__(self) -> bool:
        return bool(self.expression)


ALL = Filter()


class FilterField(Input):
    """Where a filter is typed; hidden while nobody types one. It says what is typed, and what keys do."""

    def __init__(self) -> None:
        super().__init__(id="filter", placeholder="a text, or SQL such as: dst.port = 443")

    def ask(self) -> None:
        """Have the keys go here."""
        self.display = True
        self.screen.set_focus(self)

    @on(Input.Changed)
    def _typed(self) -> None:
        kind = "SQL" if looks_like_sql(self.value) else "text"
        self.border_title = f"Filter by {kind}" if self.value else "Filter by text or SQL"
        self.border_subtitle = "enter filters   esc shows all"


def looks_like_sql(expression: str) -> bool:
    """Whether what was typed is rather an expression than a text to find."""
    padded = f" {expression.casefold()} "
    return any(mark in padded for mark in ("=", "<", ">", " like ", " ilike ", " is ", " in (", " between ", " not "))
