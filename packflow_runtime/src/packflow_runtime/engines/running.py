"""``run --engine``: the model in an engine's processes in place of this one; all else of a run is as ever.

The lines are read, and the outcomes written in their order, by the process that was started. What an engine gets are
batches that begin at the same events as those of a run alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, PackflowError
from ..jsonlines import Limits
from ..outcomes import BatchOutcomes
from ..worker import error_data
from .process_model import process_model
from .shipped import checked_archive

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ..supervised import ChildModels
    from ..target import Target
    from .process_model import Fetch
    from .shipped import ShippedModel

BATCHES_A_CALL = {"ray": 8, "spark": 128}
"""How many of the model's batches go to the engine together: what a call of it costs must be small beside them."""


def load_in_engine(target: Target, overrides: dict[str, Any], options: argparse.Namespace) -> ChildModels:
    """The target's model in an engine, which is started or joined; raises PackflowError."""
    archive = _archive_of(target, options)
    model = checked_archive(
        archive,
        batch_size=options.batch_size,
        codec=options.codec,
        config=overrides,
        limits=Limits(options.max_line_bytes, options.max_depth),
        strict_input=options.strict_input,
    )
    if options.engine == "ray":
        from .ray_run import ray_models  # noqa: PLC0415 - the engine that was asked for alone

        return ray_models(model, archive, options)
    from .spark_run import spark_models  # noqa: PLC0415

    return spark_models(model, archive, options)


def _archive_of(target: Target, options: argparse.Namespace) -> Path:
    if target.manifest is None or target.is_unzipped:
        raise PackflowError(
            f"--engine {options.engine} sends an archive to other processes; {target.name} is none.",
            code="usage",
            exit_code=ExitCode.USAGE,
            hint="Name the .zip that `packflow export` wrote.",
        )
    if options.supervise:
        raise PackflowError(
            "--supervise is of models in this machine's own processes.",
            code="usage",
            exit_code=ExitCode.USAGE,
            hint=f"Leave it out with --engine {options.engine}; docs/scale-out.md tells what a crash costs there.",
        )
    return Path(target.name)


class EngineProcess:
    """What runs in a process of the engine. Errors that have a meaning to the user come back as data."""

    def __init__(self, model: ShippedModel, fetch: Fetch) -> None:
        self._model = model
        self._fetch = fetch

    def about(self) -> dict[str, Any]:
        """Load the model; tells what a child of this process tells of it."""
        try:
            backend = process_model(self._model, self._fetch).backend
        except PackflowError as error:
            return {"op": "failed", "error": error_data(error)}
        return {"op": "loaded", "stateful": False, "on_error": str(getattr(backend.config, "on_error", "isolate"))}

    def run(self, numbers: Sequence[int], text: bytes) -> tuple[dict[str, Any], bytes]:
        """The outcomes of lines, which are given and returned with newlines between them."""
        try:
            encoded, codes = process_model(self._model, self._fetch).run(numbers, text.split(b"\n"))
        except PackflowError as error:  # a process that was started since may fail to load it
            return {"op": "failed", "error": error_data(error)}, b""
        told: dict[str, Any] = {"op": "ran", "codes": codes}
        return told, b"\n".join(encoded)


def outcomes_of(answers: Sequence[tuple[dict[str, Any], bytes]]) -> BatchOutcomes:
    """The answers to parts of a batch, in their order, as one."""
    encoded: list[bytes] = []
    codes: dict[int, str] = {}
    for told, text in answers:
        codes.update({len(encoded) + index: code for index, code in told["codes"].items()})
        encoded += text.split(b"\n")
    return BatchOutcomes(encoded, codes)
