"""Put an archive and all that it needs on the other side of an air gap into one folder."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.actions.sign import SigningKey, signer_of
from packflow_app.environments.tools import Toolbox
from packflow_app.errors import NotFoundError
from packflow_app.packaging.kit import MadeKit, make_kit
from packflow_app.packaging.targets import Target, parse_target, this_machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packflow_app.environments.tools import EnvironmentProgressed


@dataclass(frozen=True)
class KitOptions:
    """What ``packflow kit`` may be told; without ``targets`` the kit is for this machine and this Python.

    ``model_wheel``: the model itself is among the wheels too.
    """

    archive: Path
    output: Path
    targets: tuple[str, ...] = ()
    wheelhouse: Path | None = None
    signing_key: SigningKey | None = None
    model_wheel: bool = False
    force: bool = False


def targets_of(names: tuple[str, ...]) -> list[Target]:
    """The targets of a kit, each once; this machine where none is named. Raises UsageError for what is none."""
    if not names:
        return [this_machine(sys.version_info[:2])]
    return list(dict.fromkeys(parse_target(name) for name in names))


def check_wheelhouse(folder: Path | None) -> None:
    """Raise NotFoundError for a wheelhouse that is no folder."""
    if folder is not None and not folder.is_dir():
        raise NotFoundError(
            f"The wheelhouse {folder} is not a folder.",
            code="wheelhouse-not-found",
            hint="Name a folder of wheels with --wheelhouse DIR.",
        )


def kit(
    options: KitOptions,
    *,
    report: Callable[[EnvironmentProgressed], None] = lambda _progress: None,
    cancel: threading.Event | None = None,
) -> MadeKit:
    """Make the kit; raises what ``make_kit`` and ``signer_of`` do, and NotFoundError for a wheelhouse that is none."""
    targets = targets_of(options.targets)
    check_wheelhouse(options.wheelhouse)
    signer = signer_of(options.signing_key) if options.signing_key is not None else None
    tools = Toolbox(options.archive.absolute().parent, report, cancel or threading.Event())
    return make_kit(
        options.archive,
        options.output,
        targets,
        tools,
        wheelhouse=options.wheelhouse,
        signer=signer,
        model_wheel=options.model_wheel,
        force=options.force,
    )
