"""``packflow.yaml``: its defaults, what it keeps as text, and each error with its line."""

from __future__ import annotations

import errno
import os
import tempfile
import unittest
from pathlib import Path

from packflow_runtime.errors import PackflowError
from packflow_runtime.project import (
    MAX_CONFIG_BYTES,
    DryRunConfig,
    OutputConfig,
    ProjectConfig,
    ProjectConfigError,
    parse_project_config,
    project_config_from_data,
    read_config_bytes,
    read_project_config,
)
from packflow_runtime.typed import TypeMismatchError
from packflow_runtime.yaml_subset import YamlError

EVERYTHING = b"""\
name: fraud-model
version: 1.0
description: Finds fraud.   # as the field says it
maintainers: [Ada <ada@example.org>, Bo]
inference_backend: models.fraud:FraudBackend
loader: module
python_version: 3.10
python_requires: ">=3.10, <4"
stateful: true
env:
  OMP_NUM_THREADS: 1
  GREETING: no
backend_config:
  threshold: 0.50
  flags: [no, 012, 12:30]
  nested: {empty: , text: "null"}
output:
  keep: [id, at.day]
  under: event
dry_run:
  events: data/sample.ndjson
  batch_sizes: [1, 8]
  rtol: 1e-4
  atol: 0
  ignore: [time]
  reason: noisy
golden: none
extra:
  team: 007
"""

# What stands in packflow.yaml, the line of the error, and its title after "packflow.yaml: ".
ERRORS = (
    ("version: 1.0\n", 1, "name is required."),
    ("version: 1\nname:\n", 2, "name is required."),
    ("name: a\n\ncolour: red\n", 3, "colour is not a known key; known here: name, version, description, maintainers, "),
    ("name: 3d-model\n", 1, "name is '3d-model'; expected a letter, then letters, digits, - or _, at most 64."),
    (f"name: {'a' * 65}\n", 1, f"name is '{'a' * 65}'; expected a letter, then letters, digits, - or _, at most 64."),
    ("name: a b\n", 1, "name is 'a b'; expected"),
    ("name: [a]\n", 1, "name is ['a']; expected text."),
    ("name: a\nversion: {x: 1}\n", 2, "version is {'x': '1'}; expected text."),
    ("name: a\nmaintainers: me\n", 2, "maintainers is 'me'; expected a list."),
    ("name: a\nmaintainers:\n  - me\n  - [you]\n", 4, "maintainers[1] is ['you']; expected text."),
    ("name: a\nloader: pip\n", 2, "loader is 'pip'; expected one of local, module."),
    ("name: a\nstateful: yes\n", 2, "stateful is 'yes'; expected true or false."),
    ("name: a\ninference_backend: inference\n", 2, "inference_backend is 'inference'; expected module:Class, such as"),
    ("name: a\ninference_backend: a/b:C\n", 2, "inference_backend is 'a/b:C'; expected module:Class"),
    ("name: a\ninference_backend: a.b:C.d\n", 2, "inference_backend is 'a.b:C.d'; expected module:Class"),
    ('name: a\ninference_backend: "a:B\\n"\n', 2, "inference_backend is 'a:B\\n'; expected module:Class"),
    ('name: "a\\n"\n', 1, "name is 'a\\n'; expected a letter"),
    ("name: a\nenv: [A]\n", 2, "env is ['A']; expected a mapping of keys to values."),
    ("name: a\nenv:\n  A: x\n  B: [y]\n", 4, "env.B is ['y']; expected text."),
    ("name: a\nenv:\n  A:\n", 3, "env.A is empty; expected text (quote it if you mean the word)."),
    ("name: a\nenv:\n  A=B: x\n", 3, "env.A=B is no name for an environment variable."),
    ('name: a\nenv:\n  A: "x\\0y"\n', 3, "env.A holds a NUL character."),
    ("name: a\nbackend_config: 5\n", 2, "backend_config is '5'; expected a mapping of keys to values."),
    ("name: a\noutput:\n  keep: [id]\n  drop: [x]\n", 4, "output.drop is not a known key; known here: keep, under."),
    ("name: a\noutput: id\n", 2, "output is 'id'; expected a mapping of keys to values."),
    ("name: a\noutput:\n  keep:\n    - id\n    - {a: b}\n", 5, "output.keep[1] is {'a': 'b'}; expected text."),
    (
        "name: a\noutput:\n  keep: [packflow_error]\n",
        2,
        "output would give outputs the key packflow_error, which marks",
    ),
    (
        "name: a\noutput:\n  under: packflow_error\n  keep: [id]\n",
        2,
        "output would give outputs the key packflow_error",
    ),
    ("name: a\ndry_run:\n  rtol: small\n", 3, "dry_run.rtol is 'small'; expected a number."),
    ("name: a\ndry_run:\n  batch_sizes: [8, x]\n", 3, "dry_run.batch_sizes[1] is 'x'; expected a whole number."),
    ("name: a\ndry_run:\n\n  batch_sizes: [8, 0]\n", 4, "dry_run.batch_sizes must be whole numbers from 1 up."),
    ("name: a\ngolden: 51\n", 2, "golden is 51; expected none or a number of events from 1 to 50."),
    ("name: a\ngolden: -1\n", 2, "golden is -1; expected none or a number of events from 1 to 50."),
    ("name: a\ngolden: all\n", 2, "golden is 'all'; expected a whole number."),
    (
        "name: a\npython_requires: 3.10\n",
        2,
        "python_requires is not valid: '3.10' is not a version clause such as >=3.",
    ),
    (
        "name: a\npython_requires: '>=4, rubbish'\n",
        2,
        "python_requires is not valid: 'rubbish' is not a version clause",
    ),
)


class Reading(unittest.TestCase):
    def test_defaults(self) -> None:
        config = parse_project_config(b"name: model\n")
        self.assertEqual(config, ProjectConfig("model"))
        self.assertEqual(
            (config.version, config.description, config.maintainers, config.inference_backend, config.loader),
            ("0.1.0", "", [], "inference:Backend", "local"),
        )
        self.assertEqual((config.python_version, config.python_requires, config.stateful), (None, None, False))
        self.assertEqual((config.env, config.backend_config, config.golden, config.extra), ({}, {}, 50, {}))
        self.assertEqual((config.output.keep, config.output.under), ([], None))
        self.assertEqual(
            config.dry_run,
            DryRunConfig(events=None, batch_sizes=[8, 64], rtol=None, atol=0.0, ignore=[], reason=None),
        )

    def test_everything(self) -> None:
        self.assertEqual(
            parse_project_config(EVERYTHING),
            ProjectConfig(
                name="fraud-model",
                version="1.0",
                description="Finds fraud.",
                maintainers=["Ada <ada@example.org>", "Bo"],
                inference_backend="models.fraud:FraudBackend",
                loader="module",
                python_version="3.10",
                python_requires=">=3.10, <4",
                stateful=True,
                env={"OMP_NUM_THREADS": "1", "GREETING": "no"},
                backend_config={
                    "threshold": "0.50",
                    "flags": ["no", "012", "12:30"],
                    "nested": {"empty": None, "text": "null"},
                },
                output=OutputConfig(["id", "at.day"], "event"),
                dry_run=DryRunConfig("data/sample.ndjson", [1, 8], 0.0001, 0.0, ["time"], "noisy"),
                golden=0,
                extra={"team": "007"},
            ),
        )

    def test_text_survives(self) -> None:
        for text in ("1.0", "3.10", "1e5", "no", "012", "2026-01-01", "0x10", "12:30", "1_000"):
            config = parse_project_config(f"name: a\nversion: {text}\npython_version: {text}\n".encode())
            self.assertEqual((config.version, config.python_version), (text, text))

    def test_nothing_after_a_key_is_the_default(self) -> None:
        keys = ("version", "env", "output", "dry_run", "golden", "backend_config", "maintainers", "stateful")
        for key in keys:
            self.assertEqual(parse_project_config(f"name: a\n{key}:\n".encode()), ProjectConfig("a"), key)
        config = parse_project_config(b"name: a\noutput:\n  under: null\n  keep:\ndry_run:\n  rtol: ~\n")
        self.assertEqual(config, ProjectConfig("a"))

    def test_golden(self) -> None:
        for text, count in (("none", 0), ("0", 0), ("1", 1), ("50", 50)):
            self.assertEqual(parse_project_config(f"name: a\ngolden: {text}\n".encode()).golden, count)

    def test_names_and_entry_points(self) -> None:
        for name in ("a", "A-b_9", "a" * 64):
            self.assertEqual(parse_project_config(f"name: {name}\n".encode()).name, name)
        for entry in ("inference:Backend", "_a.b2._c:_D", "modèle:Modèle"):
            config = parse_project_config(f"name: a\ninference_backend: {entry}\n".encode())
            self.assertEqual(config.inference_backend, entry)

    def test_kept_fields_may_have_any_name_under_a_key_of_their_own(self) -> None:
        config = parse_project_config(b"name: a\noutput: {keep: [packflow_error], under: event}\n")
        self.assertEqual(config.output, OutputConfig(["packflow_error"], "event"))

    def test_data_from_a_manifest(self) -> None:
        self.assertEqual(project_config_from_data({"name": "a", "golden": "5"}), ProjectConfig("a", golden=5))
        self.assertEqual(project_config_from_data({"name": "a", "stateful": True}).stateful, True)
        for data in (None, [], "name", 5):
            with self.subTest(data=data), self.assertRaises(TypeMismatchError) as caught:
                project_config_from_data(data)
            self.assertEqual(str(caught.exception), "must be a mapping of keys to values")

    def test_defaults_are_not_shared(self) -> None:
        first, second = ProjectConfig("a"), ProjectConfig("a")
        first.env["A"] = "x"
        first.output.keep.append("id")
        first.dry_run.batch_sizes.append(1)
        self.assertEqual(second, ProjectConfig("a"))


class Errors(unittest.TestCase):
    def refuse(self, source: bytes, file: str = "packflow.yaml") -> PackflowError:
        with self.assertRaises(PackflowError) as caught:
            parse_project_config(source, file=file)
        return caught.exception

    def test_each_kind_with_its_line(self) -> None:
        for source, line, title in ERRORS:
            with self.subTest(source):
                error = self.refuse(source.encode(), "some/packflow.yaml")
                self.assertIsInstance(error, ProjectConfigError)
                self.assertTrue(error.title.startswith(f"packflow.yaml: {title}"), error.title)
                self.assertEqual(error.where, f"some/packflow.yaml:{line}")
                self.assertEqual((error.code, error.exit_code), ("config-invalid", 3))
                self.assertTrue(error.hint.startswith("Mend `"), error.hint)

    def test_what_is_no_mapping(self) -> None:
        for source, title in (
            (b"", "packflow.yaml is empty."),
            (b"# nothing\n", "packflow.yaml is empty."),
            (b"- name\n", "packflow.yaml must be a mapping of keys to values."),
            (b"name\n", "packflow.yaml must be a mapping of keys to values."),
        ):
            error = self.refuse(source)
            self.assertEqual((error.title, error.hint), (title, "Give it at least a `name:` line."))

    def test_what_is_no_yaml(self) -> None:
        for source, line in ((b"name: a\nname: b\n", 2), (b"name: &a b\n", 1), (b"name: a\n\n\tx: 1\n", 3)):
            error = self.refuse(source)
            self.assertIsInstance(error, YamlError)
            self.assertEqual((error.code, error.exit_code, error.line), ("yaml-invalid", 3, line))


class Files(unittest.TestCase):
    def test_a_project(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "packflow.yaml").write_bytes(b"name: a\nversion: 1.0\n")
            self.assertEqual(read_project_config(Path(folder)), ProjectConfig("a", "1.0"))
            self.assertEqual(read_config_bytes(Path(folder)), b"name: a\nversion: 1.0\n")
            Path(folder, "packflow.yaml").write_bytes(b"name: a\nx: 1\n")
            with self.assertRaises(ProjectConfigError) as caught:
                read_project_config(Path(folder))
            self.assertEqual(caught.exception.where, f"{Path(folder, 'packflow.yaml')}:2")

    def test_no_project(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for place in (Path(folder), Path(folder, "nothing", "here")):
                with self.assertRaises(ProjectConfigError) as caught:
                    read_project_config(place)
                error = caught.exception
                self.assertEqual(error.title, f"{place} is not a Packflow project: it has no packflow.yaml.")
                self.assertEqual((error.code, error.exit_code), ("project-not-found", 3))

    def test_a_file_that_holds_data(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "packflow.yaml").write_bytes(b"name: x\nextra: " + b"1" * MAX_CONFIG_BYTES)
            with self.assertRaises(ProjectConfigError) as caught:
                read_project_config(Path(folder))
        self.assertEqual(caught.exception.title, f"packflow.yaml is larger than {MAX_CONFIG_BYTES:,} bytes.")

    def test_a_file_that_cannot_be_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "packflow.yaml").mkdir()
            with self.assertRaises(ProjectConfigError) as caught:
                read_project_config(Path(folder))
        path = Path(folder, "packflow.yaml")
        self.assertEqual(caught.exception.title, f"{path} cannot be read: {os.strerror(errno.EISDIR)}.")
        self.assertEqual(caught.exception.file, str(path))


if __name__ == "__main__":
    unittest.main()
