"""The input example of an MLflow model as events: one dict a row."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_EXAMPLE = "input_example.json"
_SERVING = "serving_input_example.json"
_MOST_BYTES = 64 << 20
_MOST_EVENTS = 200
_WRAPPED = ("dataframe_split", "dataframe_records", "inputs", "instances")


@dataclass(frozen=True)
class ExampleEvents:
    """The events, at most 200, and the file that holds them; ``notes`` say why there are none."""

    events: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    file: str | None = None


def read_examples(folder: Path, described: dict[str, Any], names: Sequence[str]) -> ExampleEvents:
    """Read the example that the description names, or those that lie there; ``names`` are the columns."""
    info = described.get("saved_input_example_info")
    told = info.get("artifact_path") if isinstance(info, dict) else None
    candidates = dict.fromkeys([told if isinstance(told, str) else _EXAMPLE, _EXAMPLE, _SERVING])
    for name in candidates:
        content = _content(folder, name)
        if content is None:
            continue
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            return ExampleEvents(notes=(f"{name} is not valid JSON, so there are no example events.",))
        return _events(value, names, name)
    return ExampleEvents(notes=("The model was saved without an input example: name example events.",))


def _content(folder: Path, name: str) -> bytes | None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        return None
    path = folder.joinpath(*pure.parts)
    try:
        return path.read_bytes() if path.stat().st_size <= _MOST_BYTES else None
    except OSError:
        return None


def _events(value: Any, names: Sequence[str], file: str) -> ExampleEvents:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict) and not set(value) & set(names):  # a serving example wraps what an example is
        key = next((key for key in _WRAPPED if set(value) in ({key}, {key, "params"})), None)
        value = value[key] if key is not None else value
    rows = _rows(value, list(names))
    if rows is None:
        message = f"{file} holds values without names: name example events whose fields are the features."
        return ExampleEvents(notes=(message,))
    events = [_without_nan(row) for row in rows[:_MOST_EVENTS]]
    notes = (f"{file} holds NaN, which is null in the events.",) if events != rows[:_MOST_EVENTS] else ()
    return ExampleEvents(tuple(events), notes, file)


def _rows(value: Any, names: list[str]) -> list[dict[str, Any]] | None:  # noqa: ANN401 - any JSON value
    """The rows as dicts: of a frame split into columns and data, of records, of one event, of arrays with names."""
    if isinstance(value, dict):
        columns, data = value.get("columns"), value.get("data")
        if set(value) <= {"columns", "data", "index"} and isinstance(data, list):
            return _named(data, [str(one) for one in columns] if isinstance(columns, list) else names)
        if names and set(value) == set(names) and _are_columns(value):
            return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
        return [value] if value else None
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return value
    return _named(value if isinstance(value, list) else [], names)


def _named(data: list[Any], names: list[str]) -> list[dict[str, Any]] | None:
    """Rows of values with the names in order; a single row may stand alone. None where the numbers differ."""
    rows = data if data and all(isinstance(row, list) for row in data) else [data]
    if not names or not data or any(len(row) != len(names) for row in rows):
        return None
    return [dict(zip(names, row, strict=True)) for row in rows]


def _are_columns(value: dict[str, Any]) -> bool:
    lengths = {len(item) if isinstance(item, list) else -1 for item in value.values()}
    return len(lengths) == 1 and -1 not in lengths


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
