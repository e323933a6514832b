"""Going on in the environment that ``install`` made: which one, with what, and when not."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from packflow_runtime.environment_start import runtime_start
from packflow_runtime.environments import MARK, PythonIdentity, environment_folder, requirements_key
from packflow_runtime.errors import PackflowError
from packflow_runtime.installing import install
from packflow_runtime.manifest import parse_manifest
from packflow_runtime.venv_tools import BasePython, VenvTools
from runtime.archive_programs import ArchivePrograms, lines
from runtime.archives import manifest_of, tiny_files

NEEDING = """\
import sys
import needed_here
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"needed": needed_here.VALUE, "prefix": sys.prefix, "flags": [sys.flags.utf8_mode, sys.warnoptions]}
                for event in inputs]
"""
LOCK = b"needed-here==1.0 --hash=sha256:00\n"


class Making(unittest.TestCase):
    def test_a_python_that_makes_none(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            python = Path(folder, "python")
            python.write_text("#!/bin/sh\necho no ensurepip here >&2\nexit 1\n", encoding="utf-8")
            python.chmod(0o755)
            base = BasePython(str(python), PythonIdentity.here(), folder)
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(PackflowError) as caught:
                VenvTools(base, f"{folder}/env", None).create(with_pip=True)
        self.assertEqual(caught.exception.title, f"{python} could not make an environment.")
        self.assertEqual((caught.exception.detail, caught.exception.code), ("no ensurepip here", "venv-failed"))

    def test_a_cache_that_cannot_be(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "file").write_bytes(b"")
            target = SimpleNamespace(manifest=manifest_of(tiny_files()))
            with (
                mock.patch.dict(os.environ, {"PACKFLOW_CACHE": f"{folder}/file/cache"}),
                self.assertRaises(PackflowError) as caught,
            ):
                install(target, wheelhouse=None, python=sys.executable, into=None)  # type: ignore[arg-type]
        self.assertEqual(caught.exception.title, f"The environment cannot be made: {os.strerror(errno.ENOTDIR)}.")
        self.assertEqual(caught.exception.detail, f"{folder}/file/cache")


@unittest.skipUnless(os.name == "posix", "a process becomes another one on POSIX")
class Entering(ArchivePrograms):
    def setUp(self) -> None:
        super().setUp()
        self.write_needing()

    def write_needing(self, **changes: Any) -> None:
        extra = {"packflow-info/requirements.lock": LOCK}
        self.write(NEEDING, extra=extra, requirements=["needed-here==1.0"], **changes)

    def environment(self, *, finished: bool = True, identity: PythonIdentity | None = None) -> Path:
        """A real environment without pip, with the one module that the model needs, under the name that counts."""
        self.start(self.path, "info")
        manifest = self.manifest()
        key = requirements_key(manifest)
        assert key is not None
        folder = Path(environment_folder(str(self.cache), key, identity or PythonIdentity.here()))
        (self.cache / "archives").mkdir(parents=True, exist_ok=True, mode=0o700)
        self.cache.chmod(0o700)
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        site = next(folder.glob("lib/python*/site-packages"))
        (site / "needed_here.py").write_text("VALUE = 'from the environment'\n", encoding="utf-8")
        if finished:
            version = ".".join(map(str, sys.version_info[:3]))
            (folder / MARK).write_text(json.dumps({"python": version, "packages": 1}), encoding="utf-8")
        return folder

    def manifest(self) -> Any:
        import zipfile

        with zipfile.ZipFile(self.path) as archive:
            return parse_manifest(archive.read("packflow-info/manifest.json"))

    def outcome(self, *words: object, start: Any = None, **options: Any) -> dict[str, Any]:
        done = (start or self.start)(*(words or (self.path, "run")), events=lines({"n": 1}), **options)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def test_a_run_goes_on_there(self) -> None:
        folder = self.environment()
        for _ in range(2):  # cold and warm
            told = self.outcome()
            self.assertEqual((told["needed"], told["prefix"]), ("from the environment", str(folder)))

    def test_started_from_outside_it_goes_on_there_too(self) -> None:
        folder = self.environment()
        told = self.outcome("run", self.path, start=self.outside)
        self.assertEqual(told["prefix"], str(folder))
        command = [*runtime_start(), "run", str(self.path)]
        self.assertEqual(self.outcome(*command, flags=())["prefix"], str(folder))

    def test_options_events_and_the_interpreters_own_options_come_along(self) -> None:
        self.environment()
        told = self.outcome(self.path, "run", "--batch-size", "1", flags=("-X", "utf8", "-W", "error"))
        self.assertEqual(told["flags"], [1, ["error"]])
        events, output = self.folder / "a b.ndjson", self.folder / "out"
        events.write_bytes(lines({"n": 1}))
        done = self.start(self.path, "run", events, "-o", output, "--cache", self.cache, "--json")
        self.assertEqual(json.loads(done.stdout)["data"]["outputs"], 1)
        self.assertIn(b"from the environment", output.read_bytes())

    def test_signals_reach_it(self) -> None:
        """It is the same process: whoever started it and holds its id stops the model."""
        self.environment()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
        process = subprocess.Popen(
            [sys.executable, str(self.path), "run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**kept, "PACKFLOW_CACHE": str(self.cache)},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines({"n": 1}))
        process.stdin.flush()
        process.stdout.readline()
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)

    def test_not_when_it_is_told_to_stay(self) -> None:
        self.environment()
        done = self.start(self.path, "run", "--no-environment", events=lines({"n": 1}))
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertIn(b"requires needed-here==1.0, which this Python does not have", done.stderr)

    def test_not_into_one_that_is_not_finished_or_whose_python_is_gone(self) -> None:
        folder = self.environment(finished=False)
        self.assertEqual(self.start(self.path, "run", events=lines({})).returncode, 3)
        (folder / MARK).write_text("{}", encoding="utf-8")
        self.assertEqual(self.outcome()["prefix"], str(folder))
        for name in ("python", "python3", f"python3.{sys.version_info[1]}"):
            (folder / "bin" / name).unlink(missing_ok=True)
        self.assertEqual(self.start(self.path, "run", events=lines({})).returncode, 3)

    def test_not_into_one_that_others_may_write_to(self) -> None:
        self.environment()
        (self.cache / "environments").chmod(0o777)
        done = self.start(self.path, "run", events=lines({}))
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"cannot be used: others may write to", done.stderr)

    def test_one_of_another_python_is_taken_where_there_is_no_other_and_that_is_said(self) -> None:
        here = PythonIdentity.here()
        other = PythonIdentity(here.implementation, "3.99.0", here.prefix)
        folder = self.environment(identity=other)
        (folder / MARK).write_text(json.dumps({"python": "3.99.0"}), encoding="utf-8")
        done = self.start(self.path, "run", events=lines({}))
        self.assertEqual(json.loads(done.stdout)["prefix"], str(folder))
        self.assertIn(b"going on in the environment of `install`, which is of Python 3.99.0", done.stderr)

    def test_info_names_it(self) -> None:
        self.assertIn(b"installed       no\n", self.start(self.path, "info").stdout)
        folder = self.environment()
        self.assertIn(f" in {folder}\n", self.start(self.path, "info").stdout.decode())

    def test_a_replay_goes_on_there(self) -> None:
        folder = self.environment()
        expected = {"needed": "from the environment", "prefix": str(folder), "flags": [1, []]}
        golden = (lines({}), lines(expected))
        self.write_needing(golden=golden)
        done = self.start(self.path, "replay")
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())

    def test_what_is_used_is_not_cleaned_away(self) -> None:
        folder = self.environment()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
        process = subprocess.Popen(
            [sys.executable, str(self.path), "run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PACKFLOW_CACHE": str(self.cache)},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines({"n": 1}))
        process.stdin.flush()
        process.stdout.readline()
        data = self.answer("cache", "clean", "--all")["data"]
        self.assertEqual((data["environments"], data["in_use"]), ([], ["tiny-1.0", folder.name]))
        process.communicate(timeout=60)
        self.assertEqual(self.answer("cache", "clean", "--all")["data"]["environments"], [folder.name])


class Keys(unittest.TestCase):
    def test_what_an_environment_is_for(self) -> None:
        files = tiny_files()
        self.assertIsNone(requirements_key(manifest_of(files)))
        texts = {**files, "project/requirements.txt": b"a\n", "project/more/base.in": b"b\n"}
        first = requirements_key(manifest_of(texts, requirements=["a"]))
        self.assertEqual(requirements_key(manifest_of({**texts, "project/x.py": b""}, requirements=["a"])), first)
        for name in ("project/requirements.txt", "project/more/base.in"):
            self.assertNotEqual(requirements_key(manifest_of({**texts, name: b"c\n"}, requirements=["a"])), first)
        locked = {**texts, "packflow-info/requirements.lock": LOCK}
        key = requirements_key(manifest_of(locked, requirements=["a"]))
        changed = {**locked, "project/requirements.txt": b"c\n"}
        self.assertEqual(requirements_key(manifest_of(changed, requirements=["c"])), key)
        self.assertNotEqual(key, first)

    def test_which_python_it_is_of(self) -> None:
        here = PythonIdentity.here()
        others = [
            PythonIdentity("pypy", here.version, here.prefix),
            PythonIdentity(here.implementation, "3.99.0", here.prefix),
            PythonIdentity(here.implementation, here.version, "/elsewhere"),
        ]
        self.assertEqual(len({here.key(), *(one.key() for one in others)}), 4)


if __name__ == "__main__":
    unittest.main()
