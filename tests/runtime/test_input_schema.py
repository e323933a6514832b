"""``run --strict-input``: events that break the shipped schema fail before the model sees them, with the reason."""

from __future__ import annotations

import json
import unittest

from packflow_runtime.input_schema import InputSchema
from runtime.archive_programs import ArchivePrograms, lines

SCHEMA = {
    "type": "object",
    "required": ["n"],
    "properties": {
        "n": {"type": ["number", "null"]},
        "whole": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "user": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "closed": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        "anything": True,
        "flag": {"type": "boolean"},
    },
}
SEEN = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    seen = 0

    def execute(self, inputs):
        self.seen += len(inputs)
        return [{"n": event["n"], "seen": self.seen} for event in inputs]
"""
EVENTS = lines({"n": 1}, {"n": "one"}, {}, {"n": 2.5, "tags": ["a", 1]}, {"n": None, "more": [1]})


class Faults(unittest.TestCase):
    def test_events_that_keep_it(self) -> None:
        schema = InputSchema(SCHEMA)
        for event in (
            {"n": 1},
            {"n": 1.5, "whole": 3.0, "tags": [], "flag": True},
            {"n": None, "unknown": object()},
            {"n": 0, "user": {"id": "x", "more": 1}, "counts": {"a": 1, "b": 2}, "closed": {"a": []}, "anything": {}},
        ):
            self.assertIsNone(schema.fault(event), event)

    def test_the_first_fault_is_named_with_its_path(self) -> None:
        schema = InputSchema(SCHEMA)
        for event, fault in (
            ({}, "n is missing"),
            ({"n": "1"}, "n is string, and the schema says number or null"),
            ({"n": True}, "n is boolean, and the schema says number or null"),
            ({"n": 1, "whole": 1.5}, "whole is number, and the schema says integer"),
            ({"n": 1, "flag": 1}, "flag is integer, and the schema says boolean"),
            ({"n": 1, "tags": {}}, "tags is object, and the schema says array"),
            ({"n": 1, "tags": ["a", None]}, "tags[] is null, and the schema says string"),
            ({"n": 1, "user": {}}, "user.id is missing"),
            ({"n": 1, "user": {"id": 5}}, "user.id is integer, and the schema says string"),
            ({"n": 1, "counts": {"a.b": []}}, 'counts."a.b" is array, and the schema says integer'),
            ({"n": 1, "closed": {"b": 1}}, "closed.b is not in the schema"),
        ):
            self.assertEqual(schema.fault(event), fault)

    def test_schemas_that_say_nothing(self) -> None:
        for schema in (True, {}, {"properties": {}}, {"items": {"type": "string"}}, {"type": "object", "minimum": 3}):
            self.assertIsNone(InputSchema(schema).fault({"n": 1}))


class Running(ArchivePrograms):
    def setUp(self) -> None:
        super().setUp()
        self.write(SEEN, extra={"packflow-info/input.schema.json": json.dumps(SCHEMA).encode()})

    def outcomes(self, *options: str) -> list[dict[str, object]]:
        done = self.start(self.path, "run", *options, events=EVENTS)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(found), 5)
        return found

    def test_they_fail_before_the_model_sees_them(self) -> None:
        for options in ((), ("--batch-size", "1"), ("--workers", "2"), ("--supervise",)):
            with self.subTest(options=options):
                found = self.outcomes("--strict-input", *options)
                errors = [one.get("packflow_error") for one in found]
                self.assertEqual([error is None for error in errors], [True, False, False, False, True])
                for error in errors[1:4]:
                    assert isinstance(error, dict)
                    self.assertEqual((error["code"], error["step"]), ("input-schema", "decode"))
                self.assertEqual([error["line"] for error in errors if error], [2, 3, 4])
                self.assertEqual([error["message"][:6] for error in errors if error], ["n is s", "n is m", "tags[]"])
                if options == ("--batch-size", "1"):
                    self.assertEqual([one["seen"] for one in (found[0], found[4])], [1, 2])

    def test_without_it_the_model_sees_all(self) -> None:
        found = self.outcomes("--batch-size", "1")
        self.assertEqual(found[1], {"n": "one", "seen": 2})

    def test_they_count_as_failed(self) -> None:
        done = self.start(self.path, "run", "--strict-input", "--max-errors", "2", events=EVENTS)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"failed (input-schema 3)", done.stderr)
        letters = self.folder / "letters"
        done = self.start(self.path, "run", "--strict-input", "--dead-letters", letters, events=EVENTS)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 2))
        self.assertEqual(letters.read_bytes().count(b"input-schema"), 3)

    def test_a_run_is_not_resumed_under_another_rule(self) -> None:
        events, output = self.folder / "events", self.folder / "output"
        events.write_bytes(EVENTS * 2000)
        done = self.start(self.path, "run", events, "-o", output, "--resume", "--strict-input", "--max-errors", "3")
        self.assertEqual(done.returncode, 1, done.stderr)
        again = self.start(self.path, "run", events, "-o", output, "--resume")
        self.assertEqual((again.returncode, output.exists()), (2, False), again.stderr)
        self.assertEqual(self.start(self.path, "run", events, "-o", output, "--resume", "--strict-input").returncode, 0)

    def test_an_archive_without_a_schema(self) -> None:
        self.write(SEEN)
        for words in (("run", "--strict-input"), ("run", "--strict-input", "--workers", "2")):
            done = self.start(self.path, *words, events=EVENTS)
            self.assertEqual((done.returncode, done.stdout), (3, b""))
            self.assertIn(b"has no schema of its events", done.stderr)
        done = self.start(self.path, "run", "--strict-input", "-o", self.folder / "out", "--json", events=EVENTS)
        self.assertEqual(json.loads(done.stdout)["errors"][0]["code"], "schema-missing")


if __name__ == "__main__":
    unittest.main()
