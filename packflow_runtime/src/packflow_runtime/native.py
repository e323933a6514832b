"""Values as JSON has them: str, int, float, bool, None, dict with string keys, and list, whatever a library made them.

``simpler_types`` says what becomes of which type. Each exact type is looked up there once and remembered, so that a
numpy scalar costs one look-up and one ``float()``. An output's path is put together only when something is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .errors import InferenceBackendValidationError, UnsupportedValueError
from .simpler_types import RefusedError, simplifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NanPolicy: TypeAlias = Literal["error", "null", "string"]
MAX_DEPTH = 200
MAX_KNOWN_TYPES = 1000  # types made anew in every call must not be remembered for ever
PLAIN = frozenset({str, int, bool, type(None)})
FLOATS: set[type] = {float}  # float() of these is all it takes; grows as types are met
_MOST_STEPS = 8  # an enum of a numpy scalar takes two; a value that never gets simpler must end

_simplifiers: dict[type, Callable[[Any], Any]] = {}


def to_native(value: object, path: str, nan: NanPolicy = "error", narrow_paths: set[str] | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Convert a value to what JSON has; containers are copied, native scalars stay the same objects.

    ``path`` names the value in errors, in the spelling of ``equality``. ``nan`` says what becomes of NaN and
    infinities: an error, null, or the strings "NaN", "Infinity" and "-Infinity". ``narrow_paths`` takes up the paths
    that held a float of 32 bits or fewer; None costs nothing.

    Raises InferenceBackendValidationError, naming path and type, for what JSON cannot hold: an unknown type, a key
    that is neither string nor integer, two keys that become one, nesting beyond 200 and so every cycle. Half of a
    surrogate pair and integers beyond 4,300 digits are left to ``jsonlines.encode``, which looks at every byte anyway.
    """
    if narrow_paths is not None:
        from .narrow import note_narrow  # noqa: PLC0415 - for dry runs only

        note_narrow(value, path, narrow_paths)
    try:
        return convert(value, 0, NON_FINITE[nan])
    except RefusedError as refusal:
        raise as_error(refusal, path) from refusal.__cause__


def ensure_native_types(obj: Any) -> Any:  # noqa: ANN401 - any value, any JSON value
    """Convert whatever a model gave to native types; NaN and infinities stay, for the runtime's policy to judge.

    Raises InferenceBackendValidationError as ``to_native`` does.
    """
    try:
        return convert(obj, 0, _keep)
    except RefusedError as refusal:
        raise as_error(refusal, "") from refusal.__cause__


def ensure_valid_output(output: Iterable[Any], parent_key: str = "output") -> list[dict[str, Any]]:
    """Make native records of a model's outputs, one per event: what is no dict becomes ``{parent_key: value}``.

    A list of one item stays a list, so that the shape of an output never depends on its length. A DataFrame counts as
    its records. Raises InferenceBackendValidationError for a single dict, text or number, which are no
    batch, and for a set, which has no order.
    """
    rows = rows_of(output)
    if rows is None and (isinstance(output, (dict, set, frozenset, str, bytes)) or not hasattr(output, "__iter__")):
        raise InferenceBackendValidationError(
            f"ensure_valid_output was given {name_of(output)}, not one output per event.",
            hint="Give it a list, or an array whose first axis is the events.",
        )
    natives = [ensure_native_types(row) for row in (output if rows is None else rows)]
    return [native if isinstance(native, dict) else {parent_key: native} for native in natives]


def rows_of(outputs: object) -> Sequence[Any] | None:
    """The rows of a list, a tuple, a library's array or a DataFrame, not yet native; None for anything else."""
    if isinstance(outputs, (list, tuple)):
        return outputs
    if isinstance(outputs, (dict, str, bytes)) or type(outputs).__module__ == "builtins":
        return None
    if not hasattr(outputs, "tolist") and not hasattr(outputs, "to_dict"):
        return None
    simplify = simplifier(type(outputs))
    try:
        rows = simplify(outputs) if simplify is not None else None
    except RefusedError as refusal:
        raise as_error(refusal, "The batch of outputs") from refusal.__cause__
    return rows if isinstance(rows, list) else None


def convert(value: Any, depth: int, non_finite: Callable[[float], Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Convert one value that stands inside ``depth`` containers; raises RefusedError without a path."""
    for _ in range(_MOST_STEPS):
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in FLOATS:
            value = float(value)
            return value if value - value == 0.0 else non_finite(value)
        container = _CONTAINERS.get(kind)
        if container is not None:
            if depth >= MAX_DEPTH:
                break
            return container(value, depth + 1, non_finite)
        simplify = _simplifiers.get(kind) or _learn(kind)
        if simplify is None:
            raise RefusedError(
                f"is {name_of(value)}, which JSON cannot hold",
                "Convert it to a number, a string, a list or a dict in transform_outputs.",
            )
        value = simplify(value)
    raise RefusedError("", f"Return at most {MAX_DEPTH} lists and dicts inside each other.", culprit=value)


def _learn(kind: type) -> Callable[[Any], Any] | None:
    simplify = simplifier(kind)
    if simplify is not None and len(_simplifiers) < MAX_KNOWN_TYPES:
        _simplifiers[kind] = simplify
        if simplify is float:
            FLOATS.add(kind)
    return simplify


def convert_dict(value: dict[Any, Any], depth: int, non_finite: Callable[[float], Any]) -> dict[str, Any]:
    """Convert a dict whose values stand inside ``depth`` containers; raises RefusedError."""
    native: dict[str, Any] = {}
    key: Any = None
    try:
        for key in value:  # noqa: PLC0206 - a third faster than items()
            if type(key) is not str:
                break
            item = value[key]
            if type(item) in FLOATS:
                native[key] = item = float(item)
                if item - item:  # true for NaN and infinities only
                    native[key] = non_finite(item)
            else:
                native[key] = item if type(item) in PLAIN else convert(item, depth, non_finite)
        else:
            return native
    except RefusedError as refusal:
        refusal.passes(value, key)
        raise
    return convert_dict(_with_text_keys(value), depth, non_finite)


def _convert_list(value: Sequence[Any], depth: int, non_finite: Callable[[float], Any]) -> list[Any]:
    kinds = set(map(type, value))
    if kinds <= PLAIN:
        return list(value)
    if kinds <= FLOATS:
        natives = list(value) if kinds == {float} else list(map(float, value))
        total = sum(natives)
        if total - total == 0.0:  # NaN and infinities stay in a sum; one that overflows only costs the longer way
            return natives
    try:
        return [item if type(item) in PLAIN else convert(item, depth, non_finite) for item in value]
    except RefusedError as refusal:
        refusal.passes(value, None)
        raise


def _convert_set(value: set[Any] | frozenset[Any], depth: int, non_finite: Callable[[float], Any]) -> list[Any]:
    """Sort what a set holds, since its own order changes from process to process."""
    items = _convert_list(list(value), depth, non_finite)
    try:
        return sorted(items, key=lambda item: (item, type(item).__name__))
    except TypeError:
        raise RefusedError(
            f"is {name_of(value)} of values that have no order", "Return a list in an order of your own."
        ) from None


_CONTAINERS: dict[type, Callable[[Any, int, Callable[[float], Any]], Any]] = {
    dict: convert_dict,
    list: _convert_list,
    tuple: _convert_list,
    set: _convert_set,
    frozenset: _convert_set,
}


def _with_text_keys(value: dict[Any, Any]) -> dict[str, Any]:
    """The same dict under native keys; raises RefusedError where two keys become one, or JSON has no such key."""
    native: dict[str, Any] = {}
    for key, item in value.items():
        text = text_key(key)
        if text in native:
            raise RefusedError(f"has two keys that both become {text!r}", "Use string keys that differ.")
        native[text] = item
    return native


def text_key(key: object) -> str:
    """A key as JSON has it: text as it is, what JSON spells as text (a date, a UUID) as that, others as ``json`` does.

    So the class label 1.0 becomes ``"1.0"``, True ``"true"`` and None ``"null"``. Raises RefusedError for anything
    else, such as bytes and tuples, and for NaN and infinities.
    """
    native: Any = key
    for _ in range(_MOST_STEPS):
        kind = type(native)
        if kind is str:
            return native  # type: ignore[no-any-return]
        if kind is float and native - native != 0.0:
            break
        if kind in _SPELLED_KEYS:
            return json.dumps(native)
        simplify = _simplifiers.get(kind) or _learn(kind)
        if simplify is None or isinstance(native, (bytes, bytearray, memoryview)):
            break
        native = simplify(native)
    raise RefusedError(f"has a key that is {name_of(key)}, not a string", "Use string keys.")


_SPELLED_KEYS = frozenset({int, float, bool, type(None)})


def _refuse(value: float) -> Any:  # noqa: ANN401 - it always raises
    raise RefusedError(f"is {value}, which JSON cannot hold", "Return null or a finite number instead.")


def _null(_: float) -> None:
    return None


def _spell(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - NaN alone differs


def _keep(value: float) -> float:
    return value


NON_FINITE: dict[str, Callable[[float], Any]] = {"error": _refuse, "null": _null, "string": _spell}


def as_error(refusal: RefusedError, path: str) -> UnsupportedValueError:
    """The error of what was refused below ``path``."""
    for part in reversed(refusal.parts):
        path = f"{path}[]" if part is None else child_path(path, part)
    if refusal.culprit is not None:
        return UnsupportedValueError(f"An output is nested deeper than {MAX_DEPTH} at {path[:80]}…", hint=refusal.hint)
    return UnsupportedValueError(f"{path or 'An output'} {refusal.what}.", hint=refusal.hint)


def child_path(path: str, key: str) -> str:
    """The path of a member, spelled as ``equality`` spells it: quoted where the key itself would mislead."""
    plain = key and not any(mark in key for mark in '.["')
    name = key if plain else json.dumps(key, ensure_ascii=False)
    return f"{path}.{name}" if path else name


def name_of(value: object) -> str:
    """A value's type with its article, as errors name it."""
    if value is None:
        return "None"
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
