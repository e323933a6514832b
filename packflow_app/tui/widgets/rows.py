"""Lines of a label and a text, whose further lines stand below the text, not below the label."""

from __future__ import annotations

import textwrap

from textual.content import Content

from packflow_app.wording import visible

_LEAST = 20


def row(head: Content, text: str, width: int, style: str = "") -> Content:
    """``head`` is as wide as the label's column; ``text`` is anybody's. A width of 0 is not known yet."""
    room = max(_LEAST, width - head.cell_length) if width else 10_000
    lines = textwrap.wrap(visible(text), room, break_on_hyphens=False) or [""]
    parts: list[Content | tuple[str, str] | str] = [head, (lines[0], style)]
    for line in lines[1:]:
        parts += ["\n", " " * head.cell_length, (line, style)]
    return Content.assemble(*parts)
