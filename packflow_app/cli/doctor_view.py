"""What ``packflow doctor`` shows: one line a finding, and below what is wrong, what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from packflow_app.cli.terminal import Terminal, visible
from packflow_app.cli.wording import counted, shown_path
from packflow_app.health.finding import Finding, State
from packflow_app.packaging.verifier import VERIFIER_NAME
from packflow_app.wording import sized

if TYPE_CHECKING:
    from packflow_app.actions.doctor import Diagnosis
    from packflow_app.packaging.app_bundle import MadeBundle

_GLYPHS = {State.OK: "✓", State.NOTE: "–", State.WARNING: "●", State.ERROR: "✗"}
_STYLES = {State.OK: "green", State.NOTE: "cyan", State.WARNING: "yellow", State.ERROR: "red"}
_WIDEST_NAME = 22


def show(terminal: Terminal, found: Diagnosis, *, strict: bool) -> None:
    """Print the findings by subject, how many there are, and where to begin."""
    for subject in found.subjects:
        terminal.say(f"[bold]{subject.title}[/]")
        terminal.show(_table(list(subject.findings)))
        terminal.say()
    terminal.say(_counts(found))
    wrong = [*found.of(State.ERROR), *(found.of(State.WARNING) if strict else ())]
    if wrong:
        again = "packflow doctor --strict" if strict else "packflow doctor"
        terminal.say(f"[bold]Next[/]  mend {escape(visible(wrong[0].name))}, then {again}")


def show_bundle(terminal: Terminal, made: MadeBundle) -> None:
    """The folder, whom it is for, and what to do with it elsewhere."""
    terminal.say(f"[bold]wrote {escape(shown_path(made.folder))}[/]")
    terminal.say(f"  Packflow {made.version}, {len(made.files) + 1} files, {sized(made.size)}")
    for target in made.targets:
        count = sum(target.name in wheel.targets for wheel in made.wheels)
        terminal.say(f"  for {target.name}: {counted(count, 'wheel')}")
    terminal.say(f"  sha256 of {VERIFIER_NAME} {made.files[VERIFIER_NAME]}")
    terminal.say()
    terminal.say(f"[bold]On the other side[/]  python3 -I {VERIFIER_NAME}; README.txt there has the rest")


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=_WIDEST_NAME)
    table.add_column(overflow="fold")
    for one in findings:
        table.add_row(_mark(one.state), escape(visible(one.name)), "\n".join(_lines(one)))
    return table


def _mark(state: State) -> str:
    """A glyph where the output has it, and always a word."""
    has_glyphs = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    glyph = f"{_GLYPHS[state]} " if has_glyphs else ""
    return f"[{_STYLES[state]}]{glyph}{state.value}[/]"


def _lines(one: Finding) -> list[str]:
    if one.state in (State.OK, State.NOTE):
        lines = [escape(visible(one.value))]
    else:
        place = f" [dim]({escape(visible(one.file))}{f':{one.line}' if one.line else ''})[/]" if one.file else ""
        lines = [f"{escape(visible(one.message))}{place}"]
    if one.fix:
        lines.append(f"[dim]fix:[/] {escape(visible(one.fix))}")
    return lines


def _counts(found: Diagnosis) -> str:
    nouns = {State.ERROR: "error", State.WARNING: "warning", State.NOTE: "note"}
    parts = [counted(len(found.of(state)), noun) for state, noun in nouns.items() if found.of(state)]
    looked = sum(len(subject.findings) for subject in found.subjects)
    return f"{', '.join(parts) or 'nothing is wrong'} in {counted(looked, 'finding')}"
