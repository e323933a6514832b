"""Score the events in a Spark DataFrame, at rest or streaming, with the model of an archive.

Needs PySpark 4 or later and pyarrow, on the executors too, and there what the model requires. This very runtime goes to
the executors with the archive, so that nothing of Packflow need be installed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .columns import ERROR, ERROR_FIELDS, OUTPUT, check_columns, column_type_error, scored
from .installed import engine_module
from .process_model import process_model
from .shipped import ShippedModel, checked_archive, configuration
from .spark_files import SparkFetch, ship

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame

INDEX = "index"
_PARTITION_BITS = 33  # as monotonically_increasing_id has it


def score(
    df: DataFrame,
    archive: str | os.PathLike[str],
    column: str = "value",
    *,
    index: str | None = None,
    batch_size: int = 64,
    codec: str = "auto",
    config: Mapping[str, Any] | None = None,
) -> DataFrame:
    """``df`` with three more columns: what became of the event whose JSON text is in ``column``.

    ``output`` is its output as JSON text, ``error`` a struct of ``line``, ``code``, ``step``, ``type`` and ``message``;
    one of them is null. ``index`` is a copy of the column of whole numbers that the parameter names; without one it is
    that of ``monotonically_increasing_id``, plus 1: unique, and ascending as the rows do. It is the ``line`` of errors.
    ``config`` goes over the model's configuration.

    Raises PackflowError for an archive that does not verify, a stateful model, and columns that do not fit.
    """
    engine_module("pyspark")
    engine_module("pyarrow")
    model = checked_archive(archive, batch_size=batch_size, codec=codec, config=configuration(config))
    check_spark_columns(df, column, index)
    ship(df.sparkSession, Path(archive), model)
    return score_shipped(df, model, column, index)


def score_shipped(df: DataFrame, model: ShippedModel, column: str, index: str | None) -> DataFrame:
    """The same for a model that is with the executors already."""
    types = engine_module("pyspark.sql.types")
    text, number = types.StringType(), types.LongType()
    error = types.StructType([types.StructField(n, number if n == "line" else text) for n in ERROR_FIELDS])
    added = [types.StructField(OUTPUT, text), types.StructField(ERROR, error), types.StructField(INDEX, number)]
    return df.mapInArrow(_Scoring(model, column, index).batches, types.StructType([*df.schema.fields, *added]))


def check_spark_columns(df: DataFrame, column: str, index: str | None) -> None:
    """Raise PackflowError for columns that are missing, in the way, or of a type that holds no events or numbers."""
    check_columns(df.columns, column, index, (OUTPUT, ERROR, INDEX))
    kinds = dict(df.dtypes)
    if kinds[column] not in ("string", "binary"):
        hint = f"Make JSON text of it: df.select(to_json({column!r}).alias('value')), or of all: to_json(struct('*'))."
        raise column_type_error(column, kinds[column], "string or binary, which holds JSON text", hint)
    if index is not None and kinds[index] not in ("tinyint", "smallint", "int", "bigint"):
        raise column_type_error(index, kinds[index], "a whole number", "Cast it, or leave index out.")


@dataclass(frozen=True)
class _Scoring:
    """What executors are sent."""

    model: ShippedModel
    column: str
    index: str | None

    def batches(self, batches: Iterable[RecordBatch]) -> Iterator[RecordBatch]:
        """One batch of rows for each, in a Python process of an executor."""
        arrow, spark = engine_module("pyarrow"), engine_module("pyspark")
        model = process_model(self.model, SparkFetch(self.model.file_name))
        first = (spark.TaskContext.get().partitionId() << _PARTITION_BITS) + 1
        for batch in batches:
            made = range(first, first + len(batch))
            first += len(batch)
            numbers = made if self.index is None else batch.column(self.index).to_pylist()
            columns = scored(batch, model, self.column, numbers)
            yield arrow.RecordBatch.from_pydict({**columns, INDEX: arrow.array(numbers, arrow.int64())})
