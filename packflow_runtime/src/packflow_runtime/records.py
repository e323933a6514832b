"""Functions over events that packflow 0.4 offered, under the same names and with the same arguments.

Backends call them in their hooks; preprocessing itself is compiled (see ``preprocessing``). None changes what it is
given, except ``set_nested_field_direct``, whose purpose that is. Keys that are no strings are spelled with ``str``.
"""

from __future__ import annotations

from typing import Any

from .fields import MISSING, nested_value
from .flattening import Flattener


def check_delimiter_collisions(obj: dict[Any, Any], delimiter: str, path: str = "") -> list[str]:
    """The paths of all keys in ``obj``, at any depth, that have ``delimiter`` in them; ``path`` comes before each."""
    found: list[str] = []
    for key, value in obj.items():
        name = f"{path}{delimiter}{key}" if path else str(key)
        if delimiter in str(key):
            found.append(name)
        if isinstance(value, dict):
            found += check_delimiter_collisions(value, delimiter, name)
    return found


def get_nested_field_direct(obj: dict[Any, Any], field: str, delimiter: str = ".") -> Any:  # noqa: ANN401 - any value
    """The value of the key ``field``, else of the nested path that it spells; None when there is neither."""
    if field in obj:
        return obj[field]
    value = nested_value(obj, tuple(field.split(delimiter)))
    return None if value is MISSING else value


def get_nested_field(obj: dict[Any, Any], field: str, delimiter: str | None = None) -> Any:  # noqa: ANN401 - any value
    """The value of the key ``field``, else of the path that it spells through keys which may hold the delimiter.

    ``get_nested_field({"a": {"b": 5}}, "a.b")`` is 5. None when there is none; ``delimiter`` is "." by default.
    """
    if field in obj:
        return obj[field]
    direct = nested_value(obj, tuple(field.split(delimiter or ".")))
    if direct is not MISSING:
        return direct
    return Flattener(delimiter or ".").flatten_and_collisions(obj)[0].get(field)


def set_nested_field_direct(obj: dict[Any, Any], field: str, value: object, delimiter: str = ".") -> None:
    """Set the nested path ``field`` in ``obj`` itself, making dicts on the way.

    Nothing is set where something else than a dict is in the way.
    """
    *parents, last = field.split(delimiter)
    inside = obj
    for key in parents:
        inside = inside.setdefault(key, {})
        if not isinstance(inside, dict):
            return
    inside[last] = value


def flatten_dict(
    obj: dict[Any, Any],
    delimiter: str = ".",
    flatten_lists: bool = False,  # noqa: FBT001, FBT002 - the arguments of packflow 0.4
) -> dict[str, Any]:
    """``obj`` with one key per leaf, the keys that lead to it joined by ``delimiter``; empty containers are leaves.

    ``flatten_lists`` flattens lists too, with their indexes for keys. Raises TypeError when ``obj`` is no dict,
    ValueError when two leaves get one name.
    """
    return flatten_records([obj], delimiter, flatten_lists)[0]


def flatten_records(
    records: list[dict[Any, Any]],
    delimiter: str = ".",
    flatten_lists: bool = False,  # noqa: FBT001, FBT002 - the arguments of packflow 0.4
) -> list[dict[str, Any]]:
    """Each of ``records`` as ``flatten_dict`` gives it; raises TypeError and ValueError as that does."""
    if not isinstance(records, list):
        raise TypeError(f"records are a list of dicts, not {type(records).__name__}")
    flattener = Flattener(delimiter, lists=flatten_lists)
    done = []
    for record in records:
        if not isinstance(record, dict):
            raise TypeError(f"only a dict can be flattened, not {type(record).__name__}")
        flat, twice = flattener.flatten_and_collisions(record)
        if twice:
            raise ValueError(f"two values get the key {twice[0]!r}")
        done.append(flat)
    return done


def records_to_ndarray(
    records: list[dict[Any, Any]],
    feature_names: list[str],
    dtype: str | None = None,
    delimiter: str | None = None,
) -> Any:  # noqa: ANN401 - a numpy array
    """An array of shape (len(records), len(feature_names)) with the fields named, which may be nested paths.

    Its dtype is ``dtype``, float64 by default, never what the values suggest; numbers convert as those of
    ``input_format: numpy``, with NaN for null and missing, and with a ``dtype`` so does text that spells one. A dtype
    that is not of numbers takes the values as they are (``object``, None for missing) or as numpy makes them of it.
    Raises ValueError when ``records`` is no list of dicts, PreprocessorRuntimeError for a value that does not convert.
    """
    import numpy  # noqa: PLC0415, ICN001 - used when asked for only

    from .arrays import compile_numpy  # noqa: PLC0415
    from .preprocessing import PreprocessingOptions  # noqa: PLC0415

    if not isinstance(records, list):
        raise ValueError(f"records are a list of dicts, not {type(records).__name__}")  # noqa: TRY004 - as in 0.4
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            raise ValueError(f"records[{index}] is no dict but {type(record).__name__}")  # noqa: TRY004 - as in 0.4
    if dtype is not None and numpy.dtype(dtype).kind not in "fiu":
        values = numpy.empty((len(records), len(feature_names)), object)
        for index, record in enumerate(records):
            for column, name in enumerate(feature_names):
                values[index, column] = get_nested_field(record, name, delimiter)
        return values.astype(dtype)  # whole, since a dtype of text is as wide as its longest value
    if not feature_names:
        return numpy.empty((len(records), 0), dtype or "float64")
    options = PreprocessingOptions(
        features=list(feature_names),
        delimiter=delimiter or ".",
        ignore_collisions=True,
        dtype=numpy.dtype(dtype or "float64").name,
    )
    return compile_numpy(options, reads_text=dtype is not None).run_many(records)
