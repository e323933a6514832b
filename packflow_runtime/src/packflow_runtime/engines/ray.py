"""Score the events in a Ray Dataset with the model of an archive, in actors with or without a GPU.

Needs Ray and pyarrow, and on each node this runtime and what the model requires: installed, or in a ``runtime_env``.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PackflowError
from .columns import ERROR, OUTPUT, check_columns, column_type_error, scored
from .fetching import written_file
from .installed import engine_module
from .process_model import process_model
from .shipped import ShippedModel, checked_archive, configuration

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from pyarrow import Table


@dataclass(frozen=True)
class RayArchive:
    """An archive that ``put`` checked and gave to Ray's object store, from which each node gets it once."""

    name: str
    digest: str
    data: Any

    def __call__(self) -> AbstractContextManager[Path]:
        """The archive as a file."""
        return written_file(self.name, lambda file: file.write(engine_module("ray").get(self.data)))


def put(archive: str | os.PathLike[str]) -> RayArchive:
    """Check an archive here and give it to the cluster; raises PackflowError where it does not verify."""
    checked = checked_archive(archive)
    return RayArchive(checked.name, checked.digest, engine_module("ray").put(Path(archive).read_bytes()))


class Scorer:
    """For ``Dataset.map_batches``: adds the columns ``output`` and ``error`` to batches of events.

    ``archive`` is a path that every node has, or what ``put`` gave. ``column`` holds events as JSON text. ``output`` is
    JSON text too, ``error`` a struct of ``line``, ``code``, ``step``, ``type`` and ``message``; one of them is null.
    ``line`` is taken from the column of whole numbers that ``index`` names, or else counts the rows of a batch from 1.
    The model gets at most ``batch_size`` events a call; ``config`` goes over its configuration.

    Raises PackflowError, in the actor, for an archive that does not verify, a stateful model, and columns that do not
    fit.
    """

    def __init__(
        self,
        archive: str | os.PathLike[str] | RayArchive,
        *,
        column: str = "text",
        index: str | None = None,
        batch_size: int = 64,
        codec: str = "auto",
        config: Mapping[str, Any] | None = None,
    ) -> None:
        engine_module("pyarrow")
        self._column, self._index = column, index
        settings: dict[str, Any] = {"batch_size": batch_size, "codec": codec, "config": configuration(config)}
        if isinstance(archive, RayArchive):
            self._model = process_model(ShippedModel(archive.name, archive.digest, **settings), archive)
        else:
            path = Path(archive)
            self._model = process_model(checked_archive(path, **settings), lambda: nullcontext(path))

    def __call__(self, batch: Table) -> Table:
        """Score one batch, which ``map_batches`` gives as Arrow's with ``batch_format="pyarrow"``."""
        if not isinstance(batch, engine_module("pyarrow").Table):
            raise PackflowError(
                f"A batch came as {type(batch).__name__}, not as Arrow's Table.",
                code="batch-format",
                hint='Write map_batches(Scorer, batch_format="pyarrow", …).',
            )
        check_columns(batch.schema.names, self._column, self._index, (OUTPUT, ERROR))
        numbers: Sequence[int] = range(1, len(batch) + 1)
        if self._index is not None:
            kind = batch.schema.field(self._index).type
            if not engine_module("pyarrow.types").is_integer(kind):
                raise column_type_error(self._index, kind, "a whole number", "Cast it, or leave index out.")
            numbers = batch.column(self._index).to_pylist()
        return type(batch).from_pydict(scored(batch, self._model, self._column, numbers))
