"""Choices and lines fitted to the width of a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packflow_app.questions.question import Question
    from packflow_app.wizards.prompter import Page

_GAP = "  "
_NARROWEST = 30


def introduce(page: Page, question: Question) -> None:
    """Write what is to be read before a question."""
    tell(page, question.told)
    for line in question.listed:
        page.line(clipped(line, page.width - 1))


def tell(page: Page, texts: Iterable[str]) -> None:
    """Write texts, each over as many lines as it takes."""
    for text in texts:
        for line in wrapped(text, page.width - 1):
            page.line(line)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns; what follows on keeps the indentation of its line."""
    indent = " " * (len(text) - len(text.lstrip()))
    room = max(width, _NARROWEST)
    return textwrap.wrap(text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def clipped(text: str, width: int) -> str:
    """``text`` cut to ``width`` columns, with a mark where something is missing."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def aligned(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Rows of cells in columns; rows of one cell take no part in the width of the first column."""
    count = max((len(row) for row in rows), default=0)
    sizes = [max((len(row[at]) for row in rows if len(row) > max(at, 1)), default=0) for at in range(count)]
    sizes = _fitted(sizes, width)
    lines = []
    for row in rows:
        if len(row) == 1:
            lines.append(clipped(row[0], width))
            continue
        cells = [f"{clipped(cell, size):<{size}}" for cell, size in zip(row, sizes, strict=False)]
        lines.append(clipped(_GAP.join(cells).rstrip(), width))
    return lines


def _fitted(sizes: list[int], width: int) -> list[int]:
    """The sizes of columns with the widest narrowed until all fit."""
    sizes = list(sizes)
    excess = sum(sizes) + len(_GAP) * (len(sizes) - 1) - width
    while excess > 0 and max(sizes) > len(_GAP):
        widest = sizes.index(max(sizes))
        sizes[widest] -= 1
        excess -= 1
    return sizes
