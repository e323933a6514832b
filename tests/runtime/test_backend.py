"""The backend contract: shapes of calls, order of hooks, and which step an error belongs to."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from packflow_runtime import (
    BackendConfig,
    InferenceBackend,
    InferenceBackendError,
    InferenceBackendInitializationError,
    InferenceBackendRuntimeError,
    InferenceBackendValidationError,
    PackflowError,
)
from packflow_runtime.backend import current_project
from packflow_runtime.outputs import KeptFields
from packflow_runtime.project import OutputConfig

HOOKS = ("transform_inputs", "execute", "transform_outputs")


class Echo(InferenceBackend):
    def execute(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"seen": dict(event)} for event in inputs]


class Recording(InferenceBackend):
    """Notes each hook and what it was given."""

    def initialize(self) -> None:
        self.calls: list[tuple[str, Any]] = [("initialize", self.config.as_dict())]

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
            with self.subTest(events=events), self.assertRaises(TypeError) as caught:
                Echo()(events)  # type: ignore[call-overload]
            self.assertEqual(str(caught.exception), "a backend takes one event (a dict) or records (a list of dicts)")

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
                ("initialize", {}),
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
        self.assertEqual(times._fields, ("transform_inputs", "execute", "transform_outputs", "check_outputs"))
        self.assertTrue(all(time >= 0 for time in times), times)
        self.assertGreaterEqual(times.execute, 20_000_000)
        self.assertLess(times.transform_inputs + times.transform_outputs + times.check_outputs, times.execute)


class Failures(unittest.TestCase):
    def test_each_step_owns_its_errors(self) -> None:
        for step in HOOKS:
            for original in (ValueError("bad"), SystemExit(3), RecursionError("deep"), MemoryError("much")):
                backend = failing(step, original)()
                with self.subTest(step, original=original):
                    with self.assertRaises(InferenceBackendRuntimeError) as caught:
                        backend([{"a": 1}])
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
        self.assertEqual(caught.exception.title, "The backend returned 1 outputs for 2 events.")
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


if __name__ == "__main__":
    unittest.main()
