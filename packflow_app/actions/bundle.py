"""Put Packflow itself and all that it needs into one folder, for machines that reach no index."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.actions.kit import check_wheelhouse, targets_of
from packflow_app.environments.tools import Toolbox
from packflow_app.packaging.app_bundle import MadeBundle, make_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.environments.tools import EnvironmentProgressed


@dataclass(frozen=True)
class BundleOptions:
    """What ``packflow doctor --bundle`` may be told; without ``targets`` it is for this machine and this Python."""

    output: Path
    targets: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    wheelhouse: Path | None = None
    force: bool = False


def bundle(
    options: BundleOptions,
    *,
    report: Callable[[EnvironmentProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> MadeBundle:
    """Make the bundle; raises what ``make_bundle`` does, and NotFoundError for a wheelhouse that is none."""
    targets = targets_of(options.targets)
    check_wheelhouse(options.wheelhouse)
    tools = Toolbox(_existing(options.output.absolute()), report, cancel or threading.Event())
    return make_bundle(
        options.output,
        targets,
        tools,
        extras=options.extras,
        wheelhouse=options.wheelhouse,
        force=options.force,
    )


def _existing(folder: Path) -> Path:
    """Where tools are run: the closest folder above the bundle that is there."""
    return next(one for one in folder.parents if one.is_dir())
