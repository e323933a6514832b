"""Lines of a label and a text, whose further lines stand below the text, not below the label."""

from __future__ import annotations

import re
import textwrap

from textual.content import Content

from packflow_app.wording import visible

_LEAST = 20
_UNKNOWN = 10_000
_GOES_ON = " \\"
_SHELL_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+""")


def row(head: Content, text: str, width: int, style: str = "") -> Content:
    """``head`` is as wide as the label's column; ``text`` is anybody's. A width of 0 is not known yet."""
    words = textwrap.wrap(visible(text), _room(head, width), break_long_words=False, break_on_hyphens=False)
    return _hung(head, [part for line in words for part in _pieces(line, _room(head, width))] or [""], style)


def command_row(head: Content, command: str, width: int) -> Content:
    """The same of a shell command, which is folded between its words and can be pasted as it stands."""
    room = _room(head, width) - len(_GOES_ON)
    lines: list[str] = []
    for word in _SHELL_WORD.findall(visible(command)):
        if lines and len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > 1 and len(" ".join(lines)) <= room + len(_GOES_ON):  # no room is wanted for what goes on
        lines = [" ".join(lines)]
    shown = [*(f"{line}{_GOES_ON}" for line in lines[:-1]), *lines[-1:]]
    return _hung(head, [part for line in shown for part in _pieces(line, room + len(_GOES_ON))], "")


def _room(head: Content, width: int) -> int:
    return max(_LEAST, width - head.cell_length) if width else _UNKNOWN


def _pieces(line: str, room: int) -> list[str]:
    """A line that is one long word: a path goes on after a slash, a digest in parts that are equally long."""
    if len(line) <= room:
        return [line]
    at = line.rfind("/", 0, room) + 1
    if at < _LEAST // 2:
        at = -(-len(line) // -(-len(line) // room))
    return [line[:at], *_pieces(line[at:], room)]


def _hung(head: Content, lines: list[str], style: str) -> Content:
    parts: list[Content | tuple[str, str] | str] = [head, (lines[0], style)]
    for line in lines[1:]:
        parts += ["\n", " " * head.cell_length, (line, style)]
    return Content.assemble(*parts)
