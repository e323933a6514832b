"""The preprocessing of ``input_format: numpy``: one array of one declared dtype, columns in ``feature_names`` order.

Rows are packed by ``struct`` into the array's own memory. That takes numbers only (``float()`` would read text as a
number), and fails on the one event that does not fit, which the general code then looks at field by field.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from .errors import PreprocessorInitError, PreprocessorRuntimeError
from .field_source import FieldReads, compile_source, guarded, indented
from .fields import MISSING, FieldRules, shown
from .flattening import flattening_of
from .preprocessing import Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from .fields import FieldPath, FieldRule
    from .jsonlines import Event
    from .preprocessing import PreprocessingOptions

# "=f" and not "@f", which makes an infinity of a number too large for it.
_FORMATS = {
    "float64": "@d",
    "float32": "=f",
    "float16": "@e",
    "int64": "@q",
    "int32": "@i",
    "int16": "@h",
    "int8": "@b",
    "uint64": "@Q",
    "uint32": "@I",
    "uint16": "@H",
    "uint8": "@B",
}
_FAILED = "except Exception:  # a field is missing, null or no number: see packflow_runtime.arrays"


def compile_numpy(options: PreprocessingOptions, *, reads_text: bool = False) -> Preprocessor:
    """Compile events to an array of shape (n, k) and the dtype of ``options``, k the number of ``feature_names``.

    Booleans and numbers convert. A null and a missing field are NaN (missing: error refuses a missing one); where the
    dtype holds whole numbers, both are errors, and of floats only whole ones convert. Text does not convert, not even
    ``"5"``, unless ``reads_text``; nor does a number beyond the dtype's range. The dtype ``object`` takes values as
    they are, None for a missing one. Raises PreprocessorInitError without numpy.
    """
    numpy = imported("numpy", "numpy")
    if options.dtype == "object":
        return _compile_objects(options, numpy)
    rows = ArrayRows(options, numpy, reads_text=reads_text)
    reads = FieldReads(rule.sources[0] for rule in rows.columns)
    source = _source(rows, reads)
    names = {"empty": rows.numpy.empty, "dtype": rows.dtype, "pack": rows.pack, "fill": rows.fill}
    if rows.flatten is not None:
        names["flatten"] = rows.flatten
    compiled = compile_source(source, names)
    return Preprocessor(compiled["run_one"], compiled["run_many"], source)


class ArrayRows:
    """How one event becomes one row of an array, field by field."""

    def __init__(self, options: PreprocessingOptions, numpy: ModuleType, *, reads_text: bool = False) -> None:
        self.numpy = numpy
        self._reads_text = reads_text
        self.dtype, form = number_type(numpy, options.dtype, "object")
        self._is_float = self.dtype.kind == "f"
        self.rules = FieldRules(options)
        self.columns = columns_of(self.rules, options)
        self.flatten = flattening_of(options, self.rules) if options.flatten else None
        self._pack_value = struct.Struct(form).pack
        row = struct.Struct(f"{form[0]}{len(self.columns)}{form[1]}")
        self.pack, self.row_size = row.pack_into, row.size

    def fill(self, array: Any, index: int, event: dict[Any, Any]) -> None:  # noqa: ANN401 - a numpy array
        """Set ``array[index]`` to the fields of ``event``, which is ``records[index]``."""
        row = (self.number(self.rules.value(event, rule, index), rule, index) for rule in self.columns)
        self.pack(array.data.cast("B"), index * self.row_size, *row)

    def number(self, value: object, rule: FieldRule, index: int) -> float:
        """The value as a number that the dtype holds; raises PreprocessorRuntimeError for any other."""
        if value is None or value is MISSING:
            if self._is_float:
                return math.nan
            state = "missing" if value is MISSING else "null"
            raise PreprocessorRuntimeError(
                f'records[{index}]: the field "{rule.target.name}" is {state}, which {self.dtype} cannot hold.',
                hint="Send a number, or set dtype: float64 in backend_config, where it becomes NaN.",
            )
        given = value
        try:
            if self._reads_text and isinstance(value, str):
                value = float(value) if self._is_float else int(value)
            if not self._is_float and isinstance(value, float) and value.is_integer():
                value = int(value)
            self._pack_value(value)
        except Exception:  # noqa: BLE001 - struct.error, OverflowError, and what a __float__ of the caller's may raise
            raise does_not_convert(given, rule, index, str(self.dtype)) from None
        return value  # type: ignore[return-value]


def _compile_objects(options: PreprocessingOptions, numpy: ModuleType) -> Preprocessor:
    """Compile events to an array of Python values, for models that encode text themselves."""
    rules = FieldRules(options)
    columns = columns_of(rules, options)
    flatten = flattening_of(options, rules) if options.flatten else None

    def run_many(records: list[Event]) -> Any:  # noqa: ANN401 - a numpy array
        array = numpy.empty((len(records), len(columns)), object)
        for index, record in enumerate(records):
            event = record if flatten is None else flatten(record, index)
            for column, rule in enumerate(columns):
                value = rules.value(event, rule, index)
                array[index, column] = None if value is MISSING else value
        return array

    source = f"# numpy: an array of shape (n, {len(columns)}) and dtype object, the values as they are\n"
    return Preprocessor(lambda event: run_many([event]), run_many, source)


def does_not_convert(value: object, rule: FieldRule, index: int, dtype: str) -> PreprocessorRuntimeError:
    """The error of a value that is no number of the dtype."""
    hint = "Send a number, or convert the field in transform_inputs with input_format: records."
    if isinstance(value, (str, bytes)):
        hint = "Send numbers without quotes, or set dtype: object in backend_config, which takes text as it is."
    return PreprocessorRuntimeError(
        f'records[{index}]: the field "{rule.target.name}" is {shown(value)}, which does not convert to {dtype}.',
        hint=hint,
    )


def columns_of(rules: FieldRules, options: PreprocessingOptions) -> list[FieldRule]:
    """A rule for each of ``feature_names``, in its order."""
    by_name = {rule.target.name: rule for rule in rules.rules}
    return [by_name[name] for name in options.features]


def number_type(numpy: ModuleType, name: str, *others: str) -> tuple[Any, str]:
    """The numpy dtype called ``name`` and its ``struct`` format; raises PreprocessorInitError for another kind.

    The error names ``others`` beside those, which the caller takes care of.
    """
    try:
        dtype = numpy.dtype(name)
    except TypeError:
        dtype = None
    if dtype is None or not dtype.isnative or dtype.name not in _FORMATS:
        raise PreprocessorInitError(
            f"backend_config: dtype is {name!r}.", hint=f"It is one of {', '.join([*_FORMATS, *others])}."
        )
    return dtype, _FORMATS[dtype.name]


def imported(module: str, wanted_by: str) -> ModuleType:
    """Import a library that an input format needs; raises PreprocessorInitError naming it."""
    from importlib import import_module  # noqa: PLC0415 - only a configured backend pays for it

    try:
        return import_module(module)
    except ImportError as error:
        raise PreprocessorInitError(
            f"backend_config: input_format {wanted_by} needs {module}, which cannot be imported: {error}.",
            hint=f"Add {module} to requirements.txt and install it in the project's environment.",
        ) from error


def _source(rows: ArrayRows, reads: FieldReads) -> str:
    width, size = len(rows.columns), rows.row_size
    one = _row_lines(rows, reads, "0", "0")
    many = _row_lines(rows, reads, "start", f"start // {size}")
    lines = [
        f"# numpy: an array of shape (n, {width}) and dtype {rows.dtype}; pack() writes one row of {size} bytes",
        "def run_one(event):",
        *indented([f"array = empty((1, {width}), dtype)", "memory = array.data.cast('B')", *one, "return array"]),
        "",
        "def run_many(records):",
        *indented(
            [
                f"array = empty((len(records), {width}), dtype)",
                "if not records:",
                "    return array",
                "memory = array.data.cast('B')",
                "start = 0",
                "for event in records:",
                *indented([*many, f"start += {size}"]),
                "return array",
            ]
        ),
    ]
    return "\n".join(lines) + "\n"


def _row_lines(rows: ArrayRows, reads: FieldReads, start: str, index: str) -> list[str]:
    before = [f"event = flatten(event, {index})"] if rows.flatten is not None else []
    otherwise = f"fill(array, {index}, event)"
    if not reads.is_possible:
        return [*before, otherwise]

    def write(expression: Callable[[FieldPath], str]) -> list[str]:
        values = (f"    {expression(rule.sources[0])}," for rule in rows.columns)
        return [f"pack(memory, {start},", *values, ")"]

    return [*before, "try:", *indented(guarded(reads, write, otherwise)), _FAILED, *indented([otherwise])]
