"""What an archive's command line says where little is right: closed and full outputs, wrong values, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

import packflow_runtime
from packflow_runtime import __version__
from packflow_runtime.cached_copies import cache_root
from packflow_runtime.run_options import MOST_WORKERS
from runtime.archive_programs import ArchivePrograms, lines

SOURCE = str(Path(packflow_runtime.__file__).parent.parent)
CONFIGURED = """\
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    threshold: float = 1.0

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        return [{"over": event["n"] > self.config.threshold} for event in inputs]
"""
POSIX = unittest.skipUnless(os.name == "posix", "needs POSIX: /dev/full, closed streams and signals")


class WrongConfigurationTests(ArchivePrograms):
    def setUp(self) -> None:
        super().setUp()
        self.write(CONFIGURED)

    def error(self, *words: object, code: int, **options: Any) -> str:
        done = self.start(self.path, "run", *words, events=lines({"n": 1}), **options)
        self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
        return done.stderr.decode()

    def test_what_the_command_line_sets_is_its_users_mistake(self) -> None:
        for children in ((), ("--supervise",)):
            said = self.error("--set", "threshold=abc", *children, code=2)
            self.assertIn("error: --set: threshold is 'abc'; expected a number.\n", said)
            said = self.error("--set", "treshold=1", *children, code=2)
            self.assertIn("error: --set: treshold is not a key of Config.\n", said)
            self.assertIn("next: Config takes: threshold, ", said)

    def test_what_a_file_sets_is_a_configuration_that_is_not_valid(self) -> None:
        file = self.folder / "c.json"
        file.write_text('{"threshold": "abc"}')
        self.assertIn("--config or PACKFLOW_CONFIG names: threshold is", self.error("--config", file, code=3))
        self.assertIn("threshold is", self.error(PACKFLOW_CONFIG=str(file), code=3))

    def test_what_the_project_itself_says_stays_the_models(self) -> None:
        project = self.folder / "project"
        project.mkdir()
        (project / "inference.py").write_text(CONFIGURED)
        config = "name: tiny\nversion: '1.0'\npython_requires: '>=3.10'\nbackend_config:\n  threshold: abc\n"
        (project / "packflow.yaml").write_text(config)
        done = self.outside("run", project, "--set", "nan=null", events=lines({"n": 1}))
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"backend_config: threshold is", done.stderr)


class UsageTests(ArchivePrograms):
    def setUp(self) -> None:
        super().setUp()
        self.write()

    def test_more_workers_than_a_machine_can_hold(self) -> None:
        done = self.start(self.path, "run", "--workers", MOST_WORKERS + 1)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"'257' is not a whole number from 1 to 256: each is a process with the model in it", done.stderr)

    def test_what_is_no_archive_is_not_taken_for_a_project(self) -> None:
        other = self.folder / "no.zip"
        other.write_bytes(b"<html>not found</html>")
        for words in (["run", other], ["replay", other], ["info", other], ["replay", self.folder / "none.zip"]):
            command = [sys.executable, "-m", "packflow_runtime", *map(str, words)]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": SOURCE})
            title, hint = done.stderr.splitlines()
            what = "is neither an archive nor a folder of a project" if words[1] == other else "does not exist"
            self.assertEqual((done.returncode, title), (3, f"error: {words[1]} {what}."))
            self.assertIn("Name a .zip", hint)

    def test_the_version_is_told(self) -> None:
        for _ in ("cold", "warm"):
            done = self.start(self.path, "--version")
            self.assertEqual(done.stdout.decode(), f"tiny 1.0 (packflow-runtime {__version__})\n")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.start(self.path, "run", events=lines({"n": 1}))

    @POSIX
    def test_help_that_cannot_be_written_is_an_error(self) -> None:
        for words in (["--help"], ["run", "--help"], ["--version"]):
            for redirected, said in ((">/dev/full", "No space left on device"), (">&-", "is closed")):
                with self.subTest(words, redirected=redirected):
                    command = f'exec "$0" "$@" {redirected}'
                    done = subprocess.run(
                        ["sh", "-c", command, sys.executable, str(self.path), *words],
                        env={**os.environ, "PACKFLOW_CACHE": str(self.cache)},
                        capture_output=True,
                        encoding="utf-8",
                        check=False,
                        timeout=60,
                    )
                    self.assertEqual(done.returncode, 5, done.stderr)
                    self.assertIn(said, done.stderr)
                    self.assertNotIn("Traceback", done.stderr)

    @POSIX
    def test_a_cache_that_is_refused_stays_as_it_is(self) -> None:
        self.cache.mkdir()
        self.cache.chmod(0o777)
        done = self.start(self.path, "run", events=lines({"n": 1}))
        self.assertEqual((done.returncode, done.stdout), (0, lines({"n": 2})))
        self.assertIn(b"others may write to", done.stderr)
        self.assertEqual(list(self.cache.iterdir()), [])
        self.assertNotEqual(cache_root(), str(self.cache))

    @POSIX
    def test_ctrl_c_in_the_first_moments_shows_no_traceback(self) -> None:
        """The moment is chosen by a module that the archive's start imports: it interrupts its own process."""
        place = self.folder / "site"
        place.mkdir()
        hook = "import os, signal, sys\n"
        hook += "class Finder:\n"
        hook += "    def find_spec(self, name, path=None, target=None):\n"
        hook += "        if name == os.environ.get('STOP_AT'):\n"
        hook += "            os.kill(os.getpid(), signal.SIGINT)\n"
        hook += "sys.meta_path.insert(0, Finder())\n"
        (place / "sitecustomize.py").write_text(hook)
        self.start(self.path, "run", events=lines({"n": 1}))
        for module in ("packflow_runtime.bootstrap", "packflow_runtime.cli", "argparse"):
            with self.subTest(module):
                done = self.start(
                    self.path, "run", flags=(), events=lines({"n": 1}), PYTHONPATH=str(place), STOP_AT=module
                )
                self.assertIn(done.returncode, (-signal.SIGINT, 130))
                self.assertNotIn(b"Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
