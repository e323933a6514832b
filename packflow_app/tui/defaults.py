"""The options that a step has: those that were chosen, else its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.tui.registry import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packflow_app.tui.registry import Call
    from packflow_app.tui.steps import ProjectSeen


def default_call(step: str, seen: ProjectSeen, chosen: Mapping[str, Any] | None = None) -> Call | None:
    """The call of a step of the journey on a project; None where there is nothing to call it on.

    ``chosen`` are the options that a person chose for steps of this project.
    """
    # The rooms are imported here, not above: by the time there is a project to call them on, its watch needs them too.
    from packflow_app.actions.dry_run import DryRunOptions  # noqa: PLC0415
    from packflow_app.actions.export import ExportOptions  # noqa: PLC0415
    from packflow_app.actions.inspect import InspectOptions  # noqa: PLC0415
    from packflow_app.actions.validate import ValidateOptions  # noqa: PLC0415
    from packflow_app.actions.verify import VerifyOptions  # noqa: PLC0415

    action = ACTIONS[step]
    if step == "inspect":
        return action.call(InspectOptions(seen.events)) if seen.events is not None else None
    if step == "verify":
        return action.call(VerifyOptions([seen.archive])) if seen.archive is not None else None
    if seen.problem is not None or seen.gone:
        return None
    if chosen is not None and step in chosen:
        return action.call(chosen[step])
    folder: Path = seen.folder
    options = {"dry-run": DryRunOptions, "validate": ValidateOptions, "export": ExportOptions}[step]
    return action.call(options(project=folder))
