"""JSON as it was written, laid out and coloured: no number or escape is spelled anew, no key is lost.

Only its pieces are looked at. What terminals would take for commands is spelled out, inside strings and elsewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARACTERS = 200_000
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|"')
_INDENT = "  "


def laid_out(source: str, marked: frozenset[int] = frozenset()) -> list[Content]:
    """The lines of a JSON text, indented by two; those in ``marked`` (from 0) stand out.

    A text that is no JSON is shown as far as its pieces go. Very long ones are cut off, and say so.
    """
    cut = len(source) > MOST_CHARACTERS
    lines = [_line(parts) for parts in _lines(source[:MOST_CHARACTERS])]
    lines = [line.stylize("bold $error") if at in marked else line for at, line in enumerate(lines)]
    if cut:
        rest = f"… {len(source) - MOST_CHARACTERS:,} characters more; packflow inspect tells of them"
        lines.append(Content.styled(rest, "$muted"))
    return lines


def _line(parts: list[tuple[str, str]]) -> Content:
    return Content.assemble(*parts)


def _lines(source: str) -> Iterator[list[tuple[str, str]]]:
    depth = 0
    line: list[tuple[str, str]] = []
    pieces = [match[0] for match in _PIECE.finditer(source)]
    for at, piece in enumerate(pieces):
        following = pieces[at + 1] if at + 1 < len(pieces) else ""
        if piece in "}]":
            depth = max(0, depth - 1)
            if at and pieces[at - 1] not in ("{", "["):
                yield line
                line = [(_INDENT * depth, "")]
            line.append((piece, "$muted"))
        elif piece in "{[":
            line.append((piece, "$muted"))
            depth += 1
            if following not in ("}", "]"):
                yield line
                line = [(_INDENT * depth, "")]
        elif piece == ",":
            line.append((piece, "$muted"))
            yield line
            line = [(_INDENT * depth, "")]
        elif piece == ":":
            line.append((": ", "$muted"))
        else:
            line.append((visible(piece), _style(piece, is_key=following == ":")))
    yield line


def _style(piece: str, *, is_key: bool) -> str:
    if piece.startswith('"'):
        return "$key" if is_key else "$string"
    return "$literal" if piece in ("true", "false", "null") else "$number"


def members(source: str) -> dict[str, str]:
    """The members at the top of a JSON object, each as it was written; of keys that occur twice, the last.

    Empty for what is no object.
    """
    found: dict[str, str] = {}
    depth, key, start = 0, "", 0
    for match in _PIECE.finditer(source):
        piece = match[0]
        if piece in ("{", "["):
            depth += 1
            if depth == 1:
                if piece == "[":
                    return {}
                start = match.end()
        elif piece in ("}", "]"):
            depth -= 1
            if depth == 0 and key:
                found[key] = source[start : match.start()].strip()
                break
        elif depth == 1 and piece == ":":
            key, start = source[start : match.start()].strip(), match.end()
        elif depth == 1 and piece == ",":
            found[key], key, start = source[start : match.start()].strip(), "", match.end()
    return found
