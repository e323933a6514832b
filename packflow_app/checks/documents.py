"""The documents that travel with a model: there, readable, and about this model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.checks.templates import is_unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context

DOCUMENTS = {
    "README.md": "say how to use the model",
    "MODEL_CARD.md": "say what the model is for, what it was made from and what it cannot do",
    "LICENSE.txt": "say under which terms it may be used",
}
"""The recommended files, and what each is to do."""

_WHY = "The archive may be all that its receiver has: these files are what a person reads before running it."


@check(
    "document-missing",
    Severity.WARNING,
    why=_WHY,
    fix="Write it.",
    reads_config=False,
)
def document_missing(context: Context) -> Iterator[Spot]:
    """README.md, MODEL_CARD.md or LICENSE.txt is missing."""
    for name, purpose in DOCUMENTS.items():
        if not (context.folder / name).is_file():
            yield Spot(f"{name} does not exist; it is to {purpose}.", name)


@check(
    "document-empty",
    Severity.WARNING,
    why=_WHY,
    fix="Write it.",
    reads_config=False,
)
def document_empty(context: Context) -> Iterator[Spot]:
    """One of the documents holds nothing but blanks."""
    for name, purpose in DOCUMENTS.items():
        content = context.text(name)
        if content is not None and not content.removeprefix(b"\xef\xbb\xbf").strip():
            yield Spot(f"{name} is empty; it is to {purpose}.", name)


@check(
    "document-template",
    Severity.WARNING,
    why="It describes what every new project is, not what this model became.",
    fix="Rewrite it for this model.",
    reads_config=False,
)
def document_template(context: Context) -> Iterator[Spot]:
    """One of the documents is still what `packflow init` wrote."""
    for name in DOCUMENTS:
        content = context.text(name)
        text = _decoded(content) if content is not None else None
        if text is not None and is_unchanged(name, text):
            yield Spot(f"{name} is as the template made it.", name)


@check(
    "document-encoding",
    Severity.WARNING,
    why="Some of its letters are shown wrong, or the file not at all, on other systems.",
    fix="Save it as UTF-8.",
    reads_config=False,
)
def document_encoding(context: Context) -> Iterator[Spot]:
    """One of the documents is not UTF-8 text."""
    for name in DOCUMENTS:
        content = context.text(name)
        if content is None:
            continue
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            yield Spot(f"{name} is not UTF-8: byte 0x{content[error.start]:02x}.", name, line)


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
