"""The manifest's pickle allowlist in force: in our own processes always, in a host's only inside our load and calls."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import unittest
from collections import OrderedDict
from pathlib import Path
from typing import Any

from packflow_runtime.errors import InferenceBackendError
from packflow_runtime.loading import load
from packflow_runtime.pickle_guard import PickleNotAllowedError
from runtime.archive_programs import ArchivePrograms, lines
from runtime.archives import RUNTIME

LOADING = """\
import pickle
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def initialize(self):
        with open(self.project_dir / "artifacts" / "model.pkl", "rb") as file:
            self.model = pickle.load(file)

    def execute(self, inputs):
        return [{"type": type(self.model).__name__} for event in inputs]
"""
CALLING = """\
import pickle, threading
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        found = []
        def work():
            try:
                found.append(type(pickle.loads((self.project_dir / "artifacts" / "model.pkl").read_bytes())).__name__)
            except Exception as error:
                found.append(type(error).__name__)
        if inputs[0].get("thread"):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            return [{"type": found[0]} for event in inputs]
        model = pickle.loads((self.project_dir / "artifacts" / "model.pkl").read_bytes())
        return [{"type": type(model).__name__} for event in inputs]
"""
HOST = """
import sys, os, pickle, threading, multiprocessing, json
sys.path.insert(0, sys.argv[1])
from packflow_runtime import load

def child(queue):
    queue.put(os.getcwd)

def main():
    told = {}
    hostile = open(sys.argv[3], "rb").read()
    backend = load(sys.argv[2])
    try:
        backend({"n": 1})
    except Exception as error:
        told["call"] = type(error).__name__
    told["host"] = type(pickle.loads(hostile)).__name__
    found = []
    thread = threading.Thread(target=lambda: found.append(type(pickle.loads(hostile)).__name__))
    thread.start()
    thread.join()
    told["thread"] = found[0]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    told["queue"] = queue.get().__name__
    process.join()
    with context.Pool(1) as pool:
        told["pool"] = pool.apply(os.getcwd) == os.getcwd()
    copy = pickle.loads(pickle.dumps(backend.guard))
    told["copy"] = sorted(copy.allowed)
    print(json.dumps(told))

if __name__ == "__main__":
    main()
"""


class Attack:
    """Makes a folder as soon as it is unpickled, if it may."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


MKDIR = f"{os.mkdir.__module__}.mkdir"
ORDERED = "collections.OrderedDict"


class Allowlists(ArchivePrograms):
    def setUp(self) -> None:
        super().setUp()
        self.mark = self.folder / "it ran"
        self.hostile = pickle.dumps(Attack(self.mark))

    def with_model(self, model: bytes, backend: str, allowed: list[str], **manifest: Any) -> Path:
        extra = {"project/artifacts/model.pkl": model}
        return self.write(backend, extra=extra, pickle_allowlist=allowed, **manifest)

    def test_what_is_allowed_resolves(self) -> None:
        self.with_model(pickle.dumps(OrderedDict(a=1)), LOADING, [ORDERED])
        for words in (("run",), ("run", "--workers", "2"), ("run", "--supervise")):
            done = self.start(self.path, *words, events=lines({}))
            self.assertEqual((done.returncode, done.stdout), (0, lines({"type": "OrderedDict"})), done.stderr)

    def test_the_list_is_the_manifests_and_no_other(self) -> None:
        """A name that is reviewed, and so passes a dry run, is refused where the manifest does not have it."""
        self.with_model(pickle.dumps(OrderedDict(a=1)), LOADING, [])
        done = self.start(self.path, "run", events=lines({}))
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(f"error: A pickle asks for {ORDERED}, which is not allowed.", done.stderr.decode())

    def test_anything_else_is_refused_before_it_resolves(self) -> None:
        golden = (lines({}), lines({"type": "NoneType"}))
        self.with_model(self.hostile, LOADING, [ORDERED], golden=golden)
        for words in (("run",), ("run", "--workers", "2"), ("run", "--supervise"), ("replay",)):
            with self.subTest(words):
                done = self.start(self.path, *words, events=lines({}))
                self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
                self.assertIn(f"error: A pickle asks for {MKDIR}, which is not allowed.", done.stderr.decode())
                self.assertFalse(self.mark.exists())
        self.assertEqual(self.answer("replay", code=1)["errors"][0]["code"], "pickle-not-allowed")

    def test_in_a_call_it_costs_the_event(self) -> None:
        self.with_model(self.hostile, CALLING, [ORDERED])
        for words in (("run",), ("run", "--workers", "2")):
            done = self.start(self.path, *words, events=lines({}))
            self.assertEqual(done.returncode, 0)
            self.assertIn(b'"type":"PickleNotAllowedError"', done.stdout)
            self.assertFalse(self.mark.exists())

    def test_threads_of_the_model_are_covered_in_our_own_processes(self) -> None:
        self.with_model(self.hostile, CALLING, [ORDERED])
        done = self.start(self.path, "run", events=lines({"thread": True}))
        self.assertEqual(done.stdout, lines({"type": "PickleNotAllowedError"}))
        self.assertFalse(self.mark.exists())

    def test_load_refuses_it_in_a_host_too(self) -> None:
        path = self.with_model(self.hostile, LOADING, [ORDERED])
        os.environ["PACKFLOW_CACHE"], before = str(self.cache), os.environ.get("PACKFLOW_CACHE")
        try:
            with self.assertRaises(PickleNotAllowedError) as caught:
                load(path)
            self.assertFalse(self.mark.exists())
            pickle.loads(self.hostile)
            self.assertTrue(self.mark.exists(), "outside of our load the host's pickles are its own")
        finally:
            if before is None:
                del os.environ["PACKFLOW_CACHE"]
            else:
                os.environ["PACKFLOW_CACHE"] = before
        self.assertIsInstance(caught.exception, InferenceBackendError)
        self.assertEqual(caught.exception.global_name, MKDIR)

    def test_a_host_is_not_disturbed(self) -> None:
        """Its own pickles, its other threads, its queues and pools of processes resolve what they always did."""
        model = pickle.dumps(os.getcwd)
        path = self.with_model(model, CALLING, [ORDERED])
        script, host = self.folder / "host.py", self.folder / "host.pkl"
        script.write_text(HOST, encoding="utf-8")
        host.write_bytes(model)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PACKFLOW"))}
        done = subprocess.run(
            [sys.executable, str(script), str(RUNTIME.parent), str(path), str(host)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**kept, "PACKFLOW_CACHE": str(self.cache)},
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        function = type(os.getcwd).__name__
        self.assertIn(f'"call": "PickleNotAllowedError", "host": "{function}", "thread": "{function}"', done.stdout)
        self.assertIn(f'"queue": "getcwd", "pool": true, "copy": ["{ORDERED}"]', done.stdout)


if __name__ == "__main__":
    unittest.main()
