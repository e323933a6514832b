"""The manifest: one spelling, every field checked, later fields ignored, other formats refused."""

from __future__ import annotations

import json
import unittest
from dataclasses import replace
from typing import Any

from packflow_runtime.manifest import (
    FileRecord,
    Manifest,
    ManifestError,
    Parity,
    Provenance,
    canonical_json,
    parse_manifest,
)
from packflow_runtime.project import ProjectConfig

SHA = "0123456789abcdef" * 4
MANIFEST = Manifest(
    name="modèle",
    version="1.0",
    entry_point="inference:Backend",
    python_requires=">=3.10",
    runtime_version="0.1.0",
    config={"name": "model", "version": "1.0", "env": None},
    files={"project/b": FileRecord(3, SHA), "__main__.py": FileRecord(0, "f" * 64)},
    parity=Parity(equal=True, events=200, rule={"rtol": 1e-05, "atol": 0.0}),
    golden_events=50,
    stateful=False,
    stateful_reason="it counts",
    requirements=["numpy==2.1.0"],
    pickle_allowlist=["numpy.ndarray"],
    provenance=Provenance("abc123", clean=True),
    created="2026-01-01T00:00:00Z",
)

CANONICAL = """\
{
  "config": {
    "env": null,
    "name": "model",
    "version": "1.0"
  },
  "created": "2026-01-01T00:00:00Z",
  "entry_point": "inference:Backend",
  "files": {
    "__main__.py": {
      "sha256": "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "size": 0
    },
    "project/b": {
      "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
      "size": 3
    }
  },
  "format": 1,
  "golden_events": 50,
  "name": "modèle",
  "parity": {
    "equal": true,
    "events": 200,
    "rule": {
      "atol": 0.0,
      "rtol": 1e-05
    }
  },
  "pickle_allowlist": [
    "numpy.ndarray"
  ],
  "provenance": {
    "clean": true,
    "commit": "abc123"
  },
  "python_requires": ">=3.10",
  "requirements": [
    "numpy==2.1.0"
  ],
  "runtime_version": "0.1.0",
  "stateful": false,
  "stateful_reason": "it counts",
  "version": "1.0"
}
"""


def data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(CANONICAL)
    return loaded


class Writing(unittest.TestCase):
    def test_the_bytes(self) -> None:
        self.assertEqual(MANIFEST.to_bytes().decode(), CANONICAL)

    def test_canonical_json(self) -> None:
        self.assertEqual(canonical_json({"b": [], "a": {}}), b'{\n  "a": {},\n  "b": []\n}\n')
        self.assertEqual(canonical_json({"é": 2**70}), '{\n  "é": 1180591620717411303424\n}\n'.encode())
        for value in (float("nan"), float("inf")):
            with self.assertRaises(ValueError):
                canonical_json(value)


class Reading(unittest.TestCase):
    def refuse(self, source: bytes, reason: str) -> None:
        with self.subTest(reason):
            with self.assertRaises(ManifestError) as caught:
                parse_manifest(source)
            error = caught.exception
            self.assertEqual(error.title, f"The archive's manifest is not valid: {reason}.")
            self.assertEqual((error.code, error.exit_code), ("manifest-invalid", 1))

    def refuse_data(self, changes: dict[str, Any], reason: str) -> None:
        self.refuse(canonical_json({**data(), **changes}), reason)

    def test_a_field_that_the_first_archives_lack_may_be_absent(self) -> None:
        older = data()
        del older["stateful_reason"]
        self.assertEqual(parse_manifest(canonical_json(older)), replace(MANIFEST, stateful_reason=None))
        self.refuse_data({"stateful_reason": 1}, "stateful_reason is 1; expected text")

    def test_round_trips(self) -> None:
        self.assertEqual(parse_manifest(CANONICAL.encode()), MANIFEST)
        bare = replace(MANIFEST, parity=None, created=None, provenance=Provenance(), requirements=[], files={})
        self.assertEqual(parse_manifest(bare.to_bytes()), bare)

    def test_fields_of_later_versions_are_ignored(self) -> None:
        later = data()
        later["sbom"] = {"digest": SHA}
        later["parity"]["mode"] = "shuffled"
        later["provenance"]["host"] = "x"
        later["files"]["project/b"]["mode"] = 420
        self.assertEqual(parse_manifest(canonical_json(later)), MANIFEST)

    def test_formats_it_does_not_know(self) -> None:
        for version in (0, 2, "1", None, True, 1.0, [1]):
            with self.subTest(version=version):
                with self.assertRaises(ManifestError) as caught:
                    parse_manifest(canonical_json({**data(), "format": version}))
                error = caught.exception
                self.assertEqual(error.title, f"The archive is of format {version!r}; this runtime reads format 1.")
                self.assertEqual((error.code, error.exit_code), ("format-unknown", 1))
        without = data()
        del without["format"]
        with self.assertRaises(ManifestError) as caught:
            parse_manifest(canonical_json(without))
        self.assertEqual(caught.exception.code, "format-unknown")

    def test_a_format_it_does_not_know_needs_no_canonical_form(self) -> None:
        with self.assertRaises(ManifestError) as caught:
            parse_manifest(b'{"format":2,"files":[]}')
        self.assertEqual(caught.exception.code, "format-unknown")

    def test_other_spellings(self) -> None:
        for source in (
            json.dumps(data()).encode(),
            json.dumps(data(), indent=2).encode() + b"\n",
            json.dumps(data(), indent=2, sort_keys=True).encode() + b"\n",  # é as an escape
            CANONICAL.encode()[:-1],
            CANONICAL.encode() + b"\n",
            CANONICAL.encode().replace(b"\n", b"\r\n"),
            CANONICAL.encode().replace(b"1e-05", b"0.00001"),
        ):
            self.refuse(source, "it is not in canonical form")
        twice = CANONICAL.encode().replace(b'"stateful": false', b'"stateful": true,\n  "stateful": false')
        self.refuse(twice, "it has the key 'stateful' twice in one place")

    def test_more_values_than_memory_should_hold(self) -> None:
        for value in (b"[]", b"{}", b"1"):
            source = b'{"format":1,"x":[' + (value + b",") * 1_000_000 + value + b"]}"
            self.refuse(source, "it holds more than 1,000,000 values")

    def test_what_is_no_json_object(self) -> None:
        for source, why in (
            (b"", "the line ends before its JSON value does"),
            (b"[]", "an event must be a JSON object, this line is an array"),
            (b"\xff", "byte 1 is not UTF-8"),
            (b"\xef\xbb\xbf" + CANONICAL.encode(), "unexpected '\\ufeff' at column 1"),
            (CANONICAL.encode().replace(b"50", b"NaN"), "NaN is not JSON"),
            (b'{"a":' * 300 + b"1" + b"}" * 300, "the value is nested deeper than 200"),
        ):
            self.refuse(source, f"it is not a JSON object ({why})")

    def test_missing_fields(self) -> None:
        for key in data():
            without = data()
            del without[key]
            if key == "stateful_reason":  # the first archives do not have it
                self.assertIsNone(parse_manifest(canonical_json(without)).stateful_reason)
            elif key != "format":
                self.refuse(canonical_json(without), f"{key} is missing")

    def test_fields_of_another_type(self) -> None:
        self.refuse_data({"name": 5}, "name is 5; expected text")
        self.refuse_data({"version": None}, "version is empty; expected text (quote it if you mean the word)")
        self.refuse_data({"config": []}, "config is []; expected a mapping of keys to values")
        self.refuse_data({"files": [1]}, "files is [1]; expected a mapping of keys to values")
        self.refuse_data({"files": {"x": 1}}, "files.x is 1; expected a mapping of keys to values")
        self.refuse_data({"golden_events": 1.5}, "golden_events is 1.5; expected a whole number")
        self.refuse_data({"golden_events": "50"}, "golden_events is text, which it may not be")
        self.refuse_data({"stateful": "false"}, "stateful is text, which it may not be")
        self.refuse_data({"stateful": 0}, "stateful is 0; expected true or false")
        self.refuse_data({"requirements": [1]}, "requirements[0] is 1; expected text")
        self.refuse_data({"created": 5}, "created is 5; expected text")
        self.refuse_data({"parity": {}}, "parity.equal is missing")
        self.refuse_data(
            {"parity": {"equal": True, "events": "200", "rule": {}}}, "parity.events is text, which it may not be"
        )
        self.refuse_data({"provenance": {"commit": 5}}, "provenance.commit is 5; expected text")
        self.refuse_data({"provenance": {"commit": None}}, "provenance.clean is missing")
        self.refuse_data({"provenance": None}, "provenance is empty; expected a mapping of keys to values")

    def test_file_records(self) -> None:
        reason = "files.project/b has no valid size and sha256"
        for record in (
            {"size": -1, "sha256": SHA},
            {"size": 3, "sha256": SHA[:-1]},
            {"size": 3, "sha256": SHA + "0"},
            {"size": 3, "sha256": SHA.upper()},
            {"size": 3, "sha256": SHA[:-1] + "g"},
            {"size": 3, "sha256": SHA + "\n"},
        ):
            self.refuse_data({"files": {"project/b": record}}, reason)
        self.refuse_data({"files": {"x": {"sha256": SHA}}}, "files.x.size is missing")
        self.refuse_data({"files": {"x": {"size": "3", "sha256": SHA}}}, "files.x.size is text, which it may not be")

    def test_words_of_a_hostile_manifest_are_shown_safely(self) -> None:
        self.refuse_data(
            {"files": {"\x1b[2J\u202e\n": 1}}, "files.\\x1b[2J\\u202e\\n is 1; expected a mapping of keys to values"
        )
        self.refuse_data({"files": {"x" * 5000: 1}}, f"files.{'x' * 293}… is 1; expected a mapping of keys to values")
        config = {"name": "model", "\x9b31m" + "x" * 5000: 1}
        hostile = (lambda: parse_manifest(canonical_json({**data(), "format": ["x" * 5000, "\x1b"]})),)
        for read in (*hostile, lambda: replace(MANIFEST, config=config).project_config):
            with self.assertRaises(ManifestError) as caught:
                read()
            self.assertTrue(caught.exception.title.isprintable())
            self.assertLess(len(caught.exception.title), 1000)

    def test_the_configuration_inside(self) -> None:
        self.assertEqual(MANIFEST.project_config, ProjectConfig("model", "1.0"))
        with self.assertRaises(ManifestError) as caught:
            _ = replace(MANIFEST, config={"name": "model", "golden": 99}).project_config
        self.assertEqual(
            caught.exception.title,
            "The archive's manifest is not valid: config: golden is 99; expected none or a number of events from 1 "
            "to 50.",
        )


if __name__ == "__main__":
    unittest.main()
