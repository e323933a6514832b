"""How far events have moved from the schema a model was shipped with."""

from __future__ import annotations

import threading
import unittest
from typing import Any

from packflow_runtime.drift import DriftCounters
from runtime.expositions import parse_exposition

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "uid": {"type": "string"},
        "port": {"type": "integer"},
        "score": {"type": ["number", "null"]},
        "id": {
            "type": "object",
            "properties": {"orig.h": {"type": "string"}, "up": {"type": "boolean"}},
            "required": ["orig.h"],
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "any": {},
    },
    "required": ["uid", "port", "unnamed"],
}


class Drift(unittest.TestCase):
    def seen(self, *events: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> tuple[dict[str, Any], dict[str, Any]]:
        counters = DriftCounters(schema)
        for event in events:
            counters.observe(event)
        told = counters.snapshot()
        return told["missing"], told["new_types"]

    def test_events_of_the_schema(self) -> None:
        event = {"uid": "a", "port": 1, "unnamed": None, "score": 1, "id": {"orig.h": "x", "up": True}, "new": {}}
        self.assertEqual(self.seen(event, {**event, "score": None, "tags": ["a"], "any": [1]}), ({}, {}))

    def test_missing_fields(self) -> None:
        event = {"uid": "a", "id": {}}
        self.assertEqual(self.seen(event, event, {}), ({"port": 3, "uid": 1, "unnamed": 3, 'id."orig.h"': 2}, {}))

    def test_values_of_another_type(self) -> None:
        event = {"uid": 5, "port": 1.5, "unnamed": 0, "score": True, "id": [1], "tags": ["a", None, {}, 3, 4]}
        self.assertEqual(
            self.seen(event, {**event, "uid": None})[1],
            {
                "uid": {"integer": 1, "null": 1},
                "port": {"number": 2},
                "score": {"boolean": 2},
                "id": {"array": 2},
                "tags[]": {"null": 2, "object": 2, "integer": 4},
            },
        )

    def test_whole_numbers(self) -> None:
        self.assertEqual(self.seen({"uid": "", "port": 2.0, "unnamed": 0})[1], {})
        self.assertEqual(self.seen({"uid": "", "port": float("inf"), "unnamed": 0})[1], {"port": {"number": 1}})
        self.assertEqual(self.seen({"uid": "", "port": True, "unnamed": 0})[1], {"port": {"boolean": 1}})

    def test_schemas_that_say_little(self) -> None:
        for schema in ({}, {"properties": {"a": True}}, {"$ref": "#/x"}):
            self.assertEqual(self.seen({"a": 1}, schema=schema), ({}, {}))

    def test_prometheus(self) -> None:
        counters = DriftCounters(SCHEMA)
        counters.observe({"uid": 1, "id": {}})
        samples = parse_exposition(counters.prometheus())
        self.assertEqual(samples["packflow_input_missing_total", 'path="id.\\"orig.h\\""'], 1)
        self.assertEqual(samples["packflow_input_new_type_total", 'path="uid",type="integer"'], 1)
        parse_exposition(DriftCounters({}).prometheus())

    def test_threads(self) -> None:
        counters = DriftCounters(SCHEMA)
        workers = [
            threading.Thread(target=lambda: [counters.observe({"uid": 1, "port": 1}) for _ in range(500)])
            for _ in range(8)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(counters.snapshot(), {"missing": {"unnamed": 4000}, "new_types": {"uid": {"integer": 4000}}})


if __name__ == "__main__":
    unittest.main()
