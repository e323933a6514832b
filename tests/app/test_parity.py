"""Faults that make an event's output depend on its neighbours are found; honest models are not accused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from packflow_app.errors import UsageError
from packflow_app.runtime import Difference, PackflowError
from projects import HONEST, backend, run_dry, write_project

EVENTS = [{"n": n, "x": n * 0.37 - 5} for n in range(100)]

FAULTS = {
    "normalises over the batch": (
        "mean = sum(e['x'] for e in inputs) / len(inputs)\nreturn [{'score': e['x'] - mean} for e in inputs]",
        "score",
    ),
    "sorts the batch": ("return [{'n': n} for n in sorted((e['n'] for e in inputs), reverse=True)]", "n"),
    "ranks within the batch": (
        "order = sorted(e['x'] for e in inputs)\nreturn [{'rank': order.index(e['x'])} for e in inputs]",
        "rank",
    ),
    "has a type that depends on the batch": (
        "whole = len(inputs) == 1\nreturn [{'n': e['n'] if whole else float(e['n'])} for e in inputs]",
        "n",
    ),
    "adds a key in batches": (
        "return [{'n': e['n'], **({'batch': True} if len(inputs) > 1 else {})} for e in inputs]",
        "batch",
    ),
    "leaks a mean of 5e-4": (
        "mean = sum(e['x'] for e in inputs) / len(inputs)\nreturn [{'s': e['x'] + 5e-4 * mean} for e in inputs]",
        "s",
    ),
    "counts events though it is not declared stateful": (
        "self.seen = getattr(self, 'seen', 0)\nout = []\n"
        "for e in inputs:\n    self.seen += 1\n    out.append({'seen': self.seen})\nreturn out",
        "seen",
    ),
}
HONEST_MODELS = {
    "plain": "return [{'y': e['x'] * 2} for e in inputs]",
    "last bits of float32 vary with the batch": (
        "import struct\n"
        "f32 = lambda v: struct.unpack('f', struct.pack('f', v))[0]\n"
        "nudge = 1 + len(inputs) * 1e-8\n"
        "return [{'y': f32(e['x'] * 1.7 * nudge), 'near_zero': f32(e['x'] * nudge - (e['x'] if e['n'] % 2 else 0))}"
        " for e in inputs]"
    ),
    "rules": "return [{'label': 'high' if e['x'] > 3 else 'low', 'rules': ['a'] * (e['n'] % 3)} for e in inputs]",
    "changes its input": "return [{'n': e.pop('n'), 'left': len(e)} for e in inputs]",
}


def first_difference(tmp_path: Path, execute: str, **options: Any) -> Difference | None:
    report = run_dry(write_project(tmp_path / "model", backend(execute), EVENTS), **options).report
    assert report.parity is not None
    assert report.parity.events == len(EVENTS)
    assert report.parity.equal == (report.parity.first_difference is None)
    return report.parity.first_difference


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_placed(tmp_path: Path, fault: str) -> None:
    execute, path = FAULTS[fault]
    found = first_difference(tmp_path, execute)
    assert found is not None
    assert found.path == path
    assert found.mode == "batch 8"
    assert 1 <= found.event <= 9


@pytest.mark.parametrize("model", HONEST_MODELS)
def test_an_honest_model_is_not_accused(tmp_path: Path, model: str) -> None:
    assert first_difference(tmp_path, HONEST_MODELS[model]) is None


CAUSES = {
    # fault: execute, cause, path, step, events of the smallest batch
    "a mean": (
        "mean = sum(e['x'] for e in inputs) / len(inputs)\nreturn [{'score': e['x'] - mean} for e in inputs]",
        *("batch", "score", "execute", 2),
    ),
    "two like ones": (
        "seen = [e['n'] % 5 for e in inputs]\nreturn [{'alone': seen.count(e['n'] % 5) == 1} for e in inputs]",
        *("batch", "alone", "execute", 2),
    ),
    "the same event twice": (
        "return [{'copies': sum(e['n'] == f['n'] for f in inputs)} for e in inputs]",
        *("batch", "copies", "execute", 2),
    ),
    "sorted": (
        "return [{'n': n} for n in sorted((e['n'] for e in inputs), reverse=True)]",
        *("order", "n", "execute", 2),
    ),
    "chance": ("import random\nreturn [{'y': random.random()} for e in inputs]", "random", "y", None, None),
    "a clock": ("return [{'at': time.time_ns()} for e in inputs]", "random", "at", None, None),
    "a counter": (
        "self.seen = getattr(self, 'seen', 0) + len(inputs)\nreturn [{'seen': self.seen} for e in inputs]",
        *("state", "seen", None, None),
    ),
    "the last event": (
        "out = []\nfor e in inputs:\n    out.append({'last': getattr(self, 'last', 0)})\n    self.last = e['n']\n"
        "return out",
        *("state", "last", None, None),
    ),
    "the order of a set": (
        "return [{'first': next(iter({f'a{e[\"n\"]}', f'b{e[\"n\"]}', f'c{e[\"n\"]}'}))} for e in inputs]",
        *("hash-seed", "first", None, None),
    ),
}


@pytest.mark.parametrize("fault", CAUSES)
def test_the_cause_of_a_difference_is_told(tmp_path: Path, fault: str) -> None:
    execute, cause, path, step, smallest = CAUSES[fault]
    parity = run_dry(write_project(tmp_path / "model", backend(execute), EVENTS)).report.parity
    assert parity is not None
    assert parity.first_difference is not None
    assert parity.cause is not None
    assert (parity.cause.kind, parity.first_difference.path) == (cause, path)
    assert parity.first_difference.step == step
    assert (len(parity.smallest_batch) if parity.smallest_batch else None) == smallest
    if parity.smallest_batch:
        assert parity.first_difference.event in parity.smallest_batch


@pytest.mark.parametrize(
    ("hook", "step"),
    [
        (
            "def transform_inputs(self, records):\n    top = max(r['x'] for r in records)\n"
            "    return [{**r, 'x': r['x'] / top} for r in records]",
            "transform_inputs",
        ),
        (
            "def transform_outputs(self, outputs):\n    top = max(o['y'] for o in outputs)\n"
            "    return [{'y': o['y'] / top} for o in outputs]",
            "transform_outputs",
        ),
    ],
)
def test_the_step_where_values_part_is_told(tmp_path: Path, hook: str, step: str) -> None:
    events = [{"x": x + 1.5} for x in range(70)]
    source = backend("return [{'y': e['x'] * 2} for e in inputs]", hook)
    parity = run_dry(write_project(tmp_path / "model", source, events)).report.parity
    assert parity is not None
    assert parity.first_difference is not None
    assert parity.first_difference.step == step


def test_all_runs_that_must_agree_are_compared(tmp_path: Path) -> None:
    parity = run_dry(write_project(tmp_path / "model", HONEST, EVENTS)).report.parity
    assert parity is not None
    assert [comparison["modes"][1] for comparison in parity.comparisons] == [
        *("batch 8", "batch 64", "random splits", "another order"),
        *("each event twice", "each event twice", "once more", "second process"),
    ]
    assert all(comparison["events"] == len(EVENTS) for comparison in parity.comparisons)
    assert parity.cause is None


def test_a_stateful_model_that_depends_on_its_process_is_found(tmp_path: Path) -> None:
    source = backend(
        "out = []\nfor e in inputs:\n    self.seen.add(str(e['n']))\n    out.append({'any': next(iter(self.seen))})\n"
        "return out",
        "stateful = True\ndef initialize(self): self.seen = set()",
    )
    parity = run_dry(write_project(tmp_path / "model", source, EVENTS)).report.parity
    assert parity is not None
    assert parity.first_difference is not None
    assert parity.first_difference.mode == "second process"
    assert parity.cause is not None
    assert parity.cause.kind == "hash-seed"


def test_a_model_that_changes_its_input_is_told_and_not_accused(tmp_path: Path) -> None:
    source = backend("return [{'n': e.pop('n'), 'left': len(e)} for e in inputs]")
    report = run_dry(write_project(tmp_path / "model", source, EVENTS)).report
    assert report.ok
    assert (report.changed_inputs[0].event, report.changed_inputs[0].path) == (1, "n")
    assert len(report.changed_inputs) == 20


def test_a_model_that_writes_into_the_project_is_told(tmp_path: Path) -> None:
    source = backend("(self.project_dir / 'cache.txt').write_text(str(len(inputs)))\nreturn [{} for e in inputs]")
    report = run_dry(write_project(tmp_path / "model", source, EVENTS)).report
    assert report.written_files == ["cache.txt"]


def test_a_model_may_write_to_its_own_folder(tmp_path: Path) -> None:
    source = backend("(self.work_dir / 'x').write_text('x')\nreturn [{'at': str(self.work_dir)[:4]} for e in inputs]")
    report = run_dry(write_project(tmp_path / "model", source, EVENTS)).report
    assert report.ok
    assert report.written_files == []


def test_batches_that_fail_though_their_events_do_not_are_counted(tmp_path: Path) -> None:
    picky = backend("if len(inputs) > 2: raise ValueError(len(inputs))\nreturn [{'n': 1} for e in inputs]")
    report = run_dry(write_project(tmp_path / "model", picky, EVENTS[:8]), batch_sizes=[2, 8]).report
    assert report.ok, "each event gets in the end what it gets alone"
    assert [mode.failed_batches for mode in report.modes] == [0, 0, 3]


def test_an_event_that_fails_alone_does_not_hide_or_make_such_batches(tmp_path: Path) -> None:
    execute = (
        "if {} any(e['n'] == 3 for e in inputs): raise ValueError(len(inputs))\nreturn [{{'n': 1}} for e in inputs]"
    )
    strict = write_project(tmp_path / "strict", backend(execute.format("")), EVENTS[:8])
    assert [mode.failed_batches for mode in run_dry(strict, batch_sizes=[8]).report.modes] == [0, 0]
    picky = write_project(tmp_path / "picky", backend(execute.format("len(inputs) > 2 or")), EVENTS[:8])
    assert [mode.failed_batches for mode in run_dry(picky, batch_sizes=[4]).report.modes] == [0, 1]


@pytest.mark.parametrize("change", ["[e.pop('x') for e in inputs]", "inputs.clear()"])
def test_events_that_are_changed_in_batches_only_are_found(tmp_path: Path, change: str) -> None:
    execute = f"out = [{{'n': e['n']}} for e in inputs]\nif len(inputs) > 1: {change}\nreturn out"
    report = run_dry(write_project(tmp_path / "model", backend(execute), EVENTS)).report
    assert report.changed_inputs


def test_a_declared_stateful_model_starts_each_mode_afresh(tmp_path: Path) -> None:
    counter = backend(
        "out = []\nfor e in inputs:\n    self.seen += 1\n    out.append({'seen': self.seen})\nreturn out",
        "stateful = True\ndef initialize(self): self.seen = 0",
    )
    report = run_dry(write_project(tmp_path / "model", counter, EVENTS)).report
    assert report.ok
    assert report.stateful


def test_tolerances_and_ignored_fields_are_obeyed(tmp_path: Path) -> None:
    leak = "m = len(inputs) * 1e-4\nreturn [{'s': e['x'] + m, 't': {'u': len(inputs)}} for e in inputs]"
    assert first_difference(tmp_path, leak, ignore=["t.u"]) is not None
    assert first_difference(tmp_path, leak, ignore=["t.u"], atol=0.1) is None
    assert first_difference(tmp_path, leak, ignore=["s", "t"]) is None


def test_tolerances_of_packflow_yaml_are_obeyed(tmp_path: Path) -> None:
    leak = backend("return [{'s': e['x'] + len(inputs) * 1e-4} for e in inputs]")
    project = write_project(tmp_path / "model", leak, EVENTS, config="  atol: 0.1\n  batch_sizes: [3, 5]\n")
    report = run_dry(project).report
    assert report.ok
    assert [mode.batch_size for mode in report.modes] == [1, 3, 5]


def test_a_negative_tolerance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackflowError) as caught:
        run_dry(write_project(tmp_path / "model", HONEST), rtol=-1.0)
    assert caught.value.exit_code == UsageError.exit_code


def test_one_mode_alone_compares_nothing(tmp_path: Path) -> None:
    report = run_dry(write_project(tmp_path / "model", HONEST), batch_sizes=[]).report
    assert report.parity is None
    assert report.ok
    assert [mode.name for mode in report.modes] == ["single"]


def test_times_add_up(tmp_path: Path) -> None:
    slow = backend("time.sleep(0.004 * len(inputs))\nreturn [{} for e in inputs]")
    report = run_dry(write_project(tmp_path / "model", slow, EVENTS[:20]), batch_sizes=[10]).report
    single, batch = report.modes
    assert single.latency_ms is not None
    assert batch.latency_ms is not None
    assert 4 <= single.latency_ms.p50 <= single.latency_ms.p95 <= single.latency_ms.p99
    assert batch.latency_ms.p50 >= 40
    assert batch.steps_ms["execute"].p50 >= 40
    assert batch.steps_ms["check_outputs"].p50 < 40
    assert 0 < (single.events_per_second or 0) <= 250
