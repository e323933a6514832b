"""The language of event lines once more, slowly and by other means than the runtime's: what fuzzing compares with.

A tokenizer and an explicit stack, no recursion, no ``json``: RFC 8259 within the limits that ``jsonlines`` documents.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packflow_runtime.jsonlines import Limits

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r'(?P<mark>[{}\[\]:,])|(?P<word>true|false|null)|"(?P<text>(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"'
    r"|(?P<integer>-?(?:0|[1-9][0-9]*))(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"
)
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)|\\u(....)|\\(.)")


class RefusedError(Exception):
    """The line is no event; ``codes`` are those the runtime may give for it."""

    def __init__(self, *codes: str) -> None:
        super().__init__(" or ".join(codes))
        self.codes = codes


def read_event(line: bytes, limits: Limits) -> dict[str, Any]:
    """The event on the line; raises RefusedError."""
    value = read_value(line, limits)
    if not isinstance(value, dict):
        raise RefusedError("not-object")
    return value


def read_value(line: bytes, limits: Limits) -> Any:
    """The value on the line; raises RefusedError, with one code where the line is JSON beyond the limits."""
    if len(line) > limits.max_line_bytes:
        raise RefusedError("line-too-long")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError("not-utf8") from None
    reader = _Reader(text, limits)
    try:
        value = reader.read()
    except SyntaxError:
        # Where it breaks off, a number or a rough count of brackets may have been refused before.
        raise RefusedError("not-json", "too-deep", *reader.faults) from None
    if reader.deepest > limits.max_depth:
        raise RefusedError("too-deep")
    if reader.faults:
        raise RefusedError(reader.faults[0])
    if _has_lone_surrogate(value):
        raise RefusedError("lone-surrogate")
    return value


class _Reader:
    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self.limits = limits
        self.position = 0
        self.deepest = 0
        self.faults: list[str] = []  # numbers beyond the limits, in order

    def read(self) -> Any:
        """The value, whatever the limits say; raises SyntaxError where the text is no JSON value."""
        root: list[Any] = []
        self.open_values: list[list[Any] | dict[str, Any]] = [root]
        self.keys: list[str] = []
        wanted = "value"
        while wanted != "end":
            wanted = self.after(wanted, *self.token())
        self.require(self.token()[0] == "end")
        return root[0]

    def after(self, wanted: str, kind: str, token: Any) -> str:
        """Take a token where ``wanted`` is wanted, ``first`` being what may follow an opening bracket; what is next."""
        innermost = self.open_values[-1]
        in_map = isinstance(innermost, dict)
        if kind == "mark" and token in "}]" and wanted in ("comma", "first"):
            self.require((token == "}") == in_map)
            self.open_values.pop()
        elif wanted == "colon":
            self.require(kind == "mark" and token == ":")
            return "value"
        elif wanted == "comma":
            self.require(kind == "mark" and token == ",")
            return "key" if in_map else "value"
        elif wanted == "key" or (wanted == "first" and in_map):
            self.require(kind == "text")
            self.keys.append(token)
            return "colon"
        else:
            self.require(kind != "end" and (kind != "mark" or token in "{["))
            self.put(innermost, {"{": {}, "[": []}[token] if kind == "mark" else token)
            if kind == "mark":
                return "first"
        return "comma" if len(self.open_values) > 1 else "end"

    def put(self, innermost: list[Any] | dict[str, Any], value: Any) -> None:
        if isinstance(innermost, dict):
            innermost[self.keys.pop()] = value
        else:
            innermost.append(value)
        if isinstance(value, (dict, list)):
            self.open_values.append(value)
            self.deepest = max(self.deepest, len(self.open_values) - 1)

    def require(self, holds: bool) -> None:
        if not holds:
            raise SyntaxError

    def token(self) -> tuple[str, Any]:
        space = _SPACE.match(self.text, self.position)
        start = space.end() if space else self.position
        if start == len(self.text):
            return "end", None
        found = _TOKEN.match(self.text, start)
        if not found:
            raise SyntaxError
        self.position = found.end()
        if found["mark"]:
            return "mark", found["mark"]
        if found["word"]:
            return "word", _WORDS[found["word"]]
        if found["text"] is not None:
            return "text", _ESCAPE.sub(_unescaped, found["text"])
        return "number", self.number(found["integer"], found["rest"])

    def number(self, integer: str, rest: str) -> int | float:
        if rest:
            value = float(integer + rest)
            if math.isinf(value):
                self.faults.append("number-out-of-range")
            return value
        if len(integer.lstrip("-")) > self.limits.max_digits:
            self.faults.append("number-too-long")
            return 0
        return int(integer)


def _unescaped(found: re.Match[str]) -> str:
    high, low, unit, short = found.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    return chr(int(unit, 16)) if unit else _ESCAPES[short]


def _has_lone_surrogate(value: Any) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if any("\ud800" <= char <= "\udfff" for char in item):
                return True
        elif isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
    return False
