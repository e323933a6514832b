"""What a dry run found, and where it is kept until the code it was about changes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from packflow_app.errors import not_writable
from packflow_app.locations import STATE_DIR, dry_run_dir

if TYPE_CHECKING:
    from pathlib import Path

    from packflow_app.dryrun.needs_report import Needs
    from packflow_app.dryrun.probe_report import ProbesReport
    from packflow_app.dryrun.timings import Histogram, Timing
    from packflow_app.runtime import Difference, ModelComparison

_REPORT = "report.json"
_INPUTS = "inputs.ndjson"
_OUTPUTS = "outputs.ndjson"
PROBES = "probes.ndjson"


@dataclass(frozen=True)
class ModeReport:
    """One way of calling the backend: one by one (``single``) or in batches.

    ``failed_batches`` counts calls on several events that failed, though each of these succeeded in the end.

    ``events_per_second`` counts time inside the backend only; ``latency_ms`` is per call, ``steps_ms`` per step of a
    call, ``histogram`` how calls spread over durations. They are None where no call succeeded.
    """

    name: str
    batch_size: int
    events: int
    failed: int
    failed_batches: int
    events_per_second: float | None
    latency_ms: Timing | None
    steps_ms: dict[str, Timing]
    histogram: Histogram | None = None


@dataclass(frozen=True)
class Cause:
    """Why outcomes differ: a stable ``kind``, what happens, and what to do about it."""

    kind: str
    explanation: str
    hint: str


@dataclass(frozen=True)
class ParityReport:
    """Whether one by one and all other runs gave equal outcomes; ``comparisons`` holds the details of each.

    Where they did not: the ``cause``, the fewest events of one batch that show it (counted from 1), and the two whole
    ``outputs`` of the first event that differs, in the order of its difference.
    """

    equal: bool
    events: int
    first_difference: Difference | None
    comparisons: list[dict[str, Any]]
    rule: dict[str, Any]
    cause: Cause | None = None
    smallest_batch: list[int] | None = None
    outputs: list[Any] | None = None


@dataclass(frozen=True)
class GoldenReport:
    """Whether the model still gives the outputs recorded in the project's golden folder, named by ``digest``."""

    equal: bool
    events: int
    digest: str
    first_difference: Difference | None


@dataclass(frozen=True)
class ChangedInput:
    """An event that the model changed while it worked on it, and the first field that it changed."""

    event: int
    path: str


@dataclass(frozen=True)
class PickleReport:
    """The pickles that the model opened, the globals that were resolved, and those that somebody trusted by name.

    Each file has ``path``, ``kind``, ``pickles`` (how many), ``globals`` (``name`` and ``verdict``), and ``problems``.
    """

    files: list[dict[str, Any]]
    resolved: list[str]
    trusted: list[str]

    @property
    def allowlist(self) -> list[str]:
        """Every global that loading this model needs, whether listed in a file or seen."""
        listed = {found["name"] for file in self.files for found in file["globals"]}
        return sorted(listed | set(self.resolved))


@dataclass(frozen=True)
class Failure:
    """An event that the model failed on when it was alone."""

    event: int
    code: str
    step: str
    type: str
    message: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class DryRunReport:
    """Everything one dry run found. Times in seconds, memory in bytes; ``digest`` names the code it was about.

    ``failed`` counts the events that failed alone, ``failures`` tells of the first thousand.

    ``written_files`` are files of the project that the model made, changed or removed, ``opened_files`` those that were
    seen being read, whether or not they ship; ``best_batch_size`` is the
    smallest that comes close to the highest rate; ``probes`` is what became of events that are not as the samples are;
    ``against`` is how the model differs from an earlier archive, where one was named.
    """

    name: str
    version: str
    digest: str
    python: str
    python_path: str
    backend: str
    stateful: bool
    load_seconds: float
    initialize_seconds: float
    peak_memory: int
    events: int
    failed: int
    failures: list[Failure]
    modes: list[ModeReport]
    parity: ParityReport | None
    golden: GoldenReport | None
    changed_inputs: list[ChangedInput] = field(default_factory=list)
    written_files: list[str] = field(default_factory=list)
    opened_files: list[str] = field(default_factory=list)
    pickles: PickleReport = field(default_factory=lambda: PickleReport([], [], []))
    needs: Needs | None = None
    probes: ProbesReport | None = None
    best_batch_size: int | None = None
    against: ModelComparison | None = None
    log: str = field(default="", compare=False)

    @property
    def ok(self) -> bool:
        """Whether every event succeeded and all comparisons were equal."""
        return (
            not self.failed
            and (self.parity is None or self.parity.equal)
            and (self.golden is None or self.golden.equal)
        )

    def as_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        told = asdict(self)
        told["pickles"]["allowlist"] = self.pickles.allowlist
        return told


@dataclass(frozen=True)
class KeptDryRun:
    """A report with the events it was about and the outcomes of running them one by one, line by line."""

    report: dict[str, Any]
    inputs: list[bytes]
    outputs: list[bytes]


def forget_dry_run(project_dir: Path) -> None:
    """Remove the last verdict: from here on the project counts as not run. Raises NotWritableError."""
    path = dry_run_dir(project_dir) / _REPORT
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(path, error) from error


def keep_dry_run(
    project_dir: Path, report: DryRunReport, inputs: list[bytes], outputs: list[bytes], probes: list[bytes]
) -> Path:
    """Write the report and its events below ``.packflow``; raises NotWritableError. Returns the report's path."""
    folder = dry_run_dir(project_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = project_dir / STATE_DIR / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        for name, lines in ((_INPUTS, inputs), (_OUTPUTS, outputs), (PROBES, probes)):
            _replace(folder / name, b"".join(line + b"\n" for line in lines))
        _replace(folder / _REPORT, _as_bytes(report))
    except OSError as error:
        raise not_writable(folder, error) from error
    return folder / _REPORT


def kept_dry_run(project_dir: Path) -> KeptDryRun | None:
    """The last dry run, whether or not it is stale; None where there is none that can be read."""
    folder = dry_run_dir(project_dir)
    try:
        report = json.loads((folder / _REPORT).read_bytes())
        inputs, outputs = ((folder / name).read_bytes().split(b"\n")[:-1] for name in (_INPUTS, _OUTPUTS))
    except (OSError, ValueError):
        return None
    if not isinstance(report, dict) or len(inputs) != len(outputs):
        return None
    return KeptDryRun(report, inputs, outputs)


def _as_bytes(report: DryRunReport) -> bytes:
    return json.dumps(report.as_json(), allow_nan=False, indent=2, sort_keys=True).encode() + b"\n"


def _replace(path: Path, content: bytes) -> None:
    work = path.with_name(f".{path.name}.new")
    work.write_bytes(content)
    work.replace(path)
