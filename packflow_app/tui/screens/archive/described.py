"""What an archive needs and says, and what another one changes: texts for panes, as ``packflow show`` has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.runtime import RUNTIME_DIR
from packflow_app.tui.json_text import laid_out
from packflow_app.wording import counted, visible

if TYPE_CHECKING:
    from packflow_app.actions.show import Shown
    from packflow_app.packaging.archive_changes import ArchiveChange
    from packflow_app.packaging.description import ArchiveDescription, SchemaField

_MOST_ROWS = 500
_LABEL = 14
_WIDEST = 40
_MARKS = {"added": ("+", "$success"), "removed": ("-", "$error"), "changed": ("~", "$warning")}


def needs_text(shown: ArchiveDescription) -> Content:
    """Python, requirements, the fields of its events and of its outputs."""
    manifest = shown.manifest
    lock = "pinned and hashed" if shown.has_lock else "none" if manifest.requirements else "none is needed"
    lines = [
        _row("Python", manifest.python_requires),
        _row("requirements", "" if manifest.requirements else "nothing beside Python"),
        *(Content(f"  {visible(one)}") for one in manifest.requirements[:_MOST_ROWS]),
        _row("lock", lock),
    ]
    for title, fields in (("Input fields", shown.inputs), ("Output fields", shown.outputs)):
        lines += [Content(""), _title(title, None if fields is None else len(fields)), *_field_lines(fields)]
    return Content("\n").join(lines)


def manifest_text(shown: ArchiveDescription) -> Content:
    """The manifest without its files, which are the pane before it."""
    told = {key: value for key, value in shown.as_json().items() if key not in ("files", "inputs", "outputs", "path")}
    return Content("\n").join(laid_out(json.dumps(told, ensure_ascii=False)))


def changes_text(shown: Shown) -> Content:
    """What the other archive changes, topic by topic."""
    changes, other = shown.changes, shown.other
    if changes is None or other is None:
        return Content.assemble("Press ", ("d", "bold $key"), " to compare this archive with another.")
    names = " → ".join(f"{one.manifest.name} {one.manifest.version}" for one in (shown.archive, other))
    lines = [Content.styled(visible(names), "bold")]
    if not changes.count:
        same = "the same archive" if shown.archive.digest == other.digest else "no difference"
        return Content("\n").join([*lines, Content.assemble(("✓ ", "$success"), same)])
    for title, found in (
        ("Claimed by the builder", changes.claims),
        ("Requirements", changes.requirements),
        ("Configuration", changes.configuration),
        ("Input fields", changes.inputs),
        ("Output fields", changes.outputs),
        ("Files, in bytes", changes.files),
    ):
        if found:
            lines += [Content(""), _title(title, len(found)), *_change_lines(found)]
    return Content("\n").join(lines)


def _change_lines(found: tuple[ArchiveChange, ...]) -> list[Content]:
    own = [one for one in found if not one.what.startswith(f"{RUNTIME_DIR}/")]
    width = min(_WIDEST, max((len(visible(one.what)) for one in own), default=0))
    lines = [
        Content.assemble(
            (f"{_MARKS[one.kind][0]} ", _MARKS[one.kind][1]), f"{visible(one.what):<{width}}  ", visible(one.values)
        )
        for one in own[:_MOST_ROWS]
    ]
    if len(own) > _MOST_ROWS:
        lines.append(Content.styled(f"  and {len(own) - _MOST_ROWS:,} more", "$muted"))
    if len(found) > len(own):
        of_runtime = counted(len(found) - len(own), "file")
        lines.append(Content.assemble(("~ ", "$warning"), f"{RUNTIME_DIR}/  ", (of_runtime, "$muted")))
    return lines


def _field_lines(fields: tuple[SchemaField, ...] | None) -> list[Content]:
    if fields is None:
        return [Content.styled("  it ships no schema of them", "$muted")]
    width = min(_WIDEST, max((len(visible(one.path)) for one in fields[:_MOST_ROWS]), default=0))
    lines = [
        Content.assemble(
            (f"  {visible(one.path):<{width}}", "$key"),
            f"  {visible(' | '.join(one.types) or 'unknown'):<10}",
            ("" if one.required else "  may be missing", "$muted"),
        )
        for one in fields[:_MOST_ROWS]
    ]
    if len(fields) > _MOST_ROWS:
        lines.append(Content.styled(f"  and {len(fields) - _MOST_ROWS:,} more", "$muted"))
    return lines


def _title(title: str, count: int | None) -> Content:
    return Content.assemble((title, "bold $muted"), ("" if count is None else f" {count:,}", "$muted"))


def _row(label: str, text: str) -> Content:
    return Content.assemble((label.ljust(_LABEL), "$muted"), visible(text))
