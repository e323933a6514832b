"""Project templates: whatever the values, the files are valid and the project tests itself."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.actions.init import InitOptions, init
from packflow_app.errors import NotFoundError
from packflow_app.events.generated import firewall_events
from packflow_app.locations import skeletons_dir
from packflow_app.models.features import FeatureMatch, MatchedFeature
from packflow_app.models.model_file import FORMATS, read_model_file
from packflow_app.projects.rendering import project_files, render_skeleton
from packflow_app.projects.skeletons import opened_skeleton, read_skeleton, skeleton_kinds
from packflow_app.runtime import parse_project_config, runtime_wheel
from skeleton_values import FEATURES, skeleton_values

if TYPE_CHECKING:
    from pathlib import Path

NASTY = {
    "quotes": "the \"best\" 'model' \\ yet \\n",
    "newlines": "first\nsecond\r\nthird\u2028fourth\u0085fifth",
    "colon": "key: value # no comment: [x] {y} - & * ! | > % @ `",
    "edges": "  spaces around, a tab\t ",
    "unicode": "Überwachung — 模型 \u202eabc\u202c \ufeff",
    "emoji": "scores 🔥 and 👩\u200d🔬",
    "control": "".join(map(chr, range(32))) + "\x7f\x9b",
    "template": "{{ 7 * 7 }} {% raw %} ${HOME} %(x)s",
    "yaml words": "null",
    "number": "3.10",
    "empty": "",
}


SKELETONS = {kind: read_skeleton(skeletons_dir() / kind) for kind in skeleton_kinds()}


def rendered(kind: str, **others: Any) -> dict[str, bytes]:
    return render_skeleton(SKELETONS[kind], skeleton_values(SKELETONS[kind], **others))


@pytest.mark.parametrize("kind", SKELETONS)
@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())
def test_any_text_reads_back_as_it_was(kind: str, text: str) -> None:
    config = parse_project_config(rendered(kind, description=text, maintainers=[text, "b"])["packflow.yaml"])
    assert config.description == text
    assert config.maintainers == [text, "b"]
    assert (config.name, config.version, config.inference_backend) == ("my-model", "0.1.0", "inference:Backend")
    assert (config.dry_run.events, config.dry_run.batch_sizes) == ("samples/events.ndjson", [8, 64])
    assert config.golden == 20


@pytest.mark.parametrize("kind", SKELETONS)
def test_the_backend_is_pinned_to_a_python_only_where_libraries_are(kind: str) -> None:
    config = parse_project_config(rendered(kind)["packflow.yaml"])
    assert config.python_requires == (">=3.12" if SKELETONS[kind].models else ">=3.10")


@pytest.mark.parametrize("kind", [kind for kind in SKELETONS if SKELETONS[kind].inputs != "events"])
def test_features_and_renames_read_back_as_they_were(kind: str) -> None:
    config = parse_project_config(rendered(kind)["packflow.yaml"]).backend_config
    assert config["feature_names"] == ["duration", "port", "no"]
    assert config["rename_fields"] == {"dst.port": "port", 'a: "b" #c': "no"}
    assert "nested_field_delimiter" not in config
    other = FeatureMatch(FEATURES.features, "/", named=False)
    config = parse_project_config(rendered(kind, features=other)["packflow.yaml"]).backend_config
    assert config["feature_names"] == ["duration", "dst.port", 'a: "b" #c']
    assert "rename_fields" not in config
    assert config["nested_field_delimiter"] == "/"


@settings(max_examples=100, deadline=None)
@given(description=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_text_survives_as_a_description(description: str) -> None:
    assert parse_project_config(rendered("python", description=description)["packflow.yaml"]).description == description


@settings(max_examples=100, deadline=None)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_name_survives_as_a_feature(name: str) -> None:
    match = FeatureMatch((MatchedFeature(name, name, "exact", "number", 1, 1),))
    config = parse_project_config(rendered("xgboost", features=match)["packflow.yaml"])
    assert config.backend_config["feature_names"] == [name]


@pytest.mark.parametrize("kind", SKELETONS)
def test_all_files_are_there_and_no_template_is_left(kind: str) -> None:
    files = rendered(kind)
    assert {"README.md", "MODEL_CARD.md", "LICENSE.txt", ".gitignore", "inference.py", "packflow.yaml"} <= {*files}
    assert [*files] == project_files(SKELETONS[kind])
    assert not any(name.startswith("example/") or name == "skeleton.yaml" for name in files)
    assert list(files) == sorted(files, key=lambda name: name.split("/"))
    for name, content in files.items():
        assert not name.endswith((".jinja", ".piece"))
        assert b"{{" not in content, name
        assert b"{%" not in content, name
        assert content.endswith(b"\n"), name
        assert b"\r" not in content, name
        assert not content.endswith(b"\n\n"), name
        if name.endswith(".py"):
            ast.parse(content, filename=name, feature_version=(3, 10))
    assert b"my_model-0.1.0.zip" in files["README.md"]
    assert any(name.startswith("tests/test_") for name in files)


@pytest.mark.parametrize("kind", SKELETONS)
def test_the_python_is_formatted_and_clean(kind: str, tmp_path: Path) -> None:
    for name, content in rendered(kind).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for command in (
        ["format", "--check", "--line-length", "120"],
        ["check", "--select", "E,F,B,UP", "--line-length", "120"],
    ):
        ran = subprocess.run(
            [
                sys.executable,
                "-m",
                "ruff",
                *command,
                "--no-cache",
                "--isolated",
                "--target-version",
                "py310",
                str(tmp_path),
            ],
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("kind", SKELETONS)
def test_every_skeleton_says_what_it_is_for_and_runs_what_it_promises(kind: str) -> None:
    skeleton = SKELETONS[kind]
    assert skeleton.title
    assert 100 < len(skeleton.when) < 600
    assert {*skeleton.models} <= {*FORMATS}
    assert bool(skeleton.models) == bool(skeleton.save)
    if skeleton.models:
        example = skeleton.example(skeleton.example_model)
        assert example is not None
        assert read_model_file(example).format.key in skeleton.models
        assert (example.parent / "train.py").is_file()  # which says how it was made


def test_every_format_has_a_skeleton() -> None:
    assert {key for skeleton in SKELETONS.values() for key in skeleton.models} == {*FORMATS}


def test_a_missing_value_is_an_error_with_file_and_line() -> None:
    incomplete = skeleton_values(SKELETONS["python"])
    del incomplete["events_seen"]
    with pytest.raises(NotFoundError) as caught:
        render_skeleton(SKELETONS["python"], incomplete)
    assert caught.value.title == "The skeleton's MODEL_CARD.md.jinja cannot be filled in: 'events_seen' is undefined."
    assert caught.value.line == 6


def test_an_unknown_skeleton_names_those_there_are() -> None:
    for kind in ("magic", "", "..", "python/tests", "./nothing"):
        with pytest.raises(NotFoundError) as caught, opened_skeleton(kind):
            pass
        assert caught.value.code in ("skeleton-not-found", "skeleton-invalid")
        if kind == "magic":
            assert caught.value.title == "There is no skeleton called 'magic'."
            assert caught.value.hint.startswith("Choose one of: lightgbm, onnx, python,")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("skeleton")
    events = home / "events.ndjson"
    events.write_bytes(b"\n".join(firewall_events(100)))
    init(InitOptions(home / "my-model", events, description=NASTY["quotes"] + NASTY["newlines"]))
    return home / "my-model"


def test_the_projects_own_tests_pass_with_the_carried_runtime(project: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON", "COV"))}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", str(project), "."],
        cwd=project,
        env={**environment, "PYTHONPATH": str(runtime_wheel()), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout


def test_the_baseline_is_strict_json_with_a_spread_for_every_field(project: Path) -> None:
    baseline = json.loads((project / "artifacts" / "baseline.json").read_bytes())
    assert baseline["events"] == 100
    assert [field["path"] for field in baseline["fields"]][:2] == [["bytes_received"], ["bytes_sent"]]
    assert all(set(field) == {"path", "count", "mean", "deviation"} for field in baseline["fields"])
    assert all(field["deviation"] > 0 for field in baseline["fields"])
