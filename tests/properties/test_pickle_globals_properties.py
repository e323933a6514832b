"""What holds of every pickle: the listing names what an unpickler would ask for."""

import collections
import contextlib
import datetime as dt
import functools
import io
import operator
import pathlib
import pickle
import struct
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from packflow_runtime.pickle_containers import list_pickles_in
from packflow_runtime.pickle_values import global_name, modern_name
from properties.test_native_properties import Level

if TYPE_CHECKING:
    from typing_extensions import Self

ORDINARY = list(range(pickle.HIGHEST_PROTOCOL + 1))


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.value == other.value

    def __hash__(self) -> int:
        return 1


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left: Any) -> None:
        self.left = left

    def __getstate__(self) -> Any:
        return None, {"left": self.left}


class Listed(list[Any]):
    pass


class Reduced(Plain):
    def __reduce__(self) -> Any:
        return Reduced, (self.value,), {"value": self.value}


class Stub:
    """Stands for every global while damaged pickles are loaded: it takes anything, and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> "Self":
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> "Stub":
        return self

    def __setstate__(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        pass

    def extend(self, _: Any) -> None:
        pass


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.text(max_size=40),
    st.binary(max_size=300),
    st.binary(max_size=300).map(bytearray),
    st.dates(),
    st.datetimes(timezones=st.just(dt.timezone.utc)),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.complex_numbers(),
    st.sampled_from([Level.LOW, len, operator.itemgetter(1), range(3), slice(2), Ellipsis, NotImplemented, type(None)]),
    st.sampled_from([pathlib.PurePosixPath("a/b"), collections.OrderedDict, functools.partial(int, base=2)]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers()), inner, max_size=4),
        st.lists(inner, max_size=3).map(collections.deque),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(collections.OrderedDict),
        st.sets(st.integers(), max_size=3),
        st.frozensets(st.text(max_size=3), max_size=3),
        inner.map(Plain),
        inner.map(Slotted),
        inner.map(Reduced),
        st.lists(inner, max_size=3).map(Listed),
        inner.map(lambda value: [value, value, Plain(value)]),
    ),
    max_leaves=15,
)


def asked_for(data: bytes, unpickler: Any, stub: Any = None) -> set[str]:
    """What an unpickler asks its ``find_class`` for, until it ends or raises."""
    asked: set[str] = set()

    class Recording(unpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            asked.add(global_name(*modern_name(module, name)))
            return super().find_class(module, name) if stub is None else stub

        def persistent_load(self, _: Any) -> str:
            return "os"

    with contextlib.suppress(Exception):
        Recording(io.BytesIO(data)).load()
    return asked


def listed(data: bytes) -> Any:
    return list_pickles_in(io.BytesIO(data))


@given(VALUES, st.sampled_from(ORDINARY), st.booleans())
def test_the_listing_is_what_find_class_sees(value: Any, protocol: int, in_python: bool) -> None:
    data = (pickle._dumps if in_python else pickle.dumps)(value, protocol)  # type: ignore[attr-defined]
    found = listed(data)
    seen = asked_for(data, pickle.Unpickler)
    # builtins.getattr reaches what find_class is not asked for, which the listing names as well.
    names = {item.name for item in found.globals if not item.name.startswith("unknown")}
    assert seen <= names
    assert names == seen or "builtins.getattr" in names
    assert found.problems == ()
    assert found.pickles == 1


@given(st.lists(VALUES, min_size=2, max_size=4), st.sampled_from(ORDINARY))
def test_pickles_in_a_row_are_all_listed(values: list[Any], protocol: int) -> None:
    found = listed(b"".join(pickle.dumps(value, protocol) for value in values))
    assert found.pickles == len(values)
    for value in values:
        assert set(listed(pickle.dumps(value, protocol)).names) <= set(found.names)


PIECES = st.one_of(
    st.sampled_from(
        b"().012FGIJKLMNPQRSTUVXabcdeghijlopqrst}]u\x80\x81\x82\x85\x86\x87\x88\x8a\x8c\x90\x91\x92\x93\x94\x98"
    ).map(lambda byte: bytes([byte])),
    st.sampled_from(
        [
            b"cos\nsystem\n",
            b"ios\nsystem\n",
            b"\x8c\x02os\x8c\x06system\x93",
            b"\x95" + struct.pack("<Q", 5),
            b"h\0h\1\x93",
            b"N.",
            b"\x80\x04",
        ]
    ),
    st.binary(max_size=3),
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), PIECES), max_size=4)


@given(VALUES, st.sampled_from(ORDINARY), EDITS)
def test_nothing_that_a_damaged_pickle_asks_for_is_missed(value: Any, protocol: int, edits: Any) -> None:
    data = pickle.dumps(value, protocol)
    for place, removed, piece in edits:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + removed :]
    if any(claim in data for claim in (b"r", b"j", b"\x96", b"\x8e", b"\x8d")):
        return  # a damaged length or memo index of four or eight bytes makes unpicklers allocate that much
    found = listed(data)
    for unpickler in (pickle.Unpickler, pickle._Unpickler):  # type: ignore[attr-defined]
        missed = asked_for(data, unpickler, Stub) - set(found.names)
        if "unknown" not in found.names and protocol > 1 and data.startswith(b"\x80"):
            assert not {name for name in missed if len(name) > 1}
