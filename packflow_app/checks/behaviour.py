"""What a dry run proved: the backend loads, answers every sample event, and answers alike one by one and in batches.

A report may come from any version of Packflow, so everything in it is looked at before it is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.checks.check import Severity, Spot, check
from packflow_app.checks.verdict import Freshness
from packflow_app.dryrun.probe_report import BATCH_LOST, CRASH, HANG
from packflow_app.errors import ModelFailedError
from packflow_app.runtime import CONFIG_FILE, GOLDEN_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packflow_app.checks.context import Context

_DRY_RUN = "packflow dry-run"
_SHOWN = 5
_HARM = {
    CRASH: "Unusual events end the model's process",
    HANG: "Unusual events make the model hang",
    BATCH_LOST: "Unusual events spoil the answers to others of their batch",
}


@check(
    "sample-events-missing",
    Severity.ERROR,
    why="Only a run shows that the model works, and that one by one and batches agree.",
    fix="Save a few real events, one JSON object a line, and name the file under dry_run: events.",
    needed_to_run=True,
)
def sample_events_missing(context: Context) -> Iterator[Spot]:
    """The project has no sample events to run the model on."""
    if context.verdict.is_fresh:  # it was run on events from elsewhere
        return
    events = context.project.sample_events
    if events is None:
        yield Spot("packflow.yaml names no sample events.", CONFIG_FILE, context.lines.get("dry_run"))
    elif not events.is_file():
        named = context.config.dry_run.events
        yield Spot(f"{named} does not exist.", CONFIG_FILE, context.lines.get("dry_run.events"))


@check(
    "golden-invalid",
    Severity.ERROR,
    why="They ship in the archive: its receiver replays them to see that the model moved unharmed.",
    fix=f"Remove {GOLDEN_DIR}/; the next export records it again.",
    needed_to_run=True,
    reads_config=False,
)
def golden_invalid(context: Context) -> Iterator[Spot]:
    """The golden events cannot be read, or their inputs and outputs do not belong together."""
    if context.golden_error is not None:
        yield context.spot_of(context.golden_error, GOLDEN_DIR)


@check(
    "backend-fails",
    Severity.ERROR,
    why="Nothing else can be said about a model that does not run.",
    fix="Mend the backend; `packflow dry-run` shows the last lines that it printed.",
)
def backend_fails(context: Context) -> Iterator[Spot]:
    """The backend cannot be loaded, or its process times out or dies."""
    error = context.verdict.error
    if isinstance(error, ModelFailedError):
        yield context.spot_of(error)


@check(
    "backend-not-run",
    Severity.ERROR,
    why="Only a run shows that the model works, and that one by one and batches agree.",
    fix=f"Mend what is said; `{_DRY_RUN}` tries again.",
)
def backend_not_run(context: Context) -> Iterator[Spot]:
    """The model could not be run for another reason, such as sample events that are none."""
    error = context.verdict.error
    if error is not None and not isinstance(error, ModelFailedError):
        yield context.spot_of(error)


@check(
    "dry-run-missing",
    Severity.WARNING,
    why="Only a run shows that the model works, and that one by one and batches agree.",
    fix=f"{_DRY_RUN}, or validate without --no-run",
    safe_fix=_DRY_RUN,
)
def dry_run_missing(context: Context) -> Iterator[Spot]:
    """The model has never been run here, and was not to be run now."""
    verdict = context.verdict
    if verdict.freshness is Freshness.MISSING and not verdict.to_run and verdict.error is None:
        yield Spot(verdict.reason)


@check(
    "dry-run-stale",
    Severity.WARNING,
    why="What it said need not be true of the project as it is.",
    fix=f"{_DRY_RUN}, or validate without --no-run",
    safe_fix=_DRY_RUN,
)
def dry_run_stale(context: Context) -> Iterator[Spot]:
    """The last dry run was about something else, and the model was not to be run now."""
    verdict = context.verdict
    if verdict.freshness is Freshness.STALE and not verdict.to_run and verdict.error is None:
        yield Spot(verdict.reason)


@check(
    "dry-run-held-back",
    Severity.INFO,
    why="What the checks of its behaviour would find is not known yet.",
    fix="Mend the errors above; the model is run then.",
)
def dry_run_held_back(context: Context) -> Iterator[Spot]:
    """The model was not run, since something that it needs is missing."""
    if context.verdict.to_run:
        yield Spot("The model was not run.")


@check(
    "events-failed",
    Severity.ERROR,
    why="Where the archive runs, each such event becomes an error instead of an answer.",
    fix="Handle such events in the backend, for example by an output that says why there is no score.",
)
def events_failed(context: Context) -> Iterator[Spot]:
    """The model failed on sample events."""
    report = context.verdict.report
    if not context.verdict.is_fresh or not report["failed"]:
        return
    failures = [failure for failure in context.verdict.items("failures") if isinstance(failure, dict)]
    first = failures[0] if failures else {}
    raised = ": ".join(str(first[key]) for key in ("step", "type", "message") if first.get(key))
    yield Spot(
        f"{report['failed']} of {report.get('events')} events failed, first event {first.get('event')}: {raised}",
        _text(first, "file"),
        _number(first, "line"),
        "Write the method." if first.get("type") == "NotImplementedError" else "",
        ModelFailedError.exit_code,
    )


@check(
    "parity-differs",
    Severity.ERROR,
    why="The answer to an event would then depend on which others happen to come with it.",
    fix="Make each output depend on its own event only.",
)
def parity_differs(context: Context) -> Iterator[Spot]:
    """One by one and batches give different outputs."""
    parity = context.verdict.part("parity")
    if not context.verdict.is_fresh or parity.get("equal") is not False:
        return
    first = _part(parity, "first_difference")
    cause = _part(parity, "cause")
    step = f" The values part in {first['step']}." if first.get("step") else ""
    explanation = f" {cause['explanation']}" if cause.get("explanation") else ""
    yield Spot(
        f"One by one and {first.get('mode')} differ, first on {_place(first)}.{explanation}{step}",
        fix=str(cause.get("hint") or ""),
    )


@check(
    "parity-unknown",
    Severity.ERROR,
    why="That one by one and batches agree is what the archive promises.",
    fix="Run both (`packflow dry-run --mode both`), with a batch size above 1 in dry_run: batch_sizes.",
)
def parity_unknown(context: Context) -> Iterator[Spot]:
    """The dry run compared nothing: batches or one by one were left out."""
    verdict = context.verdict
    if verdict.is_fresh and not verdict.is_complete and not verdict.to_run:
        yield Spot("One by one was not compared with batches.", CONFIG_FILE, context.lines.get("dry_run.batch_sizes"))


@check(
    "golden-changed",
    Severity.ERROR,
    why="Either the change is not meant, or whoever relies on the old outputs must hear of it.",
    fix="If the change is meant, record them again: packflow export --golden 20",
)
def golden_changed(context: Context) -> Iterator[Spot]:
    """The model no longer gives the recorded golden outputs."""
    golden = context.verdict.part("golden")
    if not context.verdict.is_fresh or context.golden is None or golden.get("equal") is not False:
        return
    if golden.get("digest", context.golden.digest()) == context.golden.digest():  # not recorded anew since
        yield Spot(f"Golden outputs changed, first on {_place(_part(golden, 'first_difference'))}.", GOLDEN_DIR)


@check(
    "batches-fail",
    Severity.WARNING,
    why="Every such call is made again with fewer events, which costs time and hides a fault.",
    fix="Look at what the backend does with several events at once.",
)
def batches_fail(context: Context) -> Iterator[Spot]:
    """Calls on several events failed, and each event alone did not."""
    for mode in context.verdict.items("modes") if context.verdict.is_fresh else []:
        if isinstance(mode, dict) and mode.get("failed_batches"):
            yield Spot(f"In {mode.get('name')}, {mode['failed_batches']} calls failed and were tried again.")


@check(
    "probes-harm",
    Severity.WARNING,
    why="Real streams bring such events sooner or later, and others suffer with them.",
    fix="Check such values before the model sees them; `packflow dry-run` names each.",
)
def probes_harm(context: Context) -> Iterator[Spot]:
    """An unusual event ends the model's process, makes it hang, or spoils the answers to others of its batch."""
    results = [result for result in _items(context.verdict.part("probes"), "results") if isinstance(result, dict)]
    for verdict, what in _HARM.items() if context.verdict.is_fresh else ():
        those = [result for result in results if result.get("verdict") == verdict]
        if those:
            first = those[0]
            at = f" at {first['path']}" if first.get("path") else ""
            yield Spot(
                f"{what}: {len(those)} of {len(results)} probes, first {first.get('kind')}{at}.",
                _text(first, "file"),
                _number(first, "line"),
            )


@check(
    "input-changed",
    Severity.WARNING,
    why="Whoever calls the backend may still need the event as it was.",
    fix="Work on a copy: event = dict(event)",
)
def input_changed(context: Context) -> Iterator[Spot]:
    """The model changes the events that it is given."""
    changed = [change for change in context.verdict.items("changed_inputs") if isinstance(change, dict)]
    if context.verdict.is_fresh and changed:
        yield Spot(f"The model changes its input, first on {_place(changed[0])}.")


@check(
    "project-written",
    Severity.WARNING,
    why="Where an archive runs, the project is read-only.",
    fix="Write below self.work_dir.",
)
def project_written(context: Context) -> Iterator[Spot]:
    """The model writes into the project."""
    if context.verdict.is_fresh:
        for name in context.verdict.items("written_files")[:_SHOWN]:
            yield Spot(f"The model wrote {name}.", str(name))


def _part(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = report.get(name)
    return found if isinstance(found, dict) else {}


def _items(report: Mapping[str, Any], name: str) -> list[Any]:
    found = report.get(name)
    return found if isinstance(found, list) else []


def _place(difference: Mapping[str, Any]) -> str:
    """Where two outputs part, as people say it."""
    path = difference.get("path")
    return f"event {difference.get('event')}" + (f", field {path}" if path else "")


def _text(report: Mapping[str, Any], name: str) -> str | None:
    found = report.get(name)
    return found if isinstance(found, str) else None


def _number(report: Mapping[str, Any], name: str) -> int | None:
    found = report.get(name)
    return found if isinstance(found, int) else None
