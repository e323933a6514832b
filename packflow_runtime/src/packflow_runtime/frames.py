"""The preprocessing of ``input_format: pandas``: a data frame with its columns in ``feature_names`` order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .arrays import columns_of, does_not_convert, imported, number_type
from .errors import PreprocessorInitError
from .field_source import FieldReads, compile_source, guarded, indented
from .fields import MISSING, FieldRules
from .flattening import flattening_of
from .preprocessing import Preprocessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fields import FieldPath, FieldRule
    from .jsonlines import Event
    from .preprocessing import PreprocessingOptions


def compile_pandas(options: PreprocessingOptions) -> Preprocessor:
    """Compile events to a data frame of n rows with a column for each of ``feature_names``.

    A column whose values in the batch are all numbers, booleans, null or missing has the dtype of ``options`` (a float
    type); any other is of objects, with the values as they came. Null and missing are NaN in both. Raises
    PreprocessorInitError without pandas, and where a column is named twice.
    """
    if len(set(options.features)) < len(options.features):
        twice = next(name for name in options.features if options.features.count(name) > 1)
        raise PreprocessorInitError(
            f"backend_config: feature_names has {twice!r} twice.", hint="Name each column of a data frame once."
        )
    frames = _Frames(options)
    source = _source(frames)
    names: dict[str, Any] = {"general": frames.values, "frame": frames.frame}
    if frames.flatten is not None:
        names["flatten"] = frames.flatten
    compiled = compile_source(source, names)
    return Preprocessor(compiled["run_one"], compiled["run_many"], source)


class _Frames:
    """How the values of some events, row by row, become a data frame."""

    def __init__(self, options: PreprocessingOptions) -> None:
        self.pandas = imported("pandas", "pandas")
        self.numpy = imported("numpy", "pandas")
        self.dtype, _ = number_type(self.numpy, options.dtype)
        if self.dtype.kind != "f":
            raise PreprocessorInitError(
                f"backend_config: dtype is {options.dtype!r}, which cannot hold the NaN of a missing number.",
                hint="With input_format pandas it is one of float64, float32, float16.",
            )
        self.rules = FieldRules(options)
        self.columns = columns_of(self.rules, options)
        self.flatten = flattening_of(options, self.rules) if options.flatten else None
        self._numbers = (int, float, self.numpy.number, self.numpy.bool_, type(None))

    def values(self, event: Event, index: int) -> tuple[Any, ...]:
        """One row, field by field: the values of ``records[index]``, None where one is missing."""
        found = (self.rules.value(event, rule, index) for rule in self.columns)
        return tuple(None if value is MISSING else value for value in found)

    def frame(self, rows: list[tuple[Any, ...]]) -> Any:  # noqa: ANN401 - a pandas.DataFrame
        """The data frame of these rows."""
        columns = {
            rule.target.name: self._column(values, rule)
            for rule, values in zip(self.columns, zip(*rows), strict=True)  # noqa: B905
        }
        return self.pandas.DataFrame(columns)

    def _column(self, values: tuple[Any, ...], rule: FieldRule) -> Any:  # noqa: ANN401 - a pandas.Series
        if all(issubclass(kind, self._numbers) for kind in set(map(type, values))):
            try:
                numbers = self.numpy.array([math.nan if value is None else float(value) for value in values])
            except OverflowError:
                self._check_range(values, rule)
                raise
            return self.pandas.Series(numbers.astype(self.dtype, copy=False))
        column = self.numpy.empty(len(values), dtype=object)
        for index, value in enumerate(values):
            column[index] = math.nan if value is None else value
        return self.pandas.Series(column, dtype=object)

    def _check_range(self, values: tuple[Any, ...], rule: FieldRule) -> None:
        for index, value in enumerate(values):
            try:
                float(value or 0)
            except OverflowError:
                raise does_not_convert(value, rule, index, str(self.dtype)) from None


def _source(frames: _Frames) -> str:
    reads = FieldReads(rule.sources[0] for rule in frames.columns)
    one = _row_lines(frames, reads, "0")
    many = _row_lines(frames, reads, "len(rows)")
    lines = [
        f"# pandas: a data frame with {len(frames.columns)} columns, made of a row of values for each event",
        "def run_one(event):",
        *indented(["rows = []", "append = rows.append", *one, "return frame(rows)"]),
        "",
        "def run_many(records):",
        *indented(
            ["rows = []", "append = rows.append", "for event in records:", *indented(many), "return frame(rows)"]
        ),
    ]
    return "\n".join(lines) + "\n"


def _row_lines(frames: _Frames, reads: FieldReads, index: str) -> list[str]:
    before = [f"event = flatten(event, {index})"] if frames.flatten is not None else []
    otherwise = f"append(general(event, {index}))"
    if not reads.is_possible:
        return [*before, otherwise]

    def write(expression: Callable[[FieldPath], str]) -> list[str]:
        return ["append((", *(f"    {expression(rule.sources[0])}," for rule in frames.columns), "))"]

    failed = "except (LookupError, TypeError):  # a field is missing or no object: see packflow_runtime.fields"
    return [*before, "try:", *indented(guarded(reads, write, otherwise)), failed, *indented([otherwise])]
