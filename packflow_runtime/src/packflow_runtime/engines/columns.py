"""Events in a column of an Arrow table, as JSON text; outputs and errors in two more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, PackflowError
from .installed import engine_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .process_model import ProcessModel

OUTPUT, ERROR = "output", "error"
ERROR_FIELDS = ("line", "code", "step", "type", "message")


def scored(
    table: Any,  # noqa: ANN401 - a table or a batch of Arrow's
    model: ProcessModel,
    column: str,
    numbers: Sequence[int],
) -> dict[str, Any]:
    """All columns of ``table`` and two more, by name: ``output`` (text) and ``error`` (a struct), one of them null.

    ``numbers`` become the ``line`` of errors. A null fails as an empty text does. Raises PackflowError for a column of
    another type.
    """
    arrow, types = engine_module("pyarrow"), engine_module("pyarrow.types")
    kind = table.schema.field(column).type
    if not any(fits(kind) for fits in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)):
        raise column_type_error(column, kind, "string or binary, which holds JSON text", "Make JSON text of it before.")
    raws = [raw or b"" for raw in table.column(column).cast(arrow.large_binary()).to_pylist()]
    encoded, failed = model.score(numbers, raws)
    outputs = [None if index in failed else outcome.decode() for index, outcome in enumerate(encoded)]
    errors = [failed.get(index) for index in range(len(encoded))]
    text = arrow.string()
    error = arrow.struct([(name, arrow.int64() if name == "line" else text) for name in ERROR_FIELDS])
    columns = {name: table.column(name) for name in table.schema.names}
    return {**columns, OUTPUT: arrow.array(outputs, text), ERROR: arrow.array(errors, error)}


def check_columns(found: Sequence[str], column: str, index: str | None, added: Iterable[str]) -> None:
    """Raise PackflowError where a column that is read is missing, or one that is written is there already."""
    for name in (column, index):
        if name is not None and name not in found:
            raise PackflowError(
                f"There is no column {name}.",
                code="column-missing",
                exit_code=ExitCode.USAGE,
                hint=f"Name one of: {', '.join(found)}.",
            )
    for name in added:
        if name in found:
            raise PackflowError(
                f"There is a column {name} already, which the outcomes go to.",
                code="column-exists",
                exit_code=ExitCode.USAGE,
                hint=f"Rename or drop {name} before.",
            )


def column_type_error(name: str, kind: object, expected: str, hint: str) -> PackflowError:
    """The error for a column whose values are not what is expected."""
    return PackflowError(
        f"The column {name} is of type {kind}; expected is {expected}.",
        code="column-type",
        exit_code=ExitCode.USAGE,
        hint=hint,
    )
