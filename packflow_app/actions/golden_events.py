"""Which example events an archive ships with their outputs, and how they are recorded."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.checks.personal_data import kinds_in
from packflow_app.checks.secret_patterns import find_secrets
from packflow_app.dryrun.client import Worker, WorkerLimits
from packflow_app.dryrun.golden import write_golden
from packflow_app.dryrun.models import Model
from packflow_app.dryrun.modes import Mode
from packflow_app.dryrun.trust import remembered_trust
from packflow_app.environments.interpreters import find_interpreter
from packflow_app.errors import CheckFailedError, ModelFailedError, UsageError
from packflow_app.events.reading import RawEvent
from packflow_app.events.sample import representative
from packflow_app.events.survey import survey_events
from packflow_app.runtime import GOLDEN_DIR, GoldenEvents, decode_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.dryrun.report import KeptDryRun
    from packflow_app.projects.project import Project

MOST_GOLDEN = 50


def golden_wanted(text: str) -> int | Path:
    """What ``--golden`` means: a number of events, ``none`` of them, or a file. Raises UsageError for what is none."""
    if text == "none":
        return 0
    if re.fullmatch("[0-9]{1,9}", text):
        if int(text) > MOST_GOLDEN:
            raise UsageError(
                f"--golden {text} is too many: an archive ships at most {MOST_GOLDEN} example events.",
                hint=f"Write for example --golden {MOST_GOLDEN}.",
            )
        return int(text)
    path = Path(text).expanduser()
    if not path.is_file():
        raise UsageError(
            f"--golden {text!r} is neither a number, none, nor a file.", hint="Write for example --golden 20."
        )
    return path


@dataclass(frozen=True)
class GoldenOffer:
    """Real events that would ship and that nobody has agreed to yet; ``personal`` are kinds of data seen in them."""

    count: int
    events: list[bytes]
    personal: list[str]


@dataclass(frozen=True)
class GoldenSelection:
    """Chooses golden events from a dry run of the project; ``ask`` returns how many of those offered may ship."""

    project: Project
    kept: KeptDryRun
    ask: Callable[[GoldenOffer], int]

    def chosen(self, found: GoldenEvents | None, wanted: int | None) -> tuple[GoldenEvents | None, bool]:
        """The golden events to ship, recorded from the dry run where there are none yet, and whether they were.

        They are written before the archive, so that its provenance sees the project as it will be next time. Raises
        CheckFailedError when one of them holds a secret.
        """
        count = self.project.config.golden if wanted is None else wanted
        if count == 0:
            return None, False
        if found is not None and wanted is None:
            return found, False
        golden = self._picked(count)
        if wanted is None:
            agreed = self.ask(GoldenOffer(len(golden.inputs), golden.inputs, kinds_in(golden)))
            if agreed <= 0:
                return None, False
            golden = golden if agreed >= len(golden.inputs) else self._picked(agreed)
        check_no_secrets(golden)
        write_golden(self.project.folder, golden)
        return golden, True

    def _picked(self, count: int) -> GoldenEvents:
        pairs = list(zip(self.kept.inputs, self.kept.outputs, strict=True))
        if self.kept.report["stateful"]:  # an output depends on the events before it
            pairs = pairs[:count]
        else:
            events = [RawEvent(place, line, decode_event(line)) for place, line in enumerate(self.kept.inputs)]
            pairs = [pairs[event.position] for event in representative(events, count)]
        return GoldenEvents([line for line, _ in pairs], [output for _, output in pairs])


def recorded_from(events: Path, project: Project, python: str | None, cancel: threading.Event | None) -> GoldenEvents:
    """The model's outputs on the events of a file, at most ``MOST_GOLDEN`` of them.

    Raises NotFoundError for a file without events, ModelFailedError when the model fails on one, CheckFailedError when
    one holds a secret.
    """
    lines = [event.raw.strip() for event in survey_events(events, MOST_GOLDEN, numeric=False).sample]
    interpreter = find_interpreter(project.folder, python, project.config.python_requires)
    run = Mode.of_size(1)
    trusted = remembered_trust(project.folder)
    model = Model.of_project(project)
    with Worker(interpreter, model, WorkerLimits(), cancel or threading.Event(), trusted=trusted) as worker:
        worker.load()
        for answer in worker.run(lines, 1):
            run.add(answer)
    failed = run.failed_events()
    if failed:
        first = failed[0]
        raise ModelFailedError(
            f"The model failed on event {first.event} of {events}: {first.step} raised {first.type}: {first.message}",
            code="golden-failed",
            file=first.file,
            line=first.line,
            hint="Choose events that have an answer, or mend the backend.",
        )
    golden = GoldenEvents(lines, run.outcomes)
    check_no_secrets(golden)
    return golden


def check_no_secrets(golden: GoldenEvents) -> None:
    """Raise CheckFailedError when an event, or an output, holds a known kind of secret."""
    for what, lines in (("inputs", golden.inputs), ("outputs", golden.outputs)):
        for secret in find_secrets(b"\n".join(lines), in_events=True):
            raise CheckFailedError(
                f"An example event that would ship holds {secret.kind}: {secret.shown}.",
                code="secret",
                file=f"{GOLDEN_DIR}/{what}.ndjson",
                line=secret.line,
                hint="Mask its field (packflow inspect EVENTS --mask PATH --save FILE) and ship those: --golden FILE, "
                "or ship none: --golden none",
            )
