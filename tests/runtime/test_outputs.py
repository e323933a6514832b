"""What may leave a backend: native records as long as the input, with the fields to keep beside them."""

from __future__ import annotations

import enum
import unittest
from collections import OrderedDict, UserDict, defaultdict, namedtuple
from decimal import Decimal
from typing import Any

from packflow_runtime.errors import InferenceBackendValidationError
from packflow_runtime.jsonlines import encode
from packflow_runtime.outputs import MAX_DEPTH, KeptFields, checked_output, checked_outputs, to_native
from packflow_runtime.project import OutputConfig

NAN, INF = float("nan"), float("inf")


def foreign(module: str, *bases: type) -> type:
    """Make a class as a library has it: known by its module's name, its values by ``tolist()``."""

    def make(cls: type, value: Any) -> Any:
        item = cls.__mro__[1].__new__(cls, *((value,) if bases else ()))  # type: ignore[misc]
        item.value = value
        return item

    members = {"__module__": module, "__new__": make, "tolist": lambda self: self.value}
    return type("Array", bases, {**members, "__init__": lambda self, value: None})


Array = foreign("numpy")
Tensor = foreign("torch._tensor")
NumpyFloat = foreign("numpy", float)
NumpyText = foreign("numpy", str)


class Level(enum.Enum):
    LOW = 1


class Count(enum.IntEnum):
    TWO = 2


class Colour(str, enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not the text"


class Ratio(float):
    pass


class Refusing(unittest.TestCase):
    def refuse(self, message: str, outputs: object, expected: int = 1) -> InferenceBackendValidationError:
        with self.subTest(message), self.assertRaises(InferenceBackendValidationError) as caught:
            checked_outputs(outputs, expected)
        self.assertEqual(str(caught.exception), message)
        self.assertNotEqual(caught.exception.hint, "")
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("output-invalid", 4))
        return caught.exception

    def test_what_is_no_list(self) -> None:
        self.refuse("The backend returned None, not a list of dicts.", None)
        self.refuse("The backend returned a dict, not a list of dicts.", {"a": 1})
        self.refuse("The backend returned a str, not a list of dicts.", "x")
        self.refuse("The backend returned an int, not a list of dicts.", 3)
        self.refuse("The backend returned a generator, not a list of dicts.", ({} for _ in range(1)))
        self.refuse("The backend returned a decimal.Decimal, not a list of dicts.", Decimal(1))

    def test_another_number_of_outputs(self) -> None:
        self.refuse("The backend returned 0 outputs for 1 events.", [])
        self.refuse("The backend returned 3 outputs for 2 events.", [{}, {}, {}], 2)
        self.refuse("The backend returned 1 outputs for 64 events.", ({},), 64)
        self.refuse("The backend returned 1 outputs for 2 events.", Array([{}]), 2)

    def test_an_output_that_is_no_dict(self) -> None:
        self.refuse("An output is an int, not a dict.", [{}, 1], 2)
        self.refuse("An output is None, not a dict.", [None])
        self.refuse("An output is a float, not a dict.", Array([0.5]))
        self.refuse("An output is a list, not a dict.", [[{}]])
        self.refuse("An output is a collections.UserDict, not a dict.", [UserDict()])

    def test_the_key_of_error_records(self) -> None:
        message = 'An output has the key "packflow_error", which marks failed events.'
        self.refuse(message, [{"packflow_error": None}])
        self.refuse(message, [{"a": 1, NumpyText("packflow_error"): 1}])
        self.assertEqual(checked_output({"a": {"packflow_error": 1}}), {"a": {"packflow_error": 1}})

    def test_numbers_json_cannot_hold(self) -> None:
        for value, text in ((NAN, "nan"), (INF, "inf"), (-INF, "-inf")):
            self.refuse(f"score is {text}, which JSON cannot hold.", [{"score": value}])
            self.refuse(f"a.b[] is {text}, which JSON cannot hold.", [{"a": {"b": [1, value]}}])
            self.refuse(f"score is {text}, which JSON cannot hold.", [{"score": NumpyFloat(value)}])
            self.refuse(f"score[][] is {text}, which JSON cannot hold.", [{"score": Array([[1.0, value]])}])
            self.refuse(f"score is {text}, which JSON cannot hold.", [{"score": Ratio(value)}])

    def test_types_json_does_not_have(self) -> None:
        self.refuse("a is a set, which JSON cannot hold.", [{"a": {1}}])
        self.refuse("a[] is a complex, which JSON cannot hold.", [{"a": [1j]}])
        self.refuse("a is an object, which JSON cannot hold.", [{"a": object()}])
        self.refuse("a is a type, which JSON cannot hold.", [{"a": int}])
        self.refuse("a.b is a bytearray, which JSON cannot hold.", [{"a": {"b": bytearray()}}])
        self.refuse(f"a is a {__name__}.Level, which JSON cannot hold.", [{"a": Level.LOW}])

    def test_keys_json_does_not_have(self) -> None:
        self.refuse("An output has a key that is None, not a string.", [{None: 1}])
        self.refuse("An output has a key that is a bool, not a string.", [{True: 1}])
        self.refuse("a has a key that is a tuple, not a string.", [{"a": {("x", "y"): 1}}])
        self.refuse("a has a key that is a float, not a string.", [{"a": {1.5: 1}}])
        self.refuse("a[] has a key that is a bytes, not a string.", [{"a": [{b"x": 1}]}])

    def test_nesting_beyond_the_limit(self) -> None:
        cycle: dict[str, Any] = {}
        cycle["again"] = cycle
        endless = Array(None)
        endless.value = endless
        for output in (cycle, {"a": endless}, {"a": self.nested(MAX_DEPTH)}):
            with self.assertRaises(InferenceBackendValidationError) as caught:
                checked_output(output)
            self.assertTrue(str(caught.exception).startswith("An output is nested deeper than 200 at a"))

    def nested(self, depth: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(depth - 1):
            value = [value]
        return value

    def test_nesting_at_the_limit(self) -> None:
        output = {"a": self.nested(MAX_DEPTH - 1)}
        self.assertEqual(checked_output(output), output)
        self.assertEqual(encode(checked_output(output)), b'{"a":' + b"[" * 199 + b"]" * 199 + b"}")


class Converting(unittest.TestCase):
    def assert_native(self, value: object, native: object) -> None:
        with self.subTest(value=value):
            converted = to_native(value, "")
            self.assertEqual(repr(converted), repr(native))
            self.assertIs(type(converted), type(native))

    def test_native_values_stay(self) -> None:
        for value in ("x", "", 0, -5, 2**70, True, False, None, 1.5, -0.0, 1e308, [1, [2]], {"a": {"b": []}}):
            self.assert_native(value, value)

    def test_containers_become_dicts_and_lists(self) -> None:
        self.assert_native((1, (2, 3)), [1, [2, 3]])
        self.assert_native(namedtuple("Pair", "a b")(1, 2), [1, 2])  # noqa: PYI024 - the plain kind
        self.assert_native(OrderedDict(b=1, a=2), {"b": 1, "a": 2})
        self.assert_native(defaultdict(int, a=1), {"a": 1})

    def test_arrays_and_scalars_of_libraries(self) -> None:
        self.assert_native(Array([1.5, 2.0]), [1.5, 2.0])
        self.assert_native(Array([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
        self.assert_native(Array(7), 7)
        self.assert_native(NumpyFloat(0.5), 0.5)
        self.assert_native(NumpyText("x"), "x")
        self.assert_native(Tensor(True), True)
        self.assert_native({"a": Tensor([Array(1), None])}, {"a": [1, None]})
        self.assertEqual(checked_outputs(Array([{"a": Array(1)}, {"a": 2}]), 2), [{"a": 1}, {"a": 2}])

    def test_only_the_libraries_are_asked_for_a_list(self) -> None:
        for module in ("numpy_like", "mytorch", "builtins", "__main__"):
            with self.subTest(module), self.assertRaises(InferenceBackendValidationError):
                to_native(foreign(module)([1]), "a")

    def test_subclasses_of_plain_types(self) -> None:
        self.assert_native(Count.TWO, 2)
        self.assert_native(Colour.RED, "red")
        self.assert_native(Text("the text"), "the text")
        self.assert_native(Ratio(0.25), 0.25)

    def test_keys(self) -> None:
        self.assert_native({1: "a", -2: "b"}, {"1": "a", "-2": "b"})
        self.assert_native({Count.TWO: 1}, {"2": 1})
        self.assert_native({Colour.RED: 1, Text("k"): 2}, {"red": 1, "k": 2})
        self.assert_native({NumpyText("k"): 1}, {"k": 1})
        self.assert_native({Array(5): 1}, {"5": 1})
        self.assert_native({"": 1, "a.b": 2}, {"": 1, "a.b": 2})

    def test_outputs_are_copies(self) -> None:
        shared = {"a": [1]}
        first, second = checked_outputs([shared, shared], 2)
        self.assertEqual(first, second)
        first["a"].append(2)
        first["b"] = 1
        self.assertEqual((second, shared), ({"a": [1]}, {"a": [1]}))

    def test_order_is_kept(self) -> None:
        rows = [{"i": number} for number in range(100)]
        self.assertEqual(checked_outputs(tuple(rows), 100), rows)
        self.assertEqual(list(checked_output({"z": 1, "a": 2, "m": 3})), ["z", "a", "m"])

    def test_no_events_no_outputs(self) -> None:
        self.assertEqual(checked_outputs([], 0), [])


class Keeping(unittest.TestCase):
    def keep(self, event: dict[str, Any], *paths: str, under: str | None = None) -> dict[str, Any]:
        kept = KeptFields(OutputConfig(keep=list(paths), under=under))
        outputs: list[dict[str, Any]] = [{"score": 1}]
        result = kept.put(kept.take([event]), outputs)
        self.assertIs(result, outputs)
        return result[0]

    def test_nothing_to_keep(self) -> None:
        for kept in (KeptFields(), KeptFields(OutputConfig())):
            taken = kept.take([{"id": 1}, {"id": 2}])
            self.assertEqual(taken, [{}, {}])
            self.assertEqual(kept.put(taken, [{"a": 1}, {"a": 2}]), [{"a": 1}, {"a": 2}])

    def test_paths(self) -> None:
        event = {"id": 7, "at": {"day": {"no": 3}}, "a.b": "literal", "a": {"b": "nested"}, "null": None, "": 0}
        for path, value in (
            ("id", 7),
            ("at", {"day": {"no": 3}}),
            ("at.day.no", 3),
            ("a.b", "literal"),
            ("null", None),
            ("", 0),
        ):
            with self.subTest(path):
                self.assertEqual(self.keep(event, path), {"score": 1, path: value})

    def test_a_missing_field_is_left_out(self) -> None:
        event = {"id": 7, "at": {"day": 3}, "list": [1]}
        for path in ("x", "at.hour", "at.day.no", "id.x", "list.0", "at.", ".at"):
            with self.subTest(path):
                self.assertEqual(self.keep(event, path), {"score": 1})

    def test_under_a_key_of_their_own(self) -> None:
        self.assertEqual(self.keep({"score": 5, "x": 6}, "score", "x", under="event")["event"], {"score": 5, "x": 6})
        self.assertEqual(self.keep({}, "score", under="event"), {"score": 1, "event": {}})

    def test_a_clash_with_the_output(self) -> None:
        for arguments, key in (({"paths": ["score"]}, "score"), ({"paths": ["id"], "under": "score"}, "score")):
            with self.assertRaises(InferenceBackendValidationError) as caught:
                self.keep({"score": 5, "id": 6}, *arguments["paths"], under=arguments.get("under"))  # type: ignore[arg-type]
            self.assertEqual(str(caught.exception), f"The kept field {key!r} is also a key of the model's output.")
            self.assertIn("output.under", caught.exception.hint)

    def test_values_are_those_before_the_model_ran(self) -> None:
        kept = KeptFields(OutputConfig(keep=["tags", "id"]))
        event = {"tags": ["a"], "id": 1}
        taken = kept.take([event])
        event["tags"].append("b")  # type: ignore[attr-defined]
        event["id"] = 2
        self.assertEqual(kept.put(taken, [{}]), [{"tags": ["a"], "id": 1}])

    def test_each_event_gets_its_own(self) -> None:
        kept = KeptFields(OutputConfig(keep=["id"]))
        taken = kept.take([{"id": 1}, {}, {"id": 3}])
        self.assertEqual(kept.put(taken, [{}, {}, {}]), [{"id": 1}, {}, {"id": 3}])


if __name__ == "__main__":
    unittest.main()
