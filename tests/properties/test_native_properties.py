"""What holds of every value that becomes native."""

import contextlib
import datetime as dt
import decimal
import enum
import math
import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from packflow_runtime.equality import compare
from packflow_runtime.errors import InferenceBackendValidationError
from packflow_runtime.jsonlines import decode_value, encode
from packflow_runtime.native import ensure_valid_output, to_native
from packflow_runtime.outputs import ERROR_KEY, checked_outputs

try:
    import numpy as np
except ImportError:  # then only what the standard library has is tried
    np: Any = None  # type: ignore[no-redef]


class Level(enum.Enum):
    LOW = 1
    HIGH = "high"
    BOTH = (0.5, None)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NATIVE_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**80), 2**80), FINITE, TEXT)


def numpy_values() -> tuple[Any, Any]:
    """Scalars and arrays of numpy; nothing where it is not installed."""
    if np is None:
        return st.nothing(), st.nothing()
    scalars = st.one_of(
        st.floats(width=32).map(np.float32),
        st.floats(width=16).map(np.float16),
        st.floats().map(np.float64),
        st.integers(-128, 127).map(np.int8),
        st.integers(0, 2**64 - 1).map(np.uint64),
        st.booleans().map(np.bool_),
        TEXT.map(np.str_),
        st.binary(max_size=3).map(np.bytes_),
        st.integers(-(2**40), 2**40).map(lambda seconds: np.datetime64(seconds, "s")),
    )
    arrays = st.one_of(
        st.lists(st.floats(width=32), max_size=4).map(lambda items: np.array(items, "f4")),
        st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), max_size=3).map(np.array),
        st.lists(NATIVE_SCALARS, max_size=3).map(lambda items: np.array(items, object)),
        st.floats().map(np.array),
    )
    return scalars, arrays


NUMPY_SCALARS, ARRAYS = numpy_values()
NARROW = () if np is None else (np.dtype("f2"), np.dtype("f4"))
OTHERS = st.one_of(
    st.floats(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
    st.binary(max_size=4),
    st.sampled_from(Level),
    st.sets(st.integers(), max_size=3),
    st.frozensets(TEXT, max_size=3),
)
KEYS = st.one_of(
    TEXT,
    st.integers(-9, 9),
    st.sampled_from([Level.LOW]),
    st.nothing() if np is None else st.integers(-9, 9).map(np.int64),
)


def nested(leaves: Any, keys: Any) -> Any:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(keys, inner, max_size=4),
        ),
        max_leaves=12,
    )


def lists_only(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: lists_only(item) for key, item in value.items()}
    return [lists_only(item) for item in value] if isinstance(value, (list, tuple)) else value


NATIVE = nested(NATIVE_SCALARS, TEXT)
ANY = nested(st.one_of(NATIVE_SCALARS, NUMPY_SCALARS, ARRAYS, OTHERS), KEYS)
POLICIES = st.sampled_from(["error", "null", "string"])


@given(ANY, POLICIES)
def test_what_is_native_encodes_and_comes_back(value: Any, policy: Any) -> None:
    try:
        native = to_native(value, "", policy)
    except InferenceBackendValidationError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "that both become" in refusal or (policy == "error" and ("is nan" in refusal or "inf" in refusal))
        return
    assert repr(decode_value(encode(native))) == repr(native)
    assert repr(to_native(native, "")) == repr(native)


@given(NATIVE)
def test_native_values_come_back_equal(value: Any) -> None:
    native = to_native(value, "")
    assert repr(native) == repr(lists_only(value))
    assert native is not value or not isinstance(value, (dict, list))


@given(ANY)
def test_the_value_is_left_alone(value: Any) -> None:
    before = repr(value)
    with contextlib.suppress(InferenceBackendValidationError):
        to_native(value, "", "null")
    assert repr(value) == before


@given(st.lists(st.dictionaries(TEXT.filter(lambda key: key != ERROR_KEY), st.one_of(NATIVE, NUMPY_SCALARS, ARRAYS))))
def test_records_are_converted_as_single_values_are(rows: Any) -> None:
    together = checked_outputs(rows, len(rows), nan="string")
    assert repr(together) == repr([to_native(row, "", "string") for row in rows])


@given(st.dictionaries(TEXT, st.one_of(NUMPY_SCALARS, ARRAYS, NATIVE), max_size=5))
def test_narrow_paths_name_places_the_equality_rule_knows(row: Any) -> None:
    found: set[str] = set()
    to_native(row, "", "null", found)
    assert found == {spelled(key) + "[]" * value.ndim for key, value in row.items() if is_narrow(value)}


def spelled(key: str) -> str:
    run = [{key: 1.5}]
    return next(iter(compare(run, run).tolerances))


def is_narrow(value: Any) -> bool:
    return getattr(value, "dtype", None) in NARROW


@given(st.lists(st.one_of(NATIVE_SCALARS, st.lists(FINITE, max_size=2)), max_size=5))
def test_outputs_keep_their_shape(values: Any) -> None:
    assert ensure_valid_output(values, "v") == [{"v": value} for value in values]


@given(st.one_of(st.datetimes(), st.decimals(), st.uuids(), st.timedeltas(), st.dates()))
def test_exact_types_can_be_read_back(value: Any) -> None:
    native = to_native(value, "", "string")
    if isinstance(value, decimal.Decimal):
        assert str(decimal.Decimal(native)) == str(value) or not value.is_finite()
    elif isinstance(value, dt.timedelta):
        assert math.isclose(native, value.total_seconds(), rel_tol=0)
    elif isinstance(value, uuid.UUID):
        assert uuid.UUID(native) == value
    else:
        assert type(value).fromisoformat(native) == value
