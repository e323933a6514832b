"""What refuses an export: findings of the checks, a verdict that is not good, golden outputs that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks.check import Finding, Severity
from packflow_app.checks.verdict import Freshness
from packflow_app.errors import CheckFailedError, ModelFailedError
from packflow_app.runtime import GOLDEN_DIR

if TYPE_CHECKING:
    from packflow_app.actions.export import ExportOptions
    from packflow_app.checks.context import Context
    from packflow_app.dryrun.report import KeptDryRun
    from packflow_app.runtime import GoldenEvents


class ExportBlockedError(CheckFailedError):
    """Checks found what keeps the project from being exported; ``findings`` are all of these."""

    code = "export-blocked"

    def __init__(self, findings: list[Finding]) -> None:
        first = findings[0]
        others = len(findings) - 1
        super().__init__(
            first.message,
            detail=f"{others} more {'finding keeps' if others == 1 else 'findings keep'} the project from being "
            "exported; packflow validate shows all."
            if others
            else "",
            code=first.check,
            exit_code=max(finding.exit_code for finding in findings),
            file=first.file,
            line=first.line,
            hint=first.fix,
        )
        self.findings = findings


def blocking(findings: list[Finding], options: ExportOptions, *, strict: bool) -> list[Finding]:
    """What keeps the project from being exported; golden outputs that are to be recorded anew may have changed."""
    weights = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    waived = {"golden-changed", "golden-invalid"} if isinstance(options.golden, int) else set()
    return [one for one in findings if one.severity in weights and one.check not in waived]


def check_findings(findings: list[Finding]) -> None:
    """Raise ExportBlockedError where there are any."""
    if findings:
        raise ExportBlockedError(findings)


def not_run(context: Context) -> CheckFailedError:
    """The error of an export that may not run the model."""
    freshness, reason = context.verdict.freshness, context.verdict.reason
    return CheckFailedError(
        reason or "The last dry run did not compare one by one with batches.",
        code="dry-run-missing" if freshness is Freshness.MISSING else "dry-run-stale",
        hint="Run `packflow dry-run`, or export without --no-run.",
    )


def check_golden(kept: KeptDryRun, golden: GoldenEvents) -> None:
    """Raise CheckFailedError where the dry run gave other outputs than the golden ones."""
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


def check_verdict(kept: KeptDryRun) -> None:
    """Raise ModelFailedError or CheckFailedError where the dry run was not good."""
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
