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
from packflow_app.projects.skeletons import check_kind, render_skeleton, skeleton_kinds
from packflow_app.runtime import parse_project_config, runtime_wheel

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


def values(description: str, **others: Any) -> dict[str, Any]:
    return {
        "name": "my-model",
        "description": description,
        "sample_events": "samples/events.ndjson",
        "events_seen": 12,
        "field_count": 3,
        **others,
    }


@pytest.mark.parametrize("kind", skeleton_kinds())
@pytest.mark.parametrize("description", NASTY.values(), ids=NASTY.keys())
def test_any_description_reads_back_as_it_was(kind: str, description: str) -> None:
    config = parse_project_config(render_skeleton(kind, values(description))["packflow.yaml"])
    assert config.description == description
    assert config.name == "my-model"
    assert config.version == "0.1.0"
    assert config.python_requires == ">=3.10"
    assert config.inference_backend == "inference:Backend"
    assert config.backend_config == {"threshold": "3.0"}
    assert (config.dry_run.events, config.dry_run.batch_sizes) == ("samples/events.ndjson", [8, 64])
    assert config.golden == 20


@settings(max_examples=100, deadline=None)
@given(description=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_text_survives_as_a_description(description: str) -> None:
    files = render_skeleton("python", values(description))
    assert parse_project_config(files["packflow.yaml"]).description == description


@pytest.mark.parametrize("kind", skeleton_kinds())
def test_all_files_are_there_and_no_template_is_left(kind: str) -> None:
    files = render_skeleton(kind, values("A model."))
    sources = [path for path in (skeletons_dir() / kind).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert len(files) == len(sources)
    assert list(files) == sorted(files, key=lambda name: name.split("/"))
    for name, content in files.items():
        assert not name.endswith(".jinja")
        assert b"{{" not in content, name
        assert b"{%" not in content, name
        assert content.endswith(b"\n"), name
        assert b"\r" not in content, name
        if name.endswith(".py"):
            ast.parse(content, filename=name, feature_version=(3, 10))
    assert b"my_model-0.1.0.zip" in files["README.md"]


def test_a_missing_value_is_an_error_not_an_empty_place() -> None:
    from jinja2 import UndefinedError

    incomplete = values("A model.")
    del incomplete["events_seen"]
    with pytest.raises(UndefinedError):
        render_skeleton("python", incomplete)


def test_an_unknown_skeleton_names_those_there_are() -> None:
    assert skeleton_kinds() == ["python"]
    for kind in ("sklearn", "", "..", "python/tests"):
        with pytest.raises(NotFoundError) as caught:
            check_kind(kind)
        assert caught.value.title == f"There is no skeleton called {kind!r}."
        assert (caught.value.code, caught.value.hint) == ("skeleton-not-found", "Choose one of: python.")


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
