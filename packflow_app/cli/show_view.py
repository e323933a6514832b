"""What ``packflow show`` shows: one archive in blocks, or the changes between two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from packflow_app.cli.terminal import visible
from packflow_app.cli.wording import counted, shown_path
from packflow_app.runtime import RUNTIME_DIR

if TYPE_CHECKING:
    from packflow_app.actions.show import ArchivedFile
    from packflow_app.cli.terminal import Terminal
    from packflow_app.packaging.archive_changes import ArchiveChange, ArchiveChanges
    from packflow_app.packaging.description import ArchiveDescription, SchemaField

_MOST_ROWS = 60
_MARKS = {"added": "[green]+[/]", "removed": "[red]-[/]", "changed": "[yellow]~[/]"}


def show_archive(terminal: Terminal, archive: ArchiveDescription, *, verbose: bool) -> None:
    """Everything that one archive says of itself."""
    manifest, config = archive.manifest, archive.manifest.project_config
    about = f"  {config.description}" if config.description else ""
    terminal.say(f"[bold]{_text(f'{manifest.name} {manifest.version}')}[/]{_text(about)}")
    terminal.say(f"{_text(str(archive.path))}  {archive.size:,} bytes, manifest sha256 {archive.digest}")
    terminal.say()
    _heading(terminal, "Needs")
    lock = ", locked" if archive.has_lock else ", not locked" if manifest.requirements else ""
    facts = _facts()
    facts.add_row("  Python", _text(manifest.python_requires))
    facts.add_row("  requirements", _text(", ".join(manifest.requirements) or "nothing beside Python") + lock)
    terminal.show(facts)
    _show_fields(terminal, "Input fields", archive.inputs)
    _show_fields(terminal, "Output fields", archive.outputs)
    _show_claims(terminal, archive)
    _show_configuration(terminal, archive)
    terminal.say()
    _heading(terminal, f"Contents  {counted(len(manifest.files) + 1, 'file')}")
    terminal.show(_tree(archive.sizes, verbose=verbose))
    terminal.say()
    terminal.say(f"[bold]Next[/]  packflow verify {_text(shown_path(archive.path))}  (its bytes were not checked here)")


def _show_fields(terminal: Terminal, title: str, fields: tuple[SchemaField, ...] | None) -> None:
    if fields is None:
        return
    terminal.say()
    _heading(terminal, f"{title}  {len(fields):,}")
    table = _facts()
    for field in fields[:_MOST_ROWS]:
        missing = "" if field.required else "may be missing"
        table.add_row(f"  {_text(field.path)}", _text(" | ".join(field.types) or "unknown"), missing)
    terminal.show(table)
    _and_more(terminal, len(fields))


def _show_claims(terminal: Terminal, archive: ArchiveDescription) -> None:
    manifest = archive.manifest
    terminal.say()
    _heading(terminal, "Claimed by its builder")
    parity, commit = manifest.parity, manifest.provenance.commit
    verdict = (
        "not compared" if parity is None else f"{'equal' if parity.equal else 'DIFFERENT'} on {parity.events} events"
    )
    clean = {True: ", clean", False: ", with changes that are in no commit", None: ""}[manifest.provenance.clean]
    table = _facts()
    for label, value in (
        ("single = batch", verdict),
        ("stateful", "yes" if manifest.stateful else "no"),
        ("golden events", str(manifest.golden_events or "none")),
        ("git commit", f"{commit}{clean}" if commit else "unknown"),
        ("created", manifest.created or "unknown"),
        ("runtime", manifest.runtime_version),
        ("pickle globals", ", ".join(manifest.pickle_allowlist) or "none"),
    ):
        table.add_row(f"  {label}", _text(value))
    terminal.show(table)


def _show_configuration(terminal: Terminal, archive: ArchiveDescription) -> None:
    terminal.say()
    _heading(terminal, "Configuration")
    table = _facts()
    for key, value in archive.manifest.config.items():
        if key not in ("name", "version", "description"):
            table.add_row(f"  {_text(key)}", _text(json.dumps(value, ensure_ascii=False)))
    terminal.show(table)


def _tree(sizes: dict[str, int], *, verbose: bool) -> Table:
    """Files below their folders, each folder with the sum of what it holds; the runtime in one line unless verbose."""
    totals: dict[str, int] = {}
    for name, size in sizes.items():
        for place, char in enumerate(name):
            if char == "/":
                totals[name[: place + 1]] = totals.get(name[: place + 1], 0) + size
    table = _facts(right=1)
    hidden = "" if verbose else f"{RUNTIME_DIR}/"
    rows = [name for name in sorted([*totals, *sizes]) if not hidden or name == hidden or not name.startswith(hidden)]
    shown = rows if verbose else rows[:_MOST_ROWS]
    for name in shown:
        depth = name.rstrip("/").count("/") + 1
        last = name.rstrip("/").rpartition("/")[2] + ("/" if name in totals else "")
        size = totals.get(name, sizes.get(name, 0))
        table.add_row(f"{'  ' * depth}{_text(last)}", f"{size:,}")
    if len(rows) > len(shown):
        table.add_row(f"  and {len(rows) - len(shown):,} more: -v shows all", "")
    return table


def show_file(terminal: Terminal, file: ArchivedFile) -> None:
    """A file's text, escapes spelled out; a sentence about one that is none, or that has more than is shown."""
    if terminal.as_json:
        return
    if file.text is None:
        terminal.say(f"{counted(file.size, 'byte')} that are no text, sha256 {file.sha256}")
        return
    terminal.text("\n".join(visible(line) for line in file.text.splitlines()))
    if file.size > len(file.data):
        terminal.say(f"[dim]… and {counted(file.size - len(file.data), 'byte')} more[/]")


def file_data(file: ArchivedFile) -> dict[str, Any]:
    """A file for ``--json``; ``text`` is null where it is none, and cut off where that is shorter than ``size``."""
    return {
        "path": str(file.archive),
        "file": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "text": file.text,
        "cut": file.size > len(file.data),
    }


def show_changes(
    terminal: Terminal, old: ArchiveDescription, new: ArchiveDescription, changes: ArchiveChanges, *, verbose: bool
) -> None:
    """What the one changes against the other, topic by topic."""
    names = " → ".join(f"{one.manifest.name} {one.manifest.version}" for one in (old, new))
    terminal.say(f"[bold]{_text(names)}[/]")
    if not changes.count:
        same = "the same archive" if old.digest == new.digest else "no difference"
        terminal.say(f"[green]✓[/] {same}: manifest sha256 {new.digest}")
        return
    for title, found in (
        ("Claimed by the builder", changes.claims),
        ("Requirements", changes.requirements),
        ("Configuration", changes.configuration),
        ("Input fields", changes.inputs),
        ("Output fields", changes.outputs),
        ("Files (bytes)", changes.files),
    ):
        _show_topic(terminal, title, found, verbose=verbose)


def _show_topic(terminal: Terminal, title: str, found: tuple[ArchiveChange, ...], *, verbose: bool) -> None:
    if not found:
        return
    shown = found if verbose else tuple(one for one in found if not one.what.startswith(f"{RUNTIME_DIR}/"))
    of_runtime = len(found) - len(shown)
    terminal.say()
    _heading(terminal, f"{title}  {len(found):,}")
    table = _facts()
    for change in shown[: None if verbose else _MOST_ROWS]:
        table.add_row(f"  {_MARKS[change.kind]} {_text(change.what)}", _text(change.values))
    if of_runtime:
        table.add_row(f"  {_MARKS['changed']} {RUNTIME_DIR}/", f"{counted(of_runtime, 'file')}: -v shows them")
    terminal.show(table)
    if not verbose:
        _and_more(terminal, len(shown))


def _and_more(terminal: Terminal, count: int) -> None:
    if count > _MOST_ROWS:
        terminal.say(f"  and {count - _MOST_ROWS:,} more: --json has all")


def _heading(terminal: Terminal, text: str) -> None:
    terminal.say(f"[bold]{text}[/]")


def _facts(right: int = 0) -> Table:
    """Two or three columns without lines; the second is for numbers where ``right``."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", justify="right" if right else "left")
    return table


def _text(text: str) -> str:
    return escape(visible(text))
