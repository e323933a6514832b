"""What preprocessing makes of events, case by case; the property tests compare it with a plain implementation."""

from __future__ import annotations

import collections
import copy
import importlib.util
import math
import sys
import unittest
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from packflow_runtime import (
    BackendConfig,
    InferenceBackendInitializationError,
    InferenceBackendRuntimeError,
    PreprocessorInitError,
    PreprocessorRuntimeError,
    UnknownPreprocessorError,
)
from packflow_runtime.flattening import Flattener
from packflow_runtime.preprocessing import PASSTHROUGH, Preprocessor, compile_preprocessing

HAS_NUMPY = importlib.util.find_spec("numpy") is not None
HAS_PANDAS = importlib.util.find_spec("pandas") is not None


def compiled(**config: Any) -> Preprocessor:
    return compile_preprocessing(BackendConfig(**config))


class Base(unittest.TestCase):
    def assert_gives(self, event: dict[Any, Any], expected: dict[Any, Any], **config: Any) -> None:
        """One record, alone and in a batch, with its keys in order; the event stays as it was."""
        with self.subTest(event=event, **config):
            plan, before = compiled(**config), copy.deepcopy(event)
            for given in (plan.run_one(event), plan.run_many([event]), plan.run_many([event, event])[1:]):
                self.assertEqual(given, [expected])
                self.assertEqual(repr(given), repr([expected]), "the order of keys")
            self.assertEqual(event, before)

    def refuse(self, event: dict[Any, Any], title: str, **config: Any) -> PreprocessorRuntimeError:
        """The second event of a batch is refused with ``records[1]: TITLE``; alone it is ``records[0]``."""
        plan = compiled(**config)
        with self.subTest(event=event, **config):
            with self.assertRaises(PreprocessorRuntimeError) as caught:
                plan.run_one(event)
            self.assertEqual(caught.exception.title, f"records[0]: {title}")
            with self.assertRaises(PreprocessorRuntimeError) as caught:
                plan.run_many([FULL, event])
            self.assertEqual(caught.exception.title, f"records[1]: {title}")
            self.assertTrue(caught.exception.hint)
        return caught.exception

    def refuse_config(self, kind: type[Exception], title: str, **config: Any) -> None:
        with self.subTest(title), self.assertRaises(kind) as caught:
            compiled(**config)
        self.assertEqual(str(caught.exception), f"backend_config: {title}")


FULL = {"a": {"b": 1, "c": 2}, "n": 1, "m": 2, "x": 0}


class Passthrough(Base):
    def test_nothing_configured_is_nothing_done(self) -> None:
        for config in ({}, {"input_format": "passthrough"}, {"flatten_lists": True}, {"missing": "error"}):
            with self.subTest(config):
                plan = compiled(**config)
                records = [{"a": {"b": None}}]
                self.assertIs(plan, PASSTHROUGH)
                self.assertIs(plan.run_many(records), records)
                self.assertIs(plan.run_one(records[0])[0], records[0])
                self.assertEqual(plan.source, "# passthrough: nothing to do\n")

    def test_passthrough_looks_at_nothing_else(self) -> None:
        self.assertIs(compiled(input_format="passthrough", feature_names=["a"], rename_fields={"a": "b"}), PASSTHROUGH)

    def test_a_configuration_of_another_kind(self) -> None:
        self.assertIs(compile_preprocessing(SimpleNamespace(threshold=0.5)), PASSTHROUGH)
        plan = compile_preprocessing(SimpleNamespace(input_format="records", feature_names=("a",)))
        self.assertEqual(plan.run_one({"a": 1, "b": 2}), [{"a": 1}])

    def test_a_key_of_another_meaning_is_left_alone_where_it_is_not_used(self) -> None:
        self.assertIs(compile_preprocessing(SimpleNamespace(missing=-1.0, dtype="bfloat16")), PASSTHROUGH)

    def test_configurations_that_cannot_be_done(self) -> None:
        with self.assertRaises(UnknownPreprocessorError) as caught:
            compile_preprocessing(SimpleNamespace(input_format="arrow"))
        self.assertEqual(caught.exception.title, "backend_config: input_format is 'arrow'.")
        self.assertEqual(caught.exception.hint, "It is one of passthrough, records, numpy, pandas.")
        with self.assertRaises(PreprocessorInitError) as init:
            compile_preprocessing(SimpleNamespace(feature_names=["a"], missing=-1.0))
        self.assertEqual(init.exception.title, "backend_config: missing is -1.0.")
        with self.assertRaises(PreprocessorInitError) as init:
            compile_preprocessing(SimpleNamespace(feature_names=["a", 5]))
        self.assertEqual(init.exception.title, "backend_config: the field name 5 is no text.")
        self.refuse_config(
            PreprocessorInitError, "nested_field_delimiter is empty.", feature_names=["a"], nested_field_delimiter=""
        )
        for form in ("numpy", "pandas"):
            title = f"input_format {form} needs feature_names."
            self.refuse_config(PreprocessorInitError, title, input_format=form)

    def test_the_errors_are_of_the_backends_kinds(self) -> None:
        self.assertTrue(issubclass(PreprocessorInitError, InferenceBackendInitializationError))
        self.assertTrue(issubclass(UnknownPreprocessorError, PreprocessorInitError))
        self.assertTrue(issubclass(PreprocessorRuntimeError, InferenceBackendRuntimeError))


class Selecting(Base):
    def test_order_is_that_of_the_features_with_renamed_extras_after_them(self) -> None:
        self.assert_gives(
            {"foo": 1, "bar": 2, "z": 3},
            {"f0": 2, "f1": 1},
            rename_fields={"bar": "f0", "foo": "f1"},
            feature_names=["f0"],
        )
        self.assert_gives(
            {"a": 1, "b": 2, "c": 3},
            {"c": 3, "y": 2, "x": 1},
            rename_fields={"b": "y", "a": "x"},
            feature_names=["c"],
        )
        self.assert_gives({"a": 1, "b": 2}, {"b": 2, "a": 1}, feature_names=["b", "a", "b"])

    def test_a_value_that_is_there_is_never_dropped(self) -> None:
        for value in (None, 0, False, "", [], {}, math.inf):
            for missing in ("omit", "null", "error"):
                self.assert_gives({"a": value}, {"a": value}, feature_names=["a"], missing=missing)
                self.assert_gives({"a": value}, {"b": value}, rename_fields={"a": "b"}, missing=missing)

    def test_missing(self) -> None:
        self.assert_gives({"b": 1}, {"b": 1}, feature_names=["a", "b"])
        self.assert_gives({"b": 1}, {"a": None, "b": 1}, feature_names=["a", "b"], missing="null")
        self.assert_gives({}, {}, feature_names=["a", "b.c"])
        self.assert_gives({}, {"a": None, "b": {"c": None}}, feature_names=["a", "b.c"], missing="null")
        error = self.refuse({"n": 1}, 'the field "m" is missing.', feature_names=["n", "m"], missing="error")
        self.assertEqual(error.code, "preprocess-failed")
        self.refuse(
            {"m": 1}, 'the field "n" or "k" is missing.', rename_fields={"n": "k"}, feature_names=["k"], missing="error"
        )

    def test_nested_paths_keep_their_structure(self) -> None:
        event = {"a": {"b": {"c": 1}, "d": None}, "e": 5}
        self.assert_gives(event, {"a": {"d": None, "b": {"c": 1}}}, feature_names=["a.d", "a.b.c"])
        self.assert_gives(event, {"a": {"b": {"c": 1}}, "e": 5}, feature_names=["a.b", "e"])
        self.assert_gives(event, {"x": 1, "y": {"z": 5}}, rename_fields={"a.b.c": "x", "e": "y.z"}, feature_names=["x"])

    def test_another_delimiter(self) -> None:
        config = {"feature_names": ["a__b", "c.d"], "nested_field_delimiter": "__"}
        self.assert_gives({"a": {"b": 1}, "c.d": 2}, {"a": {"b": 1}, "c.d": 2}, **config)

    def test_a_path_through_something_else_is_missing(self) -> None:
        for parent in (None, 5, "text", [1], {}, {"c": 1}, [{"b": 1}]):
            self.assert_gives({"a": parent}, {}, feature_names=["a.b"])
            self.assert_gives({"a": parent}, {"a": {"b": None}}, feature_names=["a.b"], missing="null")
            self.refuse({"a": parent}, 'the field "a.b" is missing.', feature_names=["a.b"], missing="error")

    def test_a_whole_and_a_part_of_it(self) -> None:
        event = {"a": {"b": 1, "c": 2}}
        for names in (["a", "a.b"], ["a.b", "a"]):
            self.assert_gives(event, {"a": {"b": 1, "c": 2}}, feature_names=names)
        self.assert_gives(
            {"a": {"b": 1}, "x": 5}, {"a": {"b": 1, "c": 5}}, rename_fields={"x": "a.c"}, feature_names=["a"]
        )
        self.assert_gives({"a": None}, {"a": None}, feature_names=["a", "a.b"], missing="null")
        self.refuse(
            {"a": 7, "x": 5},
            'the field "a.c" has no place: "a" is 7, not an object.',
            rename_fields={"x": "a.c"},
            feature_names=["a"],
        )

    def test_a_key_spelled_like_a_path(self) -> None:
        event = {"a.b": 1, "c": 2}
        self.assert_gives(event, {"a": {"b": 1}, "c": 2}, feature_names=["a.b", "c"])
        self.assert_gives({"a.b": 1, "a": {"c": 3}}, {"a": {"b": 1, "c": 3}}, feature_names=["a.b", "a.c"])
        self.assert_gives({"a.b": None, "a": {"b": 2}}, {"a": {"b": None}}, feature_names=["a.b"], **IGNORE)
        title = 'the field "a.b" is there twice, as a key and nested.'
        self.refuse({"a.b": None, "a": {"b": 2}}, title, feature_names=["a.b"])
        self.refuse({"a.b": None, "a": {"b": 2}}, title, rename_fields={"a.b": "x"})

    def test_a_dotted_key_elsewhere_is_no_problem(self) -> None:
        event = {"a": {"b": 1, "x.y": 2}, "q.r": 3, "q": {"r": 4}}
        self.assert_gives(event, {"a": {"b": 1}}, feature_names=["a.b"])

    def test_an_old_name_that_is_asked_for_is_given_too(self) -> None:
        self.assert_gives({"a": 1}, {"a": 1, "b": 1}, rename_fields={"a": "b"}, feature_names=["a"])

    def test_a_new_name_falls_back_to_the_field_of_that_name(self) -> None:
        config = {"rename_fields": {"a": "b"}, "feature_names": ["b"]}
        self.assert_gives({"b": 2}, {"b": 2}, **config)
        self.assert_gives({"a": 1, "b": 2}, {"b": 1}, **config)
        self.assert_gives({"a": None, "b": 2}, {"b": None}, **config)
        # Not to one that was itself renamed away.
        self.assert_gives({"a": 1}, {"b": 1}, rename_fields={"a": "b", "b": "a"}, feature_names=["a", "b"])

    def test_of_several_fields_renamed_to_one_name_the_last_present_wins(self) -> None:
        config = {"rename_fields": {"a": "x", "b": "x"}, "feature_names": ["x"]}
        self.assert_gives({"a": 1, "b": 2}, {"x": 2}, **config)
        self.assert_gives({"a": 1}, {"x": 1}, **config)

    def test_names_of_any_spelling(self) -> None:
        names = ["it's", 'say "x"', "new\nline", "\\", "{}", "\ud800", "é", "'''", "", "__import__('os')", "#"]
        event = {name: number for number, name in enumerate(names)}
        self.assert_gives({**event, "more": 1}, event, feature_names=names)
        nested = {f"p{name}.q": name for name in names}
        self.assertEqual(
            compiled(rename_fields=nested).run_one({f"p{name}": {"q": name} for name in names}),
            [{f"p{name}": {} for name in names} | {name: name for name in names}],
        )

    def test_many_and_deep_names(self) -> None:
        event = {f"f{number}": number for number in range(5000)}
        self.assert_gives({**event, "x": 1}, event, feature_names=list(event))
        for depth in (30, 45, 150):
            value: Any = 1
            for _ in range(depth):
                value = {"k": value}
            self.assert_gives({**value, "x": 1}, value, feature_names=[".".join(["k"] * depth)])

    def test_keys_that_are_no_text_harm_nothing(self) -> None:
        event = {1: "a", None: {2: 3}, ("t",): 4, "a": {5: 6, "b": 7}}
        self.assert_gives(event, {"a": {"b": 7}}, feature_names=["a.b", "1"])
        self.assert_gives(event, {1: "a", None: {2: 3}, ("t",): 4, "x": {5: 6, "b": 7}}, rename_fields={"a": "x"})


IGNORE = {"ignore_delimiter_collisions": True}


class Renaming(Base):
    def test_all_fields_stay_and_renamed_ones_come_last(self) -> None:
        event = {"a": 1, "b": 2, "c": 3}
        self.assert_gives(event, {"b": 2, "y": 3, "x": 1}, rename_fields={"c": "y", "a": "x"})
        self.assert_gives(event, {"c": 3, "b": 1, "a": 2}, rename_fields={"a": "b", "b": "a"})

    def test_a_new_name_that_is_taken_replaces_that_field_in_its_place(self) -> None:
        self.assert_gives({"a": 1, "b": 2, "c": 3}, {"b": 1, "c": 3}, rename_fields={"a": "b"})
        self.assert_gives({"b": 2}, {"b": 2}, rename_fields={"a": "b"}, missing="error")

    def test_missing(self) -> None:
        self.assert_gives({"n": 1}, {"n": 1}, rename_fields={"a": "x"})
        self.assert_gives({"n": 1}, {"n": 1, "x": None}, rename_fields={"a": "x"}, missing="null")
        self.refuse({"n": 1}, 'the field "x" or "y" is missing.', rename_fields={"x": "y"}, missing="error")

    def test_nested(self) -> None:
        event = {"a": {"b": 1, "c": 2}, "d": 3}
        self.assert_gives(event, {"a": {"c": 2}, "d": 3, "x": 1}, rename_fields={"a.b": "x"})
        self.assert_gives(event, {"a": {"b": 1, "c": 2, "e": 3}}, rename_fields={"d": "a.e"})
        self.assert_gives(event, {"a": {}, "d": 3, "x": 1, "y": 2}, rename_fields={"a.b": "x", "a.c": "y"})
        self.assert_gives(event, {"d": 3, "x": {"b": 1, "c": 2}, "y": 1}, rename_fields={"a": "x", "a.b": "y"})
        self.assert_gives({"a.b": 1, "a": {"b": 2}}, {"a": {"b": 2}, "x": 1}, rename_fields={"a.b": "x"}, **IGNORE)


class Sharing(Base):
    def test_what_an_event_shares_with_its_record_is_never_changed(self) -> None:
        event = {"a": {"b": {"c": 1}, "l": [{"m": 1}]}, "x": 2, "y": 3}
        for config, expected in (
            ({"rename_fields": {"a": "q", "x": "q.y"}}, {"y": 3, "q": {"b": {"c": 1}, "l": [{"m": 1}], "y": 2}}),
            ({"rename_fields": {"x": "a.b.d"}, "feature_names": ["a"]}, {"a": {**event["a"], "b": {"c": 1, "d": 2}}}),
            ({"rename_fields": {"a.b.c": "y"}}, {"a": {"b": {}, "l": [{"m": 1}]}, "x": 2, "y": 1}),
            ({"feature_names": ["a.b", "a.b.gone"], "missing": "null"}, {"a": {"b": {"c": 1, "gone": None}}}),
            ({"flatten_nested_inputs": True, "feature_names": ["a.l"]}, {"a.l": [{"m": 1}]}),
        ):
            self.assert_gives(event, expected, **config)


class Flattening(Base):
    def test_leaves_and_empty_containers(self) -> None:
        event = {"a": {"b": {"c": 1}, "d": None}, "e": {}, "f": [], "g": [{"h": 1}, []], "i": {"": {"": 2}}}
        flat = {"a.b.c": 1, "a.d": None, "e": {}, "f": []}
        self.assert_gives(event, {**flat, "g": [{"h": 1}, []], "i..": 2}, flatten_nested_inputs=True)
        lists = {**flat, "g.0.h": 1, "g.1": [], "i..": 2}
        self.assert_gives(event, lists, flatten_nested_inputs=True, flatten_lists=True)

    def test_selecting_and_renaming_go_by_flat_keys(self) -> None:
        event = {"a": {"b": 1, "c": [5, {"d": 6}]}, "e": 2}
        flat = {"flatten_nested_inputs": True}
        self.assert_gives(event, {"a.b": 1, "e": 2}, feature_names=["a.b", "e"], **flat)
        self.assert_gives(event, {"e": 2, "x.y": 1}, rename_fields={"a.b": "x.y"}, feature_names=["e"], **flat)
        self.assert_gives(event, {"a.c": [5, {"d": 6}], "e": 2, "x": 1}, rename_fields={"a.b": "x"}, **flat)
        self.assert_gives(event, {"a.c.1.d": 6}, feature_names=["a.c.1.d"], flatten_lists=True, **flat)
        self.assert_gives(event, {}, feature_names=["a", "q"], **flat)  # a container is no leaf
        self.assert_gives(event, {"q": None}, feature_names=["q"], missing="null", **flat)
        self.refuse({"n": 1}, 'the field "a.b" is missing.', feature_names=["n", "a.b"], missing="error", **flat)

    def test_keys_that_are_no_text_are_spelled(self) -> None:
        event = {1: "b", "x": {2: 3, None: {(4, 5): 6}}}
        self.assert_gives(event, {"1": "b", "x.2": 3, "x.None.(4, 5)": 6}, flatten_nested_inputs=True)
        plan = compiled(flatten_nested_inputs=True)
        self.assertEqual(
            plan.run_many([{"a": {1: 0}}, {"a": {True: 0}}, {"a": {1.0: 0}}]),
            [
                {"a.1": 0},
                {"a.True": 0},
                {"a.1.0": 0},
            ],
        )

    def test_two_leaves_of_one_name(self) -> None:
        title = 'the field "a.b" is there twice, as a key and nested.'
        flat = {"flatten_nested_inputs": True}
        for event in ({"a": {"b": 1}, "a.b": 2, "c": 3}, {"a.b": 2, "a": {"b": 1}, "c": 3}):
            self.refuse(event, title, **flat)
            self.refuse(event, title, feature_names=["a.b"], **flat)
            self.assert_gives(event, {"c": 3}, feature_names=["c"], **flat)
            self.assert_gives(event, {"a.b": 2, "c": 3}, **flat, **IGNORE)
        self.assert_gives({1: "a", "1": "b"}, {"1": "a"}, **flat, **IGNORE)
        self.refuse(
            {"x": {"a_": {"b": 1}, "a": {"_b": 2}}},
            'the field "x__a___b" is there twice, as a key and nested.',
            nested_field_delimiter="__",
            **flat,
        )

    def test_subclasses_of_dict(self) -> None:
        event = {"a": collections.OrderedDict(b=1), "c": collections.defaultdict(int)}
        self.assert_gives(event, {"a.b": 1, "c": collections.defaultdict(int)}, flatten_nested_inputs=True)

    def test_memory_is_bounded_and_what_was_learnt_goes_on_to_be_right(self) -> None:
        flattener = Flattener(lists=True)
        events = [{f"k{number}": {f"l{number}": [number]}, "a": {"b": 1}} for number in range(5000)]
        for number, event in enumerate(events):
            self.assertEqual(flattener.flatten(event), {f"k{number}.l{number}.0": number, "a.b": 1})
        self.assertLessEqual(flattener._room, 0)
        self.assertLessEqual(len(flattener._root[2]), 8192)
        self.assertEqual(flattener.flatten({"new": {"x": 1}}), {"new.x": 1})
        self.assertEqual(flattener.flatten({"z" * 1000: {"x": 1}}), {"z" * 1000 + ".x": 1})

    def test_long_lists(self) -> None:
        values: list[Any] = [*range(300), {"x": 1}]
        flat = {f"a.{number}": number for number in range(300)} | {"a.300.x": 1, "b": 2}
        self.assert_gives({"a": values, "b": 2}, flat, flatten_nested_inputs=True, flatten_lists=True)


@unittest.skipUnless(HAS_NUMPY, "pip install numpy would un-skip this")
class Arrays(Base):
    def array(self, records: list[dict[Any, Any]], names: list[str], **config: Any) -> Any:
        plan = compiled(input_format="numpy", feature_names=names, **config)
        array = plan.run_many(records)
        self.assertEqual((array.shape, str(array.dtype)), ((len(records), len(names)), config.get("dtype", "float64")))
        for record, row in zip(records, array, strict=True):
            single = plan.run_one(record)
            self.assertEqual((single.shape, single.dtype), ((1, len(names)), array.dtype))
            self.assertEqual(single.tobytes(), row.tobytes())
        self.assertTrue(array.flags.writeable and array.flags.c_contiguous)
        return array

    def test_columns_are_the_features(self) -> None:
        records = [{"a": 1, "b": {"c": 2.5}, "d": True}, {"a": 3, "b": {"c": 4}, "d": False}]
        self.assertEqual(self.array(records, ["d", "b.c", "a"]).tolist(), [[1, 2.5, 1], [0, 4, 3]])
        self.assertEqual(self.array(records, ["a", "a"]).tolist(), [[1, 1], [3, 3]])
        self.assertEqual(self.array([], ["a", "b"]).tolist(), [])

    def test_a_renamed_column_reads_the_old_field(self) -> None:
        config = {"rename_fields": {"b.c": "x", "a": "y", "z": "w"}}
        self.assertEqual(self.array([{"a": 1, "b": {"c": 2}}], ["x", "y"], **config).tolist(), [[2, 1]])

    def test_null_and_missing_are_nan(self) -> None:
        for missing in ("omit", "null"):
            records: list[dict[Any, Any]] = [{}, {"a": None}, {"b": None}, {"b": 5}, {"b": {}}, {"b": {"c": None}}]
            array = self.array(records, ["a", "b.c"], missing=missing)
            self.assertTrue(all(math.isnan(value) for row in array.tolist() for value in row))
        numpy_error = {"input_format": "numpy", "feature_names": ["n", "m"], "missing": "error"}
        self.refuse({"n": None}, 'the field "m" is missing.', **numpy_error)

    def test_what_is_no_number_is_refused(self) -> None:
        config = {"input_format": "numpy", "feature_names": ["n", "a.b"]}
        for value in ("abc", "5", "", b"5", {}, {"c": 1}, [], [1], object, 10**400, 1j):
            title = f'the field "a.b" is {value!r}'
            shown = title if len(repr(value)) <= 60 else title[: title.index(" is ") + 4] + repr(value)[:57] + "…"
            self.refuse({"n": 1, "a": {"b": value}}, f"{shown}, which does not convert to float64.", **config)
            self.refuse({"a.b": value}, f"{shown}, which does not convert to float64.", **config)
        self.assertEqual(self.array([{"n": Decimal("1.5"), "a.b": 2**70}], ["n", "a.b"]).tolist(), [[1.5, 2.0**70]])

    def test_whole_number_types(self) -> None:
        records = [{"a": 1, "b": 3.0}, {"a": -(2**63), "b": True}]
        self.assertEqual(self.array(records, ["a", "b"], dtype="int64").tolist(), [[1, 3], [-(2**63), 1]])
        self.assertEqual(
            self.array([{"a": 2**64 - 1, "b": 1.0}], ["a", "b"], dtype="uint64").tolist(), [[2**64 - 1, 1]]
        )
        config = {"input_format": "numpy", "feature_names": ["n"], "dtype": "int8"}
        for value in (128, -129, 1.5, math.nan, math.inf, "1"):
            self.refuse({"n": value}, f'the field "n" is {value!r}, which does not convert to int8.', **config)
        self.refuse({}, 'the field "n" is missing, which int8 cannot hold.', **config)
        self.refuse({"n": None}, 'the field "n" is null, which int8 cannot hold.', **config)

    def test_smaller_floats_round_as_numpy_does(self) -> None:
        import numpy as np

        for dtype in ("float32", "float16"):
            values = [0.1, 1 / 3, 65504.0, 1e-8, math.inf, -0.0]
            array = self.array([{"a": value} for value in values], ["a"], dtype=dtype)
            self.assertEqual(array.ravel().tolist(), np.array(values, dtype).tolist())
        self.refuse(
            {"n": 1e39},
            'the field "n" is 1e+39, which does not convert to float32.',
            input_format="numpy",
            feature_names=["n"],
            dtype="float32",
        )

    def test_dtypes_that_are_not_offered(self) -> None:
        for dtype in (
            "bool",
            "complex64",
            f"{'>' if sys.byteorder == 'little' else '<'}f8",
            "U5",
            "nonsense",
        ):
            with self.subTest(dtype), self.assertRaises(PreprocessorInitError) as caught:
                compiled(input_format="numpy", feature_names=["a"], dtype=dtype)
            self.assertEqual(caught.exception.title, f"backend_config: dtype is {dtype!r}.")
            self.assertTrue(caught.exception.hint.endswith("uint8, object."))

    def test_values_as_they_are(self) -> None:
        config = {"dtype": "object", "rename_fields": {"p": "proto"}}
        records: list[dict[Any, Any]] = [{"p": "tcp", "a": {"b": [1]}}, {"p": 5, "a": None}, {}]
        array = self.array(records, ["proto", "a.b"], **config)
        self.assertEqual(array.tolist(), [["tcp", [1]], [5, None], [None, None]])
        flat = {"dtype": "object", "flatten_nested_inputs": True, "flatten_lists": True}
        self.assertEqual(self.array([{"a": ["x", {"b": 2}]}], ["a.1.b", "a.0"], **flat).tolist(), [[2, "x"]])
        wanted = {"input_format": "numpy", "feature_names": ["n"], "dtype": "object", "missing": "error"}
        self.refuse({}, 'the field "n" is missing.', **wanted)

    def test_collisions(self) -> None:
        config = {"input_format": "numpy", "feature_names": ["a.b"]}
        self.refuse({"a.b": 1, "a": {"b": 2}}, 'the field "a.b" is there twice, as a key and nested.', **config)
        self.assertEqual(self.array([{"a.b": 1, "a": {"b": 2}}], ["a.b"], **IGNORE).tolist(), [[1]])

    def test_flattened(self) -> None:
        config = {"flatten_nested_inputs": True, "flatten_lists": True}
        self.assertEqual(self.array([{"a": [1, {"b": 2}]}], ["a.1.b", "a.0"], **config).tolist(), [[2, 1]])


@unittest.skipUnless(HAS_PANDAS, "pip install pandas would un-skip this")
class Frames(Base):
    def frame(self, records: list[dict[Any, Any]], names: list[str], **config: Any) -> Any:
        plan = compiled(input_format="pandas", feature_names=names, **config)
        frame = plan.run_many(records)
        self.assertEqual(list(frame.columns), names)
        self.assertEqual(list(frame.index), list(range(len(records))))
        return frame

    def test_columns_and_their_types(self) -> None:
        records: list[dict[Any, Any]] = [{"n": 1, "s": "x", "a": {"b": None}}, {"n": True, "s": None, "a": {"b": 2.5}}]
        frame = self.frame(records, ["s", "a.b", "n", "gone"])
        self.assertEqual([str(kind) for kind in frame.dtypes], ["object", "float64", "float64", "float64"])
        self.assertEqual(frame["n"].tolist(), [1.0, 1.0])
        self.assertEqual(frame["s"].isna().tolist(), [False, True])
        self.assertEqual(frame["a.b"].isna().tolist(), [True, False])
        self.assertTrue(frame["gone"].isna().all())

    def test_one_event_has_the_types_of_many(self) -> None:
        plan = compiled(input_format="pandas", feature_names=["n"])
        self.assertEqual(str(plan.run_one({"n": 1})["n"].dtype), "float64")
        self.assertEqual(str(plan.run_one({"n": None})["n"].dtype), "float64")

    def test_values_of_other_types_stay_as_they_are(self) -> None:
        frame = self.frame([{"a": [1, 2]}, {"a": {"b": 1}}, {"a": "5"}], ["a"])
        self.assertEqual(frame["a"].tolist(), [[1, 2], {"b": 1}, "5"])
        self.assertEqual(self.frame([{"a": [1, 2]}, {"a": [3, 4]}], ["a"])["a"].tolist(), [[1, 2], [3, 4]])

    def test_renamed_and_flattened_columns(self) -> None:
        config = {"rename_fields": {"a.b": "x"}, "flatten_nested_inputs": True, "dtype": "float32"}
        frame = self.frame([{"a": {"b": 1}}], ["x"], **config)
        self.assertEqual((frame["x"].tolist(), str(frame["x"].dtype)), ([1.0], "float32"))

    def test_refused(self) -> None:
        config = {"input_format": "pandas", "feature_names": ["n"]}
        self.refuse({"n": 10**400}, f'the field "n" is 1{"0" * 56}…, which does not convert to float64.', **config)
        self.refuse({}, 'the field "n" is missing.', missing="error", **config)
        self.refuse_config(
            PreprocessorInitError, "feature_names has 'a' twice.", input_format="pandas", feature_names=["a", "b", "a"]
        )
        self.refuse_config(
            PreprocessorInitError,
            "dtype is 'int64', which cannot hold the NaN of a missing number.",
            dtype="int64",
            **config,
        )


class WithoutLibraries(unittest.TestCase):
    def test_a_library_that_is_not_there_is_named(self) -> None:
        for library in ("numpy", "pandas"):
            before = sys.modules.get(library)
            sys.modules[library] = None  # type: ignore[assignment]
            try:
                with self.assertRaises(PreprocessorInitError) as caught:
                    compiled(input_format=library, feature_names=["a"])
            finally:
                if before is None:
                    del sys.modules[library]
                else:
                    sys.modules[library] = before
            title = f"backend_config: input_format {library} needs {library}, which cannot be imported: "
            self.assertTrue(caught.exception.title.startswith(title), caught.exception.title)
            self.assertEqual(
                caught.exception.hint,
                f"Add {library} to requirements.txt and install it in the project's environment.",
            )


if __name__ == "__main__":
    unittest.main()
