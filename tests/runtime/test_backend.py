"""The backend contract: shapes of calls, order of hooks, and which step an error belongs to."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import tempfile
import threading
import unittest
from collections import OrderedDict
from pathlib import Path
from typing import Any
from unittest import mock

import packflow_runtime
from packflow_runtime import (
    BackendConfig,
    InferenceBackend,
    InferenceBackendError,
    InferenceBackendInitializationError,
    InferenceBackendRuntimeError,
    InferenceBackendValidationError,
    PackflowError,
    PreprocessorInitError,
    PreprocessorRuntimeError,
)
from packflow_runtime.backend import current_project
from packflow_runtime.drift import DriftCounters
from packflow_runtime.outputs import KeptFields
from packflow_runtime.project import OutputConfig

HOOKS = ("transform_inputs", "execute", "transform_outputs")


class Echo(InferenceBackend):
    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"seen": dict(event)} for event in inputs]


class Recording(InferenceBackend):
    """Notes each hook and what it was given."""

    def initialize(self) -> None:
        self.calls: list[tuple[str, Any]] = [("initialize", self.config.verbose)]

    def transform_inputs(self, records: list[dict[str, Any]]) -> Any:
        self.calls.append(("transform_inputs", records))
        return tuple(event["n"] for event in records)

    def execute(self, inputs: Any) -> Any:
        self.calls.append(("execute", inputs))
        return {"doubled": [2 * number for number in inputs]}

    def transform_outputs(self, outputs: Any) -> Any:
        self.calls.append(("transform_outputs", outputs))
        return [{"value": number} for number in outputs["doubled"]]


class BadMessageError(Exception):
    def __str__(self) -> str:
        raise KeyError("no message")


def failing(step: str, error: BaseException) -> type[InferenceBackend]:
    """Make a backend whose hook ``step`` raises ``error``."""

    def hook(self: InferenceBackend, *arguments: object) -> object:
        raise error

    return type("Failing", (Echo,), {step: hook})


class CallShapes(unittest.TestCase):
    def test_one_event_gives_one_output(self) -> None:
        self.assertEqual(Echo()({"a": 1}), {"seen": {"a": 1}})
        self.assertEqual(Echo()({}), {"seen": {}})

    def test_records_give_records_in_order(self) -> None:
        backend = Echo()
        events = [{"n": number} for number in range(100)]
        self.assertEqual(backend(events), [{"seen": event} for event in events])
        self.assertEqual(backend([{"a": 1}]), [{"seen": {"a": 1}}])

    def test_no_records_give_no_records_and_call_nothing(self) -> None:
        backend = failing("execute", AssertionError("called"))()
        self.assertEqual(backend([]), [])

    def test_other_shapes_are_refused(self) -> None:
        for events in (({},), None, "x", 5, [1], [{}, None], iter([{}]), b"{}", [[{}]]):
            with self.subTest(events=events), self.assertRaises(InferenceBackendRuntimeError) as caught:
                Echo()(events)  # type: ignore[call-overload]
            self.assertIsInstance(caught.exception, TypeError)
            self.assertIn("takes one event (a dict) or records (a list of dicts), not ", caught.exception.title)
        with self.assertRaises(InferenceBackendRuntimeError) as caught:
            Echo()([{}, None])  # type: ignore[list-item]
        self.assertIn("not a list whose item 2 is ", caught.exception.title)

    def test_single_and_batch_run_the_same_hooks(self) -> None:
        backend = Recording()
        single = [backend({"n": number}) for number in (1, 2)]
        self.assertEqual(backend([{"n": 1}, {"n": 2}]), single)


class Hooks(unittest.TestCase):
    def test_order_and_what_each_is_given(self) -> None:
        backend = Recording()
        self.assertEqual(backend([{"n": 1}, {"n": 2}]), [{"value": 2}, {"value": 4}])
        self.assertEqual(
            backend.calls,
            [
                ("initialize", False),
                ("transform_inputs", [{"n": 1}, {"n": 2}]),
                ("execute", (1, 2)),
                ("transform_outputs", {"doubled": [2, 4]}),
            ],
        )

    def test_initialize_runs_once_and_is_timed(self) -> None:
        backend = Recording()
        backend({"n": 1})
        backend({"n": 1})
        self.assertEqual([name for name, _ in backend.calls].count("initialize"), 1)
        self.assertGreater(backend.initialize_ns, 0)

    def test_the_configuration_is_there_before_initialize(self) -> None:
        class Config(BackendConfig):
            threshold: float = 0.5

        class Backend(Echo):
            backend_config_model = Config

            def initialize(self) -> None:
                self.seen = self.config.threshold

        self.assertEqual(Backend().seen, 0.5)
        self.assertEqual(Backend(threshold="0.75").seen, 0.75)
        with self.assertRaises(InferenceBackendInitializationError) as caught:
            Backend(**{"self": 1})  # noqa: PIE804 - the name is taken here
        self.assertEqual(caught.exception.title, "backend_config: self is not a key of Config.")

    def test_defaults(self) -> None:
        backend = Echo()
        self.assertIs(backend.ready(), True)
        self.assertIsNone(backend.close())  # type: ignore[func-returns-value]
        self.assertIs(backend.stateful, False)
        self.assertEqual(backend.logger.name, "packflow.Echo")
        self.assertEqual(backend.project_dir, Path.cwd())

    def test_the_project_in_force_is_the_backends(self) -> None:
        token = current_project.set(Path("elsewhere"))
        try:
            backend = Echo()
        finally:
            current_project.reset(token)
        self.assertEqual(backend.project_dir, Path("elsewhere"))

    def test_kept_fields_are_added_to_each_output(self) -> None:
        class Spoiling(Echo):
            def transform_inputs(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
                for event in records:
                    event["id"] = "changed"
                return records

        backend = Spoiling()
        backend.kept_fields = KeptFields(OutputConfig(keep=["id"]))
        self.assertEqual(
            backend([{"id": 1}, {"id": 2}]),
            [{"seen": {"id": "changed"}, "id": 1}, {"seen": {"id": "changed"}, "id": 2}],
        )

    def test_a_hook_that_empties_its_input_does_not_change_how_many_outputs_are_due(self) -> None:
        class Emptying(Echo):
            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                inputs.clear()
                return []

        with self.assertRaises(InferenceBackendValidationError) as caught:
            Emptying()([{}, {}])
        self.assertEqual(caught.exception.title, "The backend returned 0 outputs for 2 events.")

    def test_step_times_are_of_each_step(self) -> None:
        class Slow(Echo):
            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                import time

                time.sleep(0.02)
                return super().execute(inputs)

        outputs, times = Slow().run_batch([{"a": 1}])
        self.assertEqual(outputs, [{"seen": {"a": 1}}])
        steps = ("preprocess", "transform_inputs", "execute", "transform_outputs", "check_outputs")
        self.assertEqual(times._fields, steps)
        self.assertEqual((times.preprocess, times.transform_inputs, times.transform_outputs), (0, 0, 0))
        self.assertTrue(all(time >= 0 for time in times), times)
        self.assertGreaterEqual(times.execute, 20_000_000)
        self.assertLess(times.transform_inputs + times.transform_outputs + times.check_outputs, times.execute)


class Preprocessing(unittest.TestCase):
    def test_hooks_get_what_the_configuration_asks_for(self) -> None:
        backend = Echo(rename_fields={"a.b": "x"}, feature_names=["x", "c"])
        self.assertEqual(backend({"a": {"b": 1}, "c": None, "d": 3}), {"seen": {"x": 1, "c": None}})
        self.assertEqual(backend([{"c": 2}, {}]), [{"seen": {"c": 2}}, {"seen": {}}])
        outputs, times = backend.run_batch([{"c": 2}])
        self.assertEqual(outputs, [{"seen": {"c": 2}}])
        self.assertGreater(times.preprocess, 0)

    def test_an_event_that_does_not_fit_is_an_error_of_the_step(self) -> None:
        backend = Echo(feature_names=["n"], missing="error")
        for call, index in ((lambda: backend({}), 0), (lambda: backend([{"n": 1}, {}]), 1)):
            with self.assertRaises(PreprocessorRuntimeError) as caught:
                call()
            error = caught.exception
            self.assertEqual(error.title, f'records[{index}]: the field "n" is missing.')
            self.assertEqual((error.step, error.code, error.exit_code), ("preprocess", "preprocess-failed", 4))
        with self.assertRaises(PreprocessorRuntimeError):
            backend.run_batch([{}])

    def test_kept_fields_come_from_the_event_as_it_came(self) -> None:
        backend = Echo(feature_names=["n"])
        backend.kept_fields = KeptFields(OutputConfig(keep=["id"]))
        self.assertEqual(backend({"n": 1, "id": "x"}), {"seen": {"n": 1}, "id": "x"})
        self.assertEqual(backend.run_batch([{"n": 1, "id": "x"}])[0], [{"seen": {"n": 1}, "id": "x"}])
        backend.kept_fields = KeptFields()
        self.assertEqual(backend([{"n": 1, "id": "x"}]), [{"seen": {"n": 1}}])

    def test_a_configuration_that_cannot_be_done_is_refused_before_the_model_is_loaded(self) -> None:
        class Loading(Echo):
            def initialize(self) -> None:
                raise AssertionError("loaded")

        with self.assertRaises(PreprocessorInitError):
            Loading(input_format="numpy")

    def test_the_code_can_be_read(self) -> None:
        explained = Echo().explain()
        self.assertTrue(explained.startswith("# passthrough: nothing to do\n"), explained)
        self.assertIn("backend.execute([event])", explained)
        self.assertNotIn("transform", explained)
        explained = Recording(feature_names=["n"]).explain()
        for line in ("'n': event['n'],", "preprocess_one(event)", "backend.transform_outputs(value)"):
            self.assertIn(line, explained)


class CallPaths(unittest.TestCase):
    def test_a_call_within_initialize(self) -> None:
        class Warm(Echo):
            def initialize(self) -> None:
                self.warm = self({"n": 1})

        self.assertEqual(Warm(feature_names=["n"]).warm, {"seen": {"n": 1}})

    def test_hooks_that_initialize_gives_to_the_instance(self) -> None:
        class Choosing(Echo):
            def initialize(self) -> None:
                setattr(self, "transform_inputs", lambda records: [{"chosen": len(records)}])  # noqa: B010

        self.assertEqual(Choosing()({"n": 1}), {"seen": {"chosen": 1}})

    def test_execute_may_be_replaced_later(self) -> None:
        backend = Echo()
        setattr(backend, "execute", lambda inputs: [{"other": len(inputs)}])  # noqa: B010
        self.assertEqual(backend({}), {"other": 1})

    def test_the_three_calls_agree(self) -> None:
        backend = Recording()
        self.assertEqual(backend.run_one({"n": 3}), {"value": 6})
        self.assertEqual(backend.run_many([{"n": 3}]), [{"value": 6}])
        self.assertEqual(backend.run_batch([{"n": 3}])[0], [{"value": 6}])

    def test_copies_and_pickles(self) -> None:
        backend = Echo(feature_names=["n"])
        backend.kept_fields = KeptFields(OutputConfig(keep=["id"]))
        for other in (copy.deepcopy(backend), copy.copy(backend), pickle.loads(pickle.dumps(backend))):
            self.assertEqual(other({"n": 1, "id": 2, "m": 3}), {"seen": {"n": 1}, "id": 2})
            self.assertEqual(other.logger.name, "packflow.Echo")

    def test_subclasses_of_dict_are_events(self) -> None:
        self.assertEqual(Echo()([OrderedDict(a=1), {"a": 2}]), [{"seen": {"a": 1}}, {"seen": {"a": 2}}])
        self.assertEqual(Echo()(OrderedDict(a=1)), {"seen": {"a": 1}})


class Failures(unittest.TestCase):
    def test_each_step_owns_its_errors(self) -> None:
        for step in HOOKS:
            for original in (ValueError("bad"), SystemExit(3), RecursionError("deep"), MemoryError("much")):
                backend = failing(step, original)()
                for call, events in ((backend, [{"a": 1}]), (backend, {"a": 1}), (backend.run_batch, [{"a": 1}])):
                    with self.subTest(step, original=original, events=events):
                        with self.assertRaises(InferenceBackendRuntimeError) as caught:
                            call(events)  # type: ignore[operator]
                        error = caught.exception
                        self.assertEqual(error.title, f"{step} raised {type(original).__name__}: {original}")
                        self.assertEqual((error.step, error.code, error.exit_code), (step, "backend-raised", 4))
                        self.assertIs(error.original, original)
                        self.assertIs(error.__cause__, original)

    def test_initialize(self) -> None:
        for original in (ValueError("bad"), SystemExit("stop"), FileNotFoundError(2, "No such file", "model.bin")):
            with self.subTest(original=original):
                with self.assertRaises(InferenceBackendInitializationError) as caught:
                    failing("initialize", original)()
                error = caught.exception
                self.assertEqual(error.title, f"initialize raised {type(original).__name__}: {original}")
                self.assertEqual((error.step, error.code, error.exit_code), ("initialize", "backend-init-failed", 4))
                self.assertIs(error.original, original)

    def test_an_interrupt_is_not_the_backends_error(self) -> None:
        with self.assertRaises(KeyboardInterrupt):
            failing("execute", KeyboardInterrupt())()({"a": 1})

    def test_outputs_that_break_the_contract(self) -> None:
        class Short(Echo):
            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                return super().execute(inputs)[:-1]

        with self.assertRaises(InferenceBackendValidationError) as caught:
            Short()([{}, {}])
        self.assertEqual(caught.exception.title, "The backend returned 1 output for 2 events.")
        self.assertEqual(caught.exception.step, "check_outputs")
        self.assertIsNone(caught.exception.original)

    def test_packflow_errors_of_a_hook_keep_their_kind_and_get_the_step(self) -> None:
        error = InferenceBackendValidationError("mine", hint="do this")
        with self.assertRaises(InferenceBackendValidationError) as caught:
            failing("transform_outputs", error)()({"a": 1})
        self.assertIs(caught.exception, error)
        self.assertEqual((error.step, error.title, error.hint), ("transform_outputs", "mine", "do this"))

    def test_another_packflow_error_is_wrapped(self) -> None:
        with self.assertRaises(InferenceBackendRuntimeError) as caught:
            failing("execute", PackflowError("mine"))()({"a": 1})
        self.assertEqual(caught.exception.title, "execute raised PackflowError: mine")

    def test_execute_must_be_written(self) -> None:
        with self.assertRaises(InferenceBackendRuntimeError) as caught:
            InferenceBackend()({"a": 1})
        self.assertEqual(caught.exception.title, "execute raised NotImplementedError: execute is not implemented")

    def test_an_error_whose_message_raises(self) -> None:
        with self.assertRaises(InferenceBackendRuntimeError) as caught:
            failing("execute", BadMessageError())()({"a": 1})
        self.assertEqual(caught.exception.title, "execute raised BadMessageError: (its message cannot be shown)")

    def test_the_place_is_the_innermost_line_of_the_project(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder)
            source = "def outer(call):\n    return call()\n\n\ndef inner():\n    import json\n\n    json.loads('{')\n"
            names: dict[str, Any] = {}
            exec(compile(source, str(project / "lib" / "model.py"), "exec"), names)
            backend = type("Model", (Echo,), {"execute": lambda self, inputs: names["outer"](names["inner"])})()
            backend.project_dir = project
            with self.assertRaises(InferenceBackendRuntimeError) as caught:
                backend({"a": 1})
        self.assertEqual(caught.exception.where, f"{Path('lib', 'model.py')}:8")

    def test_no_place_is_known_outside_of_the_project(self) -> None:
        backend = failing("execute", ValueError("x"))()
        backend.project_dir = Path("/nowhere-at-all")
        with self.assertRaises(InferenceBackendRuntimeError) as caught:
            backend({"a": 1})
        self.assertEqual((caught.exception.where, caught.exception.file, caught.exception.line), ("", None, None))

    def test_one_hierarchy(self) -> None:
        for kind in (
            InferenceBackendInitializationError,
            InferenceBackendRuntimeError,
            InferenceBackendValidationError,
        ):
            self.assertTrue(issubclass(kind, InferenceBackendError))
        self.assertTrue(issubclass(InferenceBackendError, PackflowError))


class PackageNames(unittest.TestCase):
    def test_every_public_name_can_be_had(self) -> None:
        import packflow_runtime

        for name in packflow_runtime.__all__:
            with self.subTest(name):
                self.assertIsNotNone(getattr(packflow_runtime, name))
        with self.assertRaises(AttributeError) as caught:
            _ = packflow_runtime.nothing
        self.assertEqual(str(caught.exception), "module 'packflow_runtime' has no attribute 'nothing'")


class CheckingIO(unittest.TestCase):
    def test_an_honest_backend_gives_its_outputs(self) -> None:
        class Doubling(InferenceBackend):
            def execute(self, inputs: Any) -> Any:
                return [{"double": event["n"] * 2} for event in inputs]

        backend = Doubling()
        self.assertEqual(backend.check_io({"n": 2}), {"double": 4})
        self.assertEqual(backend.validate([{"n": 2}, {"n": 3}]), [{"double": 4}, {"double": 6}])

    def test_a_backend_that_looks_at_the_whole_batch_is_refused(self) -> None:
        class Leaking(InferenceBackend):
            def execute(self, inputs: Any) -> Any:
                return [{"size": len(inputs)} for _ in inputs]

        with self.assertRaises(InferenceBackendValidationError):
            Leaking().check_io([{"n": 2}, {"n": 3}])

    def test_the_older_utilities_are_there(self) -> None:
        self.assertEqual(packflow_runtime.ensure_valid_output([1, {"a": 2}]), [{"output": 1}, {"a": 2}])
        for name in packflow_runtime.__all__:
            self.assertTrue(hasattr(packflow_runtime, name), name)


class MetricsOfCalls(unittest.TestCase):
    def test_before_the_first_call(self) -> None:
        self.assertEqual(Echo().get_metrics().model_dump()["batch_size"], 0)

    def test_the_last_call(self) -> None:
        backend = Recording(feature_names=["n"])
        backend([{"n": 1}, {"n": 2}])
        last = backend.get_metrics()
        times = last.execution_times
        self.assertEqual(last.batch_size, 2)
        for milliseconds in (times.preprocess, times.transform_inputs, times.execute, times.transform_outputs):
            assert milliseconds is not None
            self.assertGreater(milliseconds, 0)
        self.assertEqual(last.total_execution_time, times.total())
        backend({"n": 1})
        self.assertEqual(backend.get_metrics().batch_size, 1)
        told = backend.call_metrics.snapshot()
        self.assertEqual((told["calls"], told["events"], told["errors"]), (2, 3, {}))
        steps = ["preprocess", "transform_inputs", "execute", "transform_outputs", "check_outputs"]
        self.assertEqual(list(told["steps_ns"]), steps)
        self.assertEqual(sum(told["steps_ns"][step]["total"] for step in steps), told["call_ns"]["total"])
        self.assertIn("packflow_backend_events_total 3\n", backend.call_metrics.prometheus())

    def test_failures_are_counted_and_are_no_calls(self) -> None:
        backend = Recording()
        for event in ({"m": 1}, {"n": float("nan")}):
            with self.assertRaises(InferenceBackendError):
                backend(event)
        told = backend.call_metrics.snapshot()
        self.assertEqual((told["calls"], told["errors"]), (0, {"backend-raised": 1, "output-invalid": 1}))

    def test_off(self) -> None:
        class Silent(Echo):
            metrics_on = False

        class LateSilent(Echo):
            def initialize(self) -> None:
                self.metrics_on = False  # type: ignore[misc]

        for backend in (Silent(), LateSilent()):
            backend({"n": 1})
            self.assertEqual(backend.call_metrics.snapshot()["calls"], 0)
            backend.recorded_many([{"n": 1}])
            self.assertEqual(backend.call_metrics.snapshot()["calls"], 1)

    def test_many_calls_of_many_threads_are_all_counted(self) -> None:
        backend = Echo()
        threads = [threading.Thread(target=lambda: [backend({"n": 1}) for _ in range(1000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told = backend.call_metrics.snapshot()
        self.assertEqual((told["calls"], told["steps_ns"]["execute"]["count"]), (4000, 4000))
        backend([{}, {}])
        self.assertEqual(backend.get_metrics().batch_size, 2)  # of this thread

    def test_verbose_logs_each_call(self) -> None:
        backend = Echo(verbose=True)
        with self.assertLogs("packflow.Echo", "DEBUG") as logs:
            backend({"n": 1})
            backend([{"n": 1}] * 3)
        self.assertEqual(len(logs.output), 2)
        self.assertIn("ExecutionMetrics(batch_size=3", logs.output[1])

    def test_drift_of_direct_calls(self) -> None:
        backend = Echo()
        backend.drift = DriftCounters({"type": "object", "required": ["a"]})
        backend({"n": 1})
        backend([{"a": 1}, {}])
        self.assertEqual(backend.call_metrics.snapshot()["drift"]["missing"], {"a": 2})


class Configurations(unittest.TestCase):
    def test_an_instance_stands_for_its_class(self) -> None:
        class Loose(Echo):
            backend_config_model = BackendConfig(verbose=True)  # type: ignore[assignment]

        self.assertIs(Loose(feature_names=["a"]).config.verbose, False)


class Policies(unittest.TestCase):
    def test_what_becomes_of_nan(self) -> None:
        class Strange(InferenceBackend):
            def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
                return [{"score": float("nan"), "nested": {"more": [float("inf"), 1.0]}} for _ in inputs]

        expected = {
            "null": {"score": None, "nested": {"more": [None, 1.0]}},
            "string": {"score": "NaN", "nested": {"more": ["Infinity", 1.0]}},
        }
        for policy, output in expected.items():
            backend = Strange(nan=policy)
            self.assertEqual((backend({}), backend([{}]), backend.run_batch([{}])[0]), (output, [output], [output]))
        with self.assertRaises(InferenceBackendValidationError):
            Strange()({})
        with self.assertRaises(InferenceBackendInitializationError):
            Strange(nan="zero")

    def test_a_configuration_may_give_the_names_another_meaning(self) -> None:
        class Config(BackendConfig):
            nan: int = 3  # type: ignore[assignment]
            verbose: str = "much"  # type: ignore[assignment]

        class Own(Echo):
            backend_config_model = Config

        self.assertEqual(Own()({"n": 1}), {"seen": {"n": 1}})


class WorkDir(unittest.TestCase):
    def test_it_is_made_once_and_goes_with_the_backend(self) -> None:
        backend = Echo()
        folder = backend.work_dir
        self.assertTrue(folder.is_dir())
        self.assertEqual(backend.work_dir, folder)
        self.assertNotEqual(Echo().work_dir, folder)
        (folder / "file").write_text("x", encoding="utf-8")
        twin = copy.copy(backend)
        self.assertNotEqual(twin.work_dir, folder)
        del backend
        gc.collect()
        self.assertFalse(folder.exists())

    def test_where_it_is_made_may_be_said(self) -> None:
        with tempfile.TemporaryDirectory() as holder, mock.patch.dict(os.environ, PACKFLOW_WORK_DIR=f"{holder}/new"):
            self.assertEqual(Echo().work_dir.parent, Path(holder, "new"))


if __name__ == "__main__":
    unittest.main()
