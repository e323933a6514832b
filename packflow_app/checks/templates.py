"""Whether a file is still what a skeleton made of it, whatever values it was filled with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packflow_app.locations import skeletons_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILLED = re.compile(r"(\{%.*?end\w+\s*-?%\}|\{\{.*?\}\}|\{#.*?#\})", re.DOTALL)
_LONGER = 10_000  # characters that values may add; a file that outgrew its template more is somebody's own


def is_unchanged(name: str, text: str) -> bool:
    """Whether ``text`` is what some skeleton's file ``name`` gives, line ends and blanks at the end apart."""
    normal = _normal(text)
    return any(
        len(normal) <= len(template) + _LONGER and _pattern(template).fullmatch(normal) is not None
        for template in _templates(name)
    )


def _templates(name: str) -> Iterator[str]:
    for kind in sorted(skeletons_dir().iterdir()):
        for path in (kind / name, kind / f"{name}.jinja"):
            if path.is_file():
                yield _normal(path.read_text(encoding="utf-8"))


def _normal(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _pattern(template: str) -> re.Pattern[str]:
    """The template with room for any value in a line, and for any lines where it decides by itself."""
    parts = _FILLED.split(template)
    return re.compile("".join(_matching(part) if index % 2 else re.escape(part) for index, part in enumerate(parts)))


def _matching(placeholder: str) -> str:
    return r"[\s\S]*?" if placeholder.startswith("{%") else r"[^\n]*?"
