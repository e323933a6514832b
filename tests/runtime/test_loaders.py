"""load() and the loaders that packflow 0.4 had: projects, archives, unzipped archives, installed modules."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from packflow_runtime.errors import InferenceBackendLoadError, PackflowError
from packflow_runtime.loaders import LocalLoader, ModuleLoader
from packflow_runtime.loading import load
from runtime.archives import archive_of, runnable_files

BACKEND = """\
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    step: int = 1
    nested: dict[str, int] = {}

class Backend(InferenceBackend):
    backend_config_model = Config

    def execute(self, inputs):
        return [{"n": event["n"] + self.config.step, **self.config.nested} for event in inputs]

class Plain(InferenceBackend):
    def execute(self, inputs):
        return inputs

ready_made = Plain()
no_backend = 5
"""


class Loading(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.project = self.folder / "model"
        self.project.mkdir()
        (self.project / "packflow.yaml").write_text(
            "name: model\nbackend_config:\n  step: 2\n  nested: {a: 1, b: 2}\noutput: {keep: [id]}\n", encoding="utf-8"
        )
        (self.project / "inference.py").write_text(BACKEND, encoding="utf-8")
        patched = mock.patch.dict(os.environ, {"PACKFLOW_CACHE": str(self.folder / "cache")})
        patched.start()
        self.addCleanup(patched.stop)

    def test_a_project_with_overrides_merged_deeply(self) -> None:
        self.assertEqual(load(self.project)({"n": 1, "id": "x"}), {"n": 3, "a": 1, "b": 2, "id": "x"})
        self.assertEqual(load(str(self.project), step=5, nested={"b": 9})({"n": 1}), {"n": 6, "a": 1, "b": 9})

    def test_an_archive_and_the_folder_it_was_unzipped_to(self) -> None:
        path = self.folder / "tiny.zip"
        path.write_bytes(archive_of(runnable_files()))
        self.assertEqual(load(path)({"n": 1}), {"n": 11})
        self.assertEqual(load(path)([{"n": 1}, {"n": 2}]), [{"n": 11}, {"n": 12}])
        with zipfile.ZipFile(path) as archive:
            archive.extractall(self.folder / "tree")
        self.assertEqual(load(self.folder / "tree")({"n": 1}), {"n": 11})
        (self.folder / "tree" / "project" / "steps.py").write_text("", encoding="utf-8")
        with self.assertRaises(PackflowError) as caught:
            load(self.folder / "tree")
        self.assertEqual(caught.exception.code, "archive-changed")

    def test_an_archive_is_extracted_once(self) -> None:
        path = self.folder / "tiny.zip"
        path.write_bytes(archive_of(runnable_files()))
        load(path)
        before = {entry: entry.stat().st_ctime_ns for entry in (self.folder / "cache").rglob("*") if entry.is_file()}
        load(path)
        after = {entry: entry.stat().st_ctime_ns for entry in (self.folder / "cache").rglob("*") if entry.is_file()}
        self.assertEqual(before, {entry: after[entry] for entry in before})

    def test_a_cache_that_cannot_be_used_is_done_without(self) -> None:
        path = self.folder / "tiny.zip"
        path.write_bytes(archive_of(runnable_files()))
        with mock.patch.dict(os.environ, {"PACKFLOW_CACHE": "/proc/nowhere"}), mock.patch("sys.stderr") as stderr:
            stderr.encoding = "utf-8"
            self.assertEqual(load(path)({"n": 1}), {"n": 11})
        self.assertIn("cannot be used", "".join(str(call) for call in stderr.write.mock_calls))

    def test_nothing_there(self) -> None:
        with self.assertRaises(PackflowError) as caught:
            load(self.folder / "nothing")
        self.assertEqual(caught.exception.exit_code, 3)

    def test_the_local_loader(self) -> None:
        backend = LocalLoader("inference:Backend", base_dir=self.project).load(step=3)
        self.assertEqual(backend({"n": 1}), {"n": 4})
        instance = LocalLoader("inference:ready_made", self.project).load()
        self.assertEqual(instance({"n": 1}), {"n": 1})
        with self.assertRaises(InferenceBackendLoadError):
            LocalLoader("inference:ready_made", self.project).load(step=1)

    def test_the_local_loader_refuses(self) -> None:
        for path in ("inference:no_backend", "inference:Missing", "absent:Backend", "inference", "a:b:c", ""):
            with self.subTest(path), self.assertRaises(InferenceBackendLoadError) as caught:
                LocalLoader(path, self.project).load()
            self.assertTrue(caught.exception.hint)

    def test_the_module_loader(self) -> None:
        (self.folder / "installed_model_for_test.py").write_text(BACKEND, encoding="utf-8")
        with mock.patch.object(sys, "path", [str(self.folder), *sys.path]):
            self.addCleanup(sys.modules.pop, "installed_model_for_test", None)
            self.assertEqual(ModuleLoader("installed_model_for_test:Backend").load(step=3)({"n": 1}), {"n": 4})
            for path in ("installed_model_for_test:no_backend", "installed_model_for_test:Missing", "absent_module:X"):
                with self.subTest(path), self.assertRaises(InferenceBackendLoadError) as caught:
                    ModuleLoader(path).load()
                self.assertTrue(caught.exception.hint)
            self.assertEqual(ModuleLoader("installed_model_for_test:ready_made").load()({"n": 1}), {"n": 1})
            with self.assertRaises(InferenceBackendLoadError):
                ModuleLoader("installed_model_for_test:ready_made").load(step=1)

    def test_from_project(self) -> None:
        for loader in (LocalLoader, ModuleLoader):
            self.assertEqual(loader.from_project(self.project, step=4)({"n": 1})["n"], 5)


if __name__ == "__main__":
    unittest.main()
