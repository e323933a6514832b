"""Addresses of brokers, files of properties, headers as NATS has them: what is read, and what is refused."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from packflow_runtime.engines.broker import addresses
from packflow_runtime.engines.broker.addresses import Address, Pipe, parse_sink, parse_source, read_properties
from packflow_runtime.engines.broker.messages import Outgoing
from packflow_runtime.engines.broker.nats_headers import from_nats, to_nats
from packflow_runtime.errors import PackflowError

NO_PIPE = Pipe(0, lambda _: b"", 1)


class Addresses(unittest.TestCase):
    def test_every_part_is_read(self) -> None:
        found = parse_source("kafka://a:9093,b/my.topic?group=g&from=latest")
        self.assertEqual(
            found, Address("kafka", (("a", 9093), ("b", 9092)), "my.topic", {"group": "g", "from": "latest"})
        )
        self.assertEqual(found.servers, "a:9093,b:9092")
        self.assertEqual(str(found), "kafka://a:9093,b:9092/my.topic")
        self.assertEqual(parse_source("redis://[::1]:7/s%2Fx?group=g").hosts, (("::1", 7),))
        self.assertEqual(parse_source("redis://[::1]/a%2Fb").name, "a/b")
        self.assertEqual(parse_sink("redis://[::1]:7/s").servers, "[::1]:7")
        self.assertEqual(parse_source("nats://h/dns.>?group=g").name, "dns.>")
        self.assertEqual(str(parse_sink("file:/tmp/a b?c")), "file:/tmp/a b?c")
        self.assertEqual((str(parse_source("stdin:")), str(parse_sink("stdout:"))), ("stdin:", "stdout:"))

    def test_what_is_no_address_is_refused(self) -> None:
        refused = {
            "amqp://h/q": "an address starts with",
            "kafka": "an address starts with",
            "kafka:topic": "write kafka://HOST:PORT/NAME",
            "kafka://host:1": "write kafka://HOST:PORT/NAME",
            "kafka:///topic": "write kafka://HOST:PORT/NAME",
            "kafka://host:x/topic": "host:x is not HOST:PORT",
            "kafka://host:0/topic": "host:0 is not HOST:PORT",
            "kafka://host:70000/t": "is not HOST:PORT",
            "redis://user:secret@host/s": "does not belong on a command line",
            "redis://h/s?group": "is not option=value",
            "stdin:x": "nothing follows stdin:",
            "stdout:": "stdout: cannot be read from",
            "file:x": "file: cannot be read from",
        }
        for text, words in refused.items():
            with self.subTest(text), self.assertRaisesRegex(ValueError, words):
                parse_source(text)
        for text, words in {"stdin:": "cannot be written to", "file:": "write file:PATH"}.items():
            with self.subTest(text), self.assertRaisesRegex(ValueError, words):
                parse_sink(text)

    def test_options_that_there_are_not_and_groups_that_are_not_named(self) -> None:
        wrong = {
            "redis://h/s": "names no consumer group",
            "redis://h/s?group=g&claim=3": "has no option 'claim'",
            "redis://h/s?group=g&claim-after=soon": "claim-after=soon is not a number",
            "redis://h/s?group=g&claim-after=0": "claim-after=0 is not a number from 0.001 up",
            "kafka://h/t": "names no consumer group",
            "kafka://h/t?group=g&from=middle": "neither earliest nor latest",
            "redis://h/s?group=g&from=middle": "neither earliest nor latest",
            "nats://h/t?group=g&from=middle": "neither earliest nor latest",
            "nats://h/s?group=a.b": "is no consumer's name",
        }
        clients = {name: mock.MagicMock() for name in ("redis", "nats", "confluent_kafka")}
        for text, words in wrong.items():
            with self.subTest(text), mock.patch.dict(sys.modules, clients), self.assertRaises(PackflowError) as caught:
                addresses.open_source(parse_source(text), {}, NO_PIPE)
            self.assertIn(words, caught.exception.title)
            self.assertEqual(caught.exception.exit_code, 2)
        with mock.patch.dict(sys.modules, clients), self.assertRaisesRegex(PackflowError, "no subject that can be"):
            addresses.open_sink(parse_sink("nats://h/dns.>"), {}, 1)

    def test_a_client_that_is_absent_is_named_with_the_command_that_installs_it(self) -> None:
        for text, package in {
            "kafka://h/t?group=g": "confluent-kafka",
            "redis://h/s?group=g": "redis",
            "nats://h/s?group=g": "nats-py",
        }.items():
            absent: dict[str, None] = {"confluent_kafka": None, "redis": None, "nats": None}
            with (
                self.subTest(text),
                mock.patch.dict(sys.modules, absent),
                self.assertRaises(PackflowError) as caught,
            ):
                addresses.open_source(parse_source(text), {}, NO_PIPE)
            self.assertEqual((caught.exception.code, caught.exception.exit_code), ("client-missing", 3))
            self.assertIn(f"-m pip install {package}\n", caught.exception.hint)


class Circles(unittest.TestCase):
    def test_a_sink_that_is_the_source_is_told(self) -> None:
        for source, sink, is_circle in (
            ("redis://localhost/a?group=g", "redis://127.0.0.1:6379/a", True),
            ("redis://h/a?group=g", "rediss://h/a", True),
            ("redis://h/a?group=g", "redis://h/a?db=1", False),
            ("redis://h/a?group=g", "redis://h/b", False),
            ("kafka://H:9092,i/a?group=g", "kafka://j,h/a", True),
            ("kafka://h/a?group=g", "kafka://h:9093/a", False),
            ("kafka://h/a?group=g", "nats://h:9092/a", False),
            ("nats://h/a.>?group=g", "nats://h/a.b.c", True),
            ("nats://h/a.>?group=g", "nats://h/a", False),
            ("nats://h/a.*?group=g", "nats://h/a.b", True),
            ("nats://h/a.*?group=g", "nats://h/a.b.c", False),
            ("nats://h/*.b?group=g", "nats://h/a.c", False),
            ("stdin:", "stdout:", False),
        ):
            with self.subTest(source=source, sink=sink):
                self.assertIs(parse_sink(sink).leads_back_to(parse_source(source)), is_circle)


class Properties(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.path = Path(holder.name) / "client.properties"

    def test_names_and_values(self) -> None:
        self.path.write_text("# ours\n\n sasl.username = me \r\nsasl.password=a=b # c\nempty=\n", encoding="utf-8")
        expected = {"sasl.username": "me", "sasl.password": "a=b # c", "empty": ""}
        self.assertEqual(read_properties(self.path), expected)
        self.assertEqual(read_properties(None), {})

    def test_a_line_that_is_none_is_named_and_not_shown(self) -> None:
        self.path.write_text("a=b\nsecret word\n", encoding="utf-8")
        with self.assertRaises(PackflowError) as caught:
            read_properties(self.path)
        self.assertEqual((caught.exception.exit_code, caught.exception.line), (3, 2))
        self.assertNotIn("secret", f"{caught.exception} {caught.exception.hint}")

    def test_files_that_cannot_be_read(self) -> None:
        with self.assertRaisesRegex(PackflowError, "cannot be read: No such file"):
            read_properties(self.path)
        self.path.write_bytes(b"a=\xff")
        with self.assertRaisesRegex(PackflowError, "it is not UTF-8") as caught:
            read_properties(self.path)
        self.assertEqual(caught.exception.code, "properties-not-found")

    def test_properties_that_a_client_does_not_have(self) -> None:
        clients = {name: mock.MagicMock() for name in ("redis", "nats", "confluent_kafka")}
        for text, name in {
            "redis://h/s": "pasword",
            "nats://h/s": "pasword",
            "kafka://h/s": "acks",
            "stdout:": "password",
        }.items():
            with self.subTest(text), mock.patch.dict(sys.modules, clients), self.assertRaises(PackflowError) as caught:
                addresses.open_sink(parse_sink(text), {name: "secret"}, 1)
            self.assertIn(name, caught.exception.title)
            self.assertNotIn("secret", caught.exception.title)


class NatsHeaders(unittest.TestCase):
    def test_what_is_text_stays_and_all_else_is_coded_and_comes_back(self) -> None:
        values = [
            b"",
            b"plain text",
            b" edges ",
            b"two\r\nlines",
            b"\xff\x00",
            "日".encode(),
            b"=?utf-8?B?YQ==?=",
            b"a\tb",
        ]
        sent = tuple((f"h{number}", value) for number, value in enumerate(values))
        headers = to_nats(Outgoing("id", b"", b"k\n", sent, mark="g"), "subject")
        self.assertEqual((headers["h0"], headers["h1"]), ("", "plain text"))
        self.assertTrue(all(value.isprintable() and value == value.strip() for value in headers.values()))
        self.assertEqual(headers.pop("Nats-Msg-Id"), "id g subject")
        self.assertEqual(from_nats(headers), (b"k\n", sent))

    def test_names_are_tokens_and_those_of_the_server_are_left_out(self) -> None:
        sent = ((" a:b\r\n", b"1"), ("Nats-Rollup", b"all"), ("nats-expected-stream", b"x"), ("", b"y"))
        headers = to_nats(Outgoing("id", b"", None, sent), "s")
        self.assertEqual(headers, {"%20a%3Ab%0D%0A": "1", "Nats-Msg-Id": "id  s"})

    def test_no_headers(self) -> None:
        self.assertEqual(from_nats(None), (None, ()))


if __name__ == "__main__":
    unittest.main()
