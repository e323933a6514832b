"""One outcome per line, in order, whatever stands in the others: isolation, state, and the bytes written."""

from __future__ import annotations

import asyncio
import json
import unittest
from collections import Counter
from typing import Any

from packflow_runtime.backend import InferenceBackend, StepTimes
from packflow_runtime.codec import choose_codec
from packflow_runtime.errors import InferenceBackendError
from packflow_runtime.jsonlines import BadLineError, Limits, encode
from packflow_runtime.lines import Line, Lines
from packflow_runtime.outcomes import (
    CallObserver,
    EventRunner,
    Outcome,
    encode_output,
    error_record,
    run_lines,
)

# Every class of bad line, and the code of its outcome.
BAD = (
    (b"\xef\xbb\xbf{}", "not-json"),
    ('{"n":1}'.encode("utf-16"), "not-utf8"),
    ('{"n":1}'.encode("utf-32-le"), "not-json"),
    (b'{"n":"\xff"}', "not-utf8"),
    (rb'{"n":"\ud800"}', "lone-surrogate"),
    (b'{"n":"\x00"}', "not-json"),
    (b'{"n":NaN}', "not-json"),
    (b'{"n":-Infinity}', "not-json"),
    (b'{"n":1e400}', "number-out-of-range"),
    (b'{"n":' + b"9" * 4301 + b"}", "number-too-long"),
    (b'{"n":' + b"[" * 500 + b"]" * 500 + b"}", "too-deep"),
    (b"[" * 100_000, "too-deep"),
    (b'{"n":"' + b"x" * 20_000 + b'"}', "line-too-long"),
    (b'{"n":1', "not-json"),
    (b'{"n":1,}', "not-json"),
    (b'{"n":1} // comment', "not-json"),
    (b'{"n":1}{"n":2}', "not-json"),
    (b'[{"n":1}]', "not-object"),
    (b'"text"', "not-object"),
    (b"7", "not-object"),
    (b"null", "not-object"),
    (b"\x1f\x8b\x08\x00", "not-utf8"),
    (b"\x28\xb5\x2f\xfd", "not-utf8"),
)
LIMITS = Limits(max_line_bytes=10_000)
LONG = Limits(max_line_bytes=200_000)


def numbered(raws: list[bytes], first: int = 1) -> list[Line]:
    return [Line(first + index, raw) for index, raw in enumerate(raws)]


def good(number: int) -> bytes:
    return b'{"n":%d}' % number


class Model(InferenceBackend):
    """Answers with n; raises for the events in ``culprits``; counts how often each event was executed."""

    def initialize(self) -> None:
        self.culprits: frozenset[int] = frozenset()
        self.executed: Counter[int] = Counter()
        self.sizes: list[int] = []

    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.sizes.append(len(inputs))
        numbers = [event["n"] for event in inputs]
        for event in inputs:
            event["n"] = None  # a model that spoils its input harms nobody
            event["spoiled"] = True
        self.executed.update(numbers)
        if self.culprits.intersection(numbers):
            raise ValueError("culprit")
        return [{"n": number} for number in numbers]


class Watch(CallObserver):
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.times: list[StepTimes] = []

    def call_started(self, lines: Lines) -> None:
        self.told.append(("started", list(lines.numbers)))

    def call_finished(self, lines: Lines, events: list[Any], times: StepTimes) -> None:
        self.told.append(("finished", list(lines.numbers)))
        self.times.append(times)

    def event_failed(self, line: Line, error: InferenceBackendError) -> None:
        self.told.append(("failed", line.number, type(error.original).__name__))


def record(outcome: Outcome) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(outcome.encoded.decode("utf-8", "strict"))["packflow_error"]
    return loaded


class Order(unittest.TestCase):
    def test_all_good(self) -> None:
        outcomes = run_lines(Model(), numbered([good(number) for number in range(64)]))
        self.assertEqual(outcomes, [Outcome(good(number)) for number in range(64)])

    def test_no_lines(self) -> None:
        model = Model()
        self.assertEqual(run_lines(model, []), [])
        self.assertEqual(model.sizes, [])

    def test_only_bad_lines_never_call_the_model(self) -> None:
        model = Model()
        outcomes = run_lines(model, numbered([raw for raw, _ in BAD]), LIMITS)
        # A line over the length limit is refused for its length, whatever else is wrong with it.
        expected = ["line-too-long" if len(raw) > LIMITS.max_line_bytes else code for raw, code in BAD]
        self.assertEqual([outcome.code for outcome in outcomes], expected)
        self.assertEqual(model.sizes, [])

    def test_every_bad_line_at_every_place_of_a_batch(self) -> None:
        for raw, code in BAD:
            limits = LIMITS if code == "line-too-long" else LONG
            for size in (1, 7, 64):
                for place in range(size) if size < 64 else (0, 1, 31, 32, 62, 63):
                    with self.subTest(raw=raw[:30], size=size, place=place):
                        raws = [good(number) for number in range(size)]
                        raws[place] = raw
                        model = Model()
                        outcomes = run_lines(model, numbered(raws, 100), limits)
                        failed = outcomes.pop(place)
                        raws.pop(place)
                        self.assertEqual(failed.code, code)
                        told = record(failed)
                        self.assertEqual(
                            (told["line"], told["code"], told["step"], told["type"]),
                            (100 + place, code, "decode", "BadLineError"),
                        )
                        self.assertEqual(outcomes, [Outcome(raw) for raw in raws])
                        self.assertEqual(model.sizes, [size - 1] if size > 1 else [])

    def test_bad_lines_between_good_ones(self) -> None:
        raws: list[bytes] = []
        codes: list[str] = []
        for number, (raw, code) in enumerate(BAD):
            raws += [raw, good(number)]
            codes += [code, ""]
        for size in (1, 7, 64):
            lines = numbered(raws)
            outcomes = [
                outcome
                for start in range(0, len(lines), size)
                for outcome in run_lines(Model(), lines[start : start + size], LONG)
            ]
            with self.subTest(size=size):
                # 20,000 bytes are within this test's limit, so that line is an event like others.
                self.assertEqual(
                    [outcome.code for outcome in outcomes],
                    ["" if code == "line-too-long" else code for code in codes],
                )
                self.assertEqual(
                    [outcome.encoded for outcome in outcomes[1::2]], [good(number) for number in range(len(BAD))]
                )
                self.assertEqual(
                    [record(outcome)["line"] for outcome in outcomes if outcome.code],
                    [2 * number + 1 for number, (_, code) in enumerate(BAD) if code != "line-too-long"],
                )

    def test_a_line_the_reader_could_not_keep(self) -> None:
        fault = BadLineError("line-too-long", "the line is longer than 5 bytes")
        first, second = run_lines(Model(), [Line(7, b"", fault), Line(8, good(1))])
        self.assertEqual(
            first,
            Outcome(
                b'{"packflow_error":{"line":7,"code":"line-too-long","step":"decode","type":"BadLineError",'
                b'"message":"the line is longer than 5 bytes"}}',
                "line-too-long",
            ),
        )
        self.assertEqual(second, Outcome(good(1)))


class Isolation(unittest.TestCase):
    def run_model(self, size: int, *culprits: int) -> tuple[Model, list[Outcome]]:
        model = Model()
        model.culprits = frozenset(culprits)
        return model, run_lines(model, numbered([good(number) for number in range(size)]))

    def test_one_culprit_at_every_place(self) -> None:
        for size in (1, 2, 7, 64):
            for culprit in range(size):
                with self.subTest(size=size, culprit=culprit):
                    _, outcomes = self.run_model(size, culprit)
                    self.assertEqual(
                        outcomes,
                        [
                            Outcome(
                                b'{"packflow_error":{"line":%d,"code":"backend-raised","step":"execute",'
                                b'"type":"ValueError","message":"culprit"}}' % (number + 1),
                                "backend-raised",
                            )
                            if number == culprit
                            else Outcome(good(number))
                            for number in range(size)
                        ],
                    )

    def test_several_culprits(self) -> None:
        for culprits in ((0, 1), (0, 63), (5, 6, 40), tuple(range(64)), tuple(range(0, 64, 2))):
            with self.subTest(culprits):
                _, outcomes = self.run_model(64, *culprits)
                self.assertEqual([number for number in range(64) if outcomes[number].code], list(culprits))
                for number in set(range(64)) - set(culprits):
                    self.assertEqual(outcomes[number].encoded, good(number))

    def test_halving_takes_few_calls(self) -> None:
        model, _ = self.run_model(64, 0)
        self.assertEqual(model.sizes, [64, 32, 16, 8, 4, 2, 1, 1, 2, 4, 8, 16, 32])
        model, _ = self.run_model(64, 63)
        self.assertEqual(model.sizes, [64, 32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1])
        model, _ = self.run_model(64)
        self.assertEqual(model.sizes, [64])

    def test_bad_outputs_are_isolated_too(self) -> None:
        class Short(Model):
            def transform_outputs(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                return [output for output in outputs if output["n"] != 3]

        class Infinite(Model):
            def transform_outputs(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                return [{"n": float("inf")} if output["n"] == 3 else output for output in outputs]

        for kind, name, message in (
            (Short, "InferenceBackendValidationError", "The backend returned 0 outputs for 1 event."),
            (Infinite, "UnsupportedValueError", "n is inf, which JSON cannot hold."),
        ):
            outcomes = run_lines(kind(), numbered([good(number) for number in range(7)]))
            with self.subTest(message):
                self.assertEqual(
                    record(outcomes[3]),
                    {
                        "line": 4,
                        "code": "output-invalid",
                        "step": "check_outputs",
                        "type": name,
                        "message": message,
                    },
                )
                self.assertEqual(
                    [outcome.encoded for number, outcome in enumerate(outcomes) if number != 3],
                    [good(number) for number in range(7) if number != 3],
                )

    def test_exits_and_endless_recursion_are_errors_of_their_event(self) -> None:
        class Leaving(Model):
            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                for event in inputs:
                    if event["n"] == 1:
                        raise SystemExit(5)
                    if event["n"] == 2:
                        self.execute(inputs)
                return [dict(event) for event in inputs]

        outcomes = run_lines(Leaving(), numbered([good(number) for number in range(4)]))
        self.assertEqual([outcome.encoded for outcome in outcomes[::3]], [good(0), good(3)])
        self.assertEqual([record(outcome)["type"] for outcome in outcomes[1:3]], ["SystemExit", "RecursionError"])

    def test_what_is_no_exception_is_an_error_of_its_event_too(self) -> None:
        class Cancelled(Model):
            def transform_outputs(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                if any(output["n"] == 2 for output in outputs):
                    raise asyncio.CancelledError("enough")
                return outputs

        outcomes = run_lines(Cancelled(), numbered([good(number) for number in range(4)]))
        self.assertEqual([outcome.code for outcome in outcomes], ["", "", "backend-raised", ""])
        told = record(outcomes[2])
        self.assertEqual(
            (told["step"], told["type"], told["message"]), ("transform_outputs", "CancelledError", "enough")
        )

    def test_an_interrupt_ends_the_run(self) -> None:
        class Interrupted(Model):
            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            run_lines(Interrupted(), numbered([good(1)]))

    def test_errors_whose_message_cannot_be_written(self) -> None:
        class SilentError(Exception):
            def __str__(self) -> str:
                raise KeyError

        class Model(InferenceBackend):
            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                raise {1: SilentError(), 2: ValueError("\ud800"), 3: ValueError("x" * 5000)}[inputs[0]["n"]]

        outcomes = [run_lines(Model(), [Line(1, good(number))])[0] for number in (1, 2, 3)]
        self.assertEqual(
            [record(outcome)["message"] for outcome in outcomes],
            ["(its message cannot be shown)", "\\ud800", "x" * 2000 + "…"],
        )


class State(unittest.TestCase):
    def test_a_stateful_backend_gets_one_event_a_call_and_each_once(self) -> None:
        for culprits in ((), (0,), (3,), (0, 3, 6), tuple(range(7))):
            model = Model()
            model.stateful = True  # type: ignore[misc]
            model.culprits = frozenset(culprits)
            outcomes = run_lines(model, numbered([good(number) for number in range(7)]))
            with self.subTest(culprits):
                self.assertEqual(model.sizes, [1] * 7)
                self.assertEqual(model.executed, Counter(range(7)))
                self.assertEqual([number for number in range(7) if outcomes[number].code], list(culprits))

    def test_state_follows_the_order_of_the_good_lines(self) -> None:
        class Total(InferenceBackend):
            stateful = True

            def initialize(self) -> None:
                self.total = 0

            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                outputs = []
                for event in inputs:
                    self.total += event["n"]
                    outputs.append({"total": self.total})
                return outputs

        lines = numbered([good(1), b"bad", good(2), b'{"m":1}', good(3)])
        outcomes = run_lines(Total(), lines)
        self.assertEqual([outcome.encoded for outcome in outcomes[::2]], [b'{"total":%d}' % n for n in (1, 3, 6)])
        self.assertEqual([outcome.code for outcome in outcomes], ["", "not-json", "", "backend-raised", ""])

    def test_a_stateful_backend_with_bad_outputs_is_not_run_again(self) -> None:
        class Bad(Model):
            stateful = True

            def transform_outputs(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                return []

        model = Bad()
        outcomes = run_lines(model, numbered([good(number) for number in range(5)]))
        self.assertEqual({outcome.code for outcome in outcomes}, {"output-invalid"})
        self.assertEqual(model.executed, Counter(range(5)))


class Snapshots(unittest.TestCase):
    """A stateful backend with snapshot() and restore(value) gets batches."""

    class Counter(InferenceBackend):
        stateful = True

        def initialize(self) -> None:
            self.seen: dict[str, int] = {}
            self.sizes: list[int] = []

        def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
            self.sizes.append(len(inputs))
            return [self.one(event) for event in inputs]

        def one(self, event: dict[str, Any]) -> dict[str, Any]:
            key = str(event["n"] % 3)
            self.seen[key] = self.seen.get(key, 0) + 1
            if event.get("bad"):
                raise ValueError("after it was counted")
            return {"key": key, "seen": self.seen[key]}

        def snapshot(self) -> Any:
            return self.seen  # the very dict that execute changes

        def restore(self, value: Any) -> None:
            self.seen = value

    def outcomes(self, raws: list[bytes], size: int) -> tuple[Counter, list[bytes]]:
        backend = self.Counter()
        runner = EventRunner(backend, choose_codec("stdlib"))
        found = []
        for start in range(0, len(raws), size):
            part = raws[start : start + size]
            found += runner.run(Lines(list(range(start + 1, start + 1 + len(part))), part)).encoded
        return backend, found

    def test_a_clean_batch_is_one_call(self) -> None:
        backend, _ = self.outcomes([good(number) for number in range(16)], 8)
        self.assertEqual(backend.sizes, [8, 8])

    def test_an_event_that_fails_leaves_no_trace_in_the_state(self) -> None:
        for size in (1, 2, 5, 8, 64):
            for culprits in ({0}, {3}, {7}, {2, 3}, {0, 5, 11}, set(range(12))):
                raws = [b'{"n":%d,"bad":%s}' % (n, b"true" if n in culprits else b"false") for n in range(12)]
                with self.subTest(size=size, culprits=culprits):
                    _, found = self.outcomes(raws, size)
                    alone = [raw for n, raw in enumerate(raws) if n not in culprits]
                    _, expected = self.outcomes(alone, 1)
                    self.assertEqual([line for n, line in enumerate(found) if n not in culprits], expected)
                    for n in culprits:
                        self.assertEqual(json.loads(found[n])["packflow_error"]["line"], n + 1)

    def test_a_state_that_is_no_json_value_is_an_error_of_the_backend(self) -> None:
        class Sets(self.Counter):  # type: ignore[name-defined,misc]
            def snapshot(self) -> Any:
                return {1, 2}

        with self.assertRaises(InferenceBackendError) as caught:
            EventRunner(Sets(), choose_codec("stdlib")).run(Lines([1], [good(1)]))
        self.assertEqual((caught.exception.step, caught.exception.code), ("snapshot", "backend-raised"))
        self.assertIn("set is not JSON serializable", caught.exception.title)


class Observing(unittest.TestCase):
    def test_a_clean_batch(self) -> None:
        watch = Watch()
        run_lines(Model(), numbered([good(1), b"bad", good(2)]), observer=watch)
        self.assertEqual(watch.told, [("started", [1, 3]), ("finished", [1, 3])])
        self.assertEqual([len(times) for times in watch.times], [5])

    def test_isolation(self) -> None:
        watch, model = Watch(), Model()
        model.culprits = frozenset({2})
        run_lines(model, numbered([good(number) for number in range(4)], 10), observer=watch)
        self.assertEqual(
            watch.told,
            [
                ("started", [10, 11, 12, 13]),
                ("started", [10, 11]),
                ("finished", [10, 11]),
                ("started", [12, 13]),
                ("started", [12]),
                ("failed", 12, "ValueError"),
                ("started", [13]),
                ("finished", [13]),
            ],
        )

    def test_a_stateful_backend(self) -> None:
        watch, model = Watch(), Model()
        model.stateful = True  # type: ignore[misc]
        model.culprits = frozenset({0})
        run_lines(model, numbered([good(0), good(1)]), observer=watch)
        self.assertEqual(
            watch.told, [("started", [1]), ("failed", 1, "ValueError"), ("started", [2]), ("finished", [2])]
        )


class Writing(unittest.TestCase):
    def test_numbers_that_are_not_finite_never_become_null(self) -> None:
        class Infinite(Model):
            def transform_outputs(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                return [{"a": [float("nan")]} if output["n"] == 1 else output for output in outputs]

        for name in ("stdlib", "auto"):
            outcomes = EventRunner(Infinite(), choose_codec(name)).run(Lines([1, 2, 3], [good(0), good(1), good(2)]))
            self.assertEqual(outcomes.codes, {1: "output-invalid"})
            self.assertEqual(outcomes.encoded[::2], [good(0), good(2)])

    def test_outputs_beyond_64_bits_leave_their_mates_alone(self) -> None:
        values = [b'{"n":1e-8}', b'{"n":18446744073709551616}', b'{"n":-9223372036854775809}', b'{"n":"},{"}']
        for name in ("stdlib", "auto"):
            runner = EventRunner(Model(), choose_codec(name))
            together = runner.run(Lines(range(1, 5), values)).encoded
            self.assertEqual(together, [runner.run(Lines([1], [value])).text for value in values])
            self.assertEqual([json.loads(line) for line in together], [json.loads(value) for value in values])

    def test_outputs_that_cannot_be_encoded(self) -> None:
        class Surrogates(Model):
            def transform_outputs(self, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                return [{"text": "\ud800"} if output["n"] == 1 else output for output in outputs]

        model = Surrogates()
        outcomes = run_lines(model, numbered([good(number) for number in range(3)]))
        self.assertEqual(outcomes[::2], [Outcome(good(0)), Outcome(good(2))])
        self.assertEqual(outcomes[1].code, "output-invalid")
        self.assertEqual(
            record(outcomes[1]),
            {
                "line": 2,
                "code": "output-invalid",
                "step": "encode",
                "type": "UnicodeEncodeError",
                "message": "a string holds half of a surrogate pair",
            },
        )
        self.assertEqual(model.sizes, [3])

    def test_encode_output(self) -> None:
        deep: list[Any] = []
        for _ in range(200):
            deep = [deep]
        for output, kind, message in (
            ({"\udfff": 1}, "UnicodeEncodeError", "a string holds half of a surrogate pair"),
            ({"a": deep}, "ValueError", "the value is nested deeper than 200"),
            ({"a": "x" * (1 << 24)}, "ValueError", "the line is longer than 16,777,216 bytes"),
        ):
            outcome = encode_output(output, 5)
            self.assertEqual(outcome.code, "output-invalid")
            self.assertEqual(record(outcome)["line"], 5)
            self.assertEqual((record(outcome)["type"], record(outcome)["message"]), (kind, message))
        self.assertEqual(record(encode_output({"a": 10**4300}, 5))["type"], "ValueError")
        self.assertEqual(encode_output({"a": "é"}, 5), Outcome('{"a":"é"}'.encode()))

    def test_error_records_have_one_form(self) -> None:
        self.assertEqual(
            encode(error_record(3, "some-code", "step", "Kind", "what\nhappened \ud800")),
            b'{"packflow_error":{"line":3,"code":"some-code","step":"step","type":"Kind",'
            b'"message":"what\\nhappened \\\\ud800"}}',
        )


if __name__ == "__main__":
    unittest.main()
