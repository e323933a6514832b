"""The options that a step has: those that were chosen, else its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packflow_app.tui.registry import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packflow_app.tui.registry import Call
    from packflow_app.tui.steps import ProjectSeen


def load_rooms() -> None:
    """Import what ``default_call`` takes, in a thread that may wait: a loop would stand still for 50 ms."""
    import packflow_app.actions.dry_run  # noqa: PLC0415 - when asked for
    import packflow_app.actions.export  # noqa: PLC0415
    import packflow_app.actions.inspect  # noqa: PLC0415
    import packflow_app.actions.validate  # noqa: PLC0415
    import packflow_app.actions.verify  # noqa: F401, PLC0415


def default_call(step: str, seen: ProjectSeen, chosen: Mapping[str, Any] | None = None) -> Call | None:
    """The call of a step of the journey on a project; None where there is nothing to call it on.

    ``chosen`` are the options that a person chose for steps of this project.
    """
    # Not above: the first picture waits for none of them. The project's watch has loaded them by now: see load_rooms.
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
