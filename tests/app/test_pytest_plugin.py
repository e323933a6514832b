"""A project's own tests, in real runs of pytest: each broken promise fails with its place, honest models pass."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from packflow_app.actions.init import InitOptions, init
from packflow_app.events.generated import firewall_events
from packflow_app.runtime import runtime_wheel
from projects import HONEST, backend, write_project

SOURCES = Path(__file__).resolve().parents[2] / "packflow_runtime" / "src"
CHECK = """
from packflow_runtime.testing import check_backend


def test_promises(backend, sample_events):
    check_backend(backend, sample_events)
"""
EVENTS = [{"n": n, "x": n * 0.37 - 5} for n in range(50)]


def project(folder: Path, source: str, test: str = CHECK, **options: object) -> Path:
    options.setdefault("events", EVENTS)
    write_project(folder, source, **options)  # type: ignore[arg-type]
    (folder / "tests").mkdir()
    (folder / "tests" / "test_model.py").write_text(textwrap.dedent(test))
    return folder


def run(folder: Path, *arguments: str, plugin: bool = True) -> tuple[int, str]:
    """Run pytest there; the code and all that it said."""
    elsewhere = ("PYTEST", "PYTHON", "COV", "CI", "BUILD_NUMBER")  # CI makes pytest print its summary's lines in full
    environment = {key: value for key, value in os.environ.items() if not key.startswith(elsewhere)}
    environment |= {"PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    command += ["-p", "packflow_runtime.pytest_plugin"] if plugin else []
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def broken(tmp_path: Path, source: str, **options: object) -> str:
    code, said = run(project(tmp_path / "model", source, **options))
    assert code == 1, said
    assert "packflow_runtime/" not in said, "frames of Packflow's own are not shown"
    return " ".join(line.removeprefix("E").strip() for line in said.splitlines() if line.startswith("E "))


@pytest.mark.parametrize(
    ("source", "extra"),
    [
        ("return [{'y': e['x'] * 2} for e in inputs]", ""),
        ("return [{'label': 'high' if e['x'] > 3 else 'low', 'rules': ['a'] * (e['n'] % 3)} for e in inputs]", ""),
        (
            "import struct\nf32 = lambda v: struct.unpack('f', struct.pack('f', v))[0]\n"
            "return [{'y': f32(e['x'] * (1 + len(inputs) * 1e-8))} for e in inputs]",
            "",
        ),
        (
            "out = []\nfor e in inputs:\n    self.seen += 1\n    out.append({'seen': self.seen})\nreturn out",
            "stateful = True\ndef initialize(self): self.seen = 0",
        ),
    ],
    ids=["plain", "rules", "float32", "stateful"],
)
def test_honest_models_pass(tmp_path: Path, source: str, extra: str) -> None:
    code, said = run(project(tmp_path / "model", backend(source, extra)))
    assert (code, "1 passed" in said) == (0, True), said


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "m = sum(e['x'] for e in inputs) / len(inputs)\nreturn [{'s': e['x'] - m} for e in inputs]",
            (
                "one by one and batch 8 differ, first on event 1, field s: 0.0 one by one, -1.295",
                "in batch 8 (|Δ| 1.3).",
                "An output depends on the other events of its batch.",
                "Events 1 and 2 together are enough to show it.",
            ),
        ),
        (
            "return [{'n': n} for n in sorted((e['n'] for e in inputs), reverse=True)]",
            ("event 1, field n: 0 one by one, 7 in batch 8", "come in another order than its events."),
        ),
        (
            "return [{'n': time.perf_counter_ns()} for e in inputs]",
            ("one by one and batch 8 differ, first on event 1, field n", "other outputs for the same events each time"),
        ),
        (
            "self.seen = getattr(self, 'seen', 0) + len(inputs)\nreturn [{'seen': self.seen} for e in inputs]",
            ("one by one and batch 8 differ", "An output depends on the events before it."),
        ),
        (
            "return [{'n': e.pop('n')} for e in inputs]",
            ("the model changes", "event 1", "Work on a copy: event = dict(event)"),
        ),
        (
            "if any(e['n'] == 12 for e in inputs): raise ValueError('twelve')\nreturn [{} for e in inputs]",
            ("event 13 fails in execute at inference.py:7: ValueError: twelve",),
        ),
        (
            "if len(inputs) > 1: raise ValueError('one at a time')\nreturn [{} for e in inputs]",
            (
                "in batch 8 a call with 8 events, event 1 first, fails, though each of them succeeds alone: "
                "execute raised ValueError: one at a time at inference.py:7.",
                "Events 1 and 2 together are enough to show it.",
            ),
        ),
        ("return [{'v': float('nan')} for e in inputs]", ("event 1 fails in check_outputs", "50 of 50 events fail")),
        ("return [{} for e in inputs[1:]]", ("event 1 fails in", "50 of 50 events fail")),
    ],
    ids=["mean", "sorted", "random", "state", "mutates", "raises", "raises together", "nan", "too few"],
)
def test_a_broken_promise_fails_and_says_where(tmp_path: Path, source: str, told: tuple[str, ...]) -> None:
    said = broken(tmp_path, backend(source))
    assert "model 0.1.0 does not keep its promises on 50 events:" in said
    for part in told:
        assert part in said, said


def test_a_stateful_model_whose_batches_differ_is_found(tmp_path: Path) -> None:
    extra = "stateful = True\ndef initialize(self): self.seen = 0\ndef snapshot(self): return self.seen\n"
    extra += "def restore(self, value): self.seen = value"
    source = "self.seen += len(inputs)\nreturn [{'seen': self.seen} for e in inputs]"
    assert "batch 8 differ, first on event 1, field seen: 1 one by one, 8 in batch 8" in broken(
        tmp_path, backend(source, extra)
    )


def test_tolerances_and_ignored_fields_are_the_projects(tmp_path: Path) -> None:
    source = backend("return [{'y': e['x'] + len(inputs) * 1e-4, 'at': time.time()} for e in inputs]")
    config = "  atol: 0.1\n  ignore: [at]\n"
    code, said = run(project(tmp_path / "model", source, config=config))
    assert code == 0, said


def test_golden_outputs_are_replayed(tmp_path: Path) -> None:
    golden = {"golden/inputs.ndjson": '{"n":3}\n', "golden/outputs.ndjson": '{"double":6}\n'}
    assert run(project(tmp_path / "good" / "model", HONEST, files=golden))[0] == 0
    golden["golden/outputs.ndjson"] = '{"double":7}\n'
    said = broken(tmp_path / "bad", HONEST, files=golden)
    assert "the golden outputs changed, first on event 1, field double: 7 recorded, 6 now" in said
    assert "packflow export --golden 20" in said


def test_several_projects_in_one_run_and_from_elsewhere_keep_apart(tmp_path: Path) -> None:
    for name, factor in (("one", 2), ("two", 3)):
        test = f"def test_it(backend):\n    assert backend({{'n': 2}}) == {{'double': {2 * factor}}}\n"
        project(tmp_path / name, HONEST.replace("* 2", f"* {factor}"), test)
        (tmp_path / name / "tests" / "test_model.py").rename(tmp_path / name / "tests" / f"test_{name}.py")
    code, said = run(tmp_path, "one", "two")
    assert (code, "2 passed" in said) == (0, True), said
    code, said = run(tmp_path, "one", "two", "-n", "2")
    assert (code, "2 passed" in said) == (0, True), said


def test_each_project_has_its_environment_and_leaves_none(tmp_path: Path) -> None:
    for name in ("one", "two"):
        config = f"env:\n  PLACE: {name}\n"
        test = f"""
        import os

        def test_while_a_backend_is_used(backend):
            assert backend({{"n": 1}}) == {{"place": "{name}"}}

        def test_before_and_after():
            assert "PLACE" not in os.environ

        def test_again(backend):
            assert backend({{"n": 1}}) == {{"place": "{name}"}}
        """
        source = backend("return [{'place': os.environ['PLACE']} for e in inputs]")
        project(tmp_path / name, source, test, config=config)
        (tmp_path / name / "tests" / "test_model.py").rename(tmp_path / name / "tests" / f"test_{name}.py")
    one, two = "one/tests/test_one.py::test_", "two/tests/test_two.py::test_"
    names = ("while_a_backend_is_used", "before_and_after", "again")
    code, said = run(tmp_path, *(place + name for name in names for place in (one, two)))
    assert (code, "6 passed" in said) == (0, True), said


def test_tests_do_not_disturb_each_other(tmp_path: Path) -> None:
    test = """
    def test_events_may_be_changed(sample_events):
        sample_events[0].clear()

    def test_they_are_whole_again(sample_events):
        assert sample_events[0] == {"n": 0, "x": -5.0}
        assert len(sample_events) == 50

    def test_a_backend_is_loaded_once(backend, request):
        request.config.stash_of_test = backend

    def test_and_shared(backend, request):
        assert request.config.stash_of_test is backend
    """
    code, said = run(project(tmp_path / "model", HONEST, test))
    assert (code, "4 passed" in said) == (0, True), said


def test_a_stateful_backend_is_fresh_for_each_test_and_closed(tmp_path: Path) -> None:
    extra = "stateful = True\ndef initialize(self): self.seen = 0\ndef close(self): print('closed', self.seen)"
    test = """
    import pytest

    @pytest.mark.parametrize("time", range(2))
    def test_it(backend, time):
        assert backend({"n": 1}) == {"seen": 1}
    """
    source = backend("self.seen += len(inputs)\nreturn [{'seen': self.seen} for e in inputs]", extra)
    code, said = run(project(tmp_path / "model", source, test), "-s")
    assert (code, said.count("closed 1")) == (0, 2), said


def test_a_model_that_cannot_be_loaded_is_tried_once(tmp_path: Path) -> None:
    extra = "def initialize(self): print('tried'); raise OSError('no weights')"
    test = "def test_one(backend): pass\n\ndef test_two(backend): pass\n"
    code, said = run(project(tmp_path / "model", backend("return inputs", extra), test), "-s")
    assert (code, said.count("tried\n")) == (1, 1), said
    assert said.count("initialize raised OSError: no weights\nat inference.py:") == 2, said
    assert "exception" not in said, "only the message is shown, not what it was raised from"


def test_shared_backends_are_closed_at_the_end(tmp_path: Path) -> None:
    test = "def test_one(backend): pass\n\ndef test_two(backend): pass\n"
    source = backend("return inputs", "def close(self): print('closed')")
    code, said = run(project(tmp_path / "model", source, test), "-s")
    assert (code, said.count("closed")) == (0, 1), said
    assert said.index("closed") > said.index(".."), said


def test_what_keeps_a_check_from_running_is_said_at_the_tests_own_line(tmp_path: Path) -> None:
    test = CHECK.replace("check_backend(backend, sample_events)", "check_backend(backend, [{'at': object()}])")
    code, said = run(project(tmp_path / "model", HONEST, test))
    assert code == 1
    assert "Event 1 cannot be written as JSON: Object of type object is not JSON serializable." in said
    assert "packflow_runtime/" not in said, said


def test_other_suites_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'packflow_runtime.backend' not in sys.modules\n"
        "\ndef test_theirs(backend):\n    pass\n"
    )
    code, said = run(tmp_path)
    assert (code, "1 passed, 1 error" in said) == (1, True), said
    assert f"No packflow.yaml in a folder above {tmp_path / 'test_other.py'}" in said
    assert "next: Move the test below the folder of the project, or create one with `packflow init DIR`." in said
    own = "import pytest\n\n@pytest.fixture\ndef backend():\n    return 'mine'\n"
    (tmp_path / "conftest.py").write_text(own)
    (tmp_path / "test_other.py").write_text("def test_theirs(backend):\n    assert backend == 'mine'\n")
    assert run(tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("samples/events.ndjson", ""), "holds no events."),
        (("samples/events.ndjson", None), "cannot be read: No such file or directory."),
        (("packflow.yaml", "name: model\n"), "packflow.yaml names no sample events."),
        (("packflow.yaml", "name: 'x y'\n"), "name"),
        (("inference.py", "x = 1\n"), "inference has no InferenceBackend called Backend."),
    ],
)
def test_what_is_missing_is_said_without_a_traceback(tmp_path: Path, change: tuple[str, str | None], told: str) -> None:
    folder = project(tmp_path / "model", HONEST)
    name, content = change
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    code, said = run(folder)
    assert code == 1
    assert told in said
    assert "pytest_plugin.py" not in said


def test_an_error_in_the_projects_own_code_shows_its_line(tmp_path: Path) -> None:
    code, said = run(project(tmp_path / "model", "import nothing_like_it\n" + textwrap.dedent(HONEST)))
    assert code == 1
    assert (
        "Importing inference raised ModuleNotFoundError: No module named 'nothing_like_it'\nat inference.py:1\n" in said
    )
    assert "next: Install what provides 'nothing_like_it'" in said


@pytest.mark.slow
@pytest.mark.parametrize("version", ["7.4.0", ""])
def test_the_wheel_brings_the_plugin_to_a_new_project(tmp_path: Path, version: str) -> None:
    events = tmp_path / "events.ndjson"
    events.write_bytes(b"\n".join(firewall_events(100)))
    init(InitOptions(tmp_path / "my-model", events))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    wanted = f"pytest=={version}" if version else "pytest"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wanted, str(runtime_wheel())], check=True)
    elsewhere = ("PYTEST", "PYTHON", "COV", "CI", "BUILD_NUMBER")  # CI makes pytest print its summary's lines in full
    environment = {key: value for key, value in os.environ.items() if not key.startswith(elsewhere)}
    done = subprocess.run(
        [python, "-W", "error", "-m", "pytest", "-W", "error"],
        cwd=tmp_path / "my-model",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plugins: packflow-runtime-" in done.stdout
    assert "2 passed" in done.stdout
