"""``init``: what is chosen, what is refused, what is written, and that nothing is left of what fails."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions import init as init_module
from packflow_app.actions.init import InitOptions, init
from packflow_app.actions.init_choices import QUESTIONS
from packflow_app.actions.init_values import check_suitable, made_up_features
from packflow_app.cli.init import command
from packflow_app.environments.provision import Provision
from packflow_app.errors import CancelledError, NotFoundError, UsageError
from packflow_app.events.generated import firewall_events
from packflow_app.locations import skeletons_dir
from packflow_app.models.description import ModelDescription, Port
from packflow_app.models.model_file import FORMATS, ModelFile
from packflow_app.projects import scaffold
from packflow_app.projects.scaffold import add_files, check_free, workplace
from packflow_app.projects.skeletons import read_skeleton
from packflow_app.runtime import parse_project_config

XGBOOST = skeletons_dir() / "xgboost" / "example" / "model.json"
SKLEARN = skeletons_dir() / "sklearn" / "example" / "model.joblib"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with events in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(firewall_events(50)))
    return tmp_path


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


def make(target: str = "new", **options: Any) -> init_module.Initialized:
    chosen: dict[str, Any] = {"events": Path("events.ndjson"), "maintainers": ("A B <a@b.example>",), **options}
    return init(InitOptions(Path(target), **chosen))


def test_every_question_has_its_flag_and_its_field() -> None:
    import inspect
    from dataclasses import fields

    known = {one.name for one in fields(InitOptions)}
    flags = str(inspect.signature(command))
    for question in QUESTIONS:
        assert question.name in known
        assert question.flag.removeprefix("--") in flags.replace("_", "-") or question.flag == "-y"
    assert len({question.flag for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, "Missing: DIR and --events FILE."),
        ({"target": Path("new")}, "Missing: --events FILE."),
        ({"target": Path("new"), "kind": "sklearn"}, "Missing: --model FILE and --events FILE."),
        ({"kind": "sklearn"}, "Missing: DIR, --model FILE and --events FILE."),
        ({"target": Path("new"), "kind": "onnx", "events": Path("events.ndjson")}, "Missing: --model FILE."),
    ],
)
def test_all_that_is_missing_is_named_at_once(bench: Path, options: dict[str, Any], missing: str) -> None:
    with pytest.raises(UsageError) as caught:
        init(InitOptions(**options))
    assert (caught.value.title, caught.value.code, caught.value.exit_code) == (missing, "input-missing", 2)
    assert caught.value.hint.startswith("Run for example: packflow init ")
    if options.get("kind") == "sklearn":
        assert "joblib.dump(model, 'model.joblib')" in caught.value.hint


def test_answers_reach_the_project(bench: Path) -> None:
    done = make(name="my-name", description='Says "hi".', license="MIT")
    config = parse_project_config((bench / "new" / "packflow.yaml").read_bytes())
    assert (config.name, config.description, config.maintainers) == ("my-name", 'Says "hi".', ["A B <a@b.example>"])
    text = (bench / "new" / "LICENSE.txt").read_text()
    assert text.startswith("MIT License\n\nCopyright (c) 20")
    assert " A B\n" in text
    assert done.added == done.files
    assert done.python is None
    assert not done.assumed


def test_a_name_alone_is_the_folder_too(bench: Path) -> None:
    done = init(InitOptions(events=Path("events.ndjson"), name="by-name"))
    assert done.path == bench / "by-name"


def test_other_licences_are_named_and_no_licence_reserves_all_rights(bench: Path) -> None:
    make("a", license="Apache-2.0")
    assert "SPDX-License-Identifier: Apache-2.0\n" in (bench / "a" / "LICENSE.txt").read_text()
    make("b")
    assert "All rights reserved: no licence has been chosen yet." in (bench / "b" / "LICENSE.txt").read_text()
    with pytest.raises(UsageError, match="is no identifier of a licence") as caught:
        make("c", license="my own terms")
    assert caught.value.code == "license-invalid"


def test_the_baseline_leaves_out_what_is_named_as_an_answer(bench: Path) -> None:
    rows = [{"a": number, "label": number % 2, "y": number * 2, "in": {"target": number}} for number in range(9)]
    (bench / "events.ndjson").write_text("\n".join(map(json.dumps, rows)))
    make()
    baseline = json.loads((bench / "new" / "artifacts" / "baseline.json").read_bytes())
    assert [field["path"] for field in baseline["fields"]] == [["a"]]


def test_defaults_are_looked_for_here_and_said(bench: Path) -> None:
    os.utime(bench / "events.ndjson", (1, 1))
    (bench / "newer.jsonl").write_bytes(b'{"a": 1}\n{"a": 2}\n')
    done = make(events=None, yes=True)
    assert done.assumed == ("events: newer.jsonl, the newest file of events here",)
    (bench / "elsewhere").mkdir()
    os.chdir(bench / "elsewhere")
    done = make(events=None, yes=True)
    assert done.assumed == ("events: generated firewall logs, an example",)
    done = make("signatures", events=None, yes=True, kind="signatures")
    assert done.assumed == ("events: the example that comes with the skeleton signatures",)
    assert done.events.events == 60


def test_settings_answer_the_skeletons_questions(bench: Path) -> None:
    make(kind="stateful", settings={"key": "dst.ip", "window": "5"})
    config = parse_project_config((bench / "new" / "packflow.yaml").read_bytes())
    assert (config.backend_config["key"], config.backend_config["time"]) == ("dst.ip", "")
    assert config.backend_config["window"] == "5"
    assert config.stateful
    with pytest.raises(UsageError, match="has no setting colour"):
        make("other", kind="stateful", settings={"colour": "red"})


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"kind": "onnx", "model": XGBOOST}, "kind-unsuitable", "is an XGBoost model; the skeleton onnx runs an ONNX"),
        ({"kind": "python", "model": XGBOOST}, "kind-unsuitable", "The skeleton python runs no model file."),
        ({"features": "a,b"}, "features-unused", "takes whole events"),
        ({"model": SKLEARN}, "model-not-trusted", "is a pickle"),
        ({"kind": "stateful", "settings": {"x": "1"}}, "setting-unknown", "has no setting x"),
        ({"kind": "torch", "settings": {"activation": "Bump"}}, "setting-invalid", "'Bump' is none of its choices."),
        ({"model": XGBOOST, "requirements": ("a b c",)}, "requirement-invalid", "is no requirement"),
        ({"name": "9"}, "name-invalid", "'9' is not a project name."),
    ],
)
def test_what_cannot_be_done_leaves_nothing(bench: Path, options: dict[str, Any], code: str, words: str) -> None:
    before = tree(bench)
    with pytest.raises(UsageError) as caught:
        make(**options)
    assert caught.value.code == code
    assert words in caught.value.title
    assert tree(bench) == before


def test_a_plan_writes_nothing_and_names_all(bench: Path) -> None:
    before = tree(bench)
    done = make(model=XGBOOST, plan=True)
    assert tree(bench) == before
    assert done.planned
    assert {"inference.py", "artifacts/model.json", "samples/events.ndjson", "requirements.txt"} <= {*done.files}
    assert done.requirements == ("xgboost==3.0.5", "numpy")
    planned = make(plan=True)
    made = make()
    assert planned.files == made.files


def test_missing_files_are_added_and_no_other_is_touched(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = bench / "mine"
    (target / "samples").mkdir(parents=True)
    (target / "inference.py").write_text("mine = True\n")
    (target / "README.md").write_text("mine\n")
    with pytest.raises(UsageError) as caught:
        make("mine")
    assert (caught.value.code, caught.value.exit_code) == ("target-exists", 2)
    assert "--force" in caught.value.hint
    monkeypatch.chdir(target)
    done = make(".", events=Path("../events.ndjson"), name="mine-too")
    assert (target / "inference.py").read_text() == "mine = True\n"
    assert (target / "README.md").read_text() == "mine\n"
    assert {"inference.py", "README.md"} == {*done.files} - {*done.added}
    assert (target / "samples" / "events.ndjson").is_file()
    again = make(".", events=Path("../events.ndjson"), name="other")
    assert again.added == []
    assert "name: mine-too" in (target / "packflow.yaml").read_text()
    assert not [path for path in target.iterdir() if path.name.endswith(".partial")]


def test_force_adds_to_a_folder_that_is_named(bench: Path) -> None:
    (bench / "new").mkdir()
    (bench / "new" / "notes.txt").write_text("mine\n")
    done = make(force=True)
    assert done.added == done.files
    assert (bench / "new" / "notes.txt").read_text() == "mine\n"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_adding_files_is_undone_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    (tmp_path / "b.txt").write_bytes(b"mine")
    before = tree(tmp_path)
    original, calls = Path.replace, [0]

    def replace(path: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == 2:
            raise error
        return original(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises((scaffold.not_writable("x", OSError()).__class__, KeyboardInterrupt)):
        add_files(tmp_path, {"a/x.txt": b"1", "b.txt": b"2", "c/d/y.txt": b"3"})
    assert tree(tmp_path) == before


class TestWorkplace:
    def begin_and_raise(self, target: Path, error: BaseException) -> None:
        with workplace(target):
            (target / ".venv" / "lib").mkdir(parents=True)
            if not (target / "requirements.txt").exists():
                (target / "requirements.txt").write_bytes(b"")
            raise error

    def test_what_was_begun_goes_when_the_block_raises(self, tmp_path: Path) -> None:
        target = tmp_path / "deep" / "new"
        with pytest.raises(CancelledError):
            self.begin_and_raise(target, CancelledError("stopped"))
        assert tree(tmp_path) == {}

    def test_what_was_there_before_stays(self, tmp_path: Path) -> None:
        for name in (".packflow", "other"):
            (tmp_path / name).mkdir()
        (tmp_path / "requirements.txt").write_bytes(b"mine")
        before = tree(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            self.begin_and_raise(tmp_path, KeyboardInterrupt())
        assert tree(tmp_path) == before

    def test_what_a_kill_leaves_is_known_for_what_it_is(self, tmp_path: Path) -> None:
        target = tmp_path / "new"
        with workplace(target):
            (target / ".venv").mkdir()
            (target / "requirements.txt").write_bytes(b"")
            check_free(target)  # as after a kill here
            (target / "mine.txt").write_bytes(b"")
            with pytest.raises(UsageError):
                check_free(target)
        assert not (target / ".packflow" / "init-unfinished").exists()


def test_a_failure_after_the_environment_was_made_leaves_nothing(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from packflow_app.actions import init_python

    def made(target: Path, *_: Any) -> Provision:
        (target / ".venv").mkdir(exist_ok=True)
        return found

    found = init_python.existing_python(bench, None, [])
    before = tree(bench)
    monkeypatch.setattr(init_python, "made_environment", made)
    seen: list[dict[str, bytes | None]] = []

    def fail(*_: Any) -> None:
        seen.append(tree(bench / "new"))
        raise NotFoundError("a package is absent", code="package-missing")

    monkeypatch.setattr(init_module, "describe_model", fail)
    with pytest.raises(NotFoundError):
        make(model=XGBOOST, requirements=("no-such-package-anywhere",))
    assert ".venv" in seen[0]
    assert tree(bench) == before


def test_the_model_is_copied_under_a_name_of_its_own(bench: Path) -> None:
    shutil.copy(XGBOOST, bench / "My model (1).json")
    done = make(model=bench / "My model (1).json", plan=True)
    assert "artifacts/model.json" in done.files


class TestFilesOfAnswers:
    def options(self, bench: Path, **settings: str) -> dict[str, Any]:
        model = skeletons_dir() / "text" / "example" / "model.onnx"
        return {"kind": "text", "model": model, "settings": {"field": "message", **settings}, "plan": True}

    def test_a_file_that_an_answer_names_becomes_one_of_the_project(self, bench: Path) -> None:
        (bench / "mine.json").write_text("{}")
        assert "artifacts/tokenizer.json" in make(**self.options(bench, tokenizer="mine.json")).files

    def test_one_that_is_not_there(self, bench: Path) -> None:
        with pytest.raises(NotFoundError) as caught:
            make(**self.options(bench, tokenizer="nothing.json"))
        assert caught.value.title == "--set tokenizer=nothing.json: there is no such file."
        assert "tokenizer.json beside the model" in caught.value.hint
        assert caught.value.code == "setting-not-found"

    def test_an_answer_that_must_be_given(self, bench: Path) -> None:
        with pytest.raises(UsageError, match=r"Missing: --set tokenizer=VALUE\."):
            make(**self.options(bench))


def port(name: str, kind: str, *shape: int | None) -> Port:
    return Port(name, kind, shape)


@pytest.mark.parametrize(
    ("kind", "described", "words"),
    [
        ("onnx", {"inputs": (port("x", "tensor(string)", None, 3),)}, "takes tensor(string), not numbers of one type"),
        ("onnx", {"inputs": (port("x", "tensor(float)", 8, 3),)}, "for batches of exactly 8 events"),
        ("onnx", {"inputs": (port("input_ids", "tensor(int64)", None, None),)}, "takes tokens of a text"),
        (
            "onnx",
            {"inputs": (port("a", "tensor(float)", None, 3), port("b", "tensor(float)", None, 2))},
            "has 2 inputs that are not one feature each",
        ),
        ("torch", {"layers": ()}, "holds the weights of a network that only its own code knows"),
    ],
)
def test_models_that_a_skeleton_could_not_run(kind: str, described: dict[str, Any], words: str) -> None:
    file = ModelFile(Path("m"), FORMATS["onnx" if kind == "onnx" else "torch-state"], 1)
    with pytest.raises(UsageError) as caught:
        check_suitable(file, ModelDescription("t", **described), read_skeleton(skeletons_dir() / kind))
    assert words in caught.value.title
    assert caught.value.code == "model-unsuitable"
    assert caught.value.hint


def test_a_model_that_does_not_tell_its_features_gets_no_made_up_events() -> None:
    assert made_up_features(ModelDescription("t", feature_count=2)) == ["feature_1", "feature_2"]
    with pytest.raises(UsageError, match="does not tell how many features it takes") as caught:
        made_up_features(ModelDescription("t"))
    assert caught.value.code == "features-unnamed"


def test_requirements_that_are_there_have_to_list_what_the_model_needs(bench: Path) -> None:
    (bench / "requirements.txt").write_text("six\n")
    before = tree(bench)
    with pytest.raises(NotFoundError, match=r"does not list what the model needs: xgboost") as caught:
        make(".", model=XGBOOST, features="duration,bytes_sent", name="mine", requirements=("xgboost==3.0.0",))
    assert (caught.value.code, caught.value.file) == ("requirements-missing", "requirements.txt")
    assert tree(bench) == before


def test_one_row_at_a_time_is_suitable() -> None:
    file = ModelFile(Path("m"), FORMATS["onnx"], 1)
    model = ModelDescription("onnx", inputs=(port("x", "tensor(double)", 1, 3),))
    check_suitable(file, model, read_skeleton(skeletons_dir() / "onnx"))
