"""Every check there is, by family, and how to run them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.checks import (
    artifacts,
    behaviour,
    configuration,
    documents,
    golden,
    leftovers,
    models,
    names,
    needs,
    pythons,
    requirements,
    secrets,
    sources,
)
from packflow_app.checks.check import Check, Finding, Severity

if TYPE_CHECKING:
    from packflow_app.checks.context import Context

FAMILIES = (
    configuration,
    documents,
    names,
    artifacts,
    secrets,
    requirements,
    needs,
    pythons,
    sources,
    models,
    leftovers,
    behaviour,
    golden,
)
CHECKS: tuple[Check, ...] = tuple(
    found for family in FAMILIES for found in vars(family).values() if isinstance(found, Check)
)
"""In the order of the families and of each file: the order in which findings of one weight are shown."""

_WEIGHTS = list(Severity)


def applicable_checks(context: Context) -> list[Check]:
    """The checks that can say something: without a readable packflow.yaml, only those that need none."""
    return [one for one in CHECKS if context.config_error is None or not one.reads_config]


def findings_in(context: Context) -> list[Finding]:
    """What all checks find: the heaviest first, of these what keeps the model from being run, then by the registry."""
    checks = sorted(applicable_checks(context), key=lambda one: (_WEIGHTS.index(one.severity), not one.needed_to_run))
    return [finding for one in checks for finding in one.findings(context)]


def can_be_run(context: Context) -> bool:
    """Whether nothing is known that keeps the model from being run."""
    return not any(one.findings(context) for one in applicable_checks(context) if one.needed_to_run)
