"""Projects made by ``packflow create`` of packflow 0.4.1 itself, run there, migrated, run here: the same outputs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from commands import packflow, told
from library_environments import environment_with
from old_projects import (
    NESTED_BACKEND,
    NESTED_EVENTS,
    NESTED_YAML,
    NUMPY_BACKEND,
    NUMPY_EVENTS,
    NUMPY_YAML,
    PYDANTIC_BACKEND,
    PYDANTIC_EVENTS,
    PYDANTIC_YAML,
    TESTS,
)
from packflow_app.projects.migration.old_scalars import old_value

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with packflow 0.4.1 from PyPI; gives its folder of programs."""
    folder = tmp_path_factory.mktemp("old") / "environment"
    return environment_with(folder, "packflow==0.4.1", "pytest").parent


def created(old: Path, folder: Path, name: str) -> Path:
    """A project as ``packflow create`` makes it."""
    ran = subprocess.run([old / "packflow", "create", name, "--no-input"], cwd=folder, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder / name


def with_backend(project: Path, backend: str, config: str, events: list[Any]) -> Path:
    """The project with its author's work in it."""
    (project / "inference.py").write_text(backend, encoding="utf-8")
    made = (project / "packflow.yaml").read_text(encoding="utf-8")
    own = config[config.index("backend_config:") :]
    (project / "packflow.yaml").write_text(f"{made}\n# === BACKEND CONFIG ===\n{own}", encoding="utf-8")
    (project / "tests.py").write_text(TESTS.format(events=events), encoding="utf-8")
    return project


def outputs_there(old: Path, project: Path, events: list[Any]) -> list[Any]:
    """What 0.4.1 gives, one by one; None where it raises."""
    program = (
        "import json, sys\nfrom packflow.loaders import LocalLoader\nbackend = LocalLoader.from_project('.')\n"
        "for event in json.loads(sys.argv[1]):\n"
        "    try: print('@', json.dumps(backend(event)))\n"
        "    except Exception: print('@ null')\n"
    )
    ran = subprocess.run(
        [old / "python", "-c", program, json.dumps(events)], cwd=project, capture_output=True, text=True, check=True
    )
    return [json.loads(line[2:]) for line in ran.stdout.splitlines() if line.startswith("@ ")]


def migrate(project: Path, *words: object, code: int) -> dict[str, Any]:
    return told("migrate", project, *words, code=code, timeout=600)


def kept_outputs(project: Path) -> list[Any]:
    """What the dry run got from the migrated project, None where an event failed."""
    lines = (project / ".packflow" / "dry-run" / "outputs.ndjson").read_bytes().splitlines()
    return [None if "packflow_error" in line else line for line in map(json.loads, lines)]


@pytest.mark.parametrize(
    ("name", "backend", "config", "events"),
    [
        ("nested-totals", NESTED_BACKEND, NESTED_YAML, NESTED_EVENTS),
        ("shares", PYDANTIC_BACKEND, PYDANTIC_YAML, PYDANTIC_EVENTS),  # its last event fails, there and here
        ("weighted", NUMPY_BACKEND, NUMPY_YAML, NUMPY_EVENTS),
    ],
)
def test_the_same_outputs(old: Path, tmp_path: Path, name: str, backend: str, config: str, events: list[Any]) -> None:
    project = with_backend(created(old, tmp_path, name), backend, config, events)
    there = outputs_there(old, project, events)
    failing = there.count(None)
    answer = migrate(
        project, "-y", "--python", old / "python", "--old-python", old / "python", code=0 if not failing else 1
    )
    compared = answer["data"]["compared"]
    assert compared["with"] == "0.4.1"
    assert compared["comparison"]["equal"] is True
    assert compared["comparison"]["events"] == len(events) - failing
    assert compared["comparison"]["old_failed"] == compared["comparison"]["new_failed"] == failing
    assert kept_outputs(project) == there
    again = migrate(project, "-y", code=0)
    assert again["data"]["changes"] == []


def test_what_create_makes_is_migrated_as_it_is(old: Path, tmp_path: Path) -> None:
    project = created(old, tmp_path, "as-it-is")
    answer = migrate(project, "-y", "--python", old / "python", "--old-python", old / "python", code=0)
    assert answer["data"]["compared"]["comparison"]["equal"] is True
    assert answer["warnings"] == [] or {one["code"] for one in answer["warnings"]} <= {"probes"}
    packflow("validate", project, "--json", "--python", old / "python", code=0)


def test_a_difference_that_is_meant_is_shown(old: Path, tmp_path: Path) -> None:
    """0.4.1 drops null fields and keeps renamed ones under both names; docs/compatibility.md says why that changed."""
    backend = (
        "from packflow import InferenceBackend\n\n\nclass Backend(InferenceBackend):\n"
        "    def execute(self, inputs):\n        return [{'keys': sorted(event)} for event in inputs]\n"
    )
    config = "backend_config:\n  rename_fields: {a: b}\n"
    events = [{"a": 1, "c": None}, {"c": 2}]
    project = with_backend(created(old, tmp_path, "renames"), backend, config, events)
    answer = migrate(project, "-y", "--python", old / "python", "--old-python", old / "python", code=1)
    assert [one["code"] for one in answer["errors"]] == ["outputs-differ"]
    assert {"nulls-are-kept", "renames-move"} <= {one["code"] for one in answer["data"]["found"]}
    assert answer["data"]["compared"]["comparison"]["differing"] == 1
    assert answer["data"]["dry_run"]["failed"] == 0


def test_events_that_only_0_4_fails_on_are_no_difference(old: Path, tmp_path: Path) -> None:
    """0.4.1 fails on any key with a dot once one feature is nested; see docs/compatibility.md."""
    config = "backend_config:\n  feature_names: [a.b]\n"
    backend = NESTED_BACKEND.replace("sorted(event)", "sorted(map(str, event))")
    for name, events, compared in (("some", [{"a": {"b": 1}}, {"c.d": 1, "a": {"b": 2}}], 1), ("all", [{"c.d": 1}], 0)):
        project = with_backend(created(old, tmp_path, name), backend, config, events)
        assert outputs_there(old, project, events).count(None) == 1
        answer = migrate(project, "-y", "--python", old / "python", "--old-python", old / "python", code=0)
        found = answer["data"]["compared"]
        if compared:
            counts = [found["comparison"][key] for key in ("equal", "events", "old_failed", "new_failed")]
            assert counts == [True, 1, 1, 0]
        else:
            assert found["comparison"] is None
            assert found["reason"].startswith("it fails on every event: ")


def test_scalars_are_read_as_0_4_read_them(old: Path) -> None:
    texts = [
        *(
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "true",
            "TRUE",
            "tRUE",
            "012",
            "08",
            "0x1F",
            "0b11",
            "0o17",
            "1_000",
            "+7",
        ),
        *(
            "12:30",
            "190:20:30.15",
            "1:99",
            "3.10",
            "1.",
            ".5",
            "1e3",
            "1.0e3",
            "1.0e+3",
            ".inf",
            "-.INF",
            ".NaN",
            "0",
            "-0",
        ),
        *(
            "1_0.5",
            "1.5.2",
            "0x",
            "+.5",
            "-.5",
            "0_",
            "00",
            "1__2",
            "2024-01-01",
            "null",
            "~",
            "abc",
            "0b",
            "+0x1f",
            "01:30",
        ),
    ]
    program = (
        "import json, sys, yaml\n"
        "read = [yaml.safe_load(text) for text in json.loads(sys.argv[1])]\n"
        "print(json.dumps([repr(v) if isinstance(v, (bool, int, float)) else None for v in read]))"
    )
    ran = subprocess.run([old / "python", "-c", program, json.dumps(texts)], capture_output=True, text=True, check=True)
    theirs = dict(zip(texts, json.loads(ran.stdout), strict=True))
    ours = {text: repr(value) if (value := old_value(text)) is not None else None for text in texts}
    assert ours == theirs
