"""``packflow migrate`` from a shell: what it shows, asks, changes, proves and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import packflow, told
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
    write_old_project,
)
from packflow_app.errors import NotFoundError
from packflow_app.projects.migration.plan import plan_migration
from packflow_app.projects.one_at_a_time import changing
from packflow_app.projects.project import open_project

PLAIN_BACKEND = """\
from packflow import InferenceBackend, PackflowProject


class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"double": 2 * event["n"]} for event in inputs]
"""
PLAIN_YAML = "name: doubles  # a comment\ninference_backend: inference:Backend\n"


def files(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and ".packflow" not in path.parts and "__pycache__" not in path.parts
    }


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_old_project(tmp_path / "doubles", PLAIN_BACKEND, PLAIN_YAML, [{"n": 1}, {"n": 2}])


def test_a_plan_shows_and_changes_nothing(plain: Path) -> None:
    before = files(plain)
    ran = packflow("migrate", plain, "--plan")
    assert ran.returncode == 0
    assert "-from packflow import InferenceBackend, PackflowProject\n" in ran.stdout
    assert "+from packflow_runtime import InferenceBackend\n+from packflow import PackflowProject\n" in ran.stdout
    assert "--- a/requirements.txt\n+++ b/requirements.txt\n@@ -1 +0,0 @@\n-packflow==0.4.1\n" in ran.stdout
    assert "--- /dev/null\n+++ b/samples/events.ndjson\n@@ -0,0 +1,2 @@\n" in ran.stdout
    assert "sample events: samples/events.ndjson, from the tests, tests.py:4" in ran.stdout
    assert "\x1b" not in ran.stdout
    assert "\x1b[31m-packflow==0.4.1" in packflow("--color", "always", "migrate", plain, "--plan").stdout
    assert "packflow.PackflowProject has no counterpart and is left as it is." in ran.stderr
    assert "at inference.py:1" in ran.stderr
    assert files(plain) == before
    assert not (plain / ".packflow").exists()


@pytest.mark.parametrize("words", [[], ["--no-input"], ["--json"]])
def test_without_a_terminal_a_yes_is_needed(plain: Path, words: list[str]) -> None:
    before = files(plain)
    ran = packflow("migrate", plain, *words)
    assert ran.returncode == 2
    assert "migrate" in ran.stderr + ran.stdout
    assert "-y" in ran.stderr + ran.stdout
    assert files(plain) == before


def test_there_and_back_and_there_again(plain: Path) -> None:
    (plain / "inference.py").write_text(PLAIN_BACKEND.replace(", PackflowProject", ""))
    before = files(plain)
    done = told("migrate", plain, "-y")["data"]
    assert done["applied"] is True
    assert [(one["file"], one["kind"]) for one in done["changes"]] == [
        ("packflow.yaml", "changed"),
        ("inference.py", "changed"),
        ("tests.py", "changed"),
        ("requirements.txt", "changed"),
        ("samples/events.ndjson", "created"),
    ]
    assert done["backup"] == str(plain / ".packflow" / "before-migration-1")
    assert (done["dry_run"]["events"], done["dry_run"]["failed"], done["dry_run"]["parity"]["equal"]) == (2, 0, True)
    assert "no packflow 0.4" in done["compared"]["reason"]
    after = files(plain)
    assert after["packflow.yaml"].startswith(b"name: doubles  # a comment\n")
    assert open_project(plain).config.dry_run.events == "samples/events.ndjson"

    again = told("migrate", plain, "-y")
    assert (again["data"]["changes"], again["data"]["applied"], again["warnings"]) == ([], False, [])
    assert packflow("migrate", plain).stdout == "Nothing to do: the project is Packflow's already.\n"
    assert files(plain) == after

    undone = told("migrate", plain, "--undo")["data"]
    assert undone["undone"] == [one["file"] for one in done["changes"]]
    assert files(plain) == before
    assert told("migrate", plain, "--undo", code=2)["errors"][0]["code"] == "backup-not-found"
    told("migrate", plain, "-y", "--no-run")
    assert files(plain) == after
    assert packflow("export", plain, "-o", plain.parent / "out").returncode == 0


def test_the_backup_is_not_exported(plain: Path) -> None:
    told("migrate", plain, "-y", "--no-run")
    assert not [name for name in open_project(plain).contents().files if "migration" in name]


def test_a_model_that_broke_is_told_and_the_way_back_named(plain: Path) -> None:
    ran = packflow("migrate", plain, "-y")
    assert ran.returncode == 4
    assert "No module named 'packflow'" in ran.stderr
    assert "migrate" in ran.stdout
    assert "--undo" in ran.stdout


def test_events_that_the_project_recorded(tmp_path: Path) -> None:
    project = write_old_project(tmp_path / "nested", NESTED_BACKEND, NESTED_YAML, NESTED_EVENTS, recorded=True)
    done = told("migrate", project, "-y")["data"]
    assert (done["events"], done["events_from"]) == ("events.jsonl", "the project's events.jsonl")
    assert "samples/events.ndjson" not in [one["file"] for one in done["changes"]]
    assert (done["dry_run"]["events"], done["dry_run"]["failed"]) == (3, 0)


def test_events_that_are_named(plain: Path, tmp_path: Path) -> None:
    events = tmp_path / "mine.json"
    (plain / "inference.py").write_text(PLAIN_BACKEND.replace(", PackflowProject", ""))
    events.write_text('[{"n": 5}, {"n": 6}, {"n": 7}]')
    done = told("migrate", plain, "-y", "--events", events)["data"]
    assert done["events_from"] == str(events)
    assert (plain / "samples/events.ndjson").read_bytes() == b'{"n": 5}\n{"n": 6}\n{"n": 7}\n'


def test_a_project_without_events_is_migrated_and_not_proven(tmp_path: Path) -> None:
    project = write_old_project(tmp_path / "doubles", PLAIN_BACKEND.replace(", PackflowProject", ""), PLAIN_YAML, [])
    done = told("migrate", project, "-y", code=3)
    assert done["data"]["applied"] is True
    assert done["errors"][0]["code"] == "events-not-found"
    assert done["data"]["compared"]["reason"] == "there are no events"


def test_a_pydantic_configuration(tmp_path: Path) -> None:
    project = write_old_project(tmp_path / "shares", PYDANTIC_BACKEND, PYDANTIC_YAML, PYDANTIC_EVENTS)
    data = told("migrate", project, "--plan")["data"]
    assert data["pydantic"] is True
    diffs = {one["file"]: one["diff"] for one in data["changes"]}
    assert "+from packflow_runtime.pydantic import BackendConfig\n" in diffs["inference.py"]
    assert "+from packflow_runtime import InferenceBackend  # the framework\n" in diffs["inference.py"]
    assert "+pydantic>=2.11.0,<3.0.0\n" in diffs["requirements.txt"]
    assert "+  strict: true\n" in diffs["packflow.yaml"]
    assert "+    bytes: 1000\n+    rate: 0.5\n" in diffs["packflow.yaml"]
    told("migrate", project, "-y", "--no-run")
    # What it gives is compared with packflow 0.4.1 itself by the slow tests; here with what 0.4.1 gave.
    program = (
        "import json, sys; from packflow_runtime import load\n"
        f"print(json.dumps(load(sys.argv[1])({PYDANTIC_EVENTS[:3]!r})))"
    )
    runtime = Path(__file__).parents[2] / "packflow_runtime" / "src"
    ran = subprocess.run(
        [sys.executable, "-c", program, str(project)],
        env={**os.environ, "PYTHONPATH": str(runtime)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    limits = {"bytes": 1000, "rate": 0.5}
    assert json.loads(ran.stdout) == [
        {"share": 0.01, "label": "quiet", "limits": limits},
        {"share": 0.25, "label": "loud", "limits": limits},
        {"share": 1.0, "label": "loud", "limits": limits},
    ]
    assert "SUCCESS packflow.Backend: ready with 2 labels, threshold 0.5" in ran.stderr


def test_numpy_is_named_where_only_the_configuration_asks_for_it(tmp_path: Path) -> None:
    backend = NUMPY_BACKEND.replace("import numpy as np\n", "").replace("np.array([0.5, 2.0])", "[0.5, 2.0]")
    project = write_old_project(tmp_path / "weighted", backend, NUMPY_YAML, NUMPY_EVENTS)
    told("migrate", project, "-y", "--no-run")
    assert (project / "requirements.txt").read_text() == "numpy<3\n"


# What it leaves alone, and says so.


def test_other_files_that_need_packflow_are_told(plain: Path) -> None:
    others = {
        "pyproject.toml": 'x = 1\ndependencies = ["packflow>=0.4"]\n',
        "Dockerfile": (
            "FROM python\nENV BACKEND_CONFIG_FILE_PATH=/x.json\nRUN pip install packflow==0.4.1\nRUN packflow export\n"
        ),
        "notes.ipynb": '{"cells": [{"source": ["import packflow\\n"]}]}\n',
        "README.md": "pip install packflow==0.4.1\n",
        "helpers.py": (
            "from importlib import import_module\n"
            "import_module('packflow.loaders')\n"
            "import os; os.environ['BACKEND_CONFIG_FILE_PATH']\n"
            "open('packflow.yaml')\n"
        ),
        "logs.py": "class A:\n    def f(self):\n        self.logger.add('x.log')\n        self.logger.success('y')\n",
        "inner/packflow.yaml": "name: inner\n",
        "inner/code.py": "import packflow\n",
        "venv3/pyvenv.cfg": "",
        "venv3/lib.py": "import packflow\n",
    }
    for name, text in others.items():
        (plain / name).parent.mkdir(exist_ok=True)
        (plain / name).write_text(text)
    answer = told("migrate", plain, "--plan")
    found = {(one["code"], one["file"], one["line"]) for one in answer["data"]["found"]}
    assert found == {
        ("no-counterpart", "inference.py", 1),
        ("requires-packflow", "pyproject.toml", 2),
        ("requires-packflow", "Dockerfile", 3),
        ("old-variable", "Dockerfile", 2),
        ("requires-packflow", "notes.ipynb", 1),
        ("named-in-text", "helpers.py", 2),
        ("old-variable", "helpers.py", 3),
        ("logger-method", "logs.py", 3),
        ("project-inside", "inner", None),
    }
    assert {name for name in others if name in {one["file"] for one in answer["data"]["changes"]}} == set()
    assert len(answer["warnings"]) == len(found)


# Bad input: a clear error, and nothing is changed.


@pytest.mark.parametrize(
    ("name", "content", "code", "error", "line"),
    [
        ("inference.py", b"from packflow import (\n", 1, "source-invalid", 1),
        ("helper.py", b"x = 1\ny = '\xe9'\n", 1, "source-invalid", 2),
        ("packflow.yaml", b"name: a\nextra: &x 1\n", 3, "config-invalid", 2),
        ("packflow.yaml", b"name: a\nversion: !v 1\n", 3, "config-invalid", 2),
        ("packflow.yaml", b"name: a\nnonsense: 1\n", 3, "config-invalid", 2),
        ("packflow.yaml", b"name: \xe9\n", 3, "config-invalid", 1),
        ("requirements.txt", b"\xff\xfep", 1, "requirements-unreadable", None),
    ],
)
def test_what_cannot_be_read(plain: Path, name: str, content: bytes, code: int, error: str, line: int | None) -> None:
    (plain / name).write_bytes(content)
    before = files(plain)
    answer = told("migrate", plain, "-y", code=code)
    (problem,) = answer["errors"]
    assert (problem["code"], problem["line"]) == (error, line)
    assert Path(problem["file"]).name == name
    assert problem["hint"]
    assert files(plain) == before
    assert not (plain / ".packflow").exists()


def test_a_folder_that_may_not_be_looked_into(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(NotFoundError, match=r"/doubles/? cannot be read: Permission denied\.$") as caught:
        plan_migration(plain)
    assert caught.value.code == "file-not-readable"


@pytest.mark.skipif(os.name == "nt", reason="a folder is locked on POSIX systems only: run it there")
@pytest.mark.parametrize("words", [["migrate", "-y"], ["migrate", "--undo"], ["update", "--model", "none", "-y"]])
def test_two_at_once_are_told_apart(plain: Path, words: list[str]) -> None:
    before = files(plain)
    with changing(plain, "migrate"):
        (problem,) = told(words[0], plain, *words[1:], code=1)["errors"]
        assert problem["code"] == "project-busy"
        assert f"packflow {words[0]}" in problem["hint"]
    assert files(plain) == before
    told("migrate", plain, "--plan")


def test_what_is_no_project(tmp_path: Path) -> None:
    assert told("migrate", tmp_path, "-y", code=3)["errors"][0]["code"] == "project-not-found"
    assert told("migrate", tmp_path / "none", "-y", code=3)["errors"][0]["code"] == "project-not-found"
    assert told("migrate", tmp_path / "none", "--undo", code=3)["errors"][0]["code"] == "project-not-found"


def test_a_link_is_not_written_through(plain: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.py"
    (plain / "inference.py").rename(elsewhere)
    (plain / "inference.py").symlink_to(elsewhere)
    assert told("migrate", plain, "-y", code=1)["errors"][0]["code"] == "symlink"
    assert elsewhere.read_text() == PLAIN_BACKEND


def test_events_that_are_none(plain: Path, tmp_path: Path) -> None:
    assert told("migrate", plain, "-y", "--events", tmp_path / "none", code=3)["errors"]
    (plain / "samples").mkdir()
    (plain / "samples" / "events.ndjson").write_text('{"n": 1}\n')
    other = tmp_path / "other.ndjson"
    other.write_text('{"n": 2}\n')
    assert told("migrate", plain, "-y", "--events", other, code=2)["errors"][0]["code"] == "target-exists"
    assert not (plain / ".packflow").exists()


def test_a_python_without_packflow_0_4(plain: Path) -> None:
    before = files(plain)
    base = getattr(sys, "_base_executable", sys.executable)
    answer = told("migrate", plain, "-y", "--old-python", base, code=3)
    assert answer["errors"][0]["code"] == "python-not-found"
    assert told("migrate", plain, "-y", "--python", plain / "none", code=3)["errors"][0]["code"] == "python-not-found"
    assert files(plain) == before


# On a terminal.


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal: run on a POSIX system")
@pytest.mark.parametrize(
    ("answer", "changed"), [(b"y\n", True), (b"n\n", False), (b"\n", False), (b"\x04", False), (b"\x03", False)]
)
def test_asking(plain: Path, answer: bytes, changed: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    before = files(plain)
    process = subprocess.Popen(
        [sys.executable, "-m", "packflow_app", "migrate", "--no-run"],
        cwd=plain,
        env={**os.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, answered, due = b"", False, time.monotonic() + 60
    while time.monotonic() < due:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if b"[y/N]" in shown and not answered:
            if answer == b"\x03":
                process.send_signal(2)
            else:
                os.write(ours, answer)
            answered = True
    os.close(ours)
    assert process.wait(60) == (130 if answer == b"\x03" else 0)
    assert b"Change 5 files? [y/N]" in shown
    assert (files(plain) != before) is changed
    if not changed:
        assert not (plain / ".packflow").exists()
        assert (b"Nothing was changed." in shown) is (answer != b"\x03")
