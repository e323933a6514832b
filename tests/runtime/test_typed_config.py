"""Values of a configuration: what text and typed values become, and how a backend's configuration is built."""

from __future__ import annotations

import enum
import math
import unittest
from pathlib import Path
from typing import Any, ClassVar, Literal, Optional, Union

from packflow_runtime.config import BackendConfig, ConfigSection, InputFormats, merged
from packflow_runtime.errors import InferenceBackendInitializationError
from packflow_runtime.typed import TypeMismatchError, coerce, plain_text


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Coercing(unittest.TestCase):
    def assert_becomes(self, value: object, annotation: Any, expected: object) -> None:
        with self.subTest(value=value, annotation=annotation):
            result = coerce(value, annotation, "key")
            self.assertEqual(repr(result), repr(expected))
            self.assertIs(type(result), type(expected))

    def refuse(self, value: object, annotation: Any, message: str, path: str = "key") -> None:
        with self.subTest(value=value, annotation=annotation):
            with self.assertRaises(TypeMismatchError) as caught:
                coerce(value, annotation, "key")
            self.assertEqual((caught.exception.path, str(caught.exception)), (path, message))

    def test_text(self) -> None:
        for text in ("", "no", "1.0", "3.10", "012", "null", "12:30"):
            self.assert_becomes(text, str, text)
        self.refuse(1, str, "is 1; expected text")
        self.refuse(True, str, "is True; expected text")
        self.refuse(None, str, "is empty; expected text (quote it if you mean the word)")
        self.refuse(["x"], str, "is ['x']; expected text")

    def test_booleans(self) -> None:
        for text in ("true", "True", "TRUE"):
            self.assert_becomes(text, bool, True)
        for text in ("false", "False", "FALSE"):
            self.assert_becomes(text, bool, False)
        self.assert_becomes(True, bool, True)
        for text in ("yes", "no", "on", "1", "", "tRue"):
            self.refuse(text, bool, f"is {text!r}; expected true or false")
        self.refuse(1, bool, "is 1; expected true or false")
        self.refuse(None, bool, "is empty; expected true or false")

    def test_whole_numbers(self) -> None:
        for text, number in (("5", 5), ("-5", -5), ("+5", 5), ("012", 12), ("0", 0), ("9" * 4300, int("9" * 4300))):
            self.assert_becomes(text, int, number)
        self.assert_becomes(2**70, int, 2**70)
        for text in ("5.0", "1e3", "", " 5", "5 ", "5\n", "0x10", "1_000", "٥", "five"):
            self.refuse(text, int, f"is {text!r}; expected a whole number")
        self.refuse(5.0, int, "is 5.0; expected a whole number")
        self.refuse(True, int, "is True; expected a whole number")
        self.refuse("9" * 4301, int, f"is '{'9' * 56}…; expected a whole number")

    def test_numbers(self) -> None:
        for text, number in (
            ("0.5", 0.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("5", 5.0),
            ("-1e-3", -0.001),
            ("+2E5", 200000.0),
            ("1.0", 1.0),
        ):
            self.assert_becomes(text, float, number)
        self.assert_becomes(1, float, 1.0)
        self.assert_becomes(0.25, float, 0.25)
        self.assertEqual(coerce(math.inf, float, "key"), math.inf)
        for text in ("nan", "inf", "-inf", "1e", "", ".", "1_0.0", "0,5", "1e400", "-1e400", " 1"):
            self.refuse(text, float, f"is {text!r}; expected a number")
        self.refuse(10**400, float, f"is 1{'0' * 56}…; expected a number")
        self.refuse(True, float, "is True; expected a number")
        self.refuse(None, float, "is empty; expected a number")

    def test_null(self) -> None:
        for annotation in (None, type(None)):
            self.assert_becomes(None, annotation, None)
            self.refuse("null", annotation, "is 'null'; expected null")

    def test_anything(self) -> None:
        for value in ("5", 5, None, [1], {"a": 1}):
            self.assert_becomes(value, Any, value)
            self.assert_becomes(value, object, value)

    def test_paths(self) -> None:
        self.assert_becomes("models/a.bin", Path, Path("models/a.bin"))
        self.assert_becomes(Path("a"), Path | None, Path("a"))
        self.refuse(5, Path, "is 5; expected text")

    def test_places_without_a_type(self) -> None:
        data = {
            "n": "100",
            "r": "0.5",
            "on": "true",
            "l": ["1", {"x": "-3"}],
            "same": ["3.10", "012", "no", "1e3", "1_0"],
        }
        expected = {"n": 100, "r": 0.5, "on": True, "l": [1, {"x": -3}], "same": ["3.10", "012", "no", "1e3", "1_0"]}
        for annotation in (dict, dict[str, Any], Any, object):
            self.assert_becomes(plain_text(data), annotation, expected)
            self.assert_becomes(data, annotation, data)  # typed already, by Python or by JSON
        self.assert_becomes(plain_text(["5", "x"]), list, [5, "x"])
        self.assert_becomes(plain_text("5"), str, "5")
        self.assert_becomes(plain_text({"a": "5"}), dict[str, str], {"a": "5"})
        self.assert_becomes(plain_text("5"), Literal["5"], "5")

    def test_unions(self) -> None:
        for annotation in (int | None, Optional[int], Union[int, None]):  # noqa: UP007, UP045 - older spellings
            self.assert_becomes(None, annotation, None)
            self.assert_becomes("5", annotation, 5)
            self.refuse("x", annotation, "is 'x'; expected a whole number")
        # Text fits str always, so it is tried last, wherever it stands.
        for annotation in (int | str, str | int):
            self.assert_becomes("5", annotation, 5)
            self.assert_becomes("five", annotation, "five")
        self.assert_becomes("5", int | float, 5)
        self.assert_becomes("5.5", int | float, 5.5)
        self.assert_becomes("null", str | None, "null")
        self.assert_becomes(["1"], list[int] | int, [1])
        self.refuse([], int | str, "is []; expected a whole number or text")
        self.refuse("x", int | bool | None, "is 'x'; expected a whole number or true or false or null")
        # What fails further in says more; of several that came as far none says it for the others.
        self.refuse(["x"], list[int] | int, "is 'x'; expected a whole number", path="key[0]")
        self.refuse(["x"], list[int] | list[bool], "is ['x']; expected list or list")

    def test_choices(self) -> None:
        kind = Literal["auto", 3, True]
        self.assert_becomes("auto", kind, "auto")
        self.assert_becomes("3", kind, 3)
        self.assert_becomes(3, kind, 3)
        self.assert_becomes(True, kind, True)
        self.assert_becomes("True", kind, True)
        self.assert_becomes("true", kind, True)
        self.assert_becomes("false", Literal[False], False)
        self.assert_becomes("true", Literal["true", True], "true")
        for value in ("Auto", "", 4, 1, False, None, ["auto"]):
            shown = "empty" if value is None else repr(value)
            self.refuse(value, kind, f"is {shown}; expected one of auto, 3, true")

    def test_enums(self) -> None:
        for value in ("1", 1, Level.LOW):
            self.assert_becomes(value, Level, Level.LOW)
        for value in ("blue", Colour.BLUE):
            self.assert_becomes(value, Colour, Colour.BLUE)
        for value in ("3", 3, True, 1.0, "LOW", None):
            shown = "empty" if value is None else repr(value)
            self.refuse(value, Level, f"is {shown}; expected one of 1, 2")
        self.refuse("RED", Colour, "is 'RED'; expected one of red, blue")

    def test_lists_and_tuples(self) -> None:
        self.assert_becomes(["1", 2], list[int], [1, 2])
        self.assert_becomes(("1", 2), list[int], [1, 2])
        self.assert_becomes(["1"], list, ["1"])
        self.assert_becomes([], list[int], [])
        self.assert_becomes(["1", "2"], tuple[int, ...], (1, 2))
        self.assert_becomes(["1", "x"], tuple[int, str], (1, "x"))
        self.assert_becomes([1], tuple, (1,))
        self.assert_becomes([["1"], []], list[list[float]], [[1.0], []])
        self.refuse("1", list[int], "is '1'; expected a list")
        self.refuse({}, list, "is {}; expected a list")
        self.refuse(None, list[int], "is empty; expected a list")
        self.refuse(["1", "x"], list[int], "is 'x'; expected a whole number", "key[1]")
        self.refuse([["1"], ["x"]], list[list[int]], "is 'x'; expected a whole number", "key[1][0]")
        self.refuse(["1"], tuple[int, int], "has 1 items; expected 2")

    def test_mappings(self) -> None:
        self.assert_becomes({"a": "1"}, dict[str, int], {"a": 1})
        self.assert_becomes({"1": "2.5"}, dict[int, float], {1: 2.5})
        self.assert_becomes({"a": "1"}, dict, {"a": "1"})
        self.refuse([], dict[str, int], "is []; expected a mapping of keys to values")
        self.refuse({"a": "x"}, dict[str, int], "is 'x'; expected a whole number", "key.a")
        self.refuse({"x": "1"}, dict[int, int], "is 'x'; expected a whole number", "key.x")

    def test_long_values_are_shown_in_part(self) -> None:
        self.refuse("x" * 100, int, f"is '{'x' * 56}…; expected a whole number")
        self.refuse("x" * 58, int, f"is '{'x' * 58}'; expected a whole number")

    def test_annotations_that_are_not_supported(self) -> None:
        for annotation in (set[int], set, bytes, type[int], frozenset[str]):
            with self.subTest(annotation), self.assertRaises(TypeMismatchError) as caught:
                coerce("x", annotation, "key")
            self.assertEqual(
                str(caught.exception),
                f"has the annotation {annotation!r}, which is not supported in a configuration",
            )
        self.assertEqual(coerce(b"x", bytes, "key"), b"x")


BASE: dict[str, Any] = {
    "verbose": False,
    "input_format": "records",
    "rename_fields": {},
    "feature_names": [],
    "flatten_nested_inputs": False,
    "flatten_lists": False,
    "nested_field_delimiter": ".",
    "ignore_delimiter_collisions": False,
    "output_keys": [],
    "missing": "omit",
    "dtype": "float64",
    "nan": "error",
    "on_error": "isolate",
}


class Inner(ConfigSection):
    size: int
    names: list[str] = ["a"]  # noqa: RUF012 - copied, as the test shows


class Outer(ConfigSection):
    name: str


class Choosing(ConfigSection):
    part: Inner | Outer


class Config(BackendConfig):
    threshold: float = 0.5
    labels: list[str]
    limits: dict[str, int] = {}  # noqa: RUF012 - copied, as the test shows
    level: Level = Level.LOW
    mode: Literal["fast", "slow"] = "fast"
    inner: Inner | None = None
    shared: ClassVar[int] = 7
    _private: int = 8


class More(Config):
    extra: bool = False
    threshold: float = 0.25


class Building(unittest.TestCase):
    def refuse(self, title: str, /, **values: object) -> InferenceBackendInitializationError:
        with self.subTest(title):
            with self.assertRaises(InferenceBackendInitializationError) as caught:
                Config(**values)
            self.assertEqual(caught.exception.title, title)
            self.assertEqual((caught.exception.code, caught.exception.exit_code), ("config-invalid", 4))
        return caught.exception

    def test_defaults(self) -> None:
        config = Config(labels=["x"])
        own = {
            "threshold": 0.5,
            "labels": ["x"],
            "limits": {},
            "level": Level.LOW,
            "mode": "fast",
            "inner": None,
        }
        self.assertEqual(config.as_dict(), own | BASE)
        self.assertEqual(list(config.as_dict()), [*own, *BASE])

    def test_text_and_typed_values_give_the_same(self) -> None:
        text = Config(
            threshold="1",
            labels=["x"],
            limits={"a": "1"},
            level="2",
            mode="slow",
            inner={"size": "3", "names": []},
        )
        typed = Config(
            threshold=1.0,
            labels=["x"],
            limits={"a": 1},
            level=Level.HIGH,
            mode="slow",
            inner=Inner(size=3, names=[]),
        )
        self.assertEqual(text, typed)
        self.assertEqual(repr(text), repr(typed))
        self.assertEqual(text.inner.size, 3)  # type: ignore[union-attr]
        self.assertEqual(text.as_dict()["inner"], {"size": 3, "names": []})

    def test_a_required_key(self) -> None:
        error = self.refuse("backend_config: labels is required and was not given.")
        self.assertEqual(error.hint, f"Config takes: threshold, labels, limits, level, mode, inner, {', '.join(BASE)}.")
        error = self.refuse("backend_config: inner.size is required and was not given.", labels=[], inner={})
        self.assertEqual(error.hint, "Inner takes: size, names.")

    def test_unknown_keys(self) -> None:
        self.refuse("backend_config: treshold is not a key of Config.", labels=[], treshold=1)
        self.refuse("backend_config: inner.x is not a key of Inner.", labels=[], inner={"size": 1, "x": 2})
        self.refuse("backend_config: shared is not a key of Config.", labels=[], shared=1)
        self.refuse("backend_config: _private is not a key of Config.", labels=[], _private=1)
        self.refuse("backend_config: self is not a key of Config.", **{"labels": [], "self": 1})  # noqa: PIE804 - the name is taken here
        with self.assertRaises(InferenceBackendInitializationError) as caught:
            BackendConfig(x=1)
        self.assertEqual(caught.exception.hint, f"BackendConfig takes: {', '.join(BASE)}.")
        with self.assertRaises(InferenceBackendInitializationError) as caught:
            type("Empty", (ConfigSection,), {})(x=1)
        self.assertEqual(caught.exception.hint, "Empty takes: none.")

    def test_values_that_do_not_fit(self) -> None:
        self.refuse("backend_config: threshold is 'high'; expected a number.", labels=[], threshold="high")
        self.refuse("backend_config: labels[1] is 5; expected text.", labels=["a", 5])
        self.refuse("backend_config: limits.a is 'b'; expected a whole number.", labels=[], limits={"a": "b"})
        self.refuse("backend_config: mode is 'Fast'; expected one of fast, slow.", labels=[], mode="Fast")
        self.refuse("backend_config: labels is empty; expected a list.", labels=None)

    def test_one_of_several_parts(self) -> None:
        self.assertEqual(Choosing(part={"size": "1"}).as_dict(), {"part": {"size": 1, "names": ["a"]}})
        self.assertEqual(Choosing(part={"name": "x"}).as_dict(), {"part": {"name": "x"}})
        with self.assertRaises(InferenceBackendInitializationError) as caught:
            Choosing(part={"other": 1})
        self.assertEqual(caught.exception.title, "backend_config: part is {'other': 1}; expected Inner or Outer.")

    def test_defaults_are_not_shared(self) -> None:
        first, second = Config(labels=[]), Config(labels=[])
        first.limits["a"] = 1
        self.assertEqual((second.limits, Config.limits), ({}, {}))
        inner, other = Inner(size=1), Inner(size=1)
        inner.names.append("b")
        self.assertEqual((other.names, Inner.names), (["a"], ["a"]))

    def test_inheritance(self) -> None:
        config = More(labels=[], extra="true")
        self.assertEqual((config.threshold, config.extra, config.mode), (0.25, True, "fast"))
        with self.assertRaises(InferenceBackendInitializationError):
            Config(labels=[], extra="true")

    def test_equality_is_of_class_and_values(self) -> None:
        self.assertEqual(Inner(size="1"), Inner(size=1))
        self.assertNotEqual(Inner(size=1), Inner(size=2))
        self.assertNotEqual(Inner(size=1), {"size": 1, "names": ["a"]})
        with self.assertRaises(TypeError):
            hash(Inner(size=1))

    def test_repr_shows_the_values_in_force(self) -> None:
        self.assertEqual(repr(Inner(size="3")), "Inner(size=3, names=['a'])")
        self.assertEqual(repr(BackendConfig()), "BackendConfig()")
        self.assertEqual(repr(BackendConfig(dtype="int8")), "BackendConfig(dtype='int8')")

    def test_a_part_of_a_configuration_has_no_keys_of_a_backends(self) -> None:
        self.refuse("backend_config: inner.verbose is not a key of Inner.", labels=[], inner={"size": 1, "verbose": 1})

    def test_the_input_format(self) -> None:
        for value in ("numpy", InputFormats.NUMPY):
            config = BackendConfig(input_format=value)
            self.assertIs(config.input_format, InputFormats.NUMPY)
            self.assertEqual((config.input_format, str(config.input_format)), ("numpy", "numpy"))
            self.assertEqual(f"{config.input_format}", "numpy")
        with self.assertRaises(InferenceBackendInitializationError) as caught:
            BackendConfig(input_format="Numpy")
        self.assertEqual(
            caught.exception.title,
            "backend_config: input_format is 'Numpy'; expected one of passthrough, records, numpy, pandas.",
        )

    def test_null_is_a_word_where_it_is_a_choice(self) -> None:
        # In packflow.yaml `missing: null` is null itself.
        self.assertEqual(BackendConfig(missing=None).missing, "null")
        self.assertEqual(BackendConfig(missing="null").missing, "null")

    def test_a_class_may_give_a_base_key_another_type(self) -> None:
        class Own(BackendConfig):
            missing: float = -1.0  # type: ignore[assignment]

        self.assertEqual(Own(missing="2").missing, 2.0)
        self.assertEqual(repr(Own()), "Own(missing=-1.0)")


class Merging(unittest.TestCase):
    def test_later_layers_win_and_mappings_merge_deeply(self) -> None:
        self.assertEqual(
            merged({"a": 1, "b": {"x": 1, "y": {"p": 1}}}, {"b": {"y": {"q": 2}, "z": 3}}, {"a": None}),
            {"a": None, "b": {"x": 1, "y": {"p": 1, "q": 2}, "z": 3}},
        )

    def test_lists_and_scalars_are_replaced_whole(self) -> None:
        self.assertEqual(merged({"a": [1, 2], "b": {"x": 1}}, {"a": [3], "b": 5}), {"a": [3], "b": 5})
        self.assertEqual(merged({"a": 5}, {"a": {"x": 1}}), {"a": {"x": 1}})

    def test_layers_are_not_changed(self) -> None:
        first, second = {"a": {"x": 1}}, {"a": {"y": 2}}
        merged(first, second)
        self.assertEqual((first, second), ({"a": {"x": 1}}, {"a": {"y": 2}}))

    def test_nothing(self) -> None:
        self.assertEqual(merged(), {})


if __name__ == "__main__":
    unittest.main()
