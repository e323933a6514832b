"""What the model's own files ask for when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks.check import Severity, Spot, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.checks.context import Context


@check(
    "pickle-trusted",
    Severity.WARNING,
    why="Whoever runs the archive trusts your word for it: such a name may run anything.",
    fix="Save the model in a form that needs no such name, or say in MODEL_CARD.md why it is needed.",
)
def pickle_trusted(context: Context) -> Iterator[Spot]:
    """A pickle asks for a global outside the reviewed list that was trusted by name."""
    for file in _pickles(context):
        listed = file.get("globals")
        found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        names = [one.get("name") for one in found if one.get("verdict") == "trusted"]
        if names:
            yield Spot(f"{file.get('path')} asks for {', '.join(map(str, names))}.", str(file.get("path")))


@check(
    "pickle-unclear",
    Severity.WARNING,
    why="What it asks for could not be listed before it was opened.",
    fix="Save the model again, with a current version of its library.",
)
def pickle_unclear(context: Context) -> Iterator[Spot]:
    """A pickle cannot be read to the end without opening it."""
    for file in _pickles(context):
        problems = file.get("problems")
        if isinstance(problems, list) and problems:
            yield Spot(f"{file.get('path')}: {'; '.join(map(str, problems[:3]))}.", str(file.get("path")))


def _pickles(context: Context) -> list[dict[str, object]]:
    files = context.verdict.part("pickles").get("files") if context.verdict.is_fresh else None
    return [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []
