"""``check_backend`` on models that break one promise each: what it says of them, and what it lets pass."""

from __future__ import annotations

import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_runtime.errors import PackflowError
from packflow_runtime.loading import load_project
from packflow_runtime.shrinking import fewest
from packflow_runtime.testing import check_backend

if TYPE_CHECKING:
    from packflow_runtime.backend import InferenceBackend

EVENTS = [{"n": n, "x": n * 0.5} for n in range(20)]
STATEFUL = """
stateful = True
def initialize(self): self.seen = 0
def snapshot(self): return self.seen
def restore(self, value): self.seen = value
"""


class ProjectCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.golden: dict[str, str] = {}

    def load(self, execute: str, more: str = "", config: str = "", **values: object) -> InferenceBackend:
        body = textwrap.indent(textwrap.dedent(execute).strip(), " " * 8)
        source = "import os, pickle\nfrom packflow_runtime import BackendConfig, InferenceBackend\n"
        source += "class Config(BackendConfig):\n    scale: float = 1.0\n    path: str = ''\n"
        source += "class Backend(InferenceBackend):\n    backend_config_model = Config\n"
        source += textwrap.indent(more.strip(), " " * 4) + f"\n    def execute(self, inputs):\n{body}\n"
        folder = self.home / str(len([*self.home.iterdir()]))  # its own each time: a project keeps its modules
        (folder / "golden").mkdir(parents=True) if self.golden else folder.mkdir()
        files = {"inference.py": source, "packflow.yaml": f"name: model\n{config}", **self.golden}
        for name, text in files.items():
            (folder / name).write_text(text)
        return load_project(folder, values)

    def record(self, inputs: str, outputs: str) -> None:
        self.golden = {"golden/inputs.ndjson": inputs, "golden/outputs.ndjson": outputs}

    def said(self, backend: InferenceBackend, *, allow_failures: bool = False) -> str:
        with self.assertRaises(AssertionError) as caught:
            check_backend(backend, EVENTS, allow_failures=allow_failures)
        return str(caught.exception)


class Parity(ProjectCase):
    def test_a_mean_over_the_batch(self) -> None:
        said = self.said(
            self.load("mean = sum(e['x'] for e in inputs) / len(inputs)\nreturn [{'d': e['x'] - mean} for e in inputs]")
        )
        self.assertIn(
            "- one by one and batch 8 differ, first on event 1, field d: 0.0 one by one, -1.75 in batch 8 (|Δ| 1.75). "
            "An output depends on the other events of its batch.",
            said,
        )
        self.assertIn("The values part in execute. Events 1 and 2 together are enough to show it.", said)

    def test_the_step_is_named_where_the_values_part(self) -> None:
        transform = "def transform_inputs(self, records): return [{**r, 'n': len(records)} for r in records]"
        self.assertIn(
            "The values part in transform_inputs.",
            self.said(self.load("return [{'n': e['n']} for e in inputs]", transform)),
        )

    def test_a_sorted_batch(self) -> None:
        said = self.said(self.load("return [{'n': n} for n in sorted((e['n'] for e in inputs), reverse=True)]"))
        self.assertIn("event 1, field n: 0 one by one, 7 in batch 8", said)
        self.assertIn("The outputs of a batch come in another order than its events.", said)

    def test_what_only_more_events_show_is_made_small(self) -> None:
        said = self.said(self.load("return [{'many': len(inputs) > 2} for e in inputs]"))
        self.assertIn("Events 1, 2 and 3 together are enough to show it.", said)

    def test_an_event_beside_itself(self) -> None:
        unique = "seen = {e['n'] for e in inputs}\nreturn [{'dropped': len(inputs) - len(seen)} for e in inputs]"
        said = self.said(self.load(unique))
        self.assertIn("one by one and each event twice differ, first on event 1, field dropped: 0 one by one", said)
        self.assertIn("Event 1 twice in a batch is enough to show it.", said)

    def test_chance(self) -> None:
        said = self.said(self.load("return [{'id': os.urandom(8).hex()} for e in inputs]"))
        self.assertIn("It gives other outputs for the same events each time.", said)

    def test_state_that_is_not_declared(self) -> None:
        count = "out = []\nfor e in inputs:\n    self.seen += 1\n    out.append({'seen': self.seen})\nreturn out"
        said = self.said(self.load(count, "def initialize(self): self.seen = 0"))
        self.assertIn("first on event 1, field seen: 1 one by one, 21 in batch 8", said)
        self.assertIn("An output depends on the events before it.", said)

    def test_tolerances_are_the_projects(self) -> None:
        source = "return [{'y': e['x'] + len(inputs) * 1e-4} for e in inputs]"
        self.assertIn("one by one and batch 8 differ", self.said(self.load(source)))
        check_backend(self.load(source, config="dry_run:\n  atol: 0.1\n"), EVENTS)


class Contract(ProjectCase):
    def test_an_event_that_fails_is_named_with_its_step_and_line(self) -> None:
        said = self.said(self.load("for e in inputs:\n    if e['n'] == 12: raise ValueError('twelve')\nreturn inputs"))
        self.assertIn("event 13 fails in execute at inference.py:11: ValueError: twelve", said)

    def test_outputs_that_json_cannot_hold(self) -> None:
        for output in ("object()", "float('nan')"):
            with self.subTest(output):
                said = self.said(self.load(f"return [{{'y': {output}}} for e in inputs]"))
                self.assertIn("- event 1 fails in ", said)
                self.assertIn("20 of 20 events fail", said)
                self.assertNotIn("event 6 fails", said)

    def test_a_batch_that_fails_though_its_events_do_not(self) -> None:
        for told, source in {
            "execute raised ValueError: one at a time at inference.py:11": "if len(inputs) > 1:\n"
            "    raise ValueError('one at a time')\nreturn [{} for e in inputs]",
            "The backend returned 1 output for 8 events": "return [{}]",
            "y is nan, which JSON cannot hold": "y = float('nan') if len(inputs) > 1 else 1.0\n"
            "return [{'y': y} for e in inputs]",
        }.items():
            with self.subTest(told):
                self.assertIn(
                    "- in batch 8 a call with 8 events, event 1 first, fails, though each of them succeeds alone: "
                    f"{told}. Events 1 and 2 together are enough to show it.",
                    self.said(self.load(source)),
                )

    def test_a_stateful_batch_that_fails_though_its_events_do_not(self) -> None:
        source = "if len(inputs) > 1: raise ValueError('one at a time')\nreturn [{} for e in inputs]"
        self.assertIn("each of them succeeds alone: execute raised ValueError", self.said(self.load(source, STATEFUL)))

    def test_changed_events(self) -> None:
        said = self.said(self.load("for e in inputs: e['n'] += 1\nreturn [{} for e in inputs]"))
        self.assertIn("- the model changes field n of event 1. Work on a copy: event = dict(event)", said)

    def test_events_that_only_a_batch_changes(self) -> None:
        said = self.said(self.load("if len(inputs) > 1: inputs[1]['new'] = 1\nreturn [{} for e in inputs]"))
        self.assertIn("- the model changes field new of event 2 in batch 8.", said)
        self.assertEqual(said.count("the model changes"), 1)

    def test_a_changed_list_of_events(self) -> None:
        said = self.said(self.load("out = [{} for e in inputs]\ninputs.clear()\nreturn out"))
        self.assertIn("- the model changes the list of events.", said)


class AllowedFailures(ProjectCase):
    def test_events_may_fail_where_they_fail_alike(self) -> None:
        backend = self.load("return [{'y': 1 / e['n']} for e in inputs]")
        self.assertIn("event 1 fails in execute at inference.py:10: ZeroDivisionError", self.said(backend))
        check_backend(backend, EVENTS, allow_failures=True)

    def test_not_all_of_them(self) -> None:
        backend = self.load("raise ValueError('all')")
        self.assertIn("20 of 20 events fail", self.said(backend, allow_failures=True))

    def test_not_in_some_runs_only(self) -> None:
        source = "self.calls += 1\nif self.calls > 20: 1 / inputs[0]['n']\nreturn [{} for e in inputs]"
        said = self.said(self.load(source, "def initialize(self): self.calls = 0"), allow_failures=True)
        self.assertIn("first on event 1: {} one by one, ZeroDivisionError: division by zero in batch 8", said)


class Stateful(ProjectCase):
    COUNT = "out = []\nfor e in inputs:\n    self.seen += 1\n    out.append({'seen': self.seen})\nreturn out"

    def test_an_honest_one_passes_also_after_events(self) -> None:
        backend = self.load(self.COUNT, STATEFUL)
        backend({"n": 1})
        check_backend(backend, EVENTS)
        self.assertEqual(backend.seen, 1, "its own state is left alone")  # type: ignore[attr-defined]

    def test_one_whose_batches_differ(self) -> None:
        said = self.said(self.load("self.seen += len(inputs)\nreturn [{'seen': self.seen} for e in inputs]", STATEFUL))
        self.assertIn("one by one and batch 8 differ, first on event 1, field seen: 1 one by one, 8 in batch 8", said)
        self.assertIn("An output depends on the other events of its batch.", said)

    def test_chance(self) -> None:
        said = self.said(self.load("return [{'id': os.urandom(8).hex()} for e in inputs]", STATEFUL))
        self.assertIn("It gives other outputs for the same events each time.", said)

    def test_its_instances_have_the_configuration_of_the_one_given(self) -> None:
        source = "extra = len(inputs) if self.config.scale > 5 else 0\nreturn [{'y': e['n'] + extra} for e in inputs]"
        check_backend(self.load(source, STATEFUL), EVENTS)
        self.assertIn("one by one and batch 8 differ", self.said(self.load(source, STATEFUL, scale=9.0)))

    def test_its_instances_are_closed(self) -> None:
        log = self.home / "log"
        more = STATEFUL.replace("self.seen = 0", "self.seen = 0; self.note('+')") + textwrap.dedent("""
            def close(self): self.note('-')
            def note(self, mark):
                with open(self.config.path, 'a') as file: file.write(mark)
        """)
        check_backend(self.load(self.COUNT, more, path=str(log)), EVENTS)
        self.assertEqual(log.read_text(), "+" + "+-" * 3, "the one given stays open")

    def test_its_instances_open_pickles_of_the_projects_classes(self) -> None:
        other = self.load("return [{} for e in inputs]")  # the first project of a process may be imported by anyone
        opened = "assert pickle.loads(b'cinference\\nConfig\\n.') is Config, 'that of another project'"
        more = STATEFUL.replace("self.seen = 0", f"self.seen = 0; {opened}")
        backend = self.load(self.COUNT, more)
        self.assertIsNot(type(other), type(backend))
        check_backend(backend, EVENTS)


class Golden(ProjectCase):
    SOURCE = "return [{'y': 10 // e['n']} for e in inputs]"

    def setUp(self) -> None:
        super().setUp()
        self.events = [{"n": 1}, {"n": 2}]

    def failure(self, inputs: str, outputs: str) -> str:
        self.record(inputs, outputs)
        with self.assertRaises(AssertionError) as caught:
            check_backend(self.load(self.SOURCE), self.events)
        return str(caught.exception)

    def test_the_recorded_outputs_pass(self) -> None:
        self.record('{"n":5}\n', '{"y":2}\n')
        check_backend(self.load(self.SOURCE), self.events)

    def test_a_changed_output(self) -> None:
        said = self.failure('{"n":1}\n{"n":5}\n', '{"y":10}\n{"y":3}\n')
        self.assertIn("- the golden outputs changed, first on event 2, field y: 3 recorded, 2 now.", said)
        self.assertIn("record them again: packflow export --golden 20", said)

    def test_a_golden_event_that_fails_now_is_not_to_be_recorded_again(self) -> None:
        said = self.failure('{"n":0}\n', '{"y":1}\n')
        self.assertIn('first on event 1: {"y": 1} recorded, ZeroDivisionError: ', said)
        self.assertNotIn("record them again", said)

    def test_golden_events_that_cannot_be_read(self) -> None:
        self.record('{"n":0}\n{"n":1}\n', '{"y":1}\n')
        with self.assertRaises(PackflowError) as caught:
            check_backend(self.load(self.SOURCE), self.events)
        self.assertEqual(caught.exception.code, "golden-invalid")


class Events(ProjectCase):
    def test_what_is_no_event_is_named(self) -> None:
        backend = self.load("return [{} for e in inputs]")
        for event, told in (
            (3, "Event 2 is an int, not a dict."),
            ({"at": object()}, "Event 2 cannot be written as JSON"),
            ({"n": float("nan")}, "Event 2 cannot be written as JSON"),
        ):
            with self.subTest(told), self.assertRaises(PackflowError) as caught:
                check_backend(backend, [{}, event])  # type: ignore[list-item]
            self.assertEqual(caught.exception.code, "events-invalid")
            self.assertIn(told, caught.exception.title)

    def test_no_event_is_no_trial(self) -> None:
        with self.assertRaises(PackflowError) as caught:
            check_backend(self.load("return [{} for e in inputs]"), [])
        self.assertEqual(
            (caught.exception.code, caught.exception.hint), ("events-empty", "Give it at least one event.")
        )

    def test_one_event_is_one_event(self) -> None:
        backend = self.load("return [{'size': len(inputs)} for e in inputs]")
        with self.assertRaisesRegex(AssertionError, "model 0.1.0 does not keep its promises on 1 event:"):
            check_backend(backend, [{}])


class Fewest(unittest.TestCase):
    def test_nothing_is_left_that_could_go(self) -> None:
        for needed in ({3}, {0, 19}, {1, 2, 3}, {0, 7, 13, 19}):
            with self.subTest(needed):
                self.assertEqual(fewest([*range(20)], lambda some, n=needed: n <= set(some), 1000), sorted(needed))

    def test_what_all_do_not_show(self) -> None:
        self.assertEqual(fewest([1, 2], lambda some: False), [])
        self.assertEqual(fewest([], lambda some: True), [])

    def test_trials_are_bounded_and_what_they_found_shows_it(self) -> None:
        trials = []

        def shows(some: list[int]) -> bool:
            trials.append(some)
            return set(range(0, 200, 2)) <= set(some)

        found = fewest([*range(200)], shows, most_trials=30)
        self.assertLessEqual(len(trials), 30)
        self.assertLessEqual(set(range(0, 200, 2)), set(found))


if __name__ == "__main__":
    unittest.main()
