"""A Python file as text with its syntax tree, and edits of it by position: whatever is not edited stays as it is."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packflow_app.errors import CheckFailedError

if TYPE_CHECKING:
    from pathlib import Path

_LINE_END = re.compile(r"\r\n|\r|\n")  # what ends a line for Python; str.splitlines knows more
_BOM = "\ufeff"


@dataclass
class Source:
    """One file of a project; ``name`` is how it is called in messages. Edits are collected and made at the end."""

    name: str
    before: bytes
    text: str
    encoding: str
    tree: ast.Module
    _starts: list[int]
    _edits: list[tuple[int, int, str]] = field(default_factory=list)

    def start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where ``node`` begins in the text."""
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where ``node`` ends in the text."""
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def segment(self, node: ast.expr | ast.stmt | ast.alias) -> str:
        """The text of ``node`` as it is written."""
        return self.text[self.start(node) : self.end(node)]

    def line_of(self, offset: int) -> int:
        """The line, from 1, that the character at ``offset`` stands on."""
        return sum(start <= offset for start in self._starts)

    def line_start(self, offset: int) -> int:
        """Where the line of ``offset`` begins."""
        return self._starts[self.line_of(offset) - 1]

    def rest_of_line(self, offset: int) -> str:
        """What follows ``offset`` on its line."""
        found = _LINE_END.search(self.text, offset)
        return self.text[offset : found.start() if found else len(self.text)]

    @property
    def newline(self) -> str:
        """How the file ends its lines."""
        found = _LINE_END.search(self.text)
        return found[0] if found else "\n"

    def replace(self, start: int, end: int, text: str) -> None:
        """Put ``text`` where ``start:end`` is; edits must not overlap."""
        self._edits.append((start, end, text))

    def after(self) -> bytes:
        """The file with all edits made."""
        text = self.text
        for start, end, new in sorted(self._edits, reverse=True):
            text = text[:start] + new + text[end:]
        bom = _BOM if self.before.startswith(_BOM.encode()) else ""
        return (bom + text).encode(self.encoding)

    def _offset(self, line: int, column: int) -> int:
        """The place of a line (from 1) and a column, which Python counts in bytes of UTF-8."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return start + len(self.text[start:end].encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))


def read_source(path: Path, name: str) -> Source:
    """Parse the file; raises CheckFailedError, naming the line, for what is not text or not Python."""
    content = path.read_bytes()
    encoding = _encoding(content, name)
    try:
        text = content.decode(encoding).removeprefix(_BOM)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _refusal(name, line, f"{name} is not {encoding.upper()} text.", "Save it as UTF-8.") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the user's code, such as "\\d": not asked for here
            tree = ast.parse(text)
    except SyntaxError as error:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise _refusal(
            name,
            error.lineno,
            f"{name} is not valid Python {version}: {error.msg}.",
            f"Mend it; if it is written for a later Python than {version}, install Packflow on that one.",
        ) from None
    except ValueError:  # a NUL, on some Pythons
        raise _refusal(name, None, f"{name} holds a NUL character.", "Remove it.") from None
    except (RecursionError, MemoryError):
        raise _refusal(name, None, f"{name} is nested too deeply to be read.", "Take it apart.") from None
    starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
    return Source(name, content, text, encoding, tree, starts)


def comments_in(text: str) -> list[str]:
    """The comments in a statement that spans lines."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _encoding(content: bytes, name: str) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    except SyntaxError as error:
        if "unknown encoding" in str(error):
            raise _refusal(name, 1, f"{name} declares an encoding that Python does not know.", "Mend it.") from None
        return "utf-8"  # the first lines are not: decoding will name the place
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _refusal(name: str, line: int | None, title: str, hint: str) -> CheckFailedError:
    return CheckFailedError(title, code="source-invalid", file=name, line=line, hint=hint)
