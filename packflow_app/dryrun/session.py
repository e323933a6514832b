"""One dry run: load the model, run the sample events in every way that must agree, compare, and time every call."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from packflow_app.dryrun.client import Findings, Worker, WorkerLimits
from packflow_app.dryrun.diagnosis import Diagnosis, Investigation
from packflow_app.dryrun.models import Model
from packflow_app.dryrun.modes import Mode, free, warm_up
from packflow_app.dryrun.needs import needs_of
from packflow_app.dryrun.parity import SECOND_HASH_SEED, ParityRuns, judge, run_planned
from packflow_app.dryrun.probes import Probing
from packflow_app.dryrun.project_files import changed_files, project_files
from packflow_app.dryrun.report import ChangedInput, DryRunReport, GoldenReport, PickleReport
from packflow_app.dryrun.timings import best_batch_size
from packflow_app.dryrun.trials import Trials
from packflow_app.dryrun.workers import Workers
from packflow_app.projects.requirements import REQUIREMENTS_FILE, read_declared
from packflow_app.runtime import (
    ERROR_KEY,
    GoldenEvents,
    Mismatch,
    PlannedRun,
    Rule,
    batch_run,
    compare,
    decode_event,
    difference,
    planned_runs,
    read_golden,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from packflow_app.dryrun.needs_report import Needs
    from packflow_app.dryrun.probe_report import ProbesReport
    from packflow_app.environments.installed import Installed
    from packflow_app.environments.interpreters import Interpreter
    from packflow_app.projects.project import Project

_TOLD = 20
_PROBE_SECONDS = 5.0
_PATIENCE = 10
# What the runtime imports for the project, where packflow.yaml asks for such inputs.
_MADE_BY_PREPROCESSING = {"numpy": ("numpy",), "pandas": ("pandas", "numpy")}


@dataclass(frozen=True)
class DryRunSettings:
    """How to run: which batch sizes beside one by one, the equality rule, and the limits of the worker.

    ``trusted`` are globals that pickles may resolve beside the reviewed ones and the project's own. ``probes``: also
    run events that are not as the samples are.
    """

    batch_sizes: list[int] = field(default_factory=lambda: [8, 64])
    single: bool = True
    rule: Rule = field(default_factory=Rule)
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    trusted: frozenset[str] = frozenset()
    probes: bool = True

    @property
    def compares(self) -> bool:
        """Whether there are runs that must agree with one by one."""
        return self.single and bool(self.batch_sizes)


@dataclass(frozen=True)
class ModeProgressed:
    """Some events of a mode are done."""

    mode: str
    done: int
    total: int


@dataclass(frozen=True)
class DryRunFound:
    """The report, the outcomes of the first mode (one encoded line per event), and the events of the probes."""

    report: DryRunReport
    outcomes: list[bytes]
    probes: list[bytes]


class DryRun:
    """A dry run of one project on given events, in a Python that has ``installed``; ``run`` may be called once."""

    def __init__(
        self,
        project: Project,
        interpreter: Interpreter,
        installed: Installed,
        events: list[bytes],
        settings: DryRunSettings,
        *,
        report: Callable[[ModeProgressed], None] = lambda _progress: None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.project = project
        self._model = Model.of_project(project)
        self.interpreter = interpreter
        self._installed = installed
        self.events = events
        self.settings = settings
        self._report = report
        self._cancel = cancel or threading.Event()
        self._batches: dict[str, list[list[int]]] = {}
        self._modes: list[Mode] = []
        self._current: Worker | None = None

    def run(self) -> DryRunFound:
        """Run every mode, then the probes.

        Raises ModelFailedError when the model cannot be loaded or its process dies, CancelledError when stopped.
        """
        try:
            return self._find()
        finally:  # however it ends, what a hundred thousand events left behind is not freed in one go
            for mode in self._modes:
                mode.let_go()
            for batches in self._batches.values():
                free(batches)

    def _find(self) -> DryRunFound:
        digest = self.project.digest(self.project.contents(), reuse=False)
        golden = read_golden(self.project.folder)
        before = project_files(self.project.folder)
        replay = self._kept(Mode("golden", 1))
        with Workers(self._worker) as workers:
            modes = self._run_modes(workers)
            runs = ParityRuns(modes[0], modes[1:])
            if self.settings.compares:
                runs.others += self._run_extras(workers)
            findings = self._findings()
            if golden:
                self._run_golden(workers, replay, golden)
            workers.end()
            loaded = workers.loaded
            assert loaded is not None  # noqa: S101 - there is at least one mode
            investigation = Investigation(self.events, self.settings.rule, workers.start, loaded.stateful)
            diagnose = partial(self._diagnose, investigation)
            parity = judge(runs, self.settings.rule, diagnose) if runs.others else None
            workers.end()
        base = modes[0]
        reports = [mode.report() for mode in modes]
        probes, probe_lines = self._probe(base, stateful=loaded.stateful) if self.settings.probes else (None, [])
        return DryRunFound(
            DryRunReport(
                name=self.project.config.name,
                version=self.project.config.version,
                digest=digest,
                python=loaded.python,
                python_path=str(self.interpreter.path),
                backend=loaded.backend,
                stateful=loaded.stateful,
                load_seconds=loaded.load_seconds,
                initialize_seconds=loaded.initialize_seconds,
                peak_memory=workers.peak_memory,
                events=len(self.events),
                failed=sum(ERROR_KEY in value for value in base.values()),
                failures=base.failed_events(),
                modes=reports,
                parity=parity,
                golden=self._golden_verdict(replay, golden) if golden else None,
                changed_inputs=_changed_inputs(runs.others),
                written_files=changed_files(before, project_files(self.project.folder)),
                opened_files=findings.opened,
                pickles=PickleReport(findings.pickles, findings.resolved, sorted(self.settings.trusted)),
                needs=self._needs(findings),
                probes=probes,
                best_batch_size=best_batch_size((mode.batch_size, mode.events_per_second) for mode in reports),
                log=workers.log,
            ),
            list(base.outcomes),
            probe_lines,
        )

    def _kept(self, mode: Mode) -> Mode:
        """A mode that is let go of when the run ends."""
        self._modes.append(mode)
        return mode

    def _probe(self, base: Mode, *, stateful: bool) -> tuple[ProbesReport, list[bytes]]:
        """Run probes with less patience than events get: a hang costs all of it each time."""
        slowest = max((sum(steps) for _, *steps in base.calls), default=0) / 1e9
        patience = max(_PROBE_SECONDS, _PATIENCE * slowest)
        limits = replace(self.settings.limits, timeout=min(self.settings.limits.timeout, patience))

        def start(hash_seed: int) -> Worker:
            return Worker(self.interpreter, self._model, limits, self._cancel, hash_seed, self.settings.trusted)

        def tell(done: int, total: int) -> None:
            self._report(ModeProgressed("probes", done, total))

        with Workers(start) as workers:
            trials = Trials(workers)
            probing = Probing(self.events, base.values(), self.settings.rule, trials, stateful=stateful, report=tell)
            found = probing.run()
            trials.end()
            return found

    def _worker(self, hash_seed: int) -> Worker:
        # Imports are noted where nothing is timed, in the second process if there is one.
        return Worker(
            self.interpreter,
            self._model,
            self.settings.limits,
            self._cancel,
            hash_seed,
            self.settings.trusted,
            record_imports=hash_seed == SECOND_HASH_SEED or not self.settings.compares,
        )

    def _findings(self) -> Findings:
        """What the model did beside answering, asked of the process that is running."""
        assert self._current is not None  # noqa: S101 - the modes were run
        return self._current.findings([name for name in self.project.contents().files if name.endswith(".py")])

    def _needs(self, findings: Findings) -> Needs | None:
        if findings.imports is None:
            return None
        declared = read_declared(self.project.folder / REQUIREMENTS_FILE)
        needs = needs_of(findings.imports, declared, self._installed)
        configured = _MADE_BY_PREPROCESSING.get(str(self.project.config.backend_config.get("input_format")), ())
        return replace(needs, unused=[one for one in needs.unused if one.name not in configured])

    def _run_modes(self, workers: Workers) -> list[Mode]:
        """One by one and every batch size; a stateful backend starts each in a fresh process, so all begin alike."""
        modes = [self._kept(Mode.of_size(size)) for size in [1] * self.settings.single + self.settings.batch_sizes]
        worker: Worker | None = None
        for mode in modes:
            if worker is None or (workers.loaded is not None and workers.loaded.stateful):
                worker = workers.start()
                if workers.loaded is not None and not workers.loaded.stateful:
                    warm_up(worker, self.events)
            self._run(worker, mode, self.events)
        self._current = worker
        return modes

    def _run(self, worker: Worker, mode: Mode, events: list[bytes]) -> None:
        for answer in worker.run(events, mode.batch_size):
            mode.add(answer)
            self._report(ModeProgressed(mode.name, len(mode.outcomes), len(events)))

    def _run_extras(self, workers: Workers) -> list[Mode]:
        """The further runs that must agree with one by one, the last of them in a second process."""
        assert workers.loaded is not None  # noqa: S101 - the modes were run
        assert self._current is not None  # noqa: S101
        found: list[Mode] = []
        count = len(self.events)
        if not workers.loaded.stateful:
            for planned in planned_runs(count, max(self.settings.batch_sizes)):
                self._batches[planned.name] = planned.batches
                found += self._run_planned(self._current, planned)
        order = list(range(count)) if workers.loaded.stateful else list(range(count))[::-1]
        second = PlannedRun("second process", [[index] for index in order])
        worker = workers.start(SECOND_HASH_SEED)
        self._current = worker
        return found + self._run_planned(worker, second)

    def _run_planned(self, worker: Worker, planned: PlannedRun) -> list[Mode]:
        return [*map(self._kept, run_planned(worker, self.events, planned, partial(self._tell, planned)))]

    def _tell(self, planned: PlannedRun, run: Mode) -> None:
        self._report(ModeProgressed(planned.name, len(run.outcomes), sum(map(len, planned.batches))))

    def _run_golden(self, workers: Workers, replay: Mode, golden: GoldenEvents) -> None:
        assert workers.loaded is not None  # noqa: S101 - the modes were run
        worker = self._current
        if worker is None or workers.loaded.stateful:
            worker = workers.start()
        self._run(worker, replay, golden.inputs)

    def _diagnose(self, investigation: Investigation, base: Mode, other: Mode, first: Mismatch) -> Diagnosis | None:
        batches = self._batches.get(other.name)
        if batches is None and other.batch_size:
            batches = batch_run(len(self.events), other.batch_size).batches
        return investigation.diagnose(base, other, batches, first)

    def _golden_verdict(self, replay: Mode, golden: GoldenEvents) -> GoldenReport:
        recorded = [decode_event(line) for line in golden.outputs]
        comparison = compare(recorded, replay.values(), self.settings.rule)
        first = difference("golden", comparison.first) if comparison.first else None
        return GoldenReport(comparison.equal, len(recorded), golden.digest(), first)


def _changed_inputs(modes: list[Mode]) -> list[ChangedInput]:
    """The first events that the model changed, each once."""
    found: dict[int, str] = {}
    for mode in modes:
        for event, path in mode.changed:
            found.setdefault(event, path)
    return [ChangedInput(event, path) for event, path in sorted(found.items())[:_TOLD]]


__all__ = ["DryRun", "DryRunFound", "DryRunSettings", "ModeProgressed"]
