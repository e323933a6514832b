"""``check_io``: what it accepts, and what it says of each way to fail in production."""

from __future__ import annotations

import random
import struct
import unittest
from typing import Any, ClassVar
from unittest import mock

from packflow_runtime.backend import InferenceBackend
from packflow_runtime.checking import changed_path, check_io
from packflow_runtime.errors import InferenceBackendRuntimeError, InferenceBackendValidationError

Rows = list[dict[str, Any]]
EVENTS: Rows = [{"x": 3.0, "tags": ["a"]}, {"x": 1.0, "tags": []}, {"x": 2.0, "tags": ["b", "c"]}]


class Honest(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        return [{"score": event["x"] / 4, "label": "high" if event["x"] > 1.5 else "low"} for event in inputs]


class BatchMean(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        mean = sum(event["x"] for event in inputs) / len(inputs)
        return [{"score": event["x"] - mean} for event in inputs]


class Sorting(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        return [{"score": event["x"]} for event in sorted(inputs, key=lambda event: event["x"])]


class Dice(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        return [{"score": random.random()} for _ in inputs]


class Popping(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        return [{"score": event.pop("x")} for event in inputs]


class Emptying(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        outputs = []
        while inputs:
            outputs.append(inputs.pop(0))
        return outputs


class Returning(InferenceBackend):
    outputs: ClassVar[Any] = None

    def execute(self, inputs: Rows) -> Any:
        return self.outputs


def returning(value: Any) -> InferenceBackend:
    return type("Returning", (Returning,), {"outputs": value})()


class AloneFails(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        if len(inputs) == 1 and inputs[0]["x"] == 1.0:
            raise ValueError("needs two rows")
        return [{"score": 1}] * len(inputs)


class Raising(InferenceBackend):
    def execute(self, inputs: Rows) -> Rows:
        raise KeyError("bytes_out")


class Counting(InferenceBackend):
    stateful = True
    calls = 0

    def execute(self, inputs: Rows) -> Rows:
        self.calls += 1
        return [{"seen": self.calls * 100 + index} for index, _ in enumerate(inputs)]


class Narrow(InferenceBackend):
    """Honest float32 arithmetic: the last bits of a score change with the batch size, and a label flips on a tie."""

    def execute(self, inputs: Rows) -> Rows:
        noise = 1 + len(inputs) * 2**-23
        scores = [struct.unpack("f", struct.pack("f", event["x"] * noise))[0] for event in inputs]
        return [{"score": score, "label": self.label(score, len(inputs))} for score in scores]

    def label(self, score: float, batch_size: int) -> str:
        return "a" if score < 1.5 and batch_size > 1 else "b"


class Passing(unittest.TestCase):
    def test_the_shape_of_the_input_is_kept(self) -> None:
        single = {"score": 0.75, "label": "high"}
        self.assertEqual(check_io(Honest(), EVENTS[0]), single)
        self.assertEqual(check_io(Honest(), EVENTS[:1]), [single])
        self.assertEqual(check_io(Honest(), []), [])
        outputs = check_io(Honest(), EVENTS)
        self.assertEqual(outputs[0], single)
        self.assertEqual(len(outputs), 3)

    def test_inputs_are_left_alone(self) -> None:
        events = [dict(event) for event in EVENTS]
        check_io(Honest(), events)
        self.assertEqual(events, EVENTS)

    def test_a_stateful_backend_runs_once(self) -> None:
        backend = Counting()
        self.assertEqual(check_io(backend, EVENTS), [{"seen": 100}, {"seen": 101}, {"seen": 102}])
        self.assertEqual(check_io(backend, EVENTS[0]), {"seen": 200})
        self.assertEqual(backend.calls, 2)

    def warnings_of(self, backend: InferenceBackend, inputs: Any) -> list[str]:
        logger = mock.Mock()
        backend.logger = logger
        check_io(backend, inputs)
        return [message for (message,), _ in logger.warning.call_args_list]

    def test_a_tie_is_a_warning(self) -> None:
        self.assertEqual(self.warnings_of(Narrow(), EVENTS), ["1 of 3 outputs flip between single and batch on a tie"])
        self.assertEqual(self.warnings_of(Narrow(), EVENTS[:1]), [])

    def test_declared_keys(self) -> None:
        backend = Honest()
        backend.config = type("Config", (), {"output_keys": ["score", "{odd} %s", "rank"]})()
        self.assertEqual(
            self.warnings_of(backend, EVENTS),
            [f"output_keys declares {key!r}, but no output has it" for key in ("{odd} %s", "rank")],
        )
        self.assertEqual(self.warnings_of(backend, []), [])
        self.assertEqual(self.warnings_of(Honest(), EVENTS), [])


class Failing(unittest.TestCase):
    def refuse(self, backend: InferenceBackend, inputs: Any, *words: str) -> InferenceBackendValidationError:
        with self.assertRaises(InferenceBackendValidationError) as caught:
            check_io(backend, inputs)
        for word in words:
            self.assertIn(word, f"{caught.exception} | {caught.exception.hint}")
        self.assertNotEqual(caught.exception.hint, "")
        return caught.exception

    def test_inputs_of_another_shape(self) -> None:
        self.refuse(Honest(), (), "check_io was given a tuple")
        self.refuse(Honest(), None, "check_io was given None")
        self.refuse(Honest(), [EVENTS[0], 5], "Event 2 of 2 is an int, not a dict.")

    def test_outputs_that_break_the_contract(self) -> None:
        self.refuse(returning([{"a": float("nan")}]), [{}], "a is nan")
        self.refuse(returning([{}]), EVENTS, "1 output for 3 events")
        self.refuse(returning({"a": 1}), [{}], "a dict, not a list of dicts")
        self.refuse(returning([[1]]), [{}], "An output is a list, not a dict")
        self.refuse(returning([{"a": object()}]), {}, "a is an object")
        self.refuse(returning([{"a": "\ud800"}]), {}, "Output 1 of 1 cannot be written as JSON", "surrogate")

    def test_rows_in_another_order(self) -> None:
        self.refuse(
            Sorting(),
            EVENTS,
            "gives the outputs of a batch in another order",
            "event 1 of 3 at score is 1.0 in the batch and 3.0 alone.",
        )
        self.assertEqual(check_io(Sorting(), EVENTS[:1]), [{"score": 3.0}])

    def test_outputs_that_depend_on_the_batch(self) -> None:
        self.refuse(
            BatchMean(),
            EVENTS,
            "depends on the other events of its batch",
            "event 1 of 3 at score is 1.0 in the batch and 0.0 alone.",
        )

    def test_outputs_that_change_from_run_to_run(self) -> None:
        self.refuse(Dice(), EVENTS, "gives other outputs for the same events", "stateful = True")

    def test_inputs_that_are_changed(self) -> None:
        events = [dict(event) for event in EVENTS]
        self.refuse(Popping(), events, "The backend changed its input: x of event 1 of 3.")
        self.refuse(Emptying(), events, "The backend changed its input: the list of events.")
        self.assertEqual(events, EVENTS)

    def test_an_event_that_fails_alone(self) -> None:
        error = self.refuse(AloneFails(), EVENTS, "Event 2 of 3 fails alone", "ValueError: needs two rows")
        self.assertIsInstance(error.__cause__, InferenceBackendRuntimeError)

    def test_what_the_model_raises_comes_through(self) -> None:
        with self.assertRaises(InferenceBackendRuntimeError) as caught:
            check_io(Raising(), EVENTS)
        self.assertIn("bytes_out", str(caught.exception))
        self.assertIsInstance(caught.exception.__cause__, KeyError)


class ChangedPath(unittest.TestCase):
    def test_first_change(self) -> None:
        class Odd:
            def __eq__(self, other: object) -> bool:
                raise ValueError("ambiguous")

            __hash__ = None  # type: ignore[assignment]

        nan = float("nan")
        for before, after, path in (
            ({"a": [1, {"b.c": 2}]}, {"a": [1, {"b.c": 3}]}, 'a[]."b.c"'),
            ({"a": 1}, {"a": 1.0}, "a"),
            ({"a": 1}, {"a": True}, "a"),
            ({"a": 1}, {"a": 1, "b": 2}, "b"),
            ({"a": 1, 5: 2}, {"a": 1}, "5"),
            ({"a": [1]}, {"a": [1, 2]}, "a"),
            ({"a": (1, 2)}, {"a": (1, 3)}, "a[]"),
            ({"a": nan, "b": [nan]}, {"a": float("nan"), "b": [float("nan")]}, None),
            ({"a": Odd()}, {"a": Odd()}, None),
            ({}, {}, None),
        ):
            with self.subTest(before=str(before)):
                self.assertEqual(changed_path(before, after, ""), path)


if __name__ == "__main__":
    unittest.main()
