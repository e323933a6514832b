"""Functions over events, under the names and with the arguments of packflow 0.4."""

from __future__ import annotations

import copy
import importlib.util
import math
import unittest
from typing import Any

from packflow_runtime import (
    PreprocessorRuntimeError,
    check_delimiter_collisions,
    flatten_dict,
    flatten_records,
    get_nested_field,
    get_nested_field_direct,
    records_to_ndarray,
    set_nested_field_direct,
)

HAS_NUMPY = importlib.util.find_spec("numpy") is not None


class Fields(unittest.TestCase):
    def test_get_nested_field(self) -> None:
        event: dict[Any, Any] = {"a": {"b": 5, "n": None, "e": {}}, "x.y": 1, "x": {"y": 2, "z": 3}, "p.q": {"r": 4}}
        event |= {7: {8: 9}, "d": {"e": {"f": 1}}}
        for read in (get_nested_field, get_nested_field_direct):
            for field, expected in (
                ("a.b", 5),
                ("a.n", None),
                ("a.e", {}),
                ("a", event["a"]),
                ("d.e", {"f": 1}),
                ("x.y", 1),
                ("x.z", 3),
                ("a.b.c", None),
                ("gone", None),
                ("gone.too", None),
            ):
                with self.subTest(field, read=read.__name__):
                    self.assertEqual(read(event, field), expected)
            self.assertEqual(read({"a": {"b.c": 1}}, "a/b.c", "/"), 1)
        # Keys that hold the delimiter below the top, and keys that are no text, are found by their flat names.
        self.assertEqual(get_nested_field(event, "p.q.r"), 4)
        self.assertEqual(get_nested_field(event, "7.8"), 9)
        self.assertIsNone(get_nested_field_direct(event, "p.q.r"))

    def test_set_nested_field_direct(self) -> None:
        event: dict[str, Any] = {"a": 1}
        for field, value in (("b", 2), ("c.d.e", 3), ("c.d.f", None), ("a.x", 4)):
            set_nested_field_direct(event, field, value)
        self.assertEqual(event, {"a": 1, "b": 2, "c": {"d": {"e": 3, "f": None}}})
        set_nested_field_direct(event, "c/g", 5, "/")
        self.assertEqual(event["c"]["g"], 5)

    def test_check_delimiter_collisions(self) -> None:
        event = {"a.b": {"c": 1, "d.e": {}}, "f": {"g": {"h.": 1}}, 1.5: 2, "ok": [{"x.y": 1}]}
        self.assertEqual(check_delimiter_collisions(event, "."), ["a.b", "a.b.d.e", "f.g.h.", "1.5"])
        self.assertEqual(check_delimiter_collisions(event, "/"), [])
        self.assertEqual(check_delimiter_collisions({"a.b": 1}, ".", "top"), ["top.a.b"])


class Flattening(unittest.TestCase):
    def test_flatten_dict(self) -> None:
        event = {"a": {"b": 1, "c": [1, {"d": None}], "e": {}}, 3: {4: 5}}
        before = copy.deepcopy(event)
        self.assertEqual(flatten_dict(event), {"a.b": 1, "a.c": [1, {"d": None}], "a.e": {}, "3.4": 5})
        self.assertEqual(
            flatten_dict(event, delimiter="/", flatten_lists=True),
            {"a/b": 1, "a/c/0": 1, "a/c/1/d": None, "a/e": {}, "3/4": 5},
        )
        self.assertEqual(event, before)
        self.assertEqual(flatten_dict({}), {})

    def test_flatten_records(self) -> None:
        self.assertEqual(flatten_records([{"a": {"b": 1}}, {}]), [{"a.b": 1}, {}])
        self.assertEqual(flatten_records([{"a": [5]}], ".", True), [{"a.0": 5}])
        self.assertEqual(flatten_records([]), [])

    def test_refused(self) -> None:
        for value in (None, [("a", 1)], "x"):
            with self.subTest(value), self.assertRaises(TypeError):
                flatten_dict(value)  # type: ignore[arg-type]
        with self.assertRaises(TypeError):
            flatten_records({"a": 1})  # type: ignore[arg-type]
        with self.assertRaises(ValueError) as caught:
            flatten_dict({"a.b": 1, "a": {"b": 2}})
        self.assertEqual(str(caught.exception), "two values get the key 'a.b'")


@unittest.skipUnless(HAS_NUMPY, "pip install numpy would un-skip this")
class Arrays(unittest.TestCase):
    def test_shape_and_type_do_not_depend_on_the_records(self) -> None:
        for records in ([], [{}], [{"a": 1}], [{"a": 1, "b": {"c": 2.5}}, {"b": {"c": True}}]):
            array = records_to_ndarray(records, ["a", "b.c"])
            self.assertEqual((array.shape, str(array.dtype)), ((len(records), 2), "float64"))
        self.assertEqual(records_to_ndarray([{"a": 1}], []).shape, (1, 0))
        array = records_to_ndarray([{"a/b": 1, "a": {"b": 2}}, {"a": {"b": None}}], ["a/b"], "float32", "/")
        self.assertEqual(str(array.dtype), "float32")
        self.assertEqual(array[0, 0], 1)
        self.assertTrue(math.isnan(array[1, 0]))

    def test_other_types_take_values_as_they_are(self) -> None:
        array = records_to_ndarray([{"a": "x", "b": {"c": [1]}}, {}], ["a", "b.c"], "object")
        self.assertEqual(array.tolist(), [["x", [1]], [None, None]])
        words = records_to_ndarray([{"a": "x", "b": "longer"}, {"a": 1}], ["a", "b"], "str")
        self.assertEqual(words.tolist(), [["x", "longer"], ["1", "None"]])
        self.assertEqual(records_to_ndarray([{"a": 1}, {"a": 0}], ["a"], "bool").tolist(), [[True], [False]])

    def test_text_that_spells_a_number_is_read_where_a_type_is_asked_for(self) -> None:
        for dtype, text, value in (("float64", " 1.5e3", 1500.0), ("f4", "-2", -2.0), ("int32", "7", 7)):
            array = records_to_ndarray([{"a": text, "b": 1}, {"a": 2, "b": "3"}], ["a", "b"], dtype)
            self.assertEqual(array.tolist(), [[value, 1], [2, 3]])
        for dtype, text in (("float64", "1.5x"), ("int8", "1.5"), ("int8", "300"), (None, "5")):
            with self.subTest(dtype=dtype, text=text), self.assertRaises(PreprocessorRuntimeError) as caught:
                records_to_ndarray([{"a": text}], ["a"], dtype)
            self.assertIn(f"is {text!r}, which does not convert to", caught.exception.title)

    def test_refused(self) -> None:
        with self.assertRaises(PreprocessorRuntimeError) as caught:
            records_to_ndarray([{"a": 1}, {"a": "x"}], ["a"])
        self.assertEqual(
            caught.exception.title, "records[1]: the field \"a\" is 'x', which does not convert to float64."
        )
        for records in ({"a": 1}, None, ({},), [1], [{}, None]):
            with self.subTest(records), self.assertRaises(ValueError):
                records_to_ndarray(records, ["a"])  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
