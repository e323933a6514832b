"""Turn a project into its archive, after a dry run that is about the project as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.checks.verdict import verdict_on
from packflow_app.dryrun.golden import put_back_golden, write_golden
from packflow_app.dryrun.report import KeptDryRun, kept_dry_run
from packflow_app.errors import CheckFailedError, ModelFailedError
from packflow_app.events.profile import EventBlock
from packflow_app.events.profiling import Profiler
from packflow_app.events.reading import RawEvent
from packflow_app.events.sample import representative
from packflow_app.events.schema import schema_of
from packflow_app.packaging.export import Exported, FileWritten, export_archive
from packflow_app.packaging.versions import normal_version
from packflow_app.projects.project import Project, open_project
from packflow_app.runtime import GOLDEN_DIR, GoldenEvents, decode_event, read_golden

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from packflow_app.dryrun.session import ModeProgressed


@dataclass(frozen=True)
class ExportOptions:
    """What ``packflow export`` may be told; ``golden`` records that many example events anew (0: ship none)."""

    project: Path = field(default_factory=Path)
    output: Path = field(default_factory=Path)
    golden: int | None = None
    force: bool = False
    python: str | None = None


@dataclass(frozen=True)
class ExportDone:
    """The archive, the verdict it carries, and what was done on the way."""

    project: Project
    exported: Exported
    dry_run: KeptDryRun
    ran_dry_run: bool
    golden_recorded: bool


def export(
    options: ExportOptions,
    *,
    report: Callable[[ModeProgressed | FileWritten], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> ExportDone:
    """Export the project, running the dry run first where its verdict is missing or stale.

    Raises CheckFailedError or ModelFailedError when that verdict is not good; then nothing is exported.
    """
    project = open_project(options.project)
    normal_version(project.config.version)  # before the dry run, which may take long
    before = read_golden(project.folder)
    stale = not verdict_on(project.folder, project.contents().digest(), before).is_complete
    if stale:
        dry_run(DryRunOptions(project=options.project, python=options.python), report=report, cancel=cancel)
    kept = kept_dry_run(project.folder)
    assert kept is not None  # noqa: S101 - a dry run that returns is kept
    _check_verdict(kept)
    if options.golden is None and before is not None:
        _check_golden(kept, before)
    golden, recorded = _golden(project, kept, before, options.golden)
    try:
        schema = _input_schema(kept)
        exported = export_archive(
            project, kept.report, golden, options.output, schema=schema, force=options.force, report=report
        )
    except BaseException:
        if recorded:
            put_back_golden(project.folder, before)
        raise
    return ExportDone(project, exported, kept, stale, recorded)


def _check_golden(kept: KeptDryRun, golden: GoldenEvents) -> None:
    replayed = kept.report["golden"]
    if replayed is None or replayed["digest"] != golden.digest() or replayed["equal"]:
        return
    first = replayed["first_difference"]
    raise CheckFailedError(
        f"The model no longer gives the outputs recorded in {GOLDEN_DIR}/: event {first['event']}, "
        f"field {first['path']}.",
        code="golden-changed",
        hint="If the change is meant, record them again: packflow export --golden 20",
    )


def _check_verdict(kept: KeptDryRun) -> None:
    report = kept.report
    if report["failed"]:
        first = report["failures"][0]
        raise ModelFailedError(
            f"The model failed on {report['failed']} of {report['events']} example events, first on event "
            f"{first['event']}: {first['step']} raised {first['type']}: {first['message']}",
            code="events-failed",
            file=first["file"],
            line=first["line"],
            hint="Mend the backend; `packflow dry-run` shows every failed event.",
        )
    parity = report["parity"]
    if parity is None or not parity["equal"]:
        raise CheckFailedError(
            "The dry run did not compare one by one with batches." if parity is None else describe_difference(report),
            code="parity",
            hint="Run `packflow dry-run` and make each output depend on its own event only.",
        )


def describe_difference(report: dict[str, object]) -> str:
    """One sentence about where one by one and batches part."""
    parity = report["parity"]
    first = parity["first_difference"]  # type: ignore[index]
    cause = f" {parity['cause']['explanation']}" if parity.get("cause") else ""  # type: ignore[attr-defined, index]
    return (
        f"One by one and {first['mode']} differ: event {first['event']}, field {first['path']} is {first['left']} "
        f"one by one and {first['right']} in the other run.{cause}"
    )


def _input_schema(kept: KeptDryRun) -> dict[str, Any]:
    """The schema of the events that the model was run on, in JSON Schema: types alone, none of their values."""
    profiler = Profiler()
    events = [decode_event(line) for line in kept.inputs]
    profiler.add(EventBlock(list(range(1, len(events) + 1)), kept.inputs, events))
    return schema_of(profiler.profile("ndjson", 0)).as_json_schema()


def _golden(
    project: Project, kept: KeptDryRun, found: GoldenEvents | None, wanted: int | None
) -> tuple[GoldenEvents | None, bool]:
    """The golden events to ship, recorded from the dry run where there are none yet, and whether they were.

    They are written before the archive, so that its provenance sees the project as it will be next time.
    """
    count = project.config.golden if wanted is None else wanted
    if count == 0:
        return None, False
    if found is not None and wanted is None:
        return found, False
    pairs = list(zip(kept.inputs, kept.outputs, strict=True))
    if kept.report["stateful"]:  # an output depends on the events before it
        pairs = pairs[:count]
    else:
        events = [RawEvent(place, line, decode_event(line)) for place, line in enumerate(kept.inputs)]
        pairs = [pairs[event.position] for event in representative(events, count)]
    golden = GoldenEvents([line for line, _ in pairs], [output for _, output in pairs])
    write_golden(project.folder, golden)
    return golden, True
