"""Turn a project into its archive, after a dry run that is about the project as it is."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.export_gates import blocking, check_findings, check_golden, check_verdict, not_run
from packflow_app.actions.golden_events import GoldenOffer, GoldenSelection, recorded_from
from packflow_app.actions.kit import KitOptions, targets_of
from packflow_app.actions.kit import kit as make_kit_of
from packflow_app.actions.sign import SigningKey, signer_of
from packflow_app.checks.check import Finding, Severity
from packflow_app.checks.context import look_at
from packflow_app.checks.registry import findings_in
from packflow_app.dryrun.golden import put_back_golden, write_golden
from packflow_app.dryrun.report import KeptDryRun, kept_dry_run
from packflow_app.errors import CancelledError, UsageError
from packflow_app.events.profile import EventBlock
from packflow_app.events.profiling import Profiler
from packflow_app.events.schema import schema_of
from packflow_app.packaging.export import Exported, check_place, export_archive
from packflow_app.packaging.kit_folder import check_kit_place
from packflow_app.packaging.model_wheel import ModelWheel, write_model_wheel
from packflow_app.packaging.signing import Signer, WrittenSignature, signature_path, write_signature
from packflow_app.packaging.sources import Evidence, read_lock
from packflow_app.projects.contents import SECRETS
from packflow_app.projects.journal import JournalEntry, record_step
from packflow_app.projects.project import Project, open_project
from packflow_app.result import Problem
from packflow_app.runtime import GoldenEvents, PackflowError, decode_event, read_golden
from packflow_app.wording import sized

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from packflow_app.dryrun.session import ModeProgressed
    from packflow_app.environments.tools import EnvironmentProgressed
    from packflow_app.packaging.kit import MadeKit
    from packflow_app.packaging.writing import FileWritten

REBUILD_BELOW = 64 << 20
"""Bytes; to build a larger archive twice takes as long as people notice."""


@dataclass(frozen=True)
class ExportOptions:
    """What ``packflow export`` may be told.

    ``golden`` records example events anew: so many of the dry run's (0: ship none), or those of a file. ``run``: run
    the model where its verdict is missing or stale; ``strict``: warnings keep the project from being exported too.
    ``rebuild``: build the archive a second time and compare the bytes; None: where it has less than ``REBUILD_BELOW``.
    """

    project: Path = field(default_factory=Path)
    output: Path = field(default_factory=Path)
    golden: int | Path | None = None
    force: bool = False
    python: str | None = None
    run: bool = True
    strict: bool = False
    signing_key: SigningKey | None = None
    form: Literal["zip", "wheel"] = "zip"
    kit: Path | None = None
    targets: tuple[str, ...] = ()
    rebuild: bool | None = None

    @property
    def rebuild_below(self) -> int:
        """The size in bytes below which the archive is built twice."""
        return {None: REBUILD_BELOW, True: sys.maxsize, False: 0}[self.rebuild]


@dataclass(frozen=True)
class ExportDone:
    """The archive, the verdict it carries, what was found that does not block, and what was done on the way.

    ``signature``, ``wheel`` and ``kit`` are None where none was asked for.
    """

    project: Project
    exported: Exported
    dry_run: KeptDryRun
    ran_dry_run: bool
    golden_recorded: bool
    findings: list[Finding]
    signature: WrittenSignature | None = None
    wheel: ModelWheel | None = None
    kit: MadeKit | None = None

    @property
    def warnings(self) -> list[Problem]:
        """What to know about the files that were written, whatever was found in the project."""
        found, exported = [], self.exported
        secrets = sorted(name for name, reason in exported.excluded.items() if reason == SECRETS)
        if secrets:
            found.append(Problem("secrets-left-out", f"Left out, since they may hold secrets: {', '.join(secrets)}."))
        if exported.needs_zip64:
            message = "The archive is so large that only Python 3.13 and later start it by itself."
            hint = f"Elsewhere, with packflow-runtime installed: python -m packflow_runtime run {exported.path.name}"
            found.append(Problem("needs-zip64", message, hint=hint))
        stale = signature_path(exported.path)
        if self.signature is None and not exported.unchanged and stale.is_file():
            message = f"{stale.name} is beside the archive and signs the one that was there before."
            hint = f"Sign it again: packflow sign {exported.path.name} --key KEY --force"
            found.append(Problem("signature-stale", message, str(stale), hint=hint))
        return found


def export(
    options: ExportOptions,
    *,
    report: Callable[[ModeProgressed | FileWritten | EnvironmentProgressed], None] = lambda _progress: None,
    ask: Callable[[GoldenOffer], int] = lambda offer: offer.count,
    cancel: threading.Event | None = None,
) -> ExportDone:
    """Export the project, running the dry run first where its verdict is missing or stale.

    ``ask`` is called where real events would ship that nobody has agreed to yet; it returns how many may. Raises
    CheckFailedError or ModelFailedError when that verdict is not good, ExportBlockedError when a check finds an error;
    then nothing is exported, and the golden events are as they were. What signs is opened first; where it then does not
    sign, or the kit cannot be made, the archive stays.
    """
    project = open_project(options.project)
    check_place(project, options.output)  # before the dry run, which may take long
    signer = signer_of(options.signing_key) if options.signing_key is not None else None
    _check_kit(options)
    read_lock(project)
    before = read_golden(project.folder)
    try:
        if isinstance(options.golden, Path):
            write_golden(project.folder, recorded_from(options.golden, project, options.python, cancel))
        done = _export(project, options, before, report, ask, cancel)
    except BaseException:
        if not _is_golden(project, before):
            put_back_golden(project.folder, before)
        raise
    if signer is not None:
        done = replace(done, signature=_signed(done.exported, signer, force=options.force))
    exported = done.exported
    if options.form == "wheel":
        folder = exported.path.parent
        done = replace(done, wheel=write_model_wheel(exported.path, exported.manifest, folder, force=options.force))
    if options.kit is None:
        return done
    wanted = KitOptions(
        exported.path,
        options.kit,
        options.targets,
        signing_key=options.signing_key,
        model_wheel=options.form == "wheel",
        force=options.force,
    )
    return replace(done, kit=make_kit_of(wanted, report=report, cancel=cancel))


def _check_kit(options: ExportOptions) -> None:
    """Say what is wrong with the wishes for a kit before the model is run."""
    if options.targets or options.kit is not None:
        targets_of(options.targets)
    if options.kit is not None:
        check_kit_place(options.kit.absolute(), force=options.force, option="--kit")
    elif options.targets:
        raise UsageError("--target names machines of a kit, and no kit is named.", hint="Name its folder: --kit DIR")


def _signed(exported: Exported, signer: Signer, *, force: bool) -> WrittenSignature:
    """Sign the archive that was written; one that somebody changed since is not signed."""
    path = exported.path
    with path.open("rb") as file:
        return write_signature(file, path.name, signer, signature_path(path), sha256=exported.sha256, force=force)


def _export(
    project: Project,
    options: ExportOptions,
    before: GoldenEvents | None,
    report: Callable[[ModeProgressed | FileWritten], None],
    ask: Callable[[GoldenOffer], int],
    cancel: threading.Event | None,
) -> ExportDone:
    context = look_at(project.folder, options.python).wants_run()
    findings = findings_in(context)
    check_findings(blocking(findings, options, strict=False))
    stale = context.verdict.to_run
    if stale:
        if not options.run:
            raise not_run(context)
        dry_run(DryRunOptions(project=options.project, python=options.python), report=report, cancel=cancel)
        context = context.after_run()
        findings = findings_in(context)
    kept = kept_dry_run(project.folder)
    assert kept is not None  # noqa: S101 - a dry run that returns is kept
    check_verdict(kept)
    if not isinstance(options.golden, int) and context.golden is not None:
        check_golden(kept, context.golden)
    check_findings(blocking(findings, options, strict=options.strict))
    if isinstance(options.golden, Path):
        golden, recorded = context.golden, True
    else:
        golden, recorded = GoldenSelection(project, kept, ask).chosen(before, options.golden)
    evidence = Evidence(kept.report, golden, _schema_of(kept.inputs), _schema_of(kept.outputs))

    def written(progress: FileWritten) -> None:
        if cancel is not None and cancel.is_set():
            raise CancelledError("The export was stopped.", hint="Nothing was written; export again.")
        report(progress)

    exported = export_archive(
        project,
        evidence,
        options.output,
        force=options.force,
        rebuild_below=options.rebuild_below,
        report=written,
    )
    record_step(project.folder, "export", _entry(exported, kept))
    others = [finding for finding in findings if finding.severity is not Severity.ERROR]
    return ExportDone(project, exported, kept, stale, recorded, others)


def _is_golden(project: Project, golden: GoldenEvents | None) -> bool:
    try:
        return read_golden(project.folder) == golden
    except PackflowError:  # half of it was written
        return False


def _entry(exported: Exported, kept: KeptDryRun) -> JournalEntry:
    """What the journal keeps: the archive, and the project that it was made of."""
    detail = f"{exported.path.name}  {sized(exported.size)}"
    return JournalEntry(ok=True, summary="ok", detail=detail, looked_at=kept.report["digest"], file=str(exported.path))


def _schema_of(lines: list[bytes]) -> dict[str, Any]:
    """The schema of events or outputs, in JSON Schema: types alone, none of their values."""
    profiler = Profiler()
    values = [decode_event(line) for line in lines]
    profiler.add(EventBlock(list(range(1, len(values) + 1)), lines, values))
    return schema_of(profiler.profile("ndjson", 0)).as_json_schema()
