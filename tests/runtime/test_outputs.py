"""What may leave a backend: native records as long as the input, with the fields to keep beside them."""

from __future__ import annotations

import enum
import unittest
from collections import OrderedDict, UserDict, defaultdict
from decimal import Decimal
from typing import Any

from packflow_runtime.errors import InferenceBackendValidationError
from packflow_runtime.jsonlines import encode
from packflow_runtime.native import MAX_DEPTH
from packflow_runtime.outputs import KeptFields, checked_one, checked_outputs
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
NumpyFloat = foreign("numpy", float)
NumpyText = foreign("numpy", str)


class DataFrame:
    """A table as pandas has it, as far as its records go."""

    __module__ = "pandas"
    columns = type("Index", (), {"is_unique": True})()

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        return self.rows if orient == "records" else []


class Narrow(float):
    """A float that says how wide it is, as numpy's do."""

    __module__ = "numpy"
    dtype = "float32"
    ndim = 0


class Colour(str, enum.Enum):
    RED = "red"


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
        self.refuse("The backend returned a dict_values, not a list of dicts.", {1: {}}.values())
        self.refuse("The backend returned a numpy.Array, not a list of dicts.", Array(0.5))

    def test_what_gives_its_values_once_only(self) -> None:
        with self.assertRaises(InferenceBackendValidationError) as caught:
            checked_outputs(map(dict, [[]]), 1)
        self.assertIn("list(...)", caught.exception.hint)

    def test_which_output_it_was(self) -> None:
        for row in (1, {"packflow_error": 1}, {"a": NAN}, {"a": [object()]}, {b"x": 1}):
            with self.subTest(row=row), self.assertRaises(InferenceBackendValidationError) as caught:
                checked_outputs([{}, {"a": 1}, row, {}], 4)
            self.assertEqual(caught.exception.detail, "It is output 3 of 4.")

    def test_another_number_of_outputs(self) -> None:
        self.refuse("The backend returned 0 outputs for 1 event.", [])
        self.refuse("The backend returned 3 outputs for 2 events.", [{}, {}, {}], 2)
        self.refuse("The backend returned 1 output for 64 events.", ({},), 64)
        self.refuse("The backend returned 1 output for 2 events.", Array([{}]), 2)

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
        self.assertEqual(checked_one([{"a": {"packflow_error": 1}}]), {"a": {"packflow_error": 1}})

    def test_numbers_json_cannot_hold(self) -> None:
        for value, text in ((NAN, "nan"), (INF, "inf"), (-INF, "-inf")):
            self.refuse(f"score is {text}, which JSON cannot hold.", [{"score": value}])
            self.refuse(f"a.b[] is {text}, which JSON cannot hold.", [{"a": {"b": [1, value]}}])
            self.refuse(f"score is {text}, which JSON cannot hold.", [{"score": NumpyFloat(value)}])
            self.refuse(f"score[][] is {text}, which JSON cannot hold.", [{"score": Array([[1.0, value]])}])
            self.refuse(f"score is {text}, which JSON cannot hold.", [{"score": Ratio(value)}])

    def test_types_json_does_not_have(self) -> None:
        self.refuse("a[] is a complex, which JSON cannot hold.", [{"a": [1j]}])
        self.refuse("a is an object, which JSON cannot hold.", [{"a": object()}])
        self.refuse("a is a type, which JSON cannot hold.", [{"a": int}])
        self.refuse("a.b is a range, which JSON cannot hold.", [{"a": {"b": range(1)}}])

    def test_keys_json_does_not_have(self) -> None:
        self.refuse("An output has a key that is a bytes, not a string.", [{b"x": 1}])
        self.refuse("a has a key that is a tuple, not a string.", [{"a": {("x", "y"): 1}}])
        self.refuse("a has a key that is a float, not a string.", [{"a": {NAN: 1}}])
        self.refuse("a[] has a key that is a bytes, not a string.", [{"a": [{b"x": 1}]}])

    def test_nesting_beyond_the_limit(self) -> None:
        cycle: dict[str, Any] = {}
        cycle["again"] = cycle
        endless = Array(None)
        endless.value = endless
        for output in (cycle, {"a": endless}, {"a": self.nested(MAX_DEPTH)}):
            with self.assertRaises(InferenceBackendValidationError) as caught:
                checked_one([output])
            self.assertTrue(str(caught.exception).startswith("An output is nested deeper than 200 at a"))

    def nested(self, depth: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(depth - 1):
            value = [value]
        return value

    def test_nesting_at_the_limit(self) -> None:
        output = {"a": self.nested(MAX_DEPTH - 1)}
        self.assertEqual(checked_one([output]), output)
        self.assertEqual(encode(checked_one([output])), b'{"a":' + b"[" * 199 + b"]" * 199 + b"}")


class Accepting(unittest.TestCase):
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
        self.assertEqual(list(checked_one([{"z": 1, "a": 2, "m": 3}])), ["z", "a", "m"])

    def test_no_events_no_outputs(self) -> None:
        self.assertEqual(checked_outputs([], 0), [])

    def test_rows_of_libraries(self) -> None:
        self.assertEqual(checked_outputs(Array([{"a": Array(1)}, {"a": 2}]), 2), [{"a": 1}, {"a": 2}])
        self.assertEqual(checked_outputs(DataFrame([{"a": NumpyFloat(1.5)}]), 1), [{"a": 1.5}])

    def test_other_kinds_of_dicts(self) -> None:
        rows = [OrderedDict(b=1, a=NumpyFloat(2)), defaultdict(int, c=3), {4: Array(5)}, {Colour.RED: 1}]
        natives = checked_outputs(rows, 4)
        self.assertEqual(natives, [{"b": 1, "a": 2.0}, {"c": 3}, {"4": 5}, {"red": 1}])
        self.assertEqual({type(native) for native in natives}, {dict})
        self.assertIs(type(next(iter(natives[3]))), str)

    def test_policies_for_numbers_json_cannot_hold(self) -> None:
        rows = [{"a": NAN, "b": [INF, 1.0]}, OrderedDict(a=NumpyFloat(-INF))]
        self.assertEqual(checked_outputs(rows, 2, nan="null"), [{"a": None, "b": [None, 1.0]}, {"a": None}])
        self.assertEqual(
            checked_outputs(rows, 2, nan="string"), [{"a": "NaN", "b": ["Infinity", 1.0]}, {"a": "-Infinity"}]
        )

    def test_paths_of_narrow_floats(self) -> None:
        found: set[str] = set()
        rows = [{"a": 0.5, "b": Narrow(0.5)}, {"a.b": [Narrow(1), 0.1]}]
        self.assertEqual(checked_outputs(rows, 2, narrow_paths=found)[0], {"a": 0.5, "b": 0.5})
        self.assertEqual(found, {"b", '"a.b"[]'})


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
