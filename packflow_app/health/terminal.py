"""The terminal: whether there is one, how large it is, its colours, and whether it gets our characters."""

from __future__ import annotations

import locale
import os
import re
import sys
from typing import TYPE_CHECKING

from packflow_app.health.finding import Finding, note, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST = (60, 16)  # below, the terminal app asks for room
_FOLDS_BELOW = 100  # below, its third pane is folded
_UTF8 = re.compile(r"utf-?8", re.IGNORECASE)


def examine() -> Iterator[Finding]:
    """Look at standard input and output, TERM and the locale."""
    attached = is_terminal()
    if attached:
        yield ok("attached", "standard input and output are a terminal")
        yield _size(*os.get_terminal_size(sys.stdout.fileno()))
    else:
        yield note("attached", "standard input or output is no terminal: nothing is asked, and the app cannot open")
    yield _kind(attached=attached)
    yield (
        note("colours", f"none: NO_COLOR is set to {os.environ['NO_COLOR']!r}")
        if no_color()
        else ok("colours", _colors(os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")))
    )
    yield _encoding()
    yield _locale()
    if "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ:
        yield note("connection", "SSH: the app moves nothing and does not ask for the background", "")


def is_terminal() -> bool:
    """Whether somebody sits before standard input and output."""
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except ValueError:
        return False


def no_color() -> bool:
    """Whether the environment wants no colours; an empty value wants nothing."""
    return bool(os.environ.get("NO_COLOR"))


def _size(columns: int, lines: int) -> Finding:
    shown = f"{columns} × {lines}"
    if columns < _LEAST[0] or lines < _LEAST[1]:
        return warning(
            "size",
            shown,
            "terminal-small",
            f"The terminal is {columns} columns by {lines} lines; the app needs {_LEAST[0]} by {_LEAST[1]}.",
            "Make the window larger. The commands work in any size.",
        )
    if columns < _FOLDS_BELOW:
        return note("size", f"{shown}: below {_FOLDS_BELOW} columns the app folds its third pane")
    return ok("size", shown)


def _kind(*, attached: bool) -> Finding:
    kind = os.environ.get("TERM", "")
    if os.name == "nt" and not kind:
        return ok("TERM", "not set, as usual on Windows")
    if kind == "dumb" or (attached and not kind):
        shown = kind or "not set"
        return warning(
            "TERM",
            shown,
            "terminal-dumb",
            f"TERM is {shown}: the app shows a numbered menu, and questions are asked by numbered lists.",
            "If the terminal can move its cursor, set TERM to its kind, such as xterm-256color.",
        )
    return ok("TERM", kind) if kind else note("TERM", "not set")


def _colors(term: str, colorterm: str) -> str:
    if colorterm.lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return "16 million"
    if "256color" in term:
        return "256"
    return "16" if term not in ("", "dumb") or os.name == "nt" else "none"


def _encoding() -> Finding:
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    if _UTF8.fullmatch(encoding):
        return ok("encoding", encoding.lower())
    return warning(
        "encoding",
        encoding,
        "encoding-not-utf8",
        f"Standard output is {encoding}: characters it lacks are shown as escapes such as \\u2713.",
        "Set PYTHONUTF8=1, and let the terminal show UTF-8."
        if os.name == "nt"
        else "Set LC_ALL=C.UTF-8 (or another locale that ends in UTF-8), and unset PYTHONIOENCODING.",
    )


def _locale() -> Finding:
    variable = next((name for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), None)
    if variable is None or os.name == "nt":
        return ok("locale", "the system's own")
    value = os.environ[variable]
    shown = f"{variable}={value}"
    try:
        locale.setlocale(locale.LC_CTYPE, "")
    except locale.Error:
        return warning(
            "locale",
            shown,
            "locale-missing",
            f"{shown} names a locale that this system does not have.",
            f"Install it, or set {variable}=C.UTF-8; `locale -a` lists those that are there.",
        )
    if value in ("C", "POSIX"):
        return note("locale", f"{shown}: Python takes UTF-8 for it", "")
    if not _UTF8.search(value.partition("@")[0]):
        return warning(
            "locale",
            shown,
            "locale-not-utf8",
            f"{shown} is no UTF-8 locale: names of files and signs such as ✓ may come out wrong.",
            f"Set {variable}=C.UTF-8, or another that ends in UTF-8.",
        )
    return ok("locale", shown)
