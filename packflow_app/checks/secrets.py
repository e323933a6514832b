"""Secrets in what would ship, by the forms that are known; see ``secret_patterns``."""

from __future__ import annotations

import codecs
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.checks.secret_patterns import SecretFound, find_passwords, find_secrets
from packflow_app.locations import LOCK_FILE
from packflow_app.runtime import GOLDEN_DIR, GOLDEN_INPUTS_NAME, GOLDEN_OUTPUTS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packflow_app.checks.context import Context

_HEAD = 8192
_WINDOW = 16 << 20
_OVERLAP = 8192
_SHOWN = 20
_PLAIN = frozenset((".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".env", ".sh"))
_QUOTED = frozenset((".py", ".json", *_PLAIN))
_LONGEST_CODE = 4 << 20
_ALLOW = "If it is none, say so on its line: # packflow: not-a-secret"


@check(
    "secret",
    Severity.ERROR,
    why="Whoever receives the archive can use it, and it stays in every copy.",
    fix="Take it out, have it replaced where it was issued, and let it be given where the archive runs.",
    reads_config=False,
)
def secret(context: Context) -> Iterator[Spot]:
    """A file that would ship holds a secret of a known form: a cloud key, a token, a private key, a URL's password."""
    for name, path in _files(context):
        in_events = name.startswith(f"{GOLDEN_DIR}/")
        for count, found in enumerate(_secrets_in(path, in_events=in_events)):
            if count >= _SHOWN:
                break
            yield Spot(
                f"{name} holds {found.kind}: {found.shown}.",
                name,
                found.line,
                "Take it out, have it replaced where it was issued, and let it be given where the archive runs, such "
                f"as by a variable of the environment. {_ALLOW}",
            )


@check(
    "password-written",
    Severity.WARNING,
    why="If it is a real one, whoever receives the archive can use it.",
    fix=f"Let it be given where the archive runs, such as by a variable of the environment. {_ALLOW}",
    reads_config=False,
)
def password_written(context: Context) -> Iterator[Spot]:
    """Code or configuration gives a value to what is called a password or a key."""
    for name in context.contents.files:
        suffix = PurePosixPath(name).suffix.lower()
        content = context.text(name) if suffix in _QUOTED else None
        if content is not None and len(content) <= _LONGEST_CODE and b"\0" not in content[:_HEAD]:
            for found in find_passwords(content, plain=suffix in _PLAIN):
                yield Spot(f"{name} says {found.shown}", name, found.line)


def _files(context: Context) -> Iterator[tuple[str, Path]]:
    """All that ships of the project's folder."""
    yield from context.contents.files.items()
    names = [LOCK_FILE, f"{GOLDEN_DIR}/{GOLDEN_INPUTS_NAME}", f"{GOLDEN_DIR}/{GOLDEN_OUTPUTS_NAME}"]
    yield from ((name, path) for name in names if (path := context.folder / name).is_file())


def _secrets_in(path: Path, *, in_events: bool) -> Iterator[SecretFound]:
    """Secrets in a text file, read in pieces that overlap; what has a NUL at its head is no text."""
    lines, kept, seen = 0, b"", set()
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                yield from find_secrets((head + file.read(_WINDOW)).decode("utf-16", "ignore").encode())
                return
            if b"\0" in head:
                return
            while window := kept + head + file.read(_WINDOW):
                for found in find_secrets(window, in_events=in_events):
                    place = (found.kind, lines + found.line, found.shown)
                    if place not in seen:
                        seen.add(place)
                        yield SecretFound(*place)
                if len(window) <= _OVERLAP or len(window) < _WINDOW:
                    return
                kept, head = window[-_OVERLAP:], b""
                lines += window.count(b"\n", 0, len(window) - _OVERLAP)
    except OSError:  # exporting it tells
        return
