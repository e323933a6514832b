"""What an export gave, for the screen: each file with its size and hash, what to know of it, and what runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.tui.commands import run_words
from packflow_app.tui.widgets.rows import command_row, row
from packflow_app.wording import counted, shown_path

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.actions.export import ExportDone

_LABEL = 10


def result_text(done: ExportDone, events: Path | None, width: int) -> Content:
    """All of it, the most wanted first."""
    exported = done.exported
    state = "unchanged, byte for byte" if exported.unchanged else "written"
    rebuilt = "   built twice: identical" if exported.rebuilt else ""
    rows = [
        ("path", shown_path(exported.path)),
        ("size", f"{exported.size:,} bytes, {counted(len(exported.manifest.files) + 1, 'file')}"),
        ("sha256", exported.sha256),
    ]
    if done.signature is not None:
        rows.append(("signed", f"by key {done.signature.key.fingerprint[:16]}…, in {done.signature.path.name}"))
    if done.wheel is not None:
        rows.append(("wheel", f"{shown_path(done.wheel.path)}, {done.wheel.size:,} bytes"))
    if done.kit is not None:
        wheels = counted(len(done.kit.wheels), "wheel")
        rows.append(("kit", f"{shown_path(done.kit.folder)}, {counted(len(done.kit.files) + 1, 'file')}, {wheels}"))
    head = Content.assemble(
        (f"✓ {state}", "bold $success"),
        (rebuilt, "$success"),
        ("   ", ""),
        ("6", "bold $key"),
        (" verifies it", "$muted"),
    )
    lines = [head, *(row(_label(label), text, width) for label, text in rows)]
    lines.append(command_row(_label("run it"), run_words(exported.path, events), width))
    for one in done.warnings:
        hint = f" {one.hint}" if one.hint else ""
        lines.append(row(Content.styled("●".ljust(_LABEL), "$warning"), f"{one.message}{hint}", width))
    return Content("\n").join(lines)


def _label(text: str) -> Content:
    return Content.styled(text.ljust(_LABEL), "$muted")
