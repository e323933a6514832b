"""A model on its way to an engine's processes: checked where the job is written, told apart by its digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..archive import open_archive
from ..config import merged
from ..errors import ExitCode, PackflowError
from ..jsonlines import DEFAULT_LIMITS, Limits, encode
from ..loading import operator_config

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping


@dataclass(frozen=True)
class ShippedModel:
    """What a process of an engine is told of an archive and of how to run it; small, and safe to pickle.

    ``digest`` is the SHA-256 of the archive's manifest, which vouches for every other byte. The model gets at most
    ``batch_size`` events a call; ``config`` goes over its configuration.
    """

    name: str
    digest: str
    batch_size: int = 64
    codec: str = "auto"
    config: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = DEFAULT_LIMITS
    strict_input: bool = False

    @property
    def file_name(self) -> str:
        """What the archive is called where engines put it: two archives never share a name."""
        return f"packflow-{self.digest}.zip"

    @property
    def key(self) -> bytes:
        """Tells this model, with all that its outputs depend on, from another one."""
        told = [self.digest, self.batch_size, self.codec, self.config, *vars(self.limits).values(), self.strict_input]
        return encode({"model": told})


def checked_archive(archive: str | os.PathLike[str], **settings: Any) -> ShippedModel:  # noqa: ANN401 - its fields
    """Check every byte of an archive before anything is sent anywhere.

    ``settings`` are fields of ShippedModel. Raises ArchiveFormatError or ManifestError where it does not verify, and
    PackflowError where it cannot be opened, or its model is stateful: an engine gives parts of the events to several
    processes, in an order of its own.
    """
    path = Path(archive)
    with open_archive(path) as opened:
        if opened.manifest.stateful:
            raise stateful_error(opened.manifest.name)
        opened.verify_contents()
        return ShippedModel(path.name, opened.digest, **settings)


def configuration(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """``config``, under what the environment of the process that writes the job says; raises PackflowError."""
    return merged(dict(config or {}), operator_config())


def stateful_error(name: str) -> PackflowError:
    """Why a model with state does not run in several processes."""
    return PackflowError(
        f"{name} is stateful: it must see all events, in their order, in one process.",
        code="stateful",
        exit_code=ExitCode.USAGE,
        hint="Run it alone: packflow run ARCHIVE EVENTS.",
    )
