"""The loop of ``serve``: publish, then acknowledge, whatever goes wrong in between."""

from __future__ import annotations

import json
import signal
import unittest
from unittest import mock

from packflow_runtime.engines.broker import links
from packflow_runtime.engines.broker.messages import BrokerDownError, Outgoing
from packflow_runtime.engines.broker.serving import Service
from packflow_runtime.error_limit import ErrorLimit
from packflow_runtime.errors import PackflowError
from packflow_runtime.stop_signals import StopSignals
from runtime.serving_doubles import Broker, MemorySink, MemorySource, Model, serve


def events(*numbers: int) -> list[bytes]:
    return [json.dumps({"n": number}).encode() for number in numbers]


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.notices: list[str] = []
        for patch in (
            mock.patch.object(links, "FIRST_PAUSE", 0.0),
            mock.patch.object(links, "print_notice", self.notices.append),
            mock.patch("packflow_runtime.engines.broker.serving.print_notice", self.notices.append),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def values(self, broker: Broker, name: str = "sink") -> list[bytes | None]:
        return [message.value for sink, message in broker.published if sink == name]

    def only(self, broker: Broker, name: str) -> Outgoing:
        (found,) = [message for sink, message in broker.published if sink == name]
        return found


class Outcomes(Case):
    def test_outputs_carry_key_headers_partition_and_the_id(self) -> None:
        broker = Broker(events(1, 2))
        summary = serve(MemorySource(broker), MemorySink(broker))
        self.assertEqual((summary.events, summary.failed, summary.complete, summary.left), (2, 0, True, 0))
        first, second = (message for _, message in broker.published)
        self.assertEqual(first.value, b'{"n":2,"text":""}')
        self.assertEqual((second.id, second.key, second.partition), ("1", b"key", 1))
        self.assertEqual(second.headers, (("trace", b"1"), ("packflow-id", b"1")))
        self.assertEqual(broker.acknowledged, {0, 1})

    def test_without_a_place_for_dead_letters_errors_stand_among_the_outputs(self) -> None:
        broker = Broker([*events(1, -2), b"bad", None])
        summary = serve(MemorySource(broker), MemorySink(broker))
        self.assertEqual(summary.errors, {"backend-raised": 1, "not-json": 1, "no-value": 1})
        output, *records = (json.loads(value or b"") for value in self.values(broker))
        self.assertEqual(output["n"], 2)
        told = [record["packflow_error"] for record in records]
        self.assertEqual([one["event"] for one in told], ["1", "2", "3"])
        self.assertEqual([one["code"] for one in told], ["backend-raised", "not-json", "no-value"])
        self.assertEqual(list(told[0]), ["event", "code", "step", "type", "message"])

    def test_a_dead_letter_is_the_event_as_it_was_with_its_error(self) -> None:
        broker = Broker([*events(1), b"bad \xff", *events(3)])
        serve(MemorySource(broker), MemorySink(broker), MemorySink(broker, "dead"))
        letter = self.only(broker, "dead")
        self.assertEqual((letter.value, letter.key, letter.partition), (b"bad \xff", b"key", 1))
        headers = dict(letter.headers)
        self.assertEqual((headers["trace"], headers["packflow-id"]), (b"1", b"1"))
        self.assertEqual(headers["packflow-error-code"], b"not-utf8")
        self.assertEqual(headers["packflow-error-step"], b"decode")
        self.assertEqual(len(self.values(broker)), 2)

    def test_an_event_that_comes_back_from_the_dead_letters_is_clean(self) -> None:
        broker = Broker(events(1))
        source = MemorySource(broker)
        message = broker.message(0)
        ours = (("packflow-id", b"old"), ("packflow-error-code", b"x"), ("packflow-value-bytes", b"1"))
        with mock.patch.object(broker, "message", return_value=message._replace(headers=(*message.headers, *ours))):
            serve(source, MemorySink(broker))
        expected = (("trace", b"0"), ("packflow-id", b"0"), ("packflow-origin", b"old"))
        self.assertEqual(broker.published[0][1].headers, expected)

    def test_the_first_of_several_models_stays_the_origin(self) -> None:
        broker = Broker(events(1))
        message = broker.message(0)
        ours = (("packflow-id", b"middle"), ("packflow-origin", b"first"))
        with mock.patch.object(broker, "message", return_value=message._replace(headers=ours)):
            serve(MemorySource(broker), MemorySink(broker))
        expected = (("packflow-id", b"0"), ("packflow-origin", b"first"))
        self.assertEqual(broker.published[0][1].headers, expected)


class Refusals(Case):
    def test_an_output_that_is_too_large_is_a_dead_letter(self) -> None:
        broker = Broker([b'{"n":1,"size":300}', *events(2)])
        summary = serve(MemorySource(broker), MemorySink(broker, largest=200), MemorySink(broker, "dead"))
        self.assertEqual(summary.errors, {"output-refused": 1})
        letter = self.only(broker, "dead")
        self.assertEqual(letter.value, b'{"n":1,"size":300}')
        self.assertEqual(dict(letter.headers)["packflow-error-message"], b"it is too large")
        self.assertEqual((len(self.values(broker)), broker.acknowledged), (1, {0, 1}))

    def test_or_an_error_record(self) -> None:
        broker = Broker([b'{"n":1,"size":300}'])
        serve(MemorySource(broker), MemorySink(broker, largest=200))
        record = json.loads(self.values(broker)[0] or b"")["packflow_error"]
        self.assertEqual((record["event"], record["code"]), ("0", "output-refused"))

    def test_an_event_that_is_too_large_for_dead_letters_leaves_all_but_its_value(self) -> None:
        broker = Broker([b'{"n":-1,"x":"' + b"x" * 300 + b'"}'])
        serve(MemorySource(broker), MemorySink(broker), MemorySink(broker, "dead", largest=200))
        letter = self.only(broker, "dead")
        self.assertEqual((letter.value, dict(letter.headers)["packflow-value-bytes"]), (b"", b"315"))
        self.assertEqual(dict(letter.headers)["packflow-error-code"], b"backend-raised")

    def test_an_event_of_which_nothing_can_be_told_is_not_acknowledged(self) -> None:
        broker = Broker([*events(-1)])
        with self.assertRaises(PackflowError) as caught:
            serve(MemorySource(broker), MemorySink(broker, largest=10))
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("output-refused", 5))
        self.assertEqual(broker.acknowledged, set())


class Faults(Case):
    def test_what_is_not_confirmed_is_published_again_and_nothing_else(self) -> None:
        broker = Broker(events(*range(4)))
        serve(MemorySource(broker), MemorySink(broker, faults=["", "some", "", "down", "down", "some"]))
        confirmed = [name for kind, name in broker.journal if kind == "confirmed"]
        self.assertEqual(confirmed, ["0", "2", "1", "3"])
        self.assertEqual([message.id for _, message in broker.published], confirmed)
        self.assertEqual(self.notices[0], "the sink sink is away (not now); trying again until it is back")
        self.assertRegex(self.notices[-1], r"^the sink sink is back after 0\.\d s$")

    def test_events_are_taken_once_outcomes_can_go_somewhere(self) -> None:
        broker = Broker(events(1))
        source = MemorySource(broker)
        with mock.patch.object(source, "connect", side_effect=AssertionError("asked too early")):
            signals = StopSignals()
            signals.received = signal.SIGTERM
            serve(source, MemorySink(broker, faults=["down"] * 9), signals=signals)

    def test_a_lost_answer_to_an_acknowledgement_doubles_nothing(self) -> None:
        broker = Broker(events(*range(6)))
        serve(MemorySource(broker, ["", "", "lost answer", "", "", ""]), MemorySink(broker))
        self.assertEqual(len(broker.published), 6)
        self.assertEqual(broker.acknowledged, set(range(6)))

    def test_the_end_is_asked_for_while_the_sink_is_away(self) -> None:
        broker = Broker(events(*range(6)))
        signals = StopSignals()
        sink = MemorySink(broker)
        attempts: list[int] = []

        def publish(messages: list[Outgoing]) -> object:
            attempts.append(len(messages))
            if len(attempts) == 3:
                signals.received = signal.SIGTERM
            raise BrokerDownError("it is gone")

        with mock.patch.object(sink, "publish", publish):
            summary = serve(MemorySource(broker), sink, signals=signals)
        self.assertEqual((summary.left, summary.events, summary.exit_code), (4, 0, 143))
        self.assertEqual(attempts, [4, 4, 4, 4])  # one more after the signal
        self.assertEqual(broker.acknowledged, set())
        self.assertIn("4 events were taken and are not acknowledged: they come again", self.notices)

    def test_who_watches_is_told(self) -> None:
        broker = Broker(events(1))
        seen: list[str] = []
        services: list[Service] = []
        sink = MemorySink(broker, faults=["", "down", ""])
        publish = sink.publish

        def watched(messages: list[Outgoing]) -> object:
            seen.append(services[0].links[1].problem)
            return publish(messages)

        with mock.patch.object(sink, "publish", watched):
            serve(MemorySource(broker), sink, watch=services.append)
        self.assertEqual(seen, ["", "the sink sink is away: the connection broke"])
        self.assertEqual([(link.problem, link.failures) for link in services[0].links], [("", 0), ("", 1)])


class Ends(Case):
    def test_over_the_error_limit_it_ends_with_all_that_was_taken_acknowledged(self) -> None:
        broker = Broker(events(1, -2, -3, 4, 5, 6, 7, 8, 9))
        summary = serve(MemorySource(broker), MemorySink(broker), error_limit=ErrorLimit.parse("1"))
        self.assertEqual((summary.events, summary.too_many_errors, summary.exit_code), (4, True, 1))
        self.assertEqual(broker.acknowledged, {0, 1, 2, 3})

    def test_on_error_raise_ends_before_the_event(self) -> None:
        broker = Broker(events(1, 2, -3, 4))
        with self.assertRaises(PackflowError) as caught:
            serve(MemorySource(broker), MemorySink(broker), ends_on_failure=True)
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("backend-raised", 4))
        self.assertEqual(broker.acknowledged, {0, 1})

    def test_a_signal_ends_it_between_two_batches(self) -> None:
        signals = StopSignals()

        class Stopping(Model):
            def execute(self, inputs: list[dict[str, int]]) -> list[dict[str, int]]:
                signals.received = signal.SIGINT
                return super().execute(inputs)

        broker = Broker(events(*range(9)))
        summary = serve(MemorySource(broker), MemorySink(broker), signals=signals, backend=Stopping())
        self.assertEqual((summary.exit_code, summary.complete, broker.acknowledged), (130, False, {0, 1, 2, 3}))


if __name__ == "__main__":
    unittest.main()
