"""Kafka, Redis and NATS through doubles of their clients: what real servers seldom say, and what they are not asked."""

from __future__ import annotations

import sys
import unittest
from typing import Any
from unittest import mock

from packflow_runtime.engines.broker import kafka, nats_jetstream, redis_streams
from packflow_runtime.engines.broker.addresses import Pipe, parse_sink, parse_source
from packflow_runtime.engines.broker.messages import BrokerDownError, Message, Outgoing
from packflow_runtime.errors import PackflowError
from runtime.broker_clients import KafkaCluster, KafkaError, KafkaMessage, RedisServer

PIPE = Pipe(0, lambda _: b"", 1)


def refused(case: unittest.TestCase, action: Any, code: str) -> PackflowError:
    with case.assertRaises(PackflowError) as caught:
        action()
    case.assertEqual(caught.exception.code, code)
    return caught.exception


class Kafka(unittest.TestCase):
    def setUp(self) -> None:
        self.cluster = KafkaCluster()
        patch = mock.patch.dict(sys.modules, {"confluent_kafka": self.cluster.client_module()})
        patch.start()
        self.addCleanup(patch.stop)

    def source(self, **properties: str) -> kafka.KafkaSource:
        return kafka.open_source(parse_source("kafka://h/in?group=g"), properties, PIPE)

    def sink(self, **properties: str) -> kafka.KafkaSink:
        return kafka.open_sink(parse_sink("kafka://h/out"), properties, 1)

    def test_the_clients_are_told_what_the_promises_rest_on(self) -> None:
        self.source(**{"sasl.username": "me"}).connect()
        self.sink(**{"message.timeout.ms": "7"}).connect()
        consumer, producer = (client.config for client in self.cluster.made)
        self.assertEqual((consumer["enable.auto.commit"], consumer["enable.auto.offset.store"]), (False, False))
        self.assertEqual((consumer["group.id"], consumer["auto.offset.reset"]), ("g", "earliest"))
        self.assertEqual((consumer["bootstrap.servers"], consumer["sasl.username"]), ("h:9092", "me"))
        self.assertEqual((producer["acks"], producer["enable.idempotence"]), ("all", True))
        self.assertEqual(producer["message.timeout.ms"], "7")
        # With functions to call, librdkafka hands partitions over while it is polled, and never behind our back.
        self.assertTrue(callable(self.cluster.made[0].subscribed["on_revoke"]))

    def test_a_batch_is_what_there_is(self) -> None:
        source = self.source()
        source.connect()
        self.assertEqual(source.take(3, 0.1), [])
        headers = [("a", b"1"), ("empty", None)]
        self.cluster.fetched += [
            KafkaMessage(1, 5, b"x", key=b"k", headers=headers),
            KafkaMessage(0, 0, None, error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)),
            KafkaMessage(0, 9, None),
            KafkaMessage(0, 10, b"later"),
        ]
        first, second = source.take(3, 0.1)
        self.assertEqual((first.id, first.value, first.key, first.partition), ("kafka:in/1/5", b"x", b"k", 1))
        self.assertEqual(first.headers, (("a", b"1"), ("empty", b"")))
        self.assertEqual((first.mark, second.value, second.headers), ("g.1000", None, ()))
        self.assertEqual([message.value for message in source.take(1, 0.1)], [b"later"])

    def test_what_stands_in_the_place_of_messages_is_told_once_no_message_is_lost_by_it(self) -> None:
        source = self.source()
        source.connect()
        codes = KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.GROUP_AUTHORIZATION_FAILED
        gone, refusal = (KafkaMessage(0, 0, None, error=KafkaError(code, f"no {code}")) for code in codes)
        self.cluster.fetched += [gone]
        with self.assertRaisesRegex(BrokerDownError, "no 3"):
            source.take(3, 0.1)
        self.cluster.fetched += [refusal, KafkaMessage(0, 1, b"x")]
        self.assertEqual([message.value for message in source.take(3, 0.1)], [b"x"])
        self.assertIn("no 30", refused(self, lambda: source.take(3, 0.1), "access-refused").title)

    def test_offsets_after_the_last_of_each_partition_are_committed(self) -> None:
        source = self.source()
        source.connect()
        source.acknowledge([Message("", b"", token=token) for token in ((0, 3), (1, 7), (0, 4))])
        self.assertEqual(self.cluster.committed, {0: 5, 1: 8})

    def test_a_group_that_moved_on_is_no_reason_to_try_again(self) -> None:
        source = self.source()
        source.connect()
        batch = [Message("", b"", token=(0, 3))]
        for code in (KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS):
            self.cluster.commit_error = KafkaError(code)
            source.acknowledge(batch)
        self.cluster.commit_error, self.cluster.place_error = None, KafkaError(KafkaError.FENCED_INSTANCE_ID)
        source.acknowledge(batch)
        self.assertEqual(self.cluster.committed, {})
        self.cluster.place_error = KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE, "no coordinator")
        with self.assertRaisesRegex(BrokerDownError, "no coordinator"):
            source.acknowledge(batch)

    def test_nothing_is_taken_while_a_group_is_made_anew(self) -> None:
        source = self.source()
        source.connect()
        self.cluster.commit_error = KafkaError(KafkaError.REBALANCE_IN_PROGRESS)
        source.acknowledge([Message("", b"", token=(0, 3))])
        source.take(1, 0.1)
        self.assertEqual(self.cluster.calls, [("pause", [0, 1])])
        self.cluster.made[0].subscribed["on_assign"](None, [])
        source.take(1, 0.1)
        source.take(1, 0.1)
        self.assertEqual(self.cluster.calls, [("pause", [0, 1]), ("resume", [0, 1])])

    def test_a_commit_without_an_answer_is_not_waited_for_without_end_and_not_sent_twice(self) -> None:
        source = self.source()
        source.connect()
        self.cluster.answering.clear()
        self.addCleanup(self.cluster.answering.set)
        batch = [Message("", b"", token=(0, 3))]
        with mock.patch.object(kafka, "_COMMIT_SECONDS", 0.01):
            for _ in range(3):
                with self.assertRaisesRegex(BrokerDownError, "no answer to a commit"):
                    source.acknowledge(batch)
            source.close()
        self.assertFalse(self.cluster.made[0].closed)
        self.cluster.answering.set()
        source.acknowledge(batch)
        self.assertEqual((self.cluster.committed, self.cluster.commits), ({0: 4}, 1))
        source.close()
        self.assertTrue(self.cluster.made[0].closed)

    def test_a_broker_that_is_away_is_told_and_asked_again_by_the_same_consumer(self) -> None:
        source = self.source()
        source.connect()
        self.cluster.complaints.append(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
        with self.assertRaisesRegex(BrokerDownError, "1/1 brokers are down"):
            source.take(3, 0.1)
        self.cluster.is_away = True
        with self.assertRaisesRegex(BrokerDownError, "Failed to get metadata"):
            source.connect()
        self.cluster.is_away = False
        source.connect()
        self.assertEqual(source.take(3, 0.1), [])
        self.assertEqual(len(self.cluster.made), 1)
        source.close()
        self.assertTrue(self.cluster.made[0].closed)

    def test_what_trying_again_does_not_mend(self) -> None:
        self.cluster.topic_error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        self.assertEqual(refused(self, self.source().connect, "topic-not-found").exit_code, 3)
        self.assertTrue(self.cluster.made[0].closed)
        self.cluster.topic_error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not for you")
        self.assertIn("not for you", refused(self, self.sink().connect, "access-refused").title)
        self.cluster.topic_error, self.cluster.is_away = None, True
        self.cluster.complaints.append(KafkaError(KafkaError._AUTHENTICATION, "SASL: Authentication failed"))
        self.assertIn("SASL", refused(self, self.sink().connect, "access-refused").title)
        refused(self, self.source(bad="1").connect, "properties-invalid")
        refused(self, lambda: self.sink(acks="0"), "address-invalid")

    def test_a_topic_that_was_there_is_waited_for(self) -> None:
        sink = self.sink()
        sink.connect()
        self.cluster.topic_error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        with self.assertRaises(BrokerDownError):
            sink.connect()

    def test_an_event_keeps_its_partition_as_far_as_there_are_so_many(self) -> None:
        sink = self.sink()
        sink.connect()
        self.cluster.full_for = 2
        fates = sink.publish(
            [Outgoing("a", b"1", b"k", (("h", b"v"),), 3), Outgoing("b", b"2", None, (), 0), Outgoing("c", b"3")]
        )
        self.assertEqual(fates, [None, None, None])
        self.assertEqual([message.get("partition") for message in self.cluster.produced], [1, 0, None])
        self.assertEqual((self.cluster.produced[0]["key"], self.cluster.produced[0]["headers"]), (b"k", [("h", b"v")]))

    def test_what_is_too_large_is_refused_and_what_is_not_delivered_is_to_be_tried_again(self) -> None:
        sink = self.sink()
        sink.connect()
        self.cluster.refusals[b"big"] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        self.cluster.delivery_errors[b"large"] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        self.cluster.delivery_errors[b"late"] = KafkaError(KafkaError._TIMED_OUT, "Message timed out")
        found = sink.publish([Outgoing("", value) for value in (b"big", b"large", b"late", b"good")])
        self.assertEqual([fate and fate.refused for fate in found], [True, True, False, None])
        self.assertEqual(found[2] and found[2].reason, "Message timed out")

    def test_what_gets_no_report_is_taken_back_before_it_is_tried_again(self) -> None:
        sink = self.sink(**{"message.timeout.ms": "1"})
        sink.connect()
        self.cluster.never_answers.add(b"lost")
        with mock.patch.object(kafka, "_METADATA_SECONDS", 0.0):
            fates = sink.publish([Outgoing("", b"lost")])
        self.assertEqual(fates[0] and fates[0].reason, "Purged in queue")
        self.assertEqual(len(self.cluster.made[0]), 0)

    def test_a_producer_that_does_not_survive_an_error_is_replaced(self) -> None:
        sink = self.sink()
        sink.connect()
        self.cluster.delivery_errors[b"x"] = KafkaError(-150, "fenced", fatal=True)
        self.assertEqual([fate and fate.refused for fate in sink.publish([Outgoing("", b"x")])], [False])
        sink.connect()
        sink.connect()
        self.assertEqual(len(self.cluster.made), 2)


class Redis(unittest.TestCase):
    def setUp(self) -> None:
        self.server = RedisServer()
        patch = mock.patch.dict(sys.modules, {"redis": self.server.client_module()})
        patch.start()
        self.addCleanup(patch.stop)

    def source(self, more: str = "") -> redis_streams.RedisSource:
        return redis_streams.open_source(parse_source(f"redis://h/in?group=g&consumer=me{more}"), {}, PIPE)

    def sink(self, more: str = "", **properties: str) -> redis_streams.RedisSink:
        return redis_streams.open_sink(parse_sink(f"redis://h/out{more}"), properties, 1)

    def test_what_a_lost_answer_gave_us_comes_first_then_that_of_the_dead_then_what_is_new(self) -> None:
        self.server.answers = {
            "XGROUP": [self.server.error("ResponseError", "BUSYGROUP Consumer Group name already exists")],
            "XREADGROUP": [
                [[b"in", [(b"1-0", {b"value": b"mine"}), (b"2-0", None)]]],
                [],
                [[b"in", [(b"9-0", {b"value": b"new", b"key": b"k", b"h": b"v"})]]],
            ],
            "XAUTOCLAIM": [[b"0-0", [(b"5-0", {b"value": b"dead"}), (None, None)], []], [b"0-0", [], [b"6-0"]]],
        }
        source = self.source()
        source.connect()
        self.assertEqual([message.value for message in source.take(10, 0.1)], [b"mine"])
        self.assertEqual([message.value for message in source.take(10, 0.1)], [b"dead"])
        (new,) = source.take(10, 0.1)
        self.assertEqual((new.id, new.key, new.headers, new.mark), ("redis:in/9-0", b"k", (("h", b"v"),), "g"))
        self.assertEqual([words[-1] for words in self.server.words("XREADGROUP")], ["0", "2-0", ">"])
        self.assertEqual(self.server.words("XAUTOCLAIM")[0][4], 60_000)
        source.acknowledge([new])
        self.assertEqual(self.server.words("XACK"), [("XACK", b"in", "g", "9-0")])

    def test_the_dead_are_not_looked_for_at_every_turn(self) -> None:
        source = self.source()
        source.connect()
        for _ in range(5):
            self.assertEqual(source.take(10, 0.1), [])
        self.assertEqual(len(self.server.words("XAUTOCLAIM")), 1)

    def test_a_group_that_starts_late_does_so_once(self) -> None:
        source = self.source("&from=latest")
        source.connect()
        source.connect()
        self.assertEqual([words[4] for words in self.server.words("XGROUP")], ["$", "0"])

    def test_what_trying_again_mends_and_what_it_does_not(self) -> None:
        source = self.source()
        error = self.server.error
        self.server.answers = {
            "XGROUP": [
                error("ConnectionError", "refused"),
                error("AuthenticationError", "wrong password"),
                error("ResponseError", "NOAUTH Authentication required."),
                error("ResponseError", "WRONGTYPE Operation against a key"),
            ],
            "XREADGROUP": [error("ResponseError", "NOGROUP No such key")],
        }
        with self.assertRaisesRegex(BrokerDownError, "refused"):
            source.connect()
        refused(self, source.connect, "access-refused")
        refused(self, source.connect, "access-refused")
        refused(self, source.connect, "address-invalid")
        with self.assertRaisesRegex(BrokerDownError, "NOGROUP"):
            source.take(1, 0.1)

    def test_a_name_with_pending_entries_is_left_in_the_group(self) -> None:
        def left(pending: object) -> list[object]:
            source = self.source()
            source.connect()
            self.server.asked, self.server.answers = [], {"XPENDING": [pending]}
            source.close()
            return [*self.server.words("XGROUP")]

        self.assertEqual(left([{"message_id": b"1-0"}]), [])
        self.assertEqual(left([]), [("XGROUP", "DELCONSUMER", b"in", "g", "me")])
        self.assertEqual(left(self.server.error("ConnectionError", "gone")), [])

    def test_outcomes_are_added_together_or_not_at_all(self) -> None:
        sink = self.sink("?maxlen=100")
        sink.connect()
        messages = [Outgoing("a", b"1", b"k", (("value", b"x"), ("h", b"v"))), Outgoing("b", None)]
        self.assertEqual(sink.publish(messages), [None, None])
        first, second = self.server.words("XADD")
        start = ("XADD", b"out", "MAXLEN", "~", 100, "*")
        self.assertEqual(first, (*start, b"value", b"1", b"key", b"k", "header-value", b"x", "h", b"v"))
        self.assertEqual(second, start)
        self.server.answers = {"EXEC": [self.server.error("ConnectionError", "reset")]}
        with self.assertRaisesRegex(BrokerDownError, "reset"):
            sink.publish(messages)

    def test_a_server_that_is_away_is_not_asked_for_courtesies(self) -> None:
        self.server.answers = {"XREADGROUP": [self.server.error("ConnectionError", "gone")]}
        source = self.source()
        source.connect()
        with self.assertRaises(BrokerDownError):
            source.take(1, 0.1)
        source.close()
        self.assertEqual(self.server.words("XPENDING"), [])

    def test_settings(self) -> None:
        self.sink("?db=3", password="secret")
        settings = self.server.settings
        self.assertEqual((settings["db"], settings["password"], settings["ssl"]), (3, "secret", False))
        redis_streams.open_sink(parse_sink("rediss://h/out"), {"ssl_check_hostname": "False"}, 1)
        self.assertTrue(self.server.settings["ssl"])
        self.assertIs(self.server.settings["ssl_check_hostname"], False)

    def test_settings_that_would_be_of_no_effect_are_refused(self) -> None:
        wrong = {
            "redis://h/out": {"ssl_ca_certs": "ca.pem"},
            "redis://h,i/out": {},
            "rediss://h/out": {"ssl_ca_certs": "/not/there.pem"},
            "rediss://h/s": {"ssl_keyfile": "/not/there.pem"},
            "rediss://i/s": {"ssl_check_hostname": "no"},
        }
        told = ["does not use TLS", "several servers", "No such file", "no certificate", "neither true nor false"]
        for (address, properties), expected in zip(wrong.items(), told, strict=True):
            with self.subTest(address):
                found = refused(
                    self,
                    lambda address=address, given=properties: redis_streams.open_sink(parse_sink(address), given, 1),
                    "address-invalid",
                )
                self.assertIn(expected, found.title)


class Nats(unittest.TestCase):
    def setUp(self) -> None:
        library = mock.MagicMock()
        library.NATS = _NatsLibrary
        patch = mock.patch.dict(sys.modules, {"nats": library})
        patch.start()
        self.addCleanup(patch.stop)

    def sink(self, **properties: str) -> nats_jetstream.NatsSink:
        return nats_jetstream.open_sink(parse_sink("nats://h/out"), properties, 1)

    def test_tls_is_what_the_properties_say(self) -> None:
        for properties, is_asked_for in (
            ({}, False),
            ({"tls": "false"}, False),
            ({"tls": "True"}, True),
            ({"tls_hostname": "h"}, True),
        ):
            with self.subTest(properties):
                self.assertEqual("tls" in self.sink(**properties)._settings, is_asked_for)
        for properties, told in (
            ({"tls": "maybe"}, "neither true nor false"),
            ({"tls": "false", "tls_hostname": "h"}, "and yet there is tls_hostname"),
            ({"tls_ca_file": "/not/there.pem"}, "No such file"),
        ):
            with self.subTest(properties):
                self.assertIn(told, refused(self, lambda given=properties: self.sink(**given), "address-invalid").title)

    def test_a_server_without_tls_hears_nothing_where_tls_is_asked_for(self) -> None:
        for info in ({}, {"tls_required": False}):
            client = self.sink(tls="true", password="secret")._client()
            client._server_info = info
            self.assertEqual(refused(self, client._connect_command, "not-encrypted").exit_code, 3)
        client._server_info = {"tls_required": True}
        self.assertEqual(client._connect_command(), b"CONNECT")
        self.assertIs(type(self.sink()._client()), _NatsLibrary)


class _NatsLibrary:
    """The library's client, as far as it is overridden."""

    def __init__(self) -> None:
        self._server_info: dict[str, object] = {}

    def _connect_command(self) -> bytes:
        return b"CONNECT"


if __name__ == "__main__":
    unittest.main()
