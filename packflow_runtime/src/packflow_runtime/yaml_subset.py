r"""The strict subset of YAML 1.2 in which ``packflow.yaml`` is written, read without dependencies.

This docstring is the specification. What is accepted here means the same to every YAML 1.2 reader that leaves
scalars as text; what readers disagree about is refused, with the line and with what to write instead.

Input
    UTF-8, with or without a byte order mark; lines end in LF or CRLF. Control characters are refused (a lone
    CR, NEL, U+2028 and U+2029 too): double quotes take them as escapes.
Document
    One map, list or scalar; an empty document is null. A line ``---`` may come first and a line ``...`` last.
    Directives (``%``) and further documents are refused.
Block maps
    ``key: value``, one to a line, all keys of a map in one column. The value stands on the same line, or
    below and indented further; a list below may start in the key's own column. Nothing there is null.
Block lists
    ``- item``, all dashes in one column. An item may be a map (``- a: 1``, its other keys under ``a``) or a
    list (``- - x``). Nothing there is null.
Keys
    Plain or quoted text on one line, at most 1024 characters with the colon. Refused: empty and null keys,
    ``<<``, ``? key``, collections as keys, and a key given twice.
Flow maps and lists
    ``{a: 1, "b": 2}`` and ``[x, y]``; a comma may follow the last entry, and a value may be left out after
    ``a: ``. They may span lines, each of them, also that of the closing bracket, indented further than the key
    or dash they belong to. ``{a}``, ``{a:}``, ``{a:1}`` and ``[a: 1]`` are refused; JSON's ``{"a":1}`` is not.
Plain scalars
    Text on one line that ends before ``: ``, `` #`` or the end of the line, in flow collections also before
    any of ``,[]{}``. It starts with none of ``, [ ] { } # & * ! | > ' " % @ ` : ?``, nor with a dash and a
    space.
Quoted scalars
    On one line. In ``'...'`` only ``''`` is special; ``"..."`` takes YAML's escapes: ``\0 \a \b \t \n \v \f
    \r \e \" \/ \\ \N \_ \L \P``, a backslash and a space, ``\xNN``, ``\uNNNN``, ``\UNNNNNNNN``, but no
    surrogates.
Block scalars
    As the value of a key or dash: ``|`` keeps line breaks, ``>`` folds them. ``-`` drops the breaks at the
    end, ``+`` keeps them all, neither keeps one; a digit gives the indentation, counted from the column of
    the key or dash. Without a digit, blank lines before the text hold no spaces but its indentation. A last
    line that the file ends without a line break gets none.
Comments and white space
    ``#`` at the start of a line or after a space. Tabs stand only in comments, quotes and block scalars.
Types
    **Every scalar stays text**: ``3.10``, ``1.0``, ``no``, ``012`` and ``12:30`` are those strings. Only
    nothing at all and the plain words ``~``, ``null``, ``Null`` and ``NULL`` are null.
Refused everywhere
    Anchors (``&``), aliases (``*``), tags (``!``) and more than 50 levels of nesting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from packflow_runtime.errors import ExitCode, PackflowError

Data: TypeAlias = "str | dict[str, Data] | list[Data] | None"

_MAX_DEPTH = 50
_MAX_KEY = 1024
_NULLS = frozenset({"~", "null", "Null", "NULL"})
_FORBIDDEN = re.compile(r"[^\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SPACES = re.compile(" *")
_MARKER = re.compile(r"(?:---|\.\.\.)(?=[ \t]|$)")
_REST = re.compile(r" *(?:(?<= )#.*)?$")  # what may follow a finished value on its line
_COLON = re.compile(r" *:(?= |$)")
_COLON_AFTER_QUOTE_IN_FLOW = re.compile(" *:")
_PLAIN_END = re.compile(r":(?= |$)|(?<= )#|\t|$")
_PLAIN_END_IN_FLOW = re.compile(r"[,\[\]{}]|:(?=[ ,\[\]{}]|$)|(?<= )#|\t|$")
_SINGLE = re.compile(r"'([^']*(?:''[^']*)*)'(?!')")
_DOUBLE = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_ESCAPED = dict(zip('0abtnvfre "/\\N_LP', '\0\a\b\t\n\v\f\r\x1b "/\\\x85\xa0\u2028\u2029', strict=True))
_BLOCK_HEADER = re.compile(r"[|>](?:([-+]?)([1-9]?)|([1-9])([-+]))(?= |$)")
_REFUSED = {  # what a plain scalar may not start with: what it would mean, and what to write
    "&": ("Anchors (&name) are not read.", "Write the value out where it is used."),
    "*": ("Aliases (*name) are not read.", "Write the value out here."),
    "!": ("Tags (!type) are not read.", "Leave the tag out: every value stays text."),
    "%": ("Directives (%) are not read, and text may not start with %.", "Leave the directive out."),
    "?": ("Complex keys (?) are not read, and text may not start with ?.", "Write `key: value`."),
    ":": ("A key is missing before this colon.", "Write `key: value`."),
    "-": ("A list item cannot start here.", "Put `- item` on a line of its own."),
    ",": ("A value is missing before this comma.", "Remove the comma."),
    "|": ("A block scalar (|) cannot start here.", "Move it to a key or dash, or write line breaks as \\n."),
    ">": ("A block scalar (>) cannot start here.", "Move it to a key or dash, or write line breaks as \\n."),
    "#": ("This # is neither a comment nor text.", "Put a space before a comment."),
    "@": ("Text may not start with @, which YAML reserves.", "Leave it out."),
    "`": ("Text may not start with a backtick, which YAML reserves.", "Leave it out."),
    "[": ("A list cannot be a key.", "Use text as the key."),
    "{": ("A map cannot be a key.", "Use text as the key."),
    "]": ("This ] closes nothing.", "Remove it."),
    "}": ("This } closes nothing.", "Remove it."),
    "\t": ("A tab stands where only spaces may.", "Use spaces."),
}


class YamlError(PackflowError):
    """The text is not valid YAML, or is YAML outside the subset this module documents."""

    code = "yaml-invalid"
    exit_code = ExitCode.NOT_FOUND

    def __init__(self, detail: str, hint: str, *, file: str, line: int) -> None:
        super().__init__(f"{file} is not valid", detail=detail, hint=hint, file=file, line=line)


@dataclass(frozen=True)
class Node:
    """A value and the line (from 1) of its key or dash, or of its first character where it has neither.

    ``quoted`` is true of quoted and block scalars, which are text by their form.
    """

    value: str | dict[str, Node] | list[Node] | None
    line: int
    quoted: bool = False

    def data(self) -> Data:
        """Return the value without its lines."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.data() for node in self.value]
        return self.value


def parse(source: bytes | str, *, file: str = "packflow.yaml") -> Node:
    """Read one document; raises YamlError, and nothing else, for what the subset does not allow."""
    return _Reader(_decode(source, file), file).document()


def _decode(source: bytes | str, file: str) -> str:
    """Return the text without byte order mark and carriage returns, every character of it allowed."""
    try:
        text = source.decode("utf-8") if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise YamlError("The file is not UTF-8 text.", "Save it as UTF-8.", file=file, line=line) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if found := _FORBIDDEN.search(text):
        detail = f"The character U+{ord(found[0]):04X} is not allowed."
        hint = "Remove it, or write it as an escape such as \\x00 or \\u2028 inside double quotes."
        raise YamlError(detail, hint, file=file, line=text.count("\n", 0, found.start()) + 1)
    return text


class _Reader:
    """A cursor over the lines of one document.

    Between block values the cursor is on the first character of the next line that says something, so that
    ``col`` is that line's indentation; at a document marker and behind the last line ``col`` is -1, less than
    any. ``parent`` is the column of the key or dash that a value belongs to, -1 for the document's own value.
    """

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines = text.split("\n")
        self.row = self.col = -1
        self.text = ""
        self.depth = 0

    def error(self, detail: str, hint: str, line: int | None = None) -> YamlError:
        return YamlError(detail, hint, file=self.file, line=line or self.row + 1)

    def refused(self) -> YamlError:
        detail, hint = _REFUSED[self.text[self.col]]
        return self.error(detail, f"{hint} If it is meant as text, put quotes around the text.")

    def misplaced(self) -> YamlError:
        return self.error(
            "This line fits nothing above it: its indentation is wrong, or it continues a value.",
            "Line up keys with keys, dashes with dashes; longer text takes a block scalar (| or >).",
        )

    def document(self) -> Node:
        self.next_line()
        first = self.row
        if self.text.startswith("---") and self.col < 0:
            self.col = 3
            self.end_line()
        node = Node(None, 1) if self.col < 0 else self.value(-1, self.row + 1, compact=True)
        if self.col >= 0:
            raise self.misplaced()
        if self.text.startswith("...") and self.row > first:
            self.col = 3
            self.end_line()
        if self.row < len(self.lines):
            hint = "Keep one document, with --- only as its first line and ... only as its last."
            raise self.error("A second document starts here.", hint)
        return node

    # Lines.

    def next_line(self) -> None:
        """Move to the next line that is neither blank nor a comment."""
        for row in range(self.row + 1, len(self.lines)):
            self.row, self.text = row, self.lines[row]
            self.col = _indentation(self.text)
            first = self.text[self.col : self.col + 1]
            if first == "\t":
                raise self.error("A tab is used for indentation.", "Indent with spaces.")
            if first and first != "#":
                if _MARKER.match(self.text):
                    self.col = -1
                return
        self.row, self.text, self.col = len(self.lines), "", -1

    def end_line(self) -> None:
        """Leave a line on which at most a comment may follow, for the next one."""
        self.check_rest()
        self.next_line()

    def check_rest(self) -> None:
        if not _REST.match(self.text, self.col):
            self.skip_spaces()
            if self.text[self.col] == "\t":
                raise self.refused()
            raise self.error(
                f"Nothing but a comment may follow here, found {self.text[self.col : self.col + 20]!r}.",
                "Put it on its own line, quote the whole value, or put a space before the # of a comment.",
            )

    def skip_spaces(self) -> None:
        self.col = _indentation(self.text, self.col)

    def enter(self) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(f"More than {_MAX_DEPTH} levels are nested here.", "Make the structure flatter.")

    # Block collections.

    def at_dash(self) -> bool:
        return self.text[self.col] == "-" and self.text[self.col + 1 : self.col + 2] in {"", " "}

    def value(self, parent: int, line: int, *, compact: bool) -> Node:
        """Read the value at the cursor; ``compact`` allows a block map or list to start here."""
        start = self.col
        char = self.text[start]
        if char in "|>":
            return self.block_scalar(parent, line)
        if compact and self.at_dash():
            return self.block_list(line)
        node = self.flow(parent, line) if char in "[{" else self.scalar(line)
        if _COLON.match(self.text, self.col):
            if not isinstance(node.value, (str, type(None))):
                raise self.error(*_REFUSED[char])
            if not compact:
                hint = "Quote the value, or put a map on the lines below its key."
                raise self.error("A value contains a colon and a space.", hint)
            self.col = start
            return self.block_map(line)
        self.end_line()
        return node

    def block_map(self, line: int) -> Node:
        self.enter()
        col = self.col
        entries: dict[str, Node] = {}
        while self.col == col and not self.at_dash():
            line_of_key = self.row + 1
            key = self.key(entries)
            entries[key] = self.value_after(col, line_of_key, in_map=True)
        if self.col >= col:
            raise self.misplaced()
        self.depth -= 1
        return Node(entries, line)

    def block_list(self, line: int) -> Node:
        self.enter()
        col = self.col
        items: list[Node] = []
        while self.col == col and self.at_dash():
            self.col += 1
            items.append(self.value_after(col, self.row + 1, in_map=False))
        if self.col > col:
            raise self.misplaced()
        self.depth -= 1
        return Node(items, line)

    def value_after(self, col: int, line: int, *, in_map: bool) -> Node:
        """Read the value of a key or dash in column ``col``, from the rest of its line or the lines below."""
        if not _REST.match(self.text, self.col):
            self.skip_spaces()
            return self.value(col, line, compact=not in_map)
        self.next_line()
        if self.col > col or (in_map and self.col == col and self.at_dash()):
            return self.value(col, line, compact=True)
        return Node(None, line)

    def key(self, entries: dict[str, Node], *, in_flow: bool = False) -> str:
        """Read a key that ``entries`` does not hold yet, and its colon."""
        start = self.col
        node = self.scalar(self.row + 1, in_flow=in_flow)
        found = (_COLON_AFTER_QUOTE_IN_FLOW if in_flow and node.quoted else _COLON).match(self.text, self.col)
        if not found:
            raise self.error("A key, a colon and a space are expected here.", "Write `key: value`.")
        self.col = found.end()
        key = node.value
        if not isinstance(key, str) or not key:
            raise self.error("A key is empty or null.", "Give it a name; put quotes around the word null or ~.")
        if key == "<<" and not node.quoted:
            raise self.error("Merge keys (<<) are not read.", "Write the merged keys out here.")
        if self.col - start > _MAX_KEY:
            raise self.error(f"A key is longer than {_MAX_KEY} characters.", "Shorten it.")
        if key in entries:
            raise self.error(f"The key {key!r} is given twice, first on line {entries[key].line}.", "Keep one.")
        return key

    # Flow collections.

    def flow(self, parent: int, line: int) -> Node:
        self.enter()
        opened = self.row + 1
        entries: dict[str, Node] = {}
        items: list[Node] = []
        close = "}" if self.text[self.col] == "{" else "]"
        self.col += 1
        while self.next_in_flow(parent, opened, close) != close:
            line_of_item = self.row + 1
            if close == "]":
                items.append(self.flow_value(parent, line_of_item))
            else:
                key = self.key(entries, in_flow=True)
                is_empty = self.next_in_flow(parent, opened, close) in ",}"
                entries[key] = Node(None, line_of_item) if is_empty else self.flow_value(parent, line_of_item)
            char = self.next_in_flow(parent, opened, close)
            if char == ",":
                self.col += 1
            elif char != close:
                hint = "Put commas between values, quotes around special characters, and braces around pairs."
                raise self.error(f"A comma or {close} is expected here, found {char!r}.", hint)
        self.col += 1
        self.depth -= 1
        return Node(entries if close == "}" else items, line)

    def flow_value(self, parent: int, line: int) -> Node:
        return self.flow(parent, line) if self.text[self.col] in "[{" else self.scalar(line, in_flow=True)

    def next_in_flow(self, parent: int, opened: int, close: str) -> str:
        """Move to the next character that is neither white space nor comment, also over lines; return it."""
        if _REST.match(self.text, self.col):
            self.next_line()
            if self.col <= parent:
                place = "the end of the file" if self.row == len(self.lines) else f"line {self.row + 1}"
                detail = f"The bracket opened here is not closed before {place}."
                hint = f"Close it with {close}; indent all its lines, that of the {close} too, below the first."
                raise self.error(detail, hint, opened)
        self.skip_spaces()
        return self.text[self.col]

    # Scalars.

    def scalar(self, line: int, *, in_flow: bool = False) -> Node:
        """Read the plain or quoted scalar at the cursor and move behind it."""
        char = self.text[self.col]
        if char in "'\"":
            return Node(self.quoted(char), line, quoted=True)
        after_dash = {"", " ", *",[]{}"} if in_flow else {"", " "}
        if char in _REFUSED and (char != "-" or self.text[self.col + 1 : self.col + 2] in after_dash):
            raise self.refused()
        start = self.col
        found = (_PLAIN_END_IN_FLOW if in_flow else _PLAIN_END).search(self.text, start)
        self.col = found.start() if found else len(self.text)
        if self.text[self.col : self.col + 1] == "\t":
            raise self.refused()
        text = self.text[start : self.col].rstrip(" ")
        self.col = start + len(text)
        return Node(None if text in _NULLS else text, line)

    def quoted(self, quote: str) -> str:
        found = (_DOUBLE if quote == '"' else _SINGLE).match(self.text, self.col)
        if not found:
            hint = f"Close it with {quote}; text of several lines needs a block scalar (| or >)."
            raise self.error("A quoted value does not end on its line.", hint)
        self.col = found.end()
        return found[1].replace("''", "'") if quote == "'" else _ESCAPE.sub(self.unescape, found[1])

    def unescape(self, escape: re.Match[str]) -> str:
        digits = escape[1] or escape[2] or escape[3]
        if digits is None:
            if escape[4] in _ESCAPED:
                return _ESCAPED[escape[4]]
        elif (number := int(digits, 16)) <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
            return chr(number)
        hint = "Write a backslash as \\\\ or use single quotes; write a character beyond U+FFFF as \\UNNNNNNNN."
        shown = escape[0] if escape[0].isprintable() else f"A backslash before U+{ord(escape[0][1]):04X}"
        raise self.error(f"{shown} stands for no character.", hint)

    def block_scalar(self, parent: int, line: int) -> Node:
        header = _BLOCK_HEADER.match(self.text, self.col)
        if parent < 0:
            raise self.refused()
        if not header:
            hint = "Write | or >, then at most a - or + and a digit, and the text on the lines below."
            raise self.error("A block scalar starts wrongly here.", f"{hint} Quote text that starts with | or >.")
        is_folded = self.text[self.col] == ">"
        self.col = header.end()
        self.check_rest()
        digit, chomping = header[2] or header[3], header[1] or header[4]
        text = self.block_text(parent + int(digit) if digit else self.block_indentation(parent + 1))
        body = text.rstrip("\n")
        breaks = text[len(body) :]
        if chomping != "+":
            breaks = breaks[:1] if body and not chomping else ""
        return Node((_fold(body) if is_folded else body) + breaks, line, quoted=True)

    def block_indentation(self, least: int) -> int:
        """Return the indentation of the first line of text below, ``least`` if there is no text."""
        widths_of_blanks: set[int] = set()
        indentation = 0
        for row in range(self.row + 1, len(self.lines)):
            spaces = _indentation(self.lines[row])
            if spaces < len(self.lines[row]):
                indentation = spaces if spaces >= least else 0
                break
            widths_of_blanks.add(spaces)
        if widths_of_blanks - {0, indentation}:
            hint = "Remove the spaces from the blank lines below, or give the indentation by a digit (|2)."
            raise self.error("A block scalar starts with a blank line of spaces.", hint)
        return indentation or least

    def block_text(self, indentation: int) -> str:
        """Take the lines below that are blank or indented far enough, and move behind them."""
        lines: list[str] = []
        row = self.row + 1
        while row < len(self.lines):
            text = self.lines[row]
            if _indentation(text) < min(indentation, len(text)):
                break
            lines.append(text[indentation:] + "\n")
            row += 1
        self.row = row - 1
        self.next_line()
        text = "".join(lines)
        return text.removesuffix("\n") if row == len(self.lines) else text


def _indentation(text: str, start: int = 0) -> int:
    """Return where the spaces from ``start`` on end."""
    found = _SPACES.match(text, start)
    return found.end() if found else start


def _fold(text: str) -> str:
    """Join lines by spaces; blank lines stay line breaks, lines that start with white space stay lines."""
    parts: list[str] = []
    breaks, previous = 0, ""
    for line in text.split("\n"):
        if line:
            is_prose = previous[:1] not in {"", " ", "\t"} and line[0] not in " \t"
            parts.append("\n" * breaks or " " if is_prose else "\n" * (breaks + bool(previous)))
            parts.append(line)
            breaks, previous = 0, line
        else:
            breaks += 1
    return "".join(parts)
