"""What becomes of each type in JSON: with stand-ins for the libraries, and with those that are installed."""

from __future__ import annotations

import base64
import enum
import importlib
import json
import pathlib
import subprocess
import sys
import unittest
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

from packflow_runtime import native
from packflow_runtime.equality import compare
from packflow_runtime.errors import InferenceBackendValidationError
from packflow_runtime.jsonlines import encode
from packflow_runtime.native import MAX_DEPTH, child_path, ensure_native_types, ensure_valid_output, to_native

NAN, INF = float("nan"), float("inf")
SOURCES = pathlib.Path(native.__file__).parents[1]


def installed(name: str) -> Any:
    """The module, else None: a bare Python has only the standard library."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


numpy, pandas, pillow = installed("numpy"), installed("pandas"), installed("PIL.Image")


class Level(enum.Enum):
    LOW = 1
    DAY = date(2024, 5, 6)
    BAD = object()


class Count(enum.IntEnum):
    TWO = 2


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Colour(str, enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not the text"


class Ratio(float):
    def __float__(self) -> float:
        return 0.0


@dataclass
class Box:
    kinds: ClassVar[int] = 3
    label: str
    corners: tuple[float, ...] = (0.5, 1.5)
    _secret: int = field(default=1, repr=False)


class Array:
    """An array or scalar of a library, known by its home alone."""

    __module__ = "numpy"

    def __init__(self, value: Any) -> None:
        self.value = value

    def tolist(self) -> Any:
        return self.value


class TensorLike:
    """A tensor that gives its values only once it is detached and on the CPU, as one on a GPU does."""

    __module__ = "torch"
    ndim = 1

    def __init__(self, values: list[Any], dtype: str = "torch.bfloat16", steps: tuple[str, ...] = ()) -> None:
        self.values, self.dtype, self.steps = values, dtype, steps

    def detach(self) -> TensorLike:
        return type(self)(self.values, self.dtype, (*self.steps, "detach"))

    def cpu(self) -> TensorLike:
        return type(self)(self.values, self.dtype, (*self.steps, "cpu"))

    def tolist(self) -> list[Any]:
        if self.steps != ("detach", "cpu"):
            raise TypeError("not on the CPU")
        if self.dtype == "sparse":
            raise NotImplementedError("no storage")
        return self.values


TensorLike.__name__ = TensorLike.__qualname__ = "Tensor"
Parameter = type("Parameter", (TensorLike,), {"__module__": "torch.nn.parameter"})


class ImageLike:
    """An image that knows how to save itself."""

    __module__ = "PIL.Image"

    def __init__(self, mode: str = "RGB") -> None:
        self.mode = mode

    def save(self, file: Any, format: str) -> None:  # noqa: A002 - Pillow's name
        if self.mode == "CMYK":
            raise OSError("cannot write mode CMYK as PNG")
        file.write(f"{format} {self.mode}".encode())


ImageLike.__name__ = "Image"


class NativeCase(unittest.TestCase):
    def assert_native(self, value: object, expected: object, **policy: Any) -> None:
        with self.subTest(value=str(value)[:60], **policy):
            converted = to_native(value, "p", **policy)
            self.assertEqual(repr(converted), repr(expected))
            self.assertIs(type(converted), type(expected))
            encode(converted)

    def assert_refused(self, message: str, value: object, path: str = "p") -> InferenceBackendValidationError:
        with self.subTest(message), self.assertRaises(InferenceBackendValidationError) as caught:
            to_native(value, path)
        self.assertEqual(str(caught.exception), message)
        self.assertNotEqual(caught.exception.hint, "")
        return caught.exception


class PlainTypes(NativeCase):
    def test_native_values_stay(self) -> None:
        for value in ("x", "", 0, -5, 2**70, True, False, None, 1.5, -0.0, 1e308, [1, [2]], {"a": {"b": []}}):
            self.assert_native(value, value)

    def test_containers_become_dicts_and_lists_of_their_own(self) -> None:
        self.assert_native((1, (2, 3)), [1, [2, 3]])
        self.assert_native(namedtuple("Pair", "a b")(1, 2), [1, 2])  # noqa: PYI024 - the plain kind
        self.assert_native(OrderedDict(b=1, a=(2,)), {"b": 1, "a": [2]})
        self.assert_native(defaultdict(int, a=1), {"a": 1})
        shared = [1.5]
        copied = to_native({"a": shared, "b": shared}, "")
        copied["a"].append(2)
        self.assertEqual((copied["b"], shared), ([1.5], [1.5]))

    def test_subclasses_of_plain_types(self) -> None:
        self.assert_native(Count.TWO, 2)
        self.assert_native(Flags.A | Flags.B, 3)
        self.assert_native(Colour.RED, "red")
        self.assert_native(Text("the text"), "the text")
        self.assert_native(Ratio(0.25), 0.25)

    def test_sets_are_sorted(self) -> None:
        self.assert_native({3, 1, 2}, [1, 2, 3])
        self.assert_native(frozenset({"b", "a"}), ["a", "b"])
        self.assert_native({(2, "x"), (1, "y")}, [[1, "y"], [2, "x"]])
        self.assert_native({Level.LOW, 1.0}, [1.0, 1])
        self.assert_native(set(), [])
        self.assert_refused("p is a set of values that have no order.", {1, "a"})
        self.assert_refused("p[] is an object, which JSON cannot hold.", {object()})

    def test_enums_and_data_classes(self) -> None:
        self.assert_native(Level.LOW, 1)
        self.assert_native([Level.DAY], ["2024-05-06"])
        self.assert_refused("p is an object, which JSON cannot hold.", Level.BAD)
        self.assert_native(Box("cat"), {"label": "cat", "corners": [0.5, 1.5], "_secret": 1})
        self.assert_refused("p[].corners[] is inf, which JSON cannot hold.", [Box("cat", (INF,))])

    def test_times(self) -> None:
        self.assert_native(date(2024, 5, 6), "2024-05-06")
        self.assert_native(datetime(2024, 5, 6, 7, 8, 9, 10), "2024-05-06T07:08:09.000010")  # noqa: DTZ001 - naive
        self.assert_native(datetime(2024, 5, 6, tzinfo=timezone.utc), "2024-05-06T00:00:00+00:00")
        self.assert_native(time(7, 8), "07:08:00")
        self.assert_native(timedelta(minutes=1, milliseconds=500), 60.5)

    def test_exact_numbers_and_names(self) -> None:
        for text in ("12.50", "0.1", "5", "1E+400", "-0"):
            self.assert_native(Decimal(text), text)
        self.assert_refused("p is nan, which JSON cannot hold.", Decimal("sNaN"))
        self.assert_native(Decimal("-Infinity"), "-Infinity", nan="string")
        self.assert_native(uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007")
        self.assert_native(pathlib.PureWindowsPath("a\\b"), "a/b")
        self.assert_native(pathlib.Path("a") / "b", "a/b")

    def test_bytes(self) -> None:
        for value in (b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")):
            self.assert_native(value, "AP8=")

    def test_types_made_anew_in_every_call(self) -> None:
        for number in range(native.MAX_KNOWN_TYPES + 10):
            kind = type("Pair", (tuple,), {})
            self.assertEqual(to_native(kind((number,)), ""), [number])
        self.assertLessEqual(len(native._simplifiers), native.MAX_KNOWN_TYPES)
        native._simplifiers.clear()


class NumbersJsonCannotHold(NativeCase):
    def test_policies(self) -> None:
        for value, text in ((NAN, "NaN"), (INF, "Infinity"), (-INF, "-Infinity"), (Decimal("NaN"), "NaN")):
            self.assert_native(value, text, nan="string")
            self.assert_native(value, None, nan="null")
            self.assert_native({"a": [value, 1.0]}, {"a": [text, 1.0]}, nan="string")
        self.assert_native([{"a": Array([INF, 1])}], [{"a": [None, 1]}], nan="null")
        self.assert_refused("p.a[] is inf, which JSON cannot hold.", {"a": (1.0, INF)})
        self.assert_refused("An output is nan, which JSON cannot hold.", NAN, "")

    def test_a_sum_that_overflows_is_no_infinity(self) -> None:
        self.assert_native([1e308, 1e308, -1e308], [1e308, 1e308, -1e308])
        self.assert_native([1e308] * 3, [1e308] * 3)

    def test_infinities_that_cancel(self) -> None:
        self.assert_refused("p[] is inf, which JSON cannot hold.", [INF, -INF])


class Keys(NativeCase):
    def test_keys_become_text(self) -> None:
        self.assert_native({1: "a", -2: "b"}, {"1": "a", "-2": "b"})
        self.assert_native({Count.TWO: 1, Level.LOW: 2}, {"2": 1, "1": 2})
        self.assert_native({Colour.RED: 1, Text("k"): 2}, {"red": 1, "k": 2})
        self.assert_native({Array(5): 1}, {"5": 1})
        self.assert_native({"": 1, "a.b": 2}, {"": 1, "a.b": 2})
        self.assert_native({Level.DAY: 1, Decimal("0.5"): 3}, {"2024-05-06": 1, "0.5": 3})
        for label in (True, False, None, 0.0, -1.5, 1e300, 7):
            (spelling,) = json.loads(json.dumps({label: 1}))
            self.assert_native({label: 1}, {spelling: 1})
        self.assert_native({Array(False): 1, Array(2.0): 2}, {"false": 1, "2.0": 2})
        self.assertIs(type(next(iter(to_native({Text("k"): 1}, "")))), str)

    def test_keys_that_collide(self) -> None:
        self.assert_refused("p has two keys that both become '1'.", {1: "a", "1": "b"})
        self.assert_refused("p.q has two keys that both become '1'.", {"q": {Level.LOW: "a", 1: "b"}})

    def test_keys_json_does_not_have(self) -> None:
        for key, name in (
            (NAN, "a float"),
            (INF, "a float"),
            (b"x", "a bytes"),
            (("x", "y"), "a tuple"),
            (Array(NAN), "a numpy.Array"),
            (frozenset(), "a frozenset"),
        ):
            self.assert_refused(f"p[].q has a key that is {name}, not a string.", [{"q": {key: 1}}])


class Nesting(NativeCase):
    def test_cycles(self) -> None:
        in_dict: dict[str, Any] = {}
        in_dict["again"] = {"and": [in_dict]}
        in_list: list[Any] = []
        in_list.append(in_list)
        for value in (in_dict, in_list):
            with self.assertRaises(InferenceBackendValidationError) as caught:
                to_native(value, "a")
            self.assertTrue(str(caught.exception).startswith("An output is nested deeper than 200 at a"))
            self.assertLess(len(str(caught.exception)), 130)
            self.assertIn("contains itself", caught.exception.hint)

    def test_what_never_gets_simpler(self) -> None:
        endless = Array(None)
        endless.value = endless
        self.assert_refused("An output is nested deeper than 200 at p.x…", {"x": endless})

    def test_the_limit(self) -> None:
        def nested(depth: int, innermost: Any) -> Any:
            for _ in range(depth):
                innermost = [innermost]
            return innermost

        for innermost in ([], (), {}, Array([]), OrderedDict(), set()):
            with self.subTest(innermost=innermost):
                encode(to_native(nested(MAX_DEPTH - 1, innermost), ""))
                with self.assertRaises(InferenceBackendValidationError) as caught:
                    to_native(nested(MAX_DEPTH, innermost), "")
                self.assertNotIn("contains itself", caught.exception.hint)


class Libraries(NativeCase):
    def test_arrays_known_by_their_home(self) -> None:
        self.assert_native(Array([[1.5, 2.0], []]), [[1.5, 2.0], []])
        self.assert_native(Array({"a": Array(7)}), {"a": 7})
        for module in ("numpy_like", "mytorch", "builtins", "__main__"):
            stranger = type("Array", (), {"__module__": module, "tolist": lambda self: [1]})
            with self.subTest(module), self.assertRaises(InferenceBackendValidationError):
                to_native(stranger(), "a")

    def test_tensors(self) -> None:
        self.assert_native(TensorLike([1.5, 2.0]), [1.5, 2.0])
        self.assert_native({"w": Parameter([True])}, {"w": [True]})
        sparse = self.assert_refused(
            "p is a torch tensor that gives no list (no storage).", TensorLike([], dtype="sparse")
        )
        self.assertIsInstance(sparse.__cause__, NotImplementedError)

    def test_images(self) -> None:
        self.assert_native(ImageLike(), base64.b64encode(b"PNG RGB").decode())
        self.assert_native(type("PngImageFile", (ImageLike,), {})("L"), base64.b64encode(b"PNG L").decode())
        self.assert_refused("p is an image of mode CMYK, which PNG cannot hold.", ImageLike("CMYK"))

    def test_errors_name_path_and_type(self) -> None:
        self.assert_refused('p."id.orig_h"[].x is a range, which JSON cannot hold.', {"id.orig_h": [{"x": range(1)}]})
        self.assert_refused("An output is a complex, which JSON cannot hold.", 1j, "")
        self.assert_refused(f"a[] is a {__name__}.Stranger, which JSON cannot hold.", [Stranger()], "a")

    def test_nothing_is_imported(self) -> None:
        code = (
            f"import sys; sys.path.insert(0, {str(SOURCES)!r})\n"
            "from packflow_runtime.native import to_native\n"
            "to_native({'a': [1.5, 'x']}, '')\n"
            "names = {'numpy', 'pandas', 'torch', 'PIL', 'datetime', 'decimal', 'uuid', 'pathlib', 'base64'}\n"
            "print(sorted(names & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "[]\n")


class Stranger:
    pass


class Paths(unittest.TestCase):
    def test_spelled_as_the_equality_rule_spells_them(self) -> None:
        for key in ("a", "", "a.b", "a[", 'q"', "é", "a b", "]", "\n"):
            with self.subTest(key):
                result = compare([{"x": {key: 1.5}}], [{"x": {key: 1.5}}])
                self.assertEqual(list(result.tolerances), [child_path("x", key)])

    def narrow(self, value: object) -> set[str]:
        found: set[str] = set()
        with_paths = to_native(value, "", nan="null", narrow_paths=found)
        self.assertEqual(with_paths, to_native(value, "", nan="null"))
        return found

    def test_narrow_floats_by_path(self) -> None:
        self.assertEqual(self.narrow({"t": TensorLike([1.5]), "n": [{"x": TensorLike([NAN])}]}), {"t[]", "n[].x[]"})
        self.assertEqual(self.narrow({"t": TensorLike([1.5], "torch.float64"), "i": TensorLike([1], "int32")}), set())
        for dtype in ("float32", "torch.float16", "torch.float8_e5m2", "Float32"):
            self.assertEqual(self.narrow({"t": TensorLike([1.5], dtype)}), {"t[]"})
        self.assertEqual(self.narrow({1: (TensorLike([1.5]),), "s": {1, 2}}), {"1[][]"})
        self.assertEqual(self.narrow(Array({"a": TensorLike([1.5])})), {"a[]"})

    def test_what_cannot_be_converted_is_left_to_the_conversion(self) -> None:
        endless = Array(None)
        endless.value = endless
        for value in ({NAN: 1}, {"a": object()}, {"a": endless}):
            with self.assertRaises(InferenceBackendValidationError):
                to_native(value, "", narrow_paths=set())


class UserFacing(unittest.TestCase):
    def test_ensure_native_types(self) -> None:
        self.assertEqual(ensure_native_types({"a": Array((1, {2}))}), {"a": [1, [2]]})
        self.assertEqual(repr(ensure_native_types([NAN, Array(INF)])), "[nan, inf]")
        self.assertEqual(ensure_native_types(Decimal("1.0")), "1.0")
        for kind in (InferenceBackendValidationError, TypeError):  # the latter is what packflow 0.4 raised
            with self.assertRaises(kind):
                ensure_native_types({"a": [object()]})

    def test_ensure_valid_output(self) -> None:
        self.assertEqual(ensure_valid_output([0.5, Array(1)]), [{"output": 0.5}, {"output": 1}])
        self.assertEqual(ensure_valid_output(Array([[1, 2], [3, 4]]), "v"), [{"v": [1, 2]}, {"v": [3, 4]}])
        self.assertEqual(ensure_valid_output([{"a": 1}, (1,)]), [{"a": 1}, {"output": [1]}])
        self.assertEqual(ensure_valid_output(value for value in [[]]), [{"output": []}])
        self.assertEqual(ensure_valid_output([]), [])

    def test_the_shape_of_an_output_does_not_depend_on_its_length(self) -> None:
        self.assertEqual(
            ensure_valid_output([[0.5], [0.5, 0.6], []]), [{"output": [0.5]}, {"output": [0.5, 0.6]}, {"output": []}]
        )

    def test_what_is_no_batch(self) -> None:
        for value in ({"a": 1}, {0.5, 0.25}, frozenset(), "text", b"x", 5, None, Array(5)):
            with self.subTest(value=value), self.assertRaises(InferenceBackendValidationError) as caught:
                ensure_valid_output(value)  # type: ignore[arg-type]
            self.assertIn("not one output per event", str(caught.exception))


@unittest.skipIf(numpy is None, "numpy is not installed; pip install numpy runs these")
class WithNumpy(NativeCase):
    def test_scalars(self) -> None:
        self.assert_native(numpy.float32(0.5), 0.5)
        self.assert_native(numpy.float64(0.1), 0.1)
        self.assert_native(numpy.longdouble(0.1), 0.1)
        self.assert_native(numpy.uint64(2**64 - 1), 2**64 - 1)
        self.assert_native(numpy.bool_(0), False)
        self.assert_native(numpy.str_("x"), "x")
        self.assert_native(numpy.bytes_(b"\x00"), "AA==")
        self.assert_refused("p is nan, which JSON cannot hold.", numpy.float16("nan"))
        self.assert_refused("p is a complex, which JSON cannot hold.", numpy.complex64(1))

    def test_times(self) -> None:
        self.assert_native(numpy.datetime64("2024-05-06T07:08:09.123456789"), "2024-05-06T07:08:09.123456789")
        self.assert_native(numpy.array(["2024-05-06", "NaT"], "M8[ns]"), ["2024-05-06T00:00:00.000000000", None])
        self.assert_native(numpy.array([[90, 0]], "m8[m]"), [[5400.0, 0.0]])
        self.assert_native(numpy.timedelta64("NaT"), None)
        with self.assertRaises(InferenceBackendValidationError):
            to_native(numpy.timedelta64(1, "M"), "p")

    def test_arrays(self) -> None:
        self.assert_native(numpy.arange(4, dtype="i1").reshape(2, 2), [[0, 1], [2, 3]])
        self.assert_native(numpy.array(5), 5)
        self.assert_native(numpy.zeros((2, 0)), [[], []])
        self.assert_native(numpy.array([0.1], numpy.longdouble), [0.1])
        self.assert_native(numpy.array([{"a": numpy.int8(1)}, (2, "x")], object), [{"a": 1}, [2, "x"]])
        self.assert_native(numpy.array([b"\x01", b"ab"]), ["AQ==", "YWI="])
        self.assert_native(numpy.ma.array([1.5, 2.0], mask=[False, True]), [1.5, None])
        self.assert_refused("p[][] is nan, which JSON cannot hold.", numpy.array([[1, NAN]], "f4"))
        for value in (numpy.zeros(1, [("a", int)]), numpy.zeros(1, [("a", int)])[0]):
            self.assert_refused("p is a numpy value with named fields, which JSON cannot hold.", value)

    def test_keys(self) -> None:
        self.assert_native({numpy.int64(1): 1, numpy.str_("k"): 2}, {"1": 1, "k": 2})
        self.assert_refused("p has two keys that both become '1'.", {numpy.int64(1): 1, "1": 2})
        self.assert_native({numpy.float32(1): 1, numpy.bool_(False): 2}, {"1.0": 1, "false": 2})
        self.assert_native({numpy.float64(0): 1}, {"0.0": 1})
        self.assert_refused("p has a key that is a numpy.float32, not a string.", {numpy.float32("nan"): 1})

    def test_narrow_paths(self) -> None:
        found: set[str] = set()
        value = {"a": numpy.float32(1), "b": [numpy.float64(1)], "c": numpy.zeros((1, 1), ">f2"), "d": numpy.int8(1)}
        to_native(value, "", narrow_paths=found)
        self.assertEqual(found, {"a", "c[][]"})

    def test_outputs_of_a_model(self) -> None:
        scores = numpy.array([[0.5], [0.25]])
        self.assertEqual(ensure_valid_output(scores), [{"output": [0.5]}, {"output": [0.25]}])


@unittest.skipIf(pandas is None, "pandas is not installed; pip install pandas runs these")
class WithPandas(NativeCase):
    def test_values(self) -> None:
        self.assert_native(pandas.Timestamp("2024-05-06", tz="UTC"), "2024-05-06T00:00:00+00:00")
        self.assert_native(pandas.Timestamp("2024-05-06 00:00:00.000000001"), "2024-05-06T00:00:00.000000001")
        self.assert_native(pandas.Timedelta("1min"), 60.0)
        self.assert_native([pandas.NaT, pandas.NA], [None, None])

    def test_series(self) -> None:
        self.assert_native(pandas.Series([1.5, 2.0]), [1.5, 2.0])
        self.assert_native(pandas.Series([1, None], dtype="Int64"), [1, None])
        self.assert_native(pandas.Series(["b", "a"], dtype="category"), ["b", "a"])
        self.assert_native(pandas.Index([1, 2]), [1, 2])
        self.assert_refused("p[] is nan, which JSON cannot hold.", pandas.Series([1.5, NAN]))

    def test_frames_are_records(self) -> None:
        frame = pandas.DataFrame({"a": [1, 2], 3: [0.5, NAN], "t": [pandas.Timestamp("2024-05-06"), pandas.NaT]})
        rows = [{"a": 1, "3": 0.5, "t": "2024-05-06T00:00:00"}, {"a": 2, "3": None, "t": None}]
        self.assert_native(frame, rows, nan="null")
        self.assertEqual(ensure_valid_output(frame[["a"]]), [{"a": 1}, {"a": 2}])
        self.assert_refused(
            "p is a DataFrame with two columns of one name.", pandas.DataFrame([[1, 2]], columns=["a", "a"])
        )

    def test_narrow_columns(self) -> None:
        found: set[str] = set()
        mixed = pandas.Series([numpy.float32(1), "x"], dtype=object)
        frame = pandas.DataFrame({"a": pandas.Series([1.5, 2], dtype="float32"), "b": [2.5, 2], "c": mixed})
        to_native({"f": frame, "s": frame["a"]}, "", narrow_paths=found)
        self.assertEqual(found, {"f[].a", "f[].c", "s[]"})


@unittest.skipIf(pillow is None, "Pillow is not installed; pip install Pillow runs these")
class WithPillow(NativeCase):
    def test_images(self) -> None:
        encoded = to_native(pillow.new("RGB", (2, 1), "red"), "p")
        self.assertEqual(base64.b64decode(encoded)[:8], b"\x89PNG\r\n\x1a\n")
        self.assert_refused("p is an image of mode CMYK, which PNG cannot hold.", pillow.new("CMYK", (1, 1)))


if __name__ == "__main__":
    unittest.main()
