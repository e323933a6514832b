"""What a dry run's report has against the model, as errors and warnings with a place and a next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.dryrun.needs import public_version
from packflow_app.dryrun.probe_report import BATCH_LOST, CLEAN_ERROR, CRASH, HANDLED, HANG
from packflow_app.dryrun.report import PROBES
from packflow_app.locations import STATE_DIR
from packflow_app.result import Problem

if TYPE_CHECKING:
    from packflow_app.dryrun.probe_report import ProbeResult, ProbesReport
    from packflow_app.dryrun.report import DryRunReport, ParityReport
    from packflow_app.runtime import Difference

VERDICT_NAMES = {
    HANDLED: "handled",
    CLEAN_ERROR: "clean errors",
    BATCH_LOST: "harm to others",
    HANG: "hang",
    CRASH: "crash",
}
_PROBES_FILE = f"{STATE_DIR}/dry-run/{PROBES}"
_GRAVE = {
    CRASH: (
        "An unusual event ends the model's process",
        "Check such values before native code sees them; --supervise keeps a stream alive meanwhile.",
    ),
    HANG: (
        "An unusual event makes the model hang",
        "Bound the loop or the wait; --supervise --timeout keeps a stream alive meanwhile.",
    ),
    BATCH_LOST: (
        "An unusual event spoils the answers to others of its batch",
        "Check each event before they are put together, such as in one array, and keep nothing of one that failed.",
    ),
}


def errors_of(report: DryRunReport) -> list[Problem]:
    """Why the verdict is not good."""
    found: list[Problem] = []
    if report.parity is not None and report.parity.first_difference is not None and not report.parity.equal:
        found.append(_parity_problem(report.parity, report.parity.first_difference))
    if report.failed:
        first = report.failures[0]
        found.append(
            Problem(
                "events-failed",
                f"The model failed on {report.failed} of {report.events} events, first on event {first.event}: "
                f"{first.step}: {first.type}: {first.message}",
                first.file,
                first.line,
                "Handle such events in the backend, for example by an output that says why there is no score.",
            )
        )
    if report.golden is not None and report.golden.first_difference is not None and not report.golden.equal:
        found.append(
            Problem(
                "golden-changed",
                "The model no longer gives the recorded golden outputs, first on "
                f"{place_of(report.golden.first_difference)}.",
                hint="If the change is meant, record them again: packflow export --golden 20",
            )
        )
    return found


def _parity_problem(parity: ParityReport, first: Difference) -> Problem:
    cause = parity.cause
    what = f"One by one and {first.mode} differ, first on {place_of(first)}."
    if cause is None:
        return Problem("parity", what, hint="Make each output depend on its own event only.")
    small = parity.smallest_batch
    shown = f" Events {_listed(small)} together are enough to show it." if small else ""
    step = f" The values part in {first.step}." if first.step else ""
    return Problem("parity", f"{what} {cause.explanation}{shown}{step}", hint=cause.hint)


def _listed(numbers: list[int]) -> str:
    shown = [str(number) for number in numbers[:8]] + (["…"] if len(numbers) > 8 else [])
    return " and ".join(shown) if len(shown) <= 2 else ", ".join(shown)


def warnings_of(report: DryRunReport) -> list[Problem]:
    """What is right in the end, and yet not as it should be."""
    found = [
        Problem(
            "batches-fail",
            f"In {mode.name}, {mode.failed_batches:,} calls failed, though their events succeed with fewer others.",
            hint="Look at what the backend does with several events at once.",
        )
        for mode in report.modes
        if mode.failed_batches
    ]
    if report.changed_inputs:
        first = report.changed_inputs[0]
        field = f" at {first.path}" if first.path else ""
        found.append(
            Problem(
                "input-changed",
                f"The model changes the events it is given, first event {first.event}{field}.",
                hint="Work on a copy: event = dict(event). Whoever calls the backend may still need the event.",
            )
        )
    found += _probe_warnings(report.probes) + _pickle_warnings(report) + _needs_warnings(report)
    if report.written_files:
        found.append(
            Problem(
                "project-written",
                f"The model wrote into the project: {', '.join(report.written_files[:3])}.",
                report.written_files[0],
                hint="Write below self.work_dir: where an archive runs, the project is read-only.",
            )
        )
    return found


def _probe_warnings(probes: ProbesReport | None) -> list[Problem]:
    """One for each way to do harm, with the first probe that shows it."""
    found = []
    for verdict, (what, hint) in _GRAVE.items():
        those = [one for one in probes.grave if one.verdict == verdict] if probes is not None else []
        if those:
            first = those[0]
            more = f"; {len(those)} probes do" if len(those) > 1 else ""
            found.append(
                Problem(
                    f"probe-{verdict}",
                    f"{what} ({name_of(first)}: {first.detail}{more}). "
                    f"Line {first.event} of {_PROBES_FILE} is such an event.",
                    first.file,
                    first.line,
                    hint,
                )
            )
    return found


def name_of(probe: ProbeResult) -> str:
    """A probe as people say it: what is wrong with the event, and where."""
    kind = probe.kind.replace("-", " ")
    if not probe.path or probe.kind in ("extra-field", "deep-nesting"):
        return kind
    value = f" {probe.value}" if probe.kind == "extreme" else ""
    return f"{kind}{value} at {probe.path}"


def _pickle_warnings(report: DryRunReport) -> list[Problem]:
    return [
        Problem(
            "pickle-unclear",
            f"{file['path']}: {'; '.join(file['problems'][:3])}.",
            file["path"],
            hint="Save the model again, so that what it asks for can be read before it is opened.",
        )
        for file in report.pickles.files
        if file["problems"]
    ]


def _needs_warnings(report: DryRunReport) -> list[Problem]:
    """How requirements.txt and what the model used disagree."""
    needs = report.needs
    if needs is None:
        return []
    write = "packflow dry-run --write-requirements does it."
    found = [
        Problem(
            "requirement-missing",
            f"The model uses {one.name} {one.version}, which requirements.txt does not list.",
            one.places[0].file if one.places else None,
            one.places[0].line if one.places else None,
            f"Add {one.name}=={public_version(one.version)} to requirements.txt; {write}",
        )
        for one in needs.missing
    ]
    found += [
        Problem(
            "requirement-version",
            f"requirements.txt asks for {one.wanted}; the model was run with {one.installed}.",
            one.file,
            one.line,
            "Install what is asked for with packflow env sync, or change the line.",
        )
        for one in needs.different
    ]
    found += [
        Problem(
            "requirement-marker",
            f"The model uses {one.name} here, though its line is only for {one.marker}.",
            one.file,
            one.line,
            "Mend the marker.",
        )
        for one in needs.wrong_marker
    ]
    found += [
        Problem(
            "requirement-unpinned",
            f"{one.wanted} leaves the version open" + (f"; it ran with {one.installed}." if one.installed else "."),
            one.file,
            one.line,
            f"Pin it; {write}",
        )
        for one in needs.unpinned
    ]
    found += [
        Problem(
            "requirement-unused",
            f"{one.name} was not seen in use in this run.",
            one.file,
            one.line,
            "Remove it, unless a plugin or a rare event needs it.",
        )
        for one in needs.unused
        if not one.loaded  # a library may ask for it without saying so, and then its line is what brings it
    ]
    found += [
        Problem(problem.code, problem.message, problem.file, problem.line, "Mend the line.")
        for problem in needs.problems
        if problem.code != "requirements-not-found"  # a model that needs nothing does without the file
    ]
    return found


def place_of(difference: Difference) -> str:
    """Where two runs part."""
    field = f"field {difference.path}" if difference.path else "the whole output"
    return f"event {difference.event}, {field}"
