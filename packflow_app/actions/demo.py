"""The whole journey in a temporary folder, on generated events: what a newcomer sees first."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunDone, DryRunOptions, dry_run
from packflow_app.actions.export import ExportDone, ExportOptions, export
from packflow_app.actions.init import Initialized, InitOptions, init
from packflow_app.errors import ModelFailedError
from packflow_app.events.generated import firewall_events
from packflow_app.projects.scaffold import check_free

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO_EVENTS = 2000
_LONGEST_DETAIL = 500
_RUN_SECONDS = 120


@dataclass(frozen=True)
class EventsGenerated:
    """Events to begin with."""

    path: Path
    count: int


@dataclass(frozen=True)
class ArchiveRun:
    """The archive ran on the events, in a Python of its own."""

    python: Path
    archive: Path
    events: Path
    outputs: Path
    first_output: str
    summary: str


DemoStep = EventsGenerated | Initialized | DryRunDone | ExportDone | ArchiveRun


def demo(folder: Path | None = None) -> Iterator[DemoStep]:
    """Carry out the journey step by step, yielding what each gave, in ``folder`` (a new one by default).

    Raises UsageError when the folder holds something: the journey's files would replace others of the same names.
    """
    if folder is not None:
        check_free(folder)
    home = folder or Path(tempfile.mkdtemp(prefix="packflow-demo-"))
    events = home / "events.ndjson"
    events.write_bytes(b"".join(line + b"\n" for line in firewall_events(DEMO_EVENTS)))
    yield EventsGenerated(events, DEMO_EVENTS)
    project = home / "demo"
    yield init(InitOptions(project, events))
    tested = dry_run(DryRunOptions(project=project))
    yield tested
    exported = export(ExportOptions(project=project, output=home))
    yield exported
    yield _run_archive(tested.interpreter.path, exported.exported.path, events, home / "out.ndjson")


def _run_archive(python: Path, archive: Path, events: Path, outputs: Path) -> ArchiveRun:
    with events.open("rb") as source, outputs.open("wb") as sink:
        ran = subprocess.run(
            [str(python), str(archive)],
            stdin=source,
            stdout=sink,
            stderr=subprocess.PIPE,
            timeout=_RUN_SECONDS,
            check=False,
        )
    summary = ran.stderr.decode("utf-8", "replace").strip()
    if ran.returncode:
        raise ModelFailedError(
            f"The demo's archive ended with exit code {ran.returncode}.",
            detail=" ".join(summary.split())[-_LONGEST_DETAIL:],
            hint="`packflow doctor` tells what is wrong here; if nothing is, report this message.",
        )
    with outputs.open(encoding="utf-8") as lines:
        counts = summary.rpartition("\n")[2]  # the line before it names the configuration
        return ArchiveRun(python, archive, events, outputs, lines.readline().rstrip("\n"), counts)
