"""What ``packflow export`` shows: the plan as a tree, how far it is, the events it asks about, the archive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from packflow_app.checks.check import Severity
from packflow_app.cli.terminal import Terminal, bar, visible
from packflow_app.cli.wording import counted, shown_path
from packflow_app.environments.lock import LockState
from packflow_app.locations import LOCK_FILE

if TYPE_CHECKING:
    from packflow_app.actions.export import ExportDone
    from packflow_app.actions.export_plan import ExportPlan
    from packflow_app.checks.check import Finding
    from packflow_app.packaging.signing import WrittenSignature
    from packflow_app.packaging.writing import FileWritten

ALWAYS_TOLD = frozenset({"lock-missing", "password-written", "artifact-doubtful"})
"""Warnings about what ships, or does not, without anybody having said so."""

_BAR = 16
_OFFERED = 3
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_LEAST_SECONDS = 1.0


class WritingProgress:
    """Shows how far the archive is: files, share, rate, and the time left once that can be told."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._started: float | None = None
        self._again = False

    def show(self, event: FileWritten) -> None:
        """Tell of one more step."""
        now = time.monotonic()
        if self._started is None or event.again != self._again:
            self._started, self._again = now, event.again
        seconds = now - self._started
        share = event.bytes_done / event.bytes_total if event.bytes_total else 1.0
        parts = [
            f"{'building again' if event.again else 'writing'} {event.done:,} of {event.total:,} files",
            f"{bar(share, _BAR):<{_BAR}}",
            f"{share:4.0%}",
        ]
        if seconds >= _LEAST_SECONDS:
            rate = event.bytes_done / seconds
            parts += [f"{size_of(round(rate))}/s"]
            if rate:
                parts += [f"{(event.bytes_total - event.bytes_done) / rate:,.0f} s left"]
        self._terminal.progress("  ".join(parts))


def size_of(size: int) -> str:
    """A size as people say it, such as 1.2 MB; exact below a thousand bytes."""
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{size:,} {_UNITS[0]}" if unit == 0 else f"{amount:.3g} {_UNITS[unit]}"


def show_plan(terminal: Terminal, plan: ExportPlan) -> None:
    """The tree of what would ship, then what would not and why, then what would be done on the way."""
    config = plan.project.config
    total = sum(plan.sizes.values())
    terminal.say(f"[bold]{escape(f'{config.name} {config.version}')}[/] would become {escape(shown_path(plan.path))}")
    terminal.say()
    terminal.say(f"project/  {counted(len(plan.sizes), 'file')}, {size_of(total)}")
    for line in _tree(plan.sizes):
        terminal.say(escape(line))
    terminal.say(f"packflow_runtime/  {counted(plan.runtime_files, 'file')}, {size_of(plan.runtime_size)}")
    terminal.say(f"packflow-info/  {escape(_info(plan))}")
    if plan.contents.excluded:
        terminal.say()
        terminal.say("[bold]left out[/]")
        width = max(len(name) for name in plan.contents.excluded)
        for name, reason in sorted(plan.contents.excluded.items()):
            terminal.say(f"  {escape(f'{name:<{width}}')}  [dim]{escape(reason)}[/]")
    terminal.say()
    reason = plan.verdict.reason or "The last dry run compared nothing."
    terminal.say(
        "The last dry run is about these files."
        if plan.verdict.is_complete
        else f"{escape(reason)} An export would run the model first."
    )
    for finding in plan.blocking:
        terminal.say(f"[red]in the way[/]  {escape(visible(finding.told))}")
    if plan.warnings:
        terminal.say(f"{counted(len(plan.warnings), 'warning')}, in the way of nothing: packflow validate shows all")
    terminal.say("Nothing was written.")


def _info(plan: ExportPlan) -> str:
    locks = {LockState.MISSING: "no lock", LockState.STALE: f"{LOCK_FILE} (out of date)", LockState.FRESH: LOCK_FILE}
    count = plan.golden_events
    golden = "example events, to be recorded" if count is None else counted(count, "example event")
    return f"manifest, verdict, schemas, {locks[plan.lock]}, {golden}"


def _tree(sizes: dict[str, int]) -> list[str]:
    """One line a file below its folders, with its size in a column."""
    rows: list[tuple[str, str]] = []
    above: list[str] = []
    for name, size in sizes.items():
        *folders, last = name.split("/")
        for depth, folder in enumerate(folders):
            if above[: depth + 1] != folders[: depth + 1]:
                rows.append((f"{'  ' * (depth + 1)}{folder}/", ""))
                above = folders[: depth + 1]
        above = folders
        rows.append((f"{'  ' * (len(folders) + 1)}{last}", size_of(size)))
    width = max((len(text) for text, _ in rows), default=0)
    return [f"{text:<{width}}  {size:>10}".rstrip() for text, size in rows]


def plan_data(plan: ExportPlan) -> dict[str, Any]:
    """The plan for ``--json``."""
    return {
        "plan": True,
        "path": str(plan.path),
        "files": [{"path": name, "size": size} for name, size in plan.sizes.items()],
        "size": sum(plan.sizes.values()),
        "excluded": plan.contents.excluded,
        "rules": {name: vars(rule) for name, rule in sorted(plan.contents.rules.items())},
        "runtime": {"files": plan.runtime_files, "size": plan.runtime_size},
        "dry_run": plan.verdict.freshness.name.lower(),
        "lock": plan.lock.value,
        "golden_events": plan.golden_events,
        "exists": plan.is_there,
        "blocking": [_finding(one) for one in plan.blocking],
        "warnings": [_finding(one) for one in plan.warnings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {"check": finding.check, "message": finding.message, "file": finding.file, "line": finding.line}


def show_done(terminal: Terminal, done: ExportDone, *, verbose: bool) -> None:
    """The archive, and what was done on the way."""
    exported, manifest = done.exported, done.exported.manifest
    if done.ran_dry_run:
        terminal.say(
            f"dry run: single = batch, {done.dry_run.report['events']:,} of {done.dry_run.report['events']:,} events"
        )
    if done.golden_recorded:
        terminal.say(
            f"recorded {manifest.golden_events} example events with their outputs in golden/; the archive ships them"
        )
    elif manifest.golden_events:
        terminal.say(f"ships {counted(manifest.golden_events, 'example event')}, which are real (golden/)")
    state = "unchanged" if exported.unchanged else "wrote"
    terminal.say(f"[bold]{state} {escape(shown_path(exported.path))}[/]")
    terminal.say(
        f"  {len(manifest.files) + 1} files, {exported.size:,} bytes, runs on Python {escape(manifest.python_requires)}"
    )
    ignored = exported.excluded if verbose else {name: exported.excluded[name] for name in exported.contents.rules}
    if ignored:
        terminal.say(f"  left out: {escape(_left_out(ignored, verbose=verbose))}")
    terminal.say(f"  sha256 {exported.sha256}{', built twice: identical' if exported.rebuilt else ''}")
    if done.signature is not None:
        name = escape(done.signature.path.name)
        terminal.say(f"  signed by key {done.signature.key.fingerprint}, in {name}")
    if done.wheel is not None:
        verb = "unchanged" if done.wheel.unchanged else "wrote"
        terminal.say(f"[bold]{verb} {escape(shown_path(done.wheel.path))}[/]")
        terminal.say(f"  {done.wheel.size:,} bytes, sha256 {done.wheel.sha256}")
    hidden = [one for one in done.findings if one.severity is Severity.WARNING and one.check not in ALWAYS_TOLD]
    if hidden and not verbose:
        terminal.say(
            f"  {counted(len(hidden), 'warning')}: packflow validate shows {'it' if len(hidden) == 1 else 'them'}"
        )
    terminal.say()
    terminal.say(f"[bold]Run it[/]  python3 {escape(shown_path(exported.path))} < events.ndjson")


def _left_out(excluded: dict[str, str], *, verbose: bool) -> str:
    if verbose:
        return ", ".join(f"{name} ({reason})" for name, reason in sorted(excluded.items()))
    names = sorted(excluded)
    more = f" and {len(names) - _OFFERED} more" if len(names) > _OFFERED else ""
    return f"{', '.join(names[:_OFFERED])}{more} (--plan says why)"


def signature_data(signature: WrittenSignature) -> dict[str, Any]:
    """A signature for ``--json``."""
    return {
        "path": str(signature.path),
        "fingerprint": signature.key.fingerprint,
        "unchanged": signature.unchanged,
    }


def export_data(done: ExportDone) -> dict[str, Any]:
    """The archive for ``--json``."""
    exported = done.exported
    return {
        "path": str(exported.path),
        "size": exported.size,
        "sha256": exported.sha256,
        "unchanged": exported.unchanged,
        "needs_zip64": exported.needs_zip64,
        "rebuilt": exported.rebuilt,
        "files": [{"path": name, **vars(record)} for name, record in sorted(exported.manifest.files.items())],
        "excluded": exported.excluded,
        "rules": {name: vars(rule) for name, rule in sorted(exported.contents.rules.items())},
        "golden_events": exported.manifest.golden_events,
        "golden_recorded": done.golden_recorded,
        "ran_dry_run": done.ran_dry_run,
        "wheel": None if done.wheel is None else {**vars(done.wheel), "path": str(done.wheel.path)},
        "signature": None if done.signature is None else signature_data(done.signature),
    }
