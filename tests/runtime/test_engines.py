"""What all engines' adapters rest on, without an engine: a model checked, loaded once, and kept to its promises."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import packflow_runtime
from packflow_runtime.engines.columns import check_columns
from packflow_runtime.engines.fetching import written_file
from packflow_runtime.engines.installed import EngineNotInstalledError, engine_module
from packflow_runtime.engines.interrupts import interrupted_afterwards
from packflow_runtime.engines.process_model import ProcessModel, process_model
from packflow_runtime.engines.ray_run import RayChild, ray_models
from packflow_runtime.engines.running import EngineProcess, outcomes_of
from packflow_runtime.engines.shipped import ShippedModel, checked_archive, configuration
from packflow_runtime.engines.spark_run import spark_models
from packflow_runtime.errors import PackflowError
from packflow_runtime.lines import Lines
from packflow_runtime.outcomes import run_lines
from runtime.archives import archive_of, manifest_of, runnable_files

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = str(Path(packflow_runtime.__file__).parent.parent)
BACKEND = """\
import pickle
from packflow_runtime import BackendConfig, InferenceBackend

class Config(BackendConfig):
    offset: int = 10
    loads: str = ""

class Backend(InferenceBackend):
    backend_config_model = Config

    def initialize(self):
        if self.config.loads:
            with open(self.config.loads, "a") as file:
                file.write("x")

    def execute(self, inputs):
        return [self.answer(event) for event in inputs]

    def answer(self, event):
        if event.get("do") == "pickle":
            pickle.loads(b"cposix\\nsystem\\n.")
        if event.get("do") == "raise":
            raise ValueError("no")
        return {"n": event["n"] + self.config.offset, "together": 0}
"""
EVENTS = [b'{"n":1}', b"bad", b'{"n":2,"do":"raise"}', b'{"n":3}', b'{"n":4,"do":"pickle"}']
POSIX = pickle.dumps(os.getpid)


class Engines(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        cache = mock.patch.dict(os.environ, {"PACKFLOW_CACHE": str(self.folder / "cache")})
        cache.start()
        self.addCleanup(cache.stop)
        self.archive = self.write("model-1.0.zip")

    def write(self, name: str, backend: str = BACKEND, **changes: Any) -> Path:
        files = runnable_files(backend=backend)
        path = self.folder / name
        path.write_bytes(archive_of(files, manifest_of(files, **changes)))
        return path

    def loaded(self, **settings: Any) -> ProcessModel:
        # Every test has an archive of its own place but the same bytes, so the configuration tells them apart.
        settings["config"] = {"loads": str(self.folder / "loads"), **settings.get("config", {})}
        return process_model(checked_archive(self.archive, **settings), lambda: nullcontext(self.archive))

    def raised(self, call: Any, *arguments: Any, **options: Any) -> PackflowError:
        with self.assertRaises(PackflowError) as caught:
            call(*arguments, **options)
        return caught.exception


class Shipping(Engines):
    def test_an_archive_that_does_not_verify_is_not_shipped(self) -> None:
        data = bytearray(self.archive.read_bytes())
        data[len(data) // 2] ^= 1
        self.archive.write_bytes(data)
        self.assertIn(self.raised(checked_archive, self.archive).exit_code, (1, 2))
        self.assertEqual(self.raised(checked_archive, self.folder / "absent.zip").exit_code, 3)

    def test_a_stateful_model_is_refused(self) -> None:
        stateful = self.write("stateful.zip", stateful=True)
        error = self.raised(checked_archive, stateful)
        self.assertEqual((error.code, error.exit_code), ("stateful", 2))

    def test_a_backend_that_is_stateful_beside_its_manifest_is_refused_too(self) -> None:
        self.archive = self.write("quiet.zip", f"{BACKEND}    stateful = True\n")
        self.assertEqual(self.raised(self.loaded).code, "stateful")

    def test_what_is_shipped_is_small_and_pickles(self) -> None:
        model = checked_archive(self.archive, config={"offset": 1}, batch_size=7)
        self.assertEqual(pickle.loads(pickle.dumps(model)), model)
        self.assertLess(len(pickle.dumps(model)), 1000)
        self.assertIn(model.digest, model.file_name)

    def test_the_environment_of_the_job_has_the_last_word_on_the_configuration(self) -> None:
        named = self.folder / "config.json"
        named.write_text('{"offset": 3}')
        with mock.patch.dict(os.environ, {"PACKFLOW_CONFIG": str(named)}):
            self.assertEqual(configuration({"offset": 2, "loads": "x"}), {"offset": 3, "loads": "x"})
        self.assertEqual(configuration({"offset": 2}), {"offset": 2})

    def test_bytes_become_a_file_for_as_long_as_it_is_needed(self) -> None:
        with written_file("model.zip", lambda file: file.write(b"bytes")) as path:
            self.assertEqual((path.name, path.read_bytes()), ("model.zip", b"bytes"))
        self.assertFalse(path.parent.exists())


class Loading(Engines):
    def loads(self) -> int:
        return len((self.folder / "loads").read_text())

    def test_a_process_loads_a_model_once(self) -> None:
        found: list[ProcessModel] = []
        threads = [threading.Thread(target=lambda: found.append(self.loaded())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(set(map(id, found))), self.loads()), (1, 1))

    def test_another_configuration_is_another_model(self) -> None:
        outputs = [self.loaded(config={"offset": offset}).run([1], [b'{"n":1}'])[0] for offset in (10, 20, 10)]
        self.assertEqual(outputs, [[b'{"n":11,"together":0}'], [b'{"n":21,"together":0}'], [b'{"n":11,"together":0}']])
        self.assertEqual(self.loads(), 2)

    def test_the_archive_is_not_fetched_where_this_machine_has_its_checked_copy(self) -> None:
        self.loaded(config={"offset": 1})

        @contextmanager
        def never() -> Iterator[Path]:
            raise AssertionError("it was fetched")
            yield Path()

        model = process_model(checked_archive(self.archive, config={"offset": 2}), never)
        self.assertEqual(model.run([1], [b'{"n":1}'])[0], [b'{"n":3,"together":0}'])

    def test_another_archive_than_the_one_that_was_shipped_is_not_run(self) -> None:
        other = self.write("other.zip", f"{BACKEND}# changed\n")
        shipped = checked_archive(self.archive)
        error = self.raised(process_model, shipped, lambda: nullcontext(other))
        self.assertEqual((error.code, error.exit_code), ("archive-changed", 1))
        self.archive.write_bytes(self.archive.read_bytes()[:-9])
        self.raised(process_model, ShippedModel("model", "0" * 64), lambda: nullcontext(self.archive))

    def test_a_missing_requirement_is_named_with_where_to_install_it(self) -> None:
        self.archive = self.write("needy.zip", "import not_there\n" + BACKEND, requirements=["not-there==1.0"])
        error = self.raised(self.loaded)
        self.assertEqual((error.code, error.exit_code), ("requirements-missing", 3))
        self.assertIn("not-there==1.0", error.title)
        self.assertIn("on every node", error.hint)


class Promises(Engines):
    def test_one_outcome_for_each_event_as_in_a_run_alone(self) -> None:
        numbers = [11, 12, 13, 14, 15]
        model = self.loaded(codec="stdlib")
        alone = run_lines(packflow_runtime.load(self.archive), [*map(Lines(numbers, EVENTS).line, range(5))])
        encoded, codes = model.run(numbers, EVENTS)
        self.assertEqual(encoded, [outcome.encoded for outcome in alone])
        self.assertEqual(codes, {1: "not-json", 2: "backend-raised", 4: "pickle-not-allowed"})

    def test_batches_are_cut_as_a_run_cuts_them(self) -> None:
        sizes = BACKEND.replace('"together": 0', '"together": len(self.seen)').replace(
            "return [self", "self.seen = inputs\n        return [self"
        )
        self.archive = self.write("sizes.zip", sizes)
        model = self.loaded(batch_size=3)
        encoded, _ = model.run(range(1, 9), [b'{"n":1}'] * 8)
        self.assertEqual([json.loads(line)["together"] for line in encoded], [3, 3, 3, 3, 3, 3, 2, 2])

    def test_errors_apart_from_outputs(self) -> None:
        encoded, failed = self.loaded().score([1, 2], [b'{"n":1}', b"bad"])
        self.assertEqual(encoded[0], b'{"n":11,"together":0}')
        self.assertEqual(
            {index: (error["line"], error["code"]) for index, error in failed.items()}, {1: (2, "not-json")}
        )

    def test_on_error_raise_ends_the_job_for_what_the_model_fails_on_alone(self) -> None:
        model = self.loaded(config={"on_error": "raise"})
        self.assertEqual(set(model.score([1], [b"bad"])[1]), {0})
        self.assertIn("line 2", self.raised(model.score, [1, 2], [b"bad", EVENTS[2]]).title)

    def test_the_allowlist_is_in_force_in_calls_and_nowhere_else(self) -> None:
        model = self.loaded()
        self.assertEqual(model.run([1], [EVENTS[4]])[1], {0: "pickle-not-allowed"})
        self.assertIs(pickle.loads(POSIX), os.getpid)  # as an engine does between calls
        meanwhile: list[Any] = []
        thread = threading.Thread(target=lambda: meanwhile.append(pickle.loads(POSIX)))

        def answer(_event: Any) -> dict[str, Any]:  # and in its other threads, during one
            thread.start()
            thread.join()
            return {"ok": True}

        with mock.patch.object(model.backend, "answer", answer):
            self.assertEqual(model.run([1], [b"{}"]), ([b'{"ok":true}'], {}))
        self.assertEqual(meanwhile, [os.getpid])


class Running(Engines):
    def test_answers_of_a_process_come_back_as_one_batch(self) -> None:
        process = EngineProcess(checked_archive(self.archive), lambda: nullcontext(self.archive))
        self.assertEqual(process.about(), {"op": "loaded", "stateful": False, "on_error": "isolate"})
        answers = [process.run([1, 2], b"\n".join(EVENTS[:2])), process.run([3, 4], b"\n".join(EVENTS[2:4]))]
        outcomes = outcomes_of(answers)
        self.assertEqual((len(outcomes.encoded), outcomes.codes), (4, {1: "not-json", 2: "backend-raised"}))
        self.assertEqual(outcomes.encoded[3], b'{"n":13,"together":0}')

    def test_what_keeps_a_model_from_loading_comes_back_as_data(self) -> None:
        self.archive = self.write("broken.zip", "raise ValueError('not today')\n")
        process = EngineProcess(checked_archive(self.archive), lambda: nullcontext(self.archive))
        for told in (process.about(), process.run([1], b"{}")[0]):
            self.assertEqual((told["op"], told["error"]["code"]), ("failed", "backend-load-failed"))
            self.assertIn("not today", told["error"]["title"])

    def run_command(self, *words: object, blocked: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        program = (
            f"import sys; sys.path.insert(0, {SOURCES!r}); sys.modules.update(dict.fromkeys({blocked!r}))\n"
            "from packflow_runtime.cli import main\n"
            "code = main(sys.argv[1:])\n"
            "print('engines', *[name for name in sys.modules if name.startswith('packflow_runtime.engines')])\n"
            "sys.exit(code)"
        )
        return subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            input='{"n":1}\n',
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_run_without_an_engine_loads_nothing_of_them(self) -> None:
        done = self.run_command("run", self.archive, "-o", self.folder / "out")
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], "engines")  # a run sends what is printed to standard error
        self.assertEqual((self.folder / "out").read_text(), '{"n":11,"together":0}\n')

    def test_an_absent_engine_is_told_with_the_command_that_installs_it(self) -> None:
        for engine, module, requirement in (("spark", "pyspark", "'pyspark>=4'"), ("ray", "ray", "'ray[data]'")):
            with self.subTest(engine):
                done = self.run_command("run", self.archive, "--engine", engine, blocked=(module,))
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(f"-m pip install {requirement}", done.stderr)

    def test_what_an_engine_cannot_be_given(self) -> None:
        project = self.folder / "project"
        project.mkdir()
        (project / "packflow.yaml").write_text("name: p\n")
        (project / "inference.py").write_text(BACKEND)
        for target, more, told in (
            (project, (), "project is none"),
            (self.archive, ("--supervise",), "--supervise is of models"),
        ):
            done = self.run_command("run", target, "--engine", "ray", *more)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(told, done.stderr)


class Starting(unittest.TestCase):
    def test_a_cluster_of_this_run_demands_a_token_and_one_that_is_joined_is_as_it_is(self) -> None:
        seen: list[tuple[str | None, int]] = []

        def refuse(**settings: Any) -> None:
            seen.append((os.environ.get("RAY_AUTH_MODE"), len(os.environ.get("RAY_AUTH_TOKEN", ""))))
            raise RuntimeError(str(settings["address"]))

        library = SimpleNamespace(init=refuse)
        for address in (None, "h:6379"):
            kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
            with mock.patch.dict(os.environ, kept, clear=True), mock.patch.dict(sys.modules, {"ray": library}):
                with self.assertRaises(PackflowError) as caught:
                    ray_models(None, Path("m"), SimpleNamespace(engine_address=address))  # type: ignore[arg-type]
                self.assertEqual(caught.exception.code, "engine-not-started")
        self.assertEqual(seen, [("token", 64), (None, 0)])

    def test_what_else_goes_wrong_with_ray_is_told(self) -> None:
        base = type("RayError", (Exception,), {})
        kinds = {name: type(name, (base,), {}) for name in ("GetTimeoutError", "RayActorError", "ObjectLostError")}
        library = mock.MagicMock()
        library.exceptions = SimpleNamespace(RayError=base, **kinds)
        library.get.side_effect = kinds["ObjectLostError"]("first\nthe object is lost")
        child = RayChild(library, (None, None), 1.0)  # type: ignore[arg-type]
        with self.assertRaises(PackflowError) as caught:
            child.start()
        self.assertEqual((caught.exception.code, caught.exception.exit_code), ("engine-failed", 4))
        self.assertEqual(caught.exception.detail, "the object is lost")
        library.get.side_effect = kinds["RayActorError"]()
        with self.assertRaises(PackflowError) as caught:
            child.start()
        self.assertEqual(caught.exception.title, "The model's actor could not load it: its actor ended.")
        self.assertEqual(caught.exception.code, "model-died")

    def test_an_interrupt_waits_until_an_engine_has_started_and_a_second_one_does_not(self) -> None:
        done: list[int] = []
        before = signal.getsignal(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt), interrupted_afterwards():
            signal.raise_signal(signal.SIGINT)
            done.append(1)
        with self.assertRaises(KeyboardInterrupt), interrupted_afterwards():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append(2)
        with interrupted_afterwards():
            done.append(3)
        self.assertEqual((done, signal.getsignal(signal.SIGINT)), ([1, 3], before))

    def test_spark_on_this_machine_is_reached_from_this_machine_alone(self) -> None:
        for address, expected in ((None, "127.0.0.1"), ("spark://h:7077", None)):
            builder = _Builder()
            sql = SimpleNamespace(SparkSession=SimpleNamespace(builder=builder))
            modules = mock.patch.dict(sys.modules, {"pyspark.sql": sql})
            with mock.patch.dict(os.environ), modules, self.assertRaises(PackflowError):
                spark_models(None, Path("m"), SimpleNamespace(engine_address=address))  # type: ignore[arg-type]
            self.assertEqual(builder.settings.get("spark.driver.bindAddress"), expected)


class _Builder:
    """Spark's builder of sessions, which notes what it is told and starts nothing."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}

    def appName(self, name: str) -> _Builder:  # noqa: N802 - Spark's name
        return self.config("name", name)

    def master(self, address: str) -> _Builder:
        return self.config("master", address)

    def config(self, name: str, value: str) -> _Builder:
        self.settings[name] = value
        return self

    def getOrCreate(self) -> None:  # noqa: N802 - Spark's name
        raise RuntimeError("it does not start")


class Adapters(unittest.TestCase):
    def test_an_adapter_imports_no_engine_before_it_is_used(self) -> None:
        program = (
            f"import sys; sys.path.insert(0, {SOURCES!r})\n"
            "sys.modules.update(dict.fromkeys(('pyspark', 'pyarrow', 'ray', 'apache_beam')))\n"
            "import packflow_runtime.engines.spark, packflow_runtime.engines.ray"
        )
        subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)

    def test_absent_engines_name_their_install_command(self) -> None:
        from packflow_runtime.engines.ray import Scorer
        from packflow_runtime.engines.spark import score

        blocked = dict.fromkeys(("pyspark", "pyarrow", "ray", "apache_beam"))
        calls = {
            "pip install 'pyspark>=4' pyarrow": lambda: score(None, "model.zip"),
            "pip install pyarrow": lambda: Scorer("model.zip"),
            "pip install apache-beam": lambda: import_module("packflow_runtime.engines.beam"),
        }
        with mock.patch.dict(sys.modules, blocked):
            for command, call in calls.items():
                with self.assertRaises(EngineNotInstalledError) as caught:
                    call()
                self.assertTrue(caught.exception.hint.endswith(command))
                self.assertEqual(caught.exception.exit_code, 3)
                self.assertIsInstance(caught.exception, ImportError)
            with self.assertRaises(EngineNotInstalledError):
                engine_module("ray")

    def test_batches_of_another_kind(self) -> None:
        from packflow_runtime.engines.ray import Scorer

        arrow = SimpleNamespace(Table=type("Table", (), {}))
        with mock.patch.dict(sys.modules, {"pyarrow": arrow}), self.assertRaises(PackflowError) as caught:
            object.__new__(Scorer)({"value": []})  # type: ignore[arg-type]
        self.assertEqual(caught.exception.title, "A batch came as dict, not as Arrow's Table.")
        self.assertEqual(caught.exception.code, "batch-format")

    def test_elements_of_another_kind(self) -> None:
        transform = type("PTransform", (), {})
        beam = SimpleNamespace(
            DoFn=type("DoFn", (), {"TimestampParam": None, "WindowParam": None}), PTransform=transform
        )
        name = "packflow_runtime.engines.beam"
        self.addCleanup(sys.modules.pop, name, None)
        with mock.patch.dict(sys.modules, {"apache_beam": beam, "apache_beam.utils.windowed_value": SimpleNamespace()}):
            adapter = import_module(name)
        scoring = object.__new__(adapter._Scoring)
        with self.assertRaises(PackflowError) as caught:
            list(scoring.process({"n": 1}))
        self.assertEqual(caught.exception.code, "event-type")
        self.assertEqual(caught.exception.title, "An element is dict; expected is JSON text, as bytes or str.")

    def test_columns(self) -> None:
        check_columns(["value", "n"], "value", "n", ("output",))
        for arguments, code, told in (
            ((["value"], "text", None, ()), "column-missing", "value"),
            ((["value"], "value", "n", ()), "column-missing", "value"),
            ((["value", "output"], "value", None, ("output",)), "column-exists", "output"),
        ):
            with self.assertRaises(PackflowError) as caught:
                check_columns(*arguments)
            self.assertEqual(caught.exception.code, code)
            self.assertIn(told, caught.exception.hint)


if __name__ == "__main__":
    unittest.main()
