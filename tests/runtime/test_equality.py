"""The equality rule, clause by clause."""

import json
import random
import struct
import time
import unittest
from math import inf, nan
from typing import Any, ClassVar

from packflow_runtime.differences import Comparison, Mismatch
from packflow_runtime.equality import RTOL_NARROW, RTOL_WIDE, Rule, compare
from packflow_runtime.errors import PackflowError


def float32(value: float) -> float:
    """Round to the nearest 32-bit float, as a float32 model's output arrives in JSON."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def neighbour32(value: float, steps: int) -> float:
    """Return the 32-bit float so many units in the last place away: the noise of another summation order."""
    bits = struct.unpack("<i", struct.pack("<f", value))[0]
    return struct.unpack("<f", struct.pack("<i", bits + steps))[0]


def outputs32(seed: int, count: int = 200) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [{"score": float32(rng.uniform(-1, 1)), "label": "a"} for _ in range(count)]


def nested(leaf: Any, depth: int) -> Any:
    for level in range(depth):
        leaf = {"k": leaf} if level % 2 else [leaf]
    return leaf


class Floats(unittest.TestCase):
    def test_noise_of_float32_is_no_difference(self) -> None:
        left = outputs32(1)
        right = [{**event, "score": neighbour32(event["score"], 3)} for event in left]
        result = compare(left, right)
        self.assertTrue(result.equal)
        self.assertEqual(result.tolerances, {"score": RTOL_NARROW})
        self.assertEqual((result.values, result.not_bit_equal), (400, 200))
        self.assertLess(result.largest.difference, 1e-6)

    def test_cancellation_near_zero_is_measured_against_the_scale_of_the_path(self) -> None:
        near_zero = [{"score": float32(1e-7)}, {"score": 1.0}]
        moved = [{"score": float32(3e-7)}, {"score": 1.0}]
        self.assertTrue(compare(near_zero, moved).equal)
        self.assertFalse(compare(near_zero[:1], moved[:1]).equal)

    def test_scale_spans_both_sides_and_only_its_own_path(self) -> None:
        self.assertTrue(compare([{"a": 0.0}, {"a": 1.0}], [{"a": 0.0}, {"a": 1.0}]).equal)
        left = [{"a": float32(1e-3), "b": 100.0}]
        right = [{"a": float32(1e-3 + 1e-7), "b": 100.0}]
        self.assertFalse(compare(left, right).equal)
        shifted = [float32(1e-4), 0.0], [0.0, 100.0]
        self.assertEqual(compare(*shifted).differing, 1)
        self.assertEqual(compare(*shifted).first.event, 1)

    def test_leak_of_a_batch_mean_is_caught(self) -> None:
        left = outputs32(2)
        mean = sum(event["score"] for event in left) / len(left)
        right = [{**event, "score": float32(event["score"] + 5e-4 * (1 + mean))} for event in left]
        result = compare(left, right)
        self.assertFalse(result.equal)
        self.assertEqual(result.differing, 200)
        self.assertEqual((result.first.path, result.first.kind), ("score", "value"))
        self.assertAlmostEqual(result.largest.difference, 5e-4 * (1 + mean), places=6)

    def test_small_change_of_a_float64_is_caught(self) -> None:
        left = [{"score": index / 7} for index in range(1, 50)]
        right = [{"score": event["score"] * (1 + 1e-7)} for event in left]
        result = compare(left, right)
        self.assertFalse(result.equal)
        self.assertEqual(result.tolerances, {"score": RTOL_WIDE})

    def test_last_bit_of_a_float64_is_not(self) -> None:
        self.assertTrue(compare([0.1 + 0.2], [0.3]).equal)

    def test_small_change_betrays_float64_values_that_look_like_float32(self) -> None:
        result = compare([0.5, 0.25], [0.5 * (1 + 1e-8), 0.25])
        self.assertFalse(result.equal)
        self.assertEqual(result.tolerances, {"": RTOL_WIDE})

    def test_width_is_decided_per_path_over_both_sides(self) -> None:
        result = compare(
            [{"a": 0.5, "b": 0.5, "c": 0.1, "d": nan, "e": 1e300, "f": 1}],
            [{"a": 0.5, "b": 0.1, "c": 0.1, "d": inf, "e": 1e300, "f": 1}],
        )
        wide = dict.fromkeys("bce", RTOL_WIDE)
        self.assertEqual(result.tolerances, {"a": RTOL_NARROW, "d": RTOL_NARROW, **wide})
        self.assertEqual(list(result.tolerances), ["a", "b", "c", "d", "e"])

    def test_path_declared_narrow_is(self) -> None:
        left, right = [{"a": 0.1234, "b": 0.1234}], [{"a": 0.123401, "b": 0.123401}]
        result = compare(left, right, Rule(narrow=frozenset({"a"})))
        self.assertEqual(result.tolerances, {"a": RTOL_NARROW, "b": RTOL_WIDE})
        self.assertEqual(result.first.path, "b")

    def test_tolerances_given_are_used(self) -> None:
        left, right = [[1.0, 100.0]], [[1.5, 100.0]]
        self.assertFalse(compare(left, right).equal)
        self.assertTrue(compare(left, right, Rule(rtol=0.005)).equal)
        self.assertFalse(compare(left, right, Rule(rtol=0.004)).equal)
        self.assertTrue(compare(left, right, Rule(rtol=0.0, atol=0.5)).equal)
        self.assertFalse(compare(left, right, Rule(rtol=0.0, atol=0.4)).equal)
        self.assertEqual(compare(left, right, Rule(rtol=0.25)).tolerances, {"[]": 0.25})

    def test_nan_equals_nan_and_infinities_by_sign(self) -> None:
        self.assertTrue(compare([[nan, inf, -inf]], [[nan, inf, -inf]]).equal)
        for a, b, difference in [(nan, 1.0, None), (nan, inf, None), (inf, -inf, inf), (inf, 1e308, inf)]:
            for left, right in [(a, b), (b, a)]:
                with self.subTest(left=left, right=right):
                    result = compare([left], [right], Rule(rtol=1.0, atol=1.0))
                    self.assertFalse(result.equal)
                    self.assertEqual(result.first.kind, "value")
                    self.assertEqual(result.first.difference, difference)

    def test_infinity_is_not_part_of_the_scale(self) -> None:
        self.assertFalse(compare([inf, 1.0], [inf, 1.5]).equal)
        self.assertFalse(compare([inf, 1e308], [1.0, 1e308], Rule(rtol=10.0)).equal)

    def test_negative_zero_is_equal_but_not_bit_equal(self) -> None:
        result = compare([0.0, -0.0, 0.0], [-0.0, -0.0, 0.0])
        self.assertTrue(result.equal)
        self.assertEqual(result.not_bit_equal, 1)
        self.assertIsNone(result.largest)

    def test_largest_difference_is_found_in_tolerance_and_out_of_it(self) -> None:
        left = [{"a": 1.0, "b": 1000.0}, {"a": 1.0, "b": 1000.0}]
        right = [{"a": 1.0, "b": 1000.0}, {"a": 1.0, "b": float32(1000.001)}]
        result = compare(left, right)
        self.assertTrue(result.equal)
        self.assertEqual((result.largest.path, result.largest.event), ("b", 1))
        right[0] = {"a": 3.0, "b": 1000.0}
        self.assertEqual(compare(left, right).largest, Mismatch(0, "a", "value", 1.0, 3.0, 2.0))


class Exact(unittest.TestCase):
    def check(self, left: Any, right: Any, path: str, kind: str) -> Comparison:
        result = compare([left], [right])
        self.assertFalse(result.equal)
        self.assertEqual((result.first.path, result.first.kind), (path, kind))
        return result

    def test_discrete_values_compare_exactly(self) -> None:
        for left, right in [(1, 2), (True, False), ("a", "b"), (2**80, 2**80 + 1)]:
            with self.subTest(left=left, right=right):
                result = self.check({"x": left}, {"x": right}, "x", "value")
                self.assertEqual((result.first.left, result.first.right), (left, right))
                self.assertIsNone(result.first.difference)
                self.assertTrue(compare([left], [left]).equal)

    def test_other_json_type_is_a_difference(self) -> None:
        for left, right in [
            (1, 1.0),
            (True, 1),
            (False, 0),
            (None, 0.0),
            (None, nan),
            ("1", 1),
            ([], {}),
            ([1], 1),
        ]:
            with self.subTest(left=left, right=right):
                self.check({"x": left}, {"x": right}, "x", "type")
                self.check({"x": right}, {"x": left}, "x", "type")

    def test_keys_missing_and_extra(self) -> None:
        self.check({"a": 1, "b": None}, {"a": 1}, "b", "missing")
        self.check({"a": 1}, {"a": 1, "b": None}, "b", "extra")
        result = compare([{"a": 1}], [{"b": 1}], Rule(ignore=("a",)))
        self.assertEqual((result.first.path, result.first.kind), ("b", "extra"))
        self.check({"a": {"b": [{}]}}, {"a": {"b": [{"c": 1}]}}, "a.b[].c", "extra")

    def test_order_of_keys_does_not_count(self) -> None:
        self.assertTrue(compare([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]).equal)

    def test_length_of_lists(self) -> None:
        result = self.check({"a": [1, 2, 3]}, {"a": [1, 2]}, "a", "length")
        self.assertEqual((result.first.left, result.first.right), (3, 2))

    def test_first_mismatch_is_the_first_in_the_document(self) -> None:
        left = {"a": [{"b": 1}, {"b": 2}], "c": 1, "d": 1}
        right = {"a": [{"b": 1}, {"b": 3}], "c": 2}
        self.check(left, right, "a[].b", "value")
        self.assertEqual(compare([[1, 2]], [[3, 4]]).first.left, 1)
        self.check({"z": 1, **left}, {"z": 1.0, **right}, "z", "type")

    def test_paths_are_unambiguous(self) -> None:
        for value, path in [
            ({"id.orig_h": {"x": 0}}, '"id.orig_h".x'),
            ({"id": {"orig_h": {"x": 0}}}, "id.orig_h.x"),
            ({"a[]": 0}, '"a[]"'),
            ({"a": [0]}, "a[]"),
            ({'say "x"': 0}, '"say \\"x\\""'),
            ({"": {"": 0}}, '"".""'),
            ([[{"é": 0}]], "[][].é"),
            ({"ä.b": 0}, '"ä.b"'),
            (0, ""),
        ]:
            with self.subTest(path=path):
                changed = json.loads(json.dumps(value, ensure_ascii=False).replace("0", "1"))
                self.check(value, changed, path, "value")

    def test_values_are_counted(self) -> None:
        result = compare([{"a": [1, None], "b": "x", "c": 1}], [{"a": [2, None], "b": 3, "d": 1}])
        self.assertEqual((result.values, result.not_bit_equal), (3, 2))

    def test_depth_does_not_overflow_the_stack(self) -> None:
        for depth in (200, 5000):
            result = compare([nested(1, depth)], [nested(2, depth)])
            self.assertEqual(result.first.kind, "value")
        missing = compare([{"a": nested(1, 200)}], [{}])
        json.dumps(missing.as_json(), allow_nan=False)


class Ignored(unittest.TestCase):
    def test_path_and_everything_below_is_dropped(self) -> None:
        left = {"a": {"b": 1, "c": [1.0]}, "t": 1, "n": 1}
        right = {"a": {"b": 2, "c": [2.0, 3.0]}, "n": 1}
        result = compare([left], [right], Rule(ignore=("a", "t")))
        self.assertTrue(result.equal)
        self.assertEqual((result.values, result.tolerances), (1, {}))
        self.assertEqual(compare([left], [right], Rule(ignore=("a.b", "t"))).first.path, "a.c")
        self.assertEqual(compare([left], [right], Rule(ignore=("a",))).first.kind, "missing")
        self.assertTrue(compare([right], [left], Rule(ignore=("a", "t"))).equal)

    def test_items_are_dropped_but_not_the_length(self) -> None:
        rule = Rule(ignore=("a[]",))
        self.assertTrue(compare([{"a": [1, 2]}], [{"a": [3, 4]}], rule).equal)
        self.assertEqual(compare([{"a": [1, 2]}], [{"a": [3]}], rule).first.kind, "length")

    def test_quoted_path(self) -> None:
        left, right = [{"a.b": 1, "a": {"b": 1}}], [{"a.b": 2, "a": {"b": 1}}]
        self.assertTrue(compare(left, right, Rule(ignore=('"a.b"',))).equal)
        self.assertFalse(compare(left, right, Rule(ignore=("a.b",))).equal)


class Errors(unittest.TestCase):
    ERROR: ClassVar = {
        "type": "ValueError",
        "step": "execute",
        "code": "backend-raised",
        "message": "no",
        "line": 3,
    }

    def outcome(self, **changes: Any) -> dict[str, Any]:
        return {"packflow_error": {**self.ERROR, **changes}}

    def test_message_and_line_may_differ(self) -> None:
        result = compare([self.outcome()], [self.outcome(message="other", line=None, trace=[1.0])])
        self.assertTrue(result.equal)
        self.assertEqual(result.values, 3)

    def test_type_step_and_code_may_not(self) -> None:
        for name in ("type", "step", "code"):
            with self.subTest(name=name):
                result = compare([self.outcome()], [self.outcome(**{name: "other"})])
                self.assertEqual((result.first.kind, result.first.path), ("value", f"packflow_error.{name}"))

    def test_error_against_an_output(self) -> None:
        for left, right in [(self.outcome(), {"a": 1}), ({"a": 1}, self.outcome()), (self.outcome(), None)]:
            result = compare([left], [right])
            self.assertEqual((result.first.kind, result.first.path), ("error", ""))
            self.assertEqual((result.first.left, result.first.right), (left, right))

    def test_other_dicts_are_outputs(self) -> None:
        both = (
            {"packflow_error": {"message": "a"}, "kept": 1},
            {"packflow_error": {"message": "b"}, "kept": 1},
        )
        self.assertEqual(compare(both[:1], both[1:]).first.path, "packflow_error.message")
        self.assertEqual(compare([both[0]], [self.outcome()]).first.kind, "error")
        inside = [{"x": {"packflow_error": {"line": line}}} for line in (1, 2)]
        self.assertFalse(compare(inside[:1], inside[1:]).equal)
        self.assertEqual(compare([{"packflow_error": "no"}], [self.outcome()]).first.kind, "error")


class Ties(unittest.TestCase):
    NEAR = neighbour32(0.5, 1)

    def verdict(self, left: Any, right: Any) -> tuple[int, int]:
        result = compare([left], [right])
        self.assertEqual(result.equal, not result.differing)
        return result.differing, result.ties

    def test_flip_beside_a_float_that_moved_in_tolerance_is_a_tie(self) -> None:
        for a, b in [("cat", "dog"), (1, 7), (True, False)]:
            self.assertEqual(self.verdict({"s": 0.5, "x": a}, {"s": self.NEAR, "x": b}), (0, 1))
        result = compare([{"s": 0.5, "x": "cat"}], [{"s": self.NEAR, "x": "dog"}])
        self.assertTrue(result.equal)
        self.assertEqual(result.tied, (Mismatch(0, "x", "value", "cat", "dog"),))
        self.assertEqual((result.mismatches, result.first), ((), None))
        self.assertEqual(result.largest.path, "s")

    def test_flip_beside_bit_equal_floats_is_a_difference(self) -> None:
        self.assertEqual(self.verdict({"s": 0.5, "x": 1}, {"s": 0.5, "x": 2}), (1, 0))
        self.assertEqual(self.verdict({"x": 1}, {"x": 2}), (1, 0))
        self.assertEqual(self.verdict({"s": nan, "x": 1}, {"s": nan, "x": 2}), (1, 0))

    def test_float_out_of_tolerance_rules_a_tie_out(self) -> None:
        left, right = {"s": 0.5, "t": 0.5, "x": 1}, {"s": self.NEAR, "t": 0.75, "x": 2}
        self.assertEqual(self.verdict(left, right), (1, 0))
        self.assertEqual(self.verdict(dict(reversed(left.items())), right), (1, 0))

    def test_other_kinds_of_mismatch_rule_a_tie_out(self) -> None:
        for a, b in [(None, 1), (1, 1.0), ([1], [1, 2]), ({"k": 1}, {}), ({}, {"k": 1}), (1, "1")]:
            with self.subTest(a=a, b=b):
                left, right = {"s": 0.5, "f": 1, "x": a}, {"s": self.NEAR, "f": 2, "x": b}
                self.assertEqual(self.verdict(left, right), (1, 0))

    def test_another_order_of_a_list_is_no_tie(self) -> None:
        left, right = {"s": 0.5, "x": ["a", "b", "c"]}, {"s": self.NEAR, "x": ["b", "a", "c"]}
        self.assertEqual(self.verdict(left, right), (1, 0))
        self.assertEqual(self.verdict(left, {**right, "x": ["a", "d", "c"]}), (0, 1))

    def test_float_of_another_event_explains_nothing(self) -> None:
        result = compare([{"s": 0.5}, {"s": 0.5, "x": 1}], [{"s": self.NEAR}, {"s": 0.5, "x": 2}])
        self.assertEqual((result.differing, result.ties, result.first.event), (1, 0, 1))


class Runs(unittest.TestCase):
    def test_empty_runs_are_equal(self) -> None:
        result = compare([], [])
        self.assertTrue(result.equal)
        self.assertEqual((result.events, result.values), (0, 0))

    def test_run_that_ends_early_is_an_error_where_it_ends(self) -> None:
        result = compare([1, 2, 3, 4], [1, 2])
        self.assertFalse(result.equal)
        self.assertEqual((result.events, result.differing), (4, 2))
        self.assertEqual(result.mismatches, (Mismatch(2, "", "count", 4, 2),))
        self.assertEqual(compare([], [1]).first, Mismatch(0, "", "count", 0, 1))

    def test_first_twenty_are_listed_and_all_counted(self) -> None:
        moved = neighbour32(0.5, 1)
        left = [{"x": 1, "y": 1}] * 30 + [{"s": 0.5, "x": 1}] * 25
        right = [{"x": 2, "y": 2}] * 30 + [{"s": moved, "x": 2}] * 25
        result = compare(left, [*right, None])
        self.assertEqual((result.events, result.differing, result.ties), (56, 31, 25))
        self.assertEqual([found.event for found in result.mismatches], list(range(20)))
        self.assertEqual([found.event for found in result.tied], list(range(30, 50)))

    def test_inputs_are_left_alone(self) -> None:
        left, right = [{"a": [1.0, {"b": 2}]}], [{"packflow_error": {"type": "E", "line": 1}}]
        before = json.dumps([left, right])
        compare(left, right)
        self.assertEqual(json.dumps([left, right]), before)

    def test_ten_thousand_events_take_seconds_at_most(self) -> None:
        left = [{f"f{key}": float32(index / (key + 3)) for key in range(20)} for index in range(10_000)]
        right = [{key: neighbour32(value, 1) for key, value in event.items()} for event in left]
        start = time.perf_counter()
        result = compare(left, right)
        self.assertLess(time.perf_counter() - start, 10)  # about 0.5 s; the rest is for slow machines
        self.assertTrue(result.equal)
        self.assertEqual(result.values, 200_000)


class Settings(unittest.TestCase):
    def test_tolerance_that_decides_nothing_is_refused(self) -> None:
        for settings in (
            {"rtol": nan},
            {"rtol": -1.0},
            {"rtol": inf},
            {"atol": nan},
            {"atol": -1e-9},
            {"atol": inf},
        ):
            with self.subTest(settings=settings), self.assertRaises(PackflowError) as caught:
                Rule(**settings)
            self.assertEqual(caught.exception.code, "tolerance-invalid")

    def test_ignoring_everything_is_refused(self) -> None:
        with self.assertRaises(PackflowError) as caught:
            Rule(ignore=("",))
        self.assertEqual(caught.exception.code, "path-invalid")


class AsJson(unittest.TestCase):
    def test_comparison(self) -> None:
        rule = Rule(ignore=("t",), narrow=frozenset({"b", "a"}))
        left, right = [{"a": nan, "t": 1}, {"a": 1.0}], [{"a": -inf}, {"a": 1.0}]
        shown = compare(left, right, rule).as_json()
        mismatch = {
            "event": 0,
            "path": "a",
            "kind": "value",
            "left": "NaN",
            "right": "-Infinity",
            "difference": None,
        }
        self.assertEqual(
            json.loads(json.dumps(shown, allow_nan=False)),
            {
                "equal": False,
                "events": 2,
                "differing": 1,
                "ties": 0,
                "values": 2,
                "not_bit_equal": 1,
                "largest": None,
                "first": mismatch,
                "mismatches": [mismatch],
                "tied": [],
                "fields": [{"path": "a", "events": 1, "largest": None, "first": mismatch}],
                "rule": {"rtol": None, "atol": 0.0, "ignore": ["t"], "narrow": ["a", "b"]},
                "tolerances": {"a": RTOL_NARROW},
            },
        )
        self.assertEqual(list(shown), list(Comparison.__dataclass_fields__))

    def test_infinite_difference_is_a_string(self) -> None:
        shown = compare([1.0], [inf]).as_json()
        self.assertEqual(shown["largest"]["difference"], "Infinity")
        self.assertEqual(shown["largest"]["right"], "Infinity")

    def test_long_values_are_shortened(self) -> None:
        big = {
            "s": "x" * 10_000,
            "l": list(range(1000)),
            "d": {str(key): nan for key in range(1000)},
            "n": [[[[[1]]]]],
            "o": [[[{}]]],
            "i": 10**5000,
        }
        shown = compare([{"a": big}], [{"a": 1}]).first.as_json()
        self.assertEqual((shown["kind"], shown["right"]), ("type", 1))
        left = shown["left"]
        self.assertEqual(left["s"], "x" * 200 + "… (9,800 characters more)")
        self.assertEqual(left["l"], [0, 1, 2, 3, 4, 5, 6, 7, "… (992 more)"])
        self.assertEqual(len(left["d"]), 9)
        self.assertEqual((left["d"]["0"], left["d"]["…"]), ("NaN", "(992 more)"))
        self.assertEqual(left["n"], [["(a list of 1)"]])
        self.assertEqual(left["o"], [["(a list of 1)"]])
        self.assertIn("bits", left["i"])
        self.assertLess(len(json.dumps(shown, allow_nan=False)), 2000)


if __name__ == "__main__":
    unittest.main()
