"""What decides whether there will be an archive, one line each, from the plan that ``packflow export --plan`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.environments.lock import LockState
from packflow_app.locations import LOCK_FILE
from packflow_app.runtime import (
    DRY_RUN_NAME,
    GOLDEN_INPUTS,
    GOLDEN_OUTPUTS,
    INFO_DIR,
    INPUT_SCHEMA_NAME,
    LOCK_NAME,
    MANIFEST_NAME,
    OUTPUT_SCHEMA_NAME,
    RUNTIME_DIR,
    SBOM_NAME,
)
from packflow_app.tui.steps import STYLES, State, report_is_good, verdict_text
from packflow_app.tui.widgets.files_tree import Beside
from packflow_app.tui.widgets.rows import row
from packflow_app.wording import counted, sized

if TYPE_CHECKING:
    from packflow_app.actions.export import ExportOptions
    from packflow_app.actions.export_plan import ExportPlan

_LABEL = 9


@dataclass(frozen=True)
class Gate:
    """One thing that is looked at: how it stands, and in words."""

    state: State
    name: str
    text: str


def gates(plan: ExportPlan, options: ExportOptions) -> list[Gate]:
    """What an export looks at, in its order."""
    return [_dry_run(plan, options), _checks(plan, options), _lock(plan), _golden(plan, options), _place(plan, options)]


def headline(found: list[Gate]) -> tuple[State, str]:
    """All of it in a few words."""
    states = [gate.state for gate in found]
    if State.FAILED in states:
        return State.FAILED, "In the way"
    if found and found[0].state is not State.OK:
        return State.STALE, "Before: the model is run first"
    return State.OK, "Ready to export"


def gates_text(found: list[Gate], width: int) -> Content:
    """A line each, folded to the width."""
    heads = [
        Content.assemble((f"{gate.state.value} ", STYLES[gate.state]), (gate.name.ljust(_LABEL), "$muted"))
        for gate in found
    ]
    return Content("\n").join([row(head, gate.text, width) for head, gate in zip(heads, found, strict=True)])


def _dry_run(plan: ExportPlan, options: ExportOptions) -> Gate:
    verdict = plan.verdict
    if verdict.is_complete:
        good = report_is_good(verdict.report)
        return Gate(State.OK if good else State.FAILED, "dry run", verdict_text(verdict.report))
    reason = verdict.reason or "It compared nothing."
    if not options.run:
        return Gate(State.FAILED, "dry run", f"{reason} It may not be run (--no-run).")
    return Gate(State.STALE, "dry run", f"{reason} It is run first.")


def _checks(plan: ExportPlan, options: ExportOptions) -> Gate:
    if plan.blocking:
        first, others = plan.blocking[0], len(plan.blocking) - 1
        more = f" And {others} more; 4 shows all." if others else " 4 shows it."
        return Gate(State.FAILED, "checks", f"{first.told.rstrip('.')}.{more}")
    if plan.warnings:
        about = "none of which is in the way" if len(plan.warnings) > 1 else "which is in the way of nothing"
        return Gate(State.STALE, "checks", f"{counted(len(plan.warnings), 'warning')}, {about}; 4 shows all")
    return Gate(State.OK, "checks", "nothing in the way" + (", warnings included" if options.strict else ""))


def _lock(plan: ExportPlan) -> Gate:
    if plan.lock is LockState.STALE:
        return Gate(State.FAILED, "lock", f"{LOCK_FILE} does not fit requirements.txt; packflow env lock")
    if plan.lock is LockState.FRESH:
        return Gate(State.OK, "lock", f"{LOCK_FILE}, pinned and hashed")
    if any(finding.check == "lock-missing" for finding in plan.findings):
        return Gate(State.NOT_RUN, "lock", "none: whoever installs it takes what fits then")
    return Gate(State.OK, "lock", "none is needed: it requires nothing beside Python")


def _golden(plan: ExportPlan, options: ExportOptions) -> Gate:
    if options.golden is not None and options.golden != 0:
        what = f"{options.golden} events" if isinstance(options.golden, int) else options.golden.name
        return Gate(State.OK, "golden", f"{what}, recorded anew with their outputs")
    if plan.golden_events is None:
        return Gate(State.OK, "golden", "real events, recorded once you agree to how many")
    if plan.golden_events:
        return Gate(State.OK, "golden", f"{counted(plan.golden_events, 'real event')} with their outputs")
    return Gate(State.NOT_RUN, "golden", "none: no receiver can replay it")


def _place(plan: ExportPlan, options: ExportOptions) -> Gate:
    name = plan.path.name
    if not plan.is_there:
        return Gate(State.OK, "file", name)
    told = "is replaced" if options.force else "is there; you are asked before it is replaced"
    return Gate(State.OK, "file", f"{name} {told}")


def beside(plan: ExportPlan) -> list[Beside]:
    """What ships beside the project's own files."""
    told = {
        MANIFEST_NAME: "every file with its hash",
        DRY_RUN_NAME: "the dry run's verdict",
        INPUT_SCHEMA_NAME: "the fields of its events",
        OUTPUT_SCHEMA_NAME: "the fields of its outputs",
        SBOM_NAME: "bill of materials",
    }
    if plan.lock is LockState.FRESH:
        told[LOCK_NAME] = "requirements, pinned and hashed"
    if plan.golden_events != 0:
        told |= {GOLDEN_INPUTS: "golden events", GOLDEN_OUTPUTS: "their outputs, recorded here"}
    runtime = f"{sized(plan.runtime_size):>9}  {counted(plan.runtime_files, 'file')}: all that runs it"
    info = f"{'':9}  {counted(len(told), 'file')} about it"
    prefix = f"{INFO_DIR}/"
    files = {name.removeprefix(prefix): what for name, what in sorted(told.items())}
    return [Beside(f"{RUNTIME_DIR}/", runtime), Beside(prefix, info, files)]
