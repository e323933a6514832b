"""What values of the standard library, numpy, pandas, torch and Pillow are in JSON: for each type, one step nearer.

Nothing here imports those libraries. A type is recognised by the top-level module it, or a base of it, comes from, and
by its name there; whoever holds such a value has imported its library already.

============================================  =====================================================================
in Python                                     in JSON
============================================  =====================================================================
numpy scalars and arrays, torch tensors       numbers, booleans, strings and nested arrays of them
``datetime``, ``date``, ``time``              ISO 8601, as ``isoformat`` spells it; without an offset where naive
``numpy.datetime64``, ``pandas.Timestamp``    ISO 8601, to the precision the value has
``timedelta`` of any library                  seconds, a number
``pandas.NaT``, ``pandas.NA``, masked items   null: they say "missing", whereas NaN says "not a number"
``pandas.Series``, ``Index``                  an array, without the index
``pandas.DataFrame``                          an array of objects, one per row, without the index
``Decimal``                                   a string with every digit, since a JSON number is read as a 64-bit float
``UUID``, ``Path``                            a string, a path with forward slashes
``bytes``, ``bytearray``, ``memoryview``      base64
``PIL.Image.Image``                           base64 of the image as PNG
``Enum``                                      its value
data classes                                  an object of its fields
============================================  =====================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_LIBRARIES = frozenset({"numpy", "pandas", "torch"})
_NESTED_BY_TOLIST = frozenset("biufUOcT")  # kinds of numpy arrays whose tolist() loses nothing


class RefusedError(Exception):
    """A value JSON cannot hold: what it is, and what to do about it; ``parts`` leads to it, innermost first.

    A part is a key, or None for the items of an array. ``culprit`` is the container beyond the depth limit, if that was
    the reason.
    """

    def __init__(self, what: str, hint: str, culprit: object = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.culprit = culprit
        self.parts: list[str | None] = []

    def passes(self, container: object, part: str | None) -> None:
        """Note that the value stands in ``container``, on the way out of it."""
        self.parts.append(part)
        if self.culprit is container:
            self.hint = "It contains itself; return a value that ends."


def simplifier(kind: type) -> Callable[[Any], Any] | None:
    """Find what makes a value of this type simpler; None for a type JSON has no form for.

    The result may need another step: an enum's value may be a date. What it raises as RefusedError is no JSON.
    """
    for base in kind.__mro__:
        found = _TABLE.get((base.__module__.partition(".")[0], base.__name__))
        if found is not None:
            return found
    if hasattr(kind, "__dataclass_fields__"):
        return _from_dataclass
    if hasattr(kind, "tolist") and any(base.__module__.partition(".")[0] in _LIBRARIES for base in kind.__mro__):
        return _to_list
    return None


def _to_list(value: Any) -> Any:  # noqa: ANN401 - a library's array
    return value.tolist()


def _to_none(_: object) -> None:
    return None


def _iso(value: Any) -> str:  # noqa: ANN401 - datetime, date or time
    text: str = value.isoformat()
    return text


def _seconds(value: Any) -> float:  # noqa: ANN401 - timedelta
    seconds: float = value.total_seconds()
    return seconds


def _from_decimal(value: Any) -> str | float:  # noqa: ANN401 - Decimal
    if value.is_finite():
        return str(value)
    return float("nan") if value.is_nan() else float(value)  # a signalling NaN does not convert


def _from_path(value: Any) -> str:  # noqa: ANN401 - PurePath
    text: str = value.as_posix()
    return text


def _from_enum(value: Any) -> Any:  # noqa: ANN401 - whatever the member stands for
    return value.value


def _from_dataclass(value: Any) -> dict[str, Any]:  # noqa: ANN401 - a data class
    from dataclasses import fields  # noqa: PLC0415 - only where there is one, and then it is loaded

    return {field.name: getattr(value, field.name) for field in fields(value)}


def _from_bytes(value: Any) -> str:  # noqa: ANN401 - bytes, bytearray or memoryview
    from base64 import b64encode  # noqa: PLC0415 - few outputs hold bytes

    return b64encode(bytes(value)).decode("ascii")


def _from_image(value: Any) -> str:  # noqa: ANN401 - PIL.Image.Image
    from io import BytesIO  # noqa: PLC0415 - few outputs hold images

    buffer = BytesIO()
    try:
        value.save(buffer, format="PNG")
    except OSError as error:
        raise RefusedError(
            f"is an image of mode {value.mode}, which PNG cannot hold", 'Convert it first: image.convert("RGB").'
        ) from error
    return _from_bytes(buffer.getvalue())


def _from_datetime64(value: object) -> str | None:
    text = str(value)
    return None if text == "NaT" else text


def _from_timedelta64(value: Any) -> float | None:  # noqa: ANN401 - numpy.timedelta64
    if value != value:  # noqa: PLR0124 - NaT, which equals nothing
        return None
    try:
        return float(value / type(value)(1, "s"))
    except TypeError as error:
        raise RefusedError(
            f"is a numpy.timedelta64 of {value}, which has no fixed number of seconds", "Return days or seconds."
        ) from error


def _refuse_fields(_: object) -> NoReturn:
    raise RefusedError("is a numpy value with named fields, which JSON cannot hold", "Return dicts instead.")


def _from_ndarray(value: Any) -> Any:  # noqa: ANN401 - numpy.ndarray of any shape
    """Nested lists of Python values, or of numpy scalars where ``tolist`` would change what they are."""
    kind = value.dtype.kind
    if kind == "V":
        _refuse_fields(value)
    if kind in _NESTED_BY_TOLIST and not (kind == "f" and value.dtype.itemsize > 8):
        return value.tolist()
    return list(value) if value.ndim else value[()]


def _from_masked_array(value: Any) -> Any:  # noqa: ANN401 - numpy.ma.MaskedArray
    if value.dtype.kind not in _NESTED_BY_TOLIST:
        raise RefusedError(f"is a masked array of {value.dtype}, which JSON cannot hold", "Return a list.")
    return value.tolist()


def _from_tensor(value: Any) -> Any:  # noqa: ANN401 - torch.Tensor on any device, of any dtype
    try:
        return value.detach().cpu().tolist()
    except (RuntimeError, TypeError) as error:  # sparse and quantized layouts give no list
        raise RefusedError(
            f"is a torch tensor that gives no list ({error})", "Convert it to a dense one, or to a list."
        ) from error


def _from_data_frame(value: Any) -> Any:  # noqa: ANN401 - pandas.DataFrame
    if not value.columns.is_unique:
        raise RefusedError("is a DataFrame with two columns of one name", "Give each column a name of its own.")
    return value.to_dict("records")


_TABLE: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("builtins", "dict"): dict,  # of the plain containers only subclasses get here
    ("builtins", "list"): list,
    ("builtins", "tuple"): list,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): set,
    ("builtins", "int"): int.__int__,
    ("builtins", "float"): float.__float__,
    ("builtins", "str"): str.__str__,
    ("builtins", "bytes"): _from_bytes,
    ("builtins", "bytearray"): _from_bytes,
    ("builtins", "memoryview"): _from_bytes,
    ("datetime", "date"): _iso,
    ("datetime", "time"): _iso,
    ("datetime", "timedelta"): _seconds,
    ("decimal", "Decimal"): _from_decimal,
    ("enum", "Enum"): _from_enum,
    ("pathlib", "PurePath"): _from_path,
    ("uuid", "UUID"): str,
    ("numpy", "bool"): bool,
    ("numpy", "bool_"): bool,  # its name before numpy 2
    ("numpy", "integer"): int,
    ("numpy", "floating"): float,
    ("numpy", "str_"): str.__str__,
    ("numpy", "bytes_"): _from_bytes,
    ("numpy", "datetime64"): _from_datetime64,
    ("numpy", "timedelta64"): _from_timedelta64,  # a subclass of integer in numpy, hence found first
    ("numpy", "void"): _refuse_fields,
    ("numpy", "MaskedArray"): _from_masked_array,
    ("numpy", "ndarray"): _from_ndarray,
    ("pandas", "NaTType"): _to_none,
    ("pandas", "NAType"): _to_none,
    ("pandas", "DataFrame"): _from_data_frame,
    ("torch", "Tensor"): _from_tensor,
    ("PIL", "Image"): _from_image,
}
