"""``packflow run`` and ``packflow cache`` as their user starts them: the model in its own Python, exact exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.run import RunOptions, prepare_run
from packflow_app.errors import NotFoundError
from projects import write_project
from runtime.archives import archive_of, manifest_of, runnable_files

# As the installed command starts it: without the current folder on the path, which -m would put there.
START = "import sys; sys.path.pop(0); from packflow_app.__main__ import main; sys.exit(main())"
COMMAND = [sys.executable, "-c", START]
DOUBLE = """\
from packflow_runtime import InferenceBackend


class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"double": 2 * event["n"]} for event in inputs]
"""
EVENTS = '{"n":1}\nbad\n{"n":2}\n'


def installed(*words: object, cwd: Path, events: str = EVENTS, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        input=events,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PACKFLOW_CACHE": str(cwd / "cache"), **variables},
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "double", DOUBLE)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.zip"
    path.write_bytes(archive_of(runnable_files()))
    return path


def outcomes(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_project_runs(project: Path, tmp_path: Path) -> None:
    done = installed("run", project, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, error, last = outcomes(done)
    assert (first, last) == ({"double": 2}, {"double": 4})
    assert error["packflow_error"]["line"] == 2
    assert "3 events, 2 outputs, 1 failed (not-json 1)" in done.stderr


@pytest.mark.parametrize(("engine", "module"), [("spark", "pyspark"), ("ray", "ray")])
def test_an_engine_that_is_absent_is_told_with_its_install_command(
    archive: Path, tmp_path: Path, engine: str, module: str
) -> None:
    (tmp_path / "hides").mkdir()
    (tmp_path / "hides" / f"{module}.py").write_text("raise ImportError('hidden')\n")
    done = installed("run", archive, "--engine", engine, "-o", "out", cwd=tmp_path, PYTHONPATH=str(tmp_path / "hides"))
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert f"importing {module}" in done.stderr
    assert "-m pip install " in done.stderr
    assert not (tmp_path / "out").exists()
    assert "--engine {local,spark,ray}" in installed("run", "--help", cwd=tmp_path).stdout


def test_an_archive_runs_with_the_runtimes_options(archive: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    events.write_text(EVENTS)
    done = installed(
        "run", archive, events, "-o", "out.ndjson", "--batch-size", "1", "--dead-letters", "dead", cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "out.ndjson").read_text() == '{"n":11}\n{"n":12}\n'
    assert "not-json" in (tmp_path / "dead").read_text()
    strict = installed("run", "--strict", archive, events, cwd=tmp_path)
    assert strict.returncode == 1
    before = installed("-C", tmp_path, "run", "--batch-size", "2", "tiny.zip", "events.ndjson", cwd=Path("/"))
    assert outcomes(before)[0] == {"n": 11}


def test_another_cache(archive: Path, tmp_path: Path) -> None:
    assert outcomes(installed("run", archive, "--cache", "elsewhere", cwd=tmp_path))[0] == {"n": 11}
    assert (tmp_path / "elsewhere" / "archives").is_dir()
    assert not (tmp_path / "cache").exists()


def test_an_unzipped_archive_runs_too(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "unzipped")
    assert outcomes(installed("run", "unzipped", cwd=tmp_path))[0] == {"n": 11}


def test_json_tells_of_the_run(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text(EVENTS)
    words = ("run", "tiny.zip", "events.ndjson", "-o", "out", "--json")
    done = installed(*words, cwd=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert (told["schema"], told["ok"], told["command"]) == ("packflow.run/1", True, ["packflow", *words])
    assert {name: told["data"][name] for name in ("events", "outputs", "failed", "errors", "output")} == {
        "events": 3,
        "outputs": 2,
        "failed": 1,
        "errors": {"not-json": 1},
        "output": "out",
    }
    failed = installed(*words[:-1], "--strict", "--json", cwd=tmp_path)
    told = json.loads(failed.stdout)
    assert (failed.returncode, told["ok"], told["errors"][0]["code"]) == (1, False, "too-many-errors")
    alone = installed("run", "tiny.zip", "events.ndjson", "--json", cwd=tmp_path)
    assert (alone.returncode, json.loads(alone.stdout)["errors"][0]["code"]) == (2, "usage")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "error: The following arguments are required: ARCHIVE|PROJECT."),
        (("tiny.zip", "--batch-size", "0"), 2, "error: Argument --batch-size: '0' is not a whole number from 1 up."),
        (("tiny.zip", "--nothing"), 2, "error: Unrecognized arguments: --nothing."),
        (("none.zip",), 3, "error: none.zip does not exist."),
        (("text",), 3, "error: text is neither an archive nor a project's folder."),
        (("tiny.zip", "none.ndjson"), 3, "error: The events file none.ndjson cannot be opened"),
        (("tiny.zip", "--python", "nothing-here"), 3, "error: "),
    ],
)
def test_what_cannot_be_done(archive: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    (tmp_path / "text").write_text("no archive")
    done = installed("run", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "  next: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_that_is_too_old_is_named_before_anything_starts(tmp_path: Path) -> None:
    files = runnable_files()
    (tmp_path / "new.zip").write_bytes(archive_of(files, manifest_of(files, python_requires=">=3.99")))
    done = installed("run", "new.zip", cwd=tmp_path)
    assert done.returncode == 3
    assert "There is no Python >=3.99 to run" in done.stderr


def test_the_model_runs_in_the_place_of_installed(project: Path, tmp_path: Path) -> None:
    """The process that was started is the model's: its exit code, its pipes, and a signal ends its stream in order."""
    process = subprocess.Popen(
        [*COMMAND, "run", str(project)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'{"n":1}\n')
    process.stdin.flush()
    assert process.stdout.readline() == b'{"double":2}\n'
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"1 events, 1 outputs" in said


def test_files_in_the_current_folder_are_not_imported(project: Path, tmp_path: Path) -> None:
    for name in ("json.py", "packflow_runtime.py", "inference.py"):
        (tmp_path / name).write_text("raise AssertionError('a file beside it')\n")
    for words in (("run", project), ("run", project, "--workers", "2")):
        done = installed(*words, cwd=tmp_path)
        assert outcomes(done)[0] == {"double": 2}, done.stderr


def test_nothing_is_started_to_prepare_a_run(archive: Path) -> None:
    prepared = prepare_run(RunOptions(archive, [str(archive), "--strict"], ["packflow", "run"]))
    assert prepared.command[0] == str(prepared.interpreter.path)
    assert prepared.command[-3:] == ["run", str(archive), "--strict"]
    assert json.loads(prepared.environment["PACKFLOW_COMMAND_WORDS"]) == ["packflow", "run"]
    with pytest.raises(NotFoundError):
        prepare_run(RunOptions(archive.with_name("none"), [], []))


def test_the_cache_is_listed_and_cleaned(archive: Path, tmp_path: Path) -> None:
    assert installed("run", archive, cwd=tmp_path).returncode == 0
    shown = installed("cache", "list", cwd=tmp_path).stdout
    assert "tiny 1.0" in shown
    data = json.loads(installed("cache", "list", "--json", cwd=tmp_path).stdout)["data"]
    assert (data["action"], [one["name"] for one in data["archives"]]) == ("list", ["tiny"])
    (tmp_path / "empty").mkdir(mode=0o700)
    elsewhere = installed("cache", "list", "--cache", "empty", "--json", cwd=tmp_path)
    assert json.loads(elsewhere.stdout)["data"]["archives"] == []
    done = installed("cache", "clean", "tiny", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("removed tiny-1.0\n")
    assert os.listdir(tmp_path / "cache" / "archives") == []


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("nothing",), 3, "not-in-cache"),
        (("--all", "tiny"), 2, "usage"),
        (("--older-than", "nan"), 2, "usage"),
        (("--older-than", "-3"), 2, "usage"),
    ],
)
def test_what_clean_does_not_do(archive: Path, tmp_path: Path, words: tuple[str, ...], code: int, name: str) -> None:
    assert installed("run", archive, cwd=tmp_path).returncode == 0
    done = installed("cache", "clean", *words, "--json", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["errors"][0]["code"]) == (code, name)
    assert len(os.listdir(tmp_path / "cache" / "archives")) == 1
