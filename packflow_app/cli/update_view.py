"""How ``packflow update`` shows what a new model changes."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from packflow_app.cli.compare import show_comparison
from packflow_app.cli.terminal import columns, visible
from packflow_app.cli.wording import counted, shown_path
from packflow_app.dryrun.problems import warnings_of
from packflow_app.result import Problem

if TYPE_CHECKING:
    from packflow_app.actions.update_plan import UpdatePlan
    from packflow_app.cli.terminal import Terminal

_SHOWN = 40


def show_trial(terminal: Terminal, tried: UpdatePlan) -> None:
    """What the new model is, what it changes, and how it behaved beside the old one."""
    file, model = tried.file, tried.model
    saved = ", ".join(f"{name} {version}" for name, version in file.packages.items() if version)
    with_ = f", saved with {saved}" if saved else ""
    terminal.say(f"[bold]{escape(tried.name)}[/] ← {escape(str(file.path))}, {file.format.title}{escape(with_)}")
    if model is not None:
        count = f", {counted(model.feature_count, 'feature')}" if model.feature_count is not None else ""
        terminal.say(f"  it holds {escape(model.type)}{count}")
    _show_features(terminal, tried)
    for edit in tried.requirements:
        terminal.say(f"  requirements.txt: {edit.kind} {escape(edit.name)}=={escape(edit.version)}")
    if tried.synced:
        terminal.say("  .venv: brought in line with them")
    terminal.say()
    if tried.comparison is not None:
        show_comparison(terminal, tried.comparison)
    else:
        terminal.say(f"– not compared: {escape(visible(tried.not_compared))}")
    if tried.dry_run is not None:
        report = tried.dry_run.report
        failed = f"{report.failed:,} failed as before" if report.failed else "none failed"
        equal = ", single = batch" if report.parity is not None and report.parity.equal else ""
        terminal.say(f"[green]✓[/] dry run: {counted(report.events, 'event')}, {failed}{equal}")
    if tried.bump is not None and tried.version is not None:
        was = tried.project.config.version
        terminal.say(f"  version {escape(was)} → {tried.version} ({tried.bump}: {escape(tried.reason)})")


def show_updated(terminal: Terminal, tried: UpdatePlan, version: str | None, python: str | None) -> None:
    """What was done, and what to do next."""
    terminal.say()
    now = version or tried.project.config.version
    terminal.say(f"[bold]Updated {escape(tried.project.config.name)}[/], version {escape(now)}")
    where = shown_path(tried.project.folder)
    flag = f" --python {shlex.quote(python)}" if python is not None and not tried.synced else ""
    terminal.say(f"[bold]Next[/]  packflow export{'' if where == '.' else f' {escape(where)}'}{escape(flag)}")


def _show_features(terminal: Terminal, tried: UpdatePlan) -> None:
    changes = tried.features
    if changes.changed:
        terminal.say(f"  features: {escape(changes.told())}")
    if changes.match is None:
        return
    table = columns("feature", "field of the events", "type", "")
    for one in changes.match.features[:_SHOWN]:
        cells = (one.feature, one.field, one.kind, "new" if one.feature in changes.added else "")
        table.add_row(*(escape(visible(cell)) for cell in cells))
    terminal.show(table)


def update_data(tried: UpdatePlan, *, applied: bool, version: str | None) -> dict[str, Any]:
    """The ``data`` of ``--json``."""
    changes = tried.features
    return {
        "project": str(tried.project.folder),
        "model": tried.name,
        "file": str(tried.file.path),
        "format": tried.file.format.key,
        "same": tried.same,
        "applied": applied,
        "type": tried.model.type if tried.model is not None else None,
        "features": {
            "before": list(changes.before),
            "after": list(changes.after),
            "added": changes.added,
            "removed": changes.removed,
            "matched": [vars(one) for one in changes.match.features] if changes.match is not None else None,
        },
        "requirements": [asdict(one) for one in tried.requirements],
        "environment_changed": tried.synced,
        "python": str(tried.interpreter.path) if tried.interpreter is not None and not tried.synced else None,
        "comparison": tried.comparison.as_json() if tried.comparison is not None else None,
        "not_compared": tried.not_compared or None,
        "dry_run": tried.dry_run.report.as_json() if tried.dry_run is not None else None,
        "bump": tried.bump,
        "reason": tried.reason or None,
        "suggested_version": tried.version,
        "version": {"before": tried.project.config.version, "after": version or tried.project.config.version},
        "golden": tried.golden,
        "changed": list(tried.changes),
    }


def update_warnings(tried: UpdatePlan) -> list[Problem]:
    """What the user should know and need not act on."""
    found = [Problem("update-note", note) for note in tried.notes]
    if tried.golden == "stale":
        found.append(
            Problem(
                "golden-changed",
                "The golden events hold outputs of the old model, which the new one does not give: an export refuses.",
                hint="Record them anew: packflow update with --golden, or packflow export --golden 20",
            )
        )
    if tried.dry_run is not None:
        found += warnings_of(tried.dry_run.report)
    if tried.model is not None:
        found += [Problem("model-warning", text) for text in tried.model.warnings]
    return found
