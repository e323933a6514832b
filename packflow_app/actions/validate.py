"""Look at everything that makes a project fit to ship, running the model where its verdict is missing or stale."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.actions.dry_run import DryRunOptions, dry_run
from packflow_app.actions.fixes import Fix, PlannedFix, apply_fixes, planned_fixes
from packflow_app.checks.check import Check, Finding, Severity
from packflow_app.checks.context import Context, look_at
from packflow_app.checks.registry import applicable_checks, can_be_run, findings_in
from packflow_app.errors import CancelledError, ModelFailedError, NotWritableError
from packflow_app.projects.journal import JournalEntry, record_step
from packflow_app.runtime import ExitCode, PackflowError
from packflow_app.wording import counted

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from packflow_app.checks.verdict import Verdict
    from packflow_app.dryrun.session import ModeProgressed
    from packflow_app.runtime import ProjectConfig


@dataclass(frozen=True)
class ValidateOptions:
    """What ``packflow validate`` may be told.

    ``run``: run the model where its verdict is missing or stale; ``fix``: mend what can be mended with nothing left to
    decide, and look again; ``only`` what these checks found, where any are named; ``plan``: mend nothing, and tell what
    would be.
    """

    project: Path = field(default_factory=Path)
    run: bool = True
    python: str | None = None
    fix: bool = False
    only: tuple[str, ...] = ()
    plan: bool = False


@dataclass(frozen=True)
class Validated:
    """What was found, the checks that looked, and the dry run's verdict they looked at; ``ran_dry_run``: just now.

    ``config`` is None where packflow.yaml cannot be read; ``fixed`` is what was mended before these findings,
    ``planned`` what would be, where only that was asked for.
    """

    folder: Path
    config: ProjectConfig | None
    checks: list[Check]
    findings: list[Finding]
    verdict: Verdict
    ran_dry_run: bool
    fixed: list[Fix] = field(default_factory=list)
    planned: list[PlannedFix] = field(default_factory=list)

    @property
    def log(self) -> str:
        """The last that the model printed, where running it was tried and it did not come to an end."""
        return self.verdict.error.log if isinstance(self.verdict.error, ModelFailedError) else ""

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one weight."""
        return [finding for finding in self.findings if finding.severity is severity]

    def exit_code(self, *, strict: bool = False) -> ExitCode:
        """0 without errors; else the largest code of them, so that 4 says that the model itself failed.

        ``strict``: warnings fail too, with 1.
        """
        codes = [finding.exit_code for finding in self.of(Severity.ERROR)]
        if strict and self.of(Severity.WARNING):
            codes.append(ExitCode.CHECK_FAILED)
        return max(codes, default=ExitCode.OK)


def validate(
    options: ValidateOptions,
    *,
    report: Callable[[ModeProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> Validated:
    """Run every check; what they find is a value, not an error.

    Raises NotFoundError or ProjectConfigError where there is no project, NotWritableError where a dry run's report
    cannot be kept or a fix not be written, CancelledError when stopped.
    """
    context, ran = _looked_at(options, report, cancel)
    planned = planned_fixes(context, findings_in(context), options.only) if options.fix else []
    fixed = apply_fixes(planned) if not options.plan else []
    if fixed:
        context, again = _looked_at(options, report, cancel)
        ran = ran or again
    config = None if context.config_error is not None else context.config
    findings = findings_in(context)
    told = planned if options.plan else []
    done = Validated(context.folder, config, applicable_checks(context), findings, context.verdict, ran, fixed, told)
    if options.run:
        record_step(context.folder, "validate", _entry(done, context.digest))
    return done


def _looked_at(
    options: ValidateOptions, report: Callable[[ModeProgressed], None], cancel: threading.Event | None
) -> tuple[Context, bool]:
    """The project as it is, and whether its model was run for that."""
    context = look_at(options.project, options.python)
    if options.run:
        context = context.wants_run()
    ran = context.verdict.to_run and can_be_run(context)
    if ran:
        context = _run(context, options, report, cancel)
    return context, ran


def _entry(done: Validated, digest: str | None) -> JournalEntry:
    """What the journal keeps: how many findings, and the gravest of them."""
    errors, warnings = done.of(Severity.ERROR), done.of(Severity.WARNING)
    counts = [(errors, "error"), (warnings, "warning")]
    summary = ", ".join(counted(len(found), noun) for found, noun in counts if found) or "ok"
    first = next(iter(errors + warnings), None)
    detail = first.told if first else f"{counted(len(done.checks), 'check')} passed"
    return JournalEntry(not errors, summary, detail, digest or "")


def _run(
    context: Context,
    options: ValidateOptions,
    report: Callable[[ModeProgressed], None],
    cancel: threading.Event | None,
) -> Context:
    """The context after a dry run, or after an attempt that failed."""
    try:
        dry_run(DryRunOptions(project=options.project, python=options.python), report=report, cancel=cancel)
    except (CancelledError, NotWritableError):
        raise
    except PackflowError as error:
        return context.after_run(error)
    return context.after_run()
