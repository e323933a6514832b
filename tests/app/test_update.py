"""``update``: the new model is looked at, tried and compared beside the project; all of it changes, or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest

from commands import packflow, told
from packflow_app.actions.update_features import feature_changes
from packflow_app.actions.update_stage import _installed
from packflow_app.actions.update_version import bumped
from packflow_app.errors import NotFoundError, UsageError
from packflow_app.events.profile import EventsProfile
from packflow_app.locations import update_dir
from packflow_app.models.description import ModelDescription
from packflow_app.models.model_file import FORMATS, ModelFile
from packflow_app.projects.config_edits import with_features, with_version
from packflow_app.projects.swap import digest_of, put_back, swapped
from packflow_app.runtime import PackflowError, parse_project_config
from tests.projects import write_project

SCORING = """
class Scorer:
    def __init__(self, names, weights, extra=None):
        self.feature_names_in_ = names
        self.n_features_in_ = len(names)
        self.weights = weights
        self.extra = extra

    def predict(self, rows):
        return [sum(weight * value for weight, value in zip(self.weights, row)) for row in rows]
"""
BACKEND = """
import pickle

from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def initialize(self):
        with open(self.project_dir / "artifacts/model.pkl", "rb") as file:
            self.model = pickle.load(file)

    def execute(self, inputs):
        rows = [[event[name] for name in self.model.feature_names_in_] for event in inputs]
        return [{"score": score, **(self.model.extra or {})} for score in self.model.predict(rows)]
"""
CONFIG = """\
version: 0.1.0   # of the model
backend_config:
  input_format: records
  feature_names:   # in the model's order
    # seconds
    - a   # how long
    # of three
    - b   # which
golden: none
"""


def saved(path: Path, names: list[str], weights: list[Any], extra: dict[str, Any] | None = None) -> Path:
    """A pickle of ``scoring.Scorer``, as a script in the project's folder would save it."""
    module = types.ModuleType("scoring")
    exec(SCORING, module.__dict__)
    module.__dict__["Scorer"].__module__ = "scoring"
    sys.modules["scoring"] = module
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(module.__dict__["Scorer"](names, weights, extra)))
    finally:
        del sys.modules["scoring"]
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    events = [{"a": n, "b": n % 3, "in": {"c": n * 2}} for n in range(30)]
    folder = write_project(tmp_path / "p", BACKEND, events, CONFIG, {"scoring.py": SCORING})
    saved(folder / "artifacts" / "model.pkl", ["a", "b"], [1.0, 2.0])
    saved(tmp_path / "retrained.pkl", ["a", "b"], [1.0, 2.5])
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".packflow" not in path.relative_to(folder).parts
    }


def update(project: Path, *flags: object, code: int = 0) -> dict[str, Any]:
    return told("update", project.name, *flags, code=code, cwd=project.parent)


def refused(project: Path, *flags: object, code: int) -> dict[str, Any]:
    """The error of an update that is refused, which has changed nothing and left nothing behind."""
    before = tree(project)
    error: dict[str, Any] = update(project, *flags, code=code)["errors"][0]
    assert tree(project) == before
    assert not list((project / ".packflow").glob(".update-*"))
    return error


def test_a_retrained_model_is_compared_and_moves_the_minor_version(project: Path) -> None:
    planned = update(project, "--model", "retrained.pkl", "--trust-model", "--plan")["data"]
    assert (planned["applied"], planned["bump"], planned["suggested_version"]) == (False, "minor", "0.2.0")
    assert digest_of(project / "artifacts/model.pkl") != digest_of(project.parent / "retrained.pkl")
    done = update(project, "--model", "retrained.pkl", "--trust-model", "-y")["data"]
    assert [(one["path"], one["events"]) for one in done["comparison"]["fields"]] == [("score", 20)]
    assert done["comparison"]["fields"][0]["largest"] == 1.0
    assert done["version"] == {"before": "0.1.0", "after": "0.2.0"}
    assert digest_of(project / "artifacts/model.pkl") == digest_of(project.parent / "retrained.pkl")
    text = (project / "packflow.yaml").read_text()
    assert text == (
        "name: p\npython_requires: '>=3.10'\ndry_run:\n  events: samples/events.ndjson\n"
        + CONFIG.replace("0.1.0", "0.2.0")
    )
    report = json.loads((project / ".packflow/dry-run/report.json").read_bytes())
    assert (report["version"], report["failed"]) == ("0.2.0", 0)
    assert not (project / ".packflow/update").exists()


def test_the_same_bytes_are_nothing_to_do(project: Path) -> None:
    before = tree(project)
    done = update(project, "--model", "p/artifacts/model.pkl", "--no-input", "-y")["data"]
    assert (done["same"], done["applied"]) == (True, False)
    assert tree(project) == before


def test_an_equal_model_moves_the_patch_version_and_bump_has_the_last_word(project: Path) -> None:
    saved(project.parent / "equal.pkl", ["a", "b"], [1.0, 2.0], {})
    flags = ["--model", "equal.pkl", "--trust-model", "-y"]
    assert update(project, *flags, "--bump", "none")["data"]["version"]["after"] == "0.1.0"
    saved(project.parent / "equal.pkl", ["a", "b"], [1.0, 2.0 + 1e-12])
    done = update(project, *flags)["data"]
    assert (done["bump"], done["version"]["after"], done["comparison"]["equal"]) == ("patch", "0.1.1", True)


def test_other_features_need_a_word(project: Path) -> None:
    saved(project.parent / "more.pkl", ["a", "b", "c"], [1, 2, 3])
    flags = ["--model", "more.pkl", "--trust-model"]
    error = refused(project, *flags, "--plan", code=2)
    assert (error["code"], "also takes c" in error["message"]) == ("features-changed", True)
    assert refused(project, *flags, code=2)["code"] == "input-missing"


def test_other_features_are_found_again_and_written_in_place(project: Path) -> None:
    backend = BACKEND.replace("event[name]", "event[name] if name in event else event['in'][name]")
    (project / "inference.py").write_text(backend)
    saved(project.parent / "more.pkl", ["b", "a", "c"], [1, 2, 3])
    done = update(project, "--model", "more.pkl", "--trust-model", "-y")["data"]
    assert [(one["feature"], one["field"]) for one in done["features"]["matched"]] == [
        ("b", "b"),
        ("a", "a"),
        ("c", "in.c"),
    ]
    assert (done["bump"], done["version"]["after"]) == ("major", "1.0.0")
    text = (project / "packflow.yaml").read_text()
    lines = ["# seconds", "# of three", "- b   # which", "- a   # how long", "- in.c"]
    assert "".join(f"    {line}\n" for line in lines) + "golden: none\n" in text
    missing = saved(project.parent / "missing.pkl", ["b", "a", "zzz"], [1, 2, 3])
    error = refused(project, "--model", missing, "--trust-model", "-y", code=3)
    assert (error["code"], "zzz" in error["message"]) == ("features-missing", True)


def test_other_output_fields_move_the_major_version(project: Path) -> None:
    saved(project.parent / "fields.pkl", ["a", "b"], [1.0, 2.0], {"band": "low"})
    done = update(project, "--model", "fields.pkl", "--trust-model", "-y")["data"]
    assert (done["bump"], "band" in done["reason"]) == ("major", True)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


def test_what_may_not_be_opened_changes_nothing(project: Path) -> None:
    (project.parent / "hostile.pkl").write_bytes(pickle.dumps(Hostile()))
    error = refused(project, "--model", "hostile.pkl", "--trust-model", "-y", code=1)
    assert (error["code"], "posix.system" in error["message"]) == ("model-untrusted", True)
    assert not list(project.parent.rglob("pwned"))
    assert refused(project, "--model", "retrained.pkl", "-y", code=2)["code"] == "model-not-trusted"
    assert refused(project, "--model", "none.pkl", "-y", code=3)["code"] == "model-not-found"
    assert refused(project, "-y", code=2)["code"] == "input-missing"
    (project.parent / "booster.txt").write_text("tree\nversion=v4\n")
    assert refused(project, "--model", "booster.txt", "-y", code=2)["code"] == "format-changed"


def test_a_model_that_fails_leaves_the_old_one(project: Path) -> None:
    saved(project.parent / "fails.pkl", ["a", "b"], ["x", "y"])
    error = refused(project, "--model", "fails.pkl", "--trust-model", "-y", code=4)
    assert (error["code"], "Nothing was changed" in error["hint"]) == ("events-failed", True)


def test_events_that_failed_before_may_fail_again(project: Path) -> None:
    events = project / "samples" / "events.ndjson"
    events.write_bytes(events.read_bytes() + b'{"a": 1}\n')
    told = update(project, "--model", "retrained.pkl", "--trust-model", "-y")["data"]
    assert (told["applied"], told["dry_run"]["failed"], told["comparison"]["old_failed"]) == (True, 1, 1)
    assert (told["bump"], told["comparison"]["events"]) == ("minor", 30)


def test_a_project_without_sample_events_is_told_what_to_name(project: Path) -> None:
    flags = ("--model", "retrained.pkl", "--trust-model", "-y")
    (project / "samples" / "events.ndjson").unlink()
    error = refused(project, *flags, code=3)
    assert (error["code"], error["file"]) == ("events-not-found", "packflow.yaml")
    config = project / "packflow.yaml"
    config.write_text(config.read_text().replace("  events: samples/events.ndjson\n", ""))
    (project.parent / "more.ndjson").write_text('{"a": 1, "b": 2}\n')
    error = refused(project, *flags, "--events", "more.ndjson", code=2)
    assert (error["code"], "Name a file of the project as dry_run.events" in error["hint"]) == ("events-unused", True)


def test_versions_that_are_not_pinned_or_not_known(project: Path) -> None:
    for text in ("not a requirement", "scikit-learn", "scikit-learn>=1", "scikit-learn==1.*"):
        error = refused(project, "--model", "retrained.pkl", "--trust-model", "-y", "--require", text, code=2)
        assert error["message"] == f"--require {text!r} pins no version."
    with pytest.raises(NotFoundError, match=r"new\.onnx needs onnxruntime, which requirements\.txt does not") as caught:
        _installed("onnxruntime", ModelFile(Path("new.onnx"), FORMATS["onnx"], 1), {})
    assert caught.value.hint == "Say which version: --require onnxruntime==VERSION"


def test_another_number_of_features_without_names_is_to_be_listed() -> None:
    settings = {"feature_names": ["a", "b"]}
    with pytest.raises(
        UsageError, match=r"takes 1 feature and has no names for it; packflow\.yaml lists 2\."
    ) as caught:
        feature_changes(settings, None, ModelDescription("x", feature_count=1), None, EventsProfile)  # type: ignore[arg-type] - not asked for
    assert caught.value.code == "features-count"


def test_which_file_is_the_model(project: Path) -> None:
    saved(project / "artifacts" / "other.pkl", ["a"], [1.0])
    error = refused(project, "--model", "retrained.pkl", "--trust-model", "-y", code=2)
    assert (error["code"], "--replace artifacts/" in error["hint"]) == ("model-ambiguous", True)
    flags = ["--trust-model", "-y", "--replace", "artifacts/model.pkl"]
    assert update(project, "--model", "retrained.pkl", *flags)["data"]["model"] == "artifacts/model.pkl"
    assert refused(project, "--model", "retrained.pkl", "-y", "--replace", "../x", code=3)["code"] == "model-not-found"
    for path in (project / "artifacts").iterdir():
        path.unlink()
    error = refused(project, "--model", "retrained.pkl", "--trust-model", "-y", code=3)
    assert error["message"] == "The project has no model file that is known here."


def test_golden_outputs_are_recorded_anew_only_when_asked(project: Path) -> None:
    folder = project / "golden"
    folder.mkdir()
    (folder / "inputs.ndjson").write_bytes(b'{"a": 1, "b": 2}\n')
    (folder / "outputs.ndjson").write_bytes(b'{"score": 5.0}\n')
    told = update(project, "--model", "retrained.pkl", "--trust-model", "-y")
    assert told["data"]["golden"] == "stale"
    assert "golden-changed" in {one["code"] for one in told["warnings"]}
    assert (folder / "outputs.ndjson").read_bytes() == b'{"score": 5.0}\n'
    saved(project.parent / "third.pkl", ["a", "b"], [1.0, 4.0])
    told = update(project, "--model", "third.pkl", "--trust-model", "-y", "--golden")
    assert told["data"]["golden"] == "recorded"
    assert json.loads((folder / "outputs.ndjson").read_bytes()) == {"score": 9.0}


KILLED = """
import os, signal, sys
import packflow_app.projects.swap as swap
from packflow_app.cli.main import run

calls, wanted = 0, int(sys.argv[1])
def counted(function):
    def call(*arguments):
        global calls
        calls += 1
        if calls == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return call

swap.make_folders = counted(swap.make_folders)
swap._discard = counted(swap._discard)
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_kill_while_files_are_swapped_is_taken_back(project: Path, step: int) -> None:
    """Before the first file (1), between the two (2), and when both stand (3): the next call puts all back."""
    before = tree(project)
    flags = ["update", "p", "--model", "retrained.pkl", "--trust-model", "-y"]
    ran = subprocess.run([sys.executable, "-c", KILLED, str(step), *flags], cwd=project.parent, capture_output=True)
    assert ran.returncode == -signal.SIGKILL
    unfinished = packflow("dry-run", "--json", cwd=project)
    assert unfinished.answer["errors"][0]["code"] == "update-unfinished"
    put = update(project)["data"]["put_back"]
    assert len(put) == step - 1
    assert tree(project) == before
    done = update(project, "--model", "retrained.pkl", "--trust-model", "-y")["data"]
    assert done["applied"]
    assert not [path.name for path in (project / ".packflow").iterdir() if "update" in path.name]


@pytest.mark.slow
def test_a_kill_at_any_time_leaves_the_project_as_it_was_or_as_it_is_to_be(project: Path) -> None:
    before, chance = tree(project), random.Random(7)
    command = [sys.executable, "-m", "packflow_app", "update", "p", "--model", "retrained.pkl", "--trust-model", "-y"]
    started = time.monotonic()
    assert subprocess.run(command, cwd=project.parent, capture_output=True).returncode == 0
    whole, after = time.monotonic() - started, tree(project)
    for _ in range(12):
        for name in before:
            if before[name] != after[name]:
                (project / name).write_bytes(b"")
        (project / "packflow.yaml").write_text(
            "name: p\npython_requires: '>=3.10'\ndry_run:\n  events: samples/events.ndjson\n" + CONFIG
        )
        saved(project / "artifacts" / "model.pkl", ["a", "b"], [1.0, 2.0])
        assert tree(project) == before
        process = subprocess.Popen(command, cwd=project.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, whole))
        process.kill()
        process.wait()
        put_back(project)
        assert tree(project) in (before, after)


def test_a_swap_that_fails_puts_everything_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    for name in ("one", "two"):
        (tmp_path / name).write_text("new")
    files = {"a": tmp_path / "one", "deep/b": tmp_path / "two"}
    digests = {"a": digest_of(tmp_path / "a"), "deep/b": None}
    seen = []
    with pytest.raises(RuntimeError, match="no"), swapped(tmp_path, files, digests):  # noqa: PT012 - what is seen counts
        seen.append((tmp_path / "deep" / "b").read_text())
        raise RuntimeError("no")
    assert seen == ["new"]
    assert ((tmp_path / "a").read_text(), (tmp_path / "deep" / "b").exists()) == ("old", False)
    (tmp_path / "one").write_text("new")
    with (
        pytest.raises(PackflowError, match="a was changed by something else while the command ran"),
        swapped(tmp_path, {"a": tmp_path / "one"}, {"a": "?"}),
    ):
        pass
    assert (tmp_path / "a").read_text() == "old"
    assert put_back(tmp_path) is None


def test_a_link_is_not_replaced_and_a_journal_that_says_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "a").symlink_to("elsewhere")
    (tmp_path / "one").write_text("new")
    with (
        pytest.raises(PackflowError, match="a is a symbolic link, which is not replaced"),
        swapped(tmp_path, {"a": tmp_path / "one"}, {"a": digest_of(tmp_path / "a")}),
    ):
        pass
    assert (tmp_path / "elsewhere").read_text() == "mine"
    update_dir(tmp_path).mkdir(parents=True)
    with pytest.raises(NotFoundError, match="cannot be read, so nothing is put back") as caught:
        put_back(tmp_path)
    assert str(update_dir(tmp_path)) in caught.value.hint


@pytest.mark.parametrize(
    ("version", "bump", "expected"),
    [
        ("0.1.0", "major", "1.0.0"),
        ("0.1.9", "minor", "0.2.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("2", "patch", "2.0.1"),
        ("2024.1rc1", "patch", None),
    ],
)
def test_versions_move(version: str, bump: Any, expected: str | None) -> None:
    assert bumped(version, bump) == expected


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_packflow_yaml_keeps_what_is_not_changed(newline: str) -> None:
    text = (
        "# top\nname: p   # whose\nbackend_config:\n  feature_names: [a, b]  # both\n  rename_fields: {x: a}\n\n# end\n"
    )
    content = text.replace("\n", newline).encode()
    after = with_version(content, "0.2.0").decode()
    assert after == text.replace("# whose\n", "# whose\nversion: 0.2.0\n").replace("\n", newline)
    changed = with_features(content, ["b", "3", "in.c"], {}, "/").decode().replace(newline, "\n")
    assert '  feature_names: [b, "3", in.c]  # both\n  nested_field_delimiter: "/"\n  rename_fields: {}\n' in changed
    assert parse_project_config(changed.encode()).backend_config["feature_names"] == ["b", "3", "in.c"]
    renamed = with_features(content, ["a", "b"], {"x2": "a", "z": "b"}).decode().replace(newline, "\n")
    assert "rename_fields:\n    x2: a\n    z: b\n\n# end\n" in renamed
