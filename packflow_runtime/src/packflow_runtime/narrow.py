"""Which output paths held floats of 32 bits or fewer, which the equality rule judges with a wider tolerance.

Most such values show it, being exactly 32-bit floats; but a path where the model gives a Python float beside numpy's
float32, or where a later step rounds, does not.
"""

from __future__ import annotations

from typing import Any

from .native import MAX_DEPTH, PLAIN, child_path, text_key
from .simpler_types import RefusedError, simplifier

_NARROW = ("float32", "float16", "bfloat16", "float8")


def note_narrow(value: Any, path: str, found: set[str], depth: int = 0) -> None:  # noqa: ANN401 - any value
    """Add to ``found`` each path at and below ``path`` that holds a narrow float in any of its values.

    Looks at values as the model gave them, before conversion. What cannot be converted is passed over in silence: the
    conversion names it.
    """
    kind = type(value)
    if kind in PLAIN or kind is float or depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            name = _name(key)
            if name is not None:
                note_narrow(item, child_path(path, name), found, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            note_narrow(item, f"{path}[]", found, depth + 1)
    else:
        _note_other(value, path, found, depth)


def note_narrow_rows(outputs: Any, found: set[str]) -> None:  # noqa: ANN401 - a batch of outputs
    """Add the paths of a batch: of each row of a list, and of each column of a DataFrame."""
    if _is_data_frame(outputs):
        _note_columns(outputs, "", found)
        return
    rows = outputs if isinstance(outputs, (list, tuple)) else _simpler(outputs)
    for row in rows if isinstance(rows, (list, tuple)) else ():
        note_narrow(row, "", found)


def _note_other(value: Any, path: str, found: set[str], depth: int) -> None:  # noqa: ANN401 - any value
    if _is_data_frame(value):
        _note_columns(value, f"{path}[]", found)
        return
    dtype = getattr(value, "dtype", None)
    if dtype is not None and _is_narrow(dtype):
        found.add(path + "[]" * value.ndim)
    elif dtype is None or str(dtype) == "object":
        simpler = _simpler(value)
        if simpler is not value:
            note_narrow(simpler, path, found, depth + 1)


def _note_columns(frame: Any, row: str, found: set[str]) -> None:  # noqa: ANN401 - pandas.DataFrame
    for key, column in frame.items():
        name = _name(key)
        if name is not None and _is_narrow(column.dtype):
            found.add(child_path(row, name))
        elif name is not None and str(column.dtype) == "object":
            for item in column.tolist():
                note_narrow(item, child_path(row, name), found)


def _is_data_frame(value: object) -> bool:
    return hasattr(value, "columns") and any(
        base.__name__ == "DataFrame" and base.__module__.startswith("pandas") for base in type(value).__mro__
    )


def _is_narrow(dtype: Any) -> bool:  # noqa: ANN401 - numpy's, pandas's or torch's
    """Whether this dtype is a narrow float, by the name all three libraries give it, such as ``torch.float16``."""
    name = str(getattr(dtype, "name", dtype)).rpartition(".")[2].lower()
    return name.startswith(_NARROW)


def _simpler(value: object) -> Any:  # noqa: ANN401 - any value
    simplify = simplifier(type(value))
    try:
        return None if simplify is None else simplify(value)
    except RefusedError:
        return None


def _name(key: object) -> str | None:
    try:
        return text_key(key)
    except RefusedError:
        return None
