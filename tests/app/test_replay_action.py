"""A replay in an environment made for that alone: what its receiver would see, and nothing of it stays."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from local_wheels import lock_of, write_wheel
from packflow_app.actions.replay import ReplayOptions, _answer, replay_fresh
from packflow_app.environments.tools import Toolbox
from packflow_app.errors import CancelledError
from packflow_app.runtime import PackflowError
from runtime.archives import archive_of, manifest_of, runnable_files

BACKEND = """\
import needed_here
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"value": needed_here.VALUE, "n": event["n"]} for event in inputs]
"""
PLAIN = BACKEND.replace("import needed_here\n", "").replace("needed_here.VALUE", "'1.0'")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go, so that one sees what stays."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def write(folder: Path, backend: str, outputs: bytes, lock: bytes | None = None, **changes: Any) -> Path:
    files = runnable_files(backend=backend)
    files["packflow-info/golden/inputs.ndjson"] = b'{"n":1}\n{"n":2}\n'
    files["packflow-info/golden/outputs.ndjson"] = outputs
    if lock is not None:
        files["packflow-info/requirements.lock"] = lock
        changes["requirements"] = ["needed-here==1.0"]
    path = folder / "tiny.zip"
    path.write_bytes(archive_of(files, manifest_of(files, golden_events=2, **changes)))
    return path


EQUAL = b'{"value":"1.0","n":1}\n{"value":"1.0","n":2}\n'


def test_equal_and_different(tmp_path: Path, temporary: Path) -> None:
    done = replay_fresh(ReplayOptions(write(tmp_path, PLAIN, EQUAL)))
    assert (done.equal, done.events, done.differing, done.not_bit_equal, done.values) == (True, 2, 0, 0, 4)
    assert done.data["machine"]["python"] == done.python
    done = replay_fresh(ReplayOptions(write(tmp_path, PLAIN, EQUAL.replace(b'"n":2', b'"n":3'))))
    assert (done.equal, done.differing, done.data["first"]["path"]) == (False, 1, "n")
    assert os.listdir(temporary) == []


def test_errors_are_those_of_the_archive(tmp_path: Path, temporary: Path) -> None:
    for backend, requires, code, exit_code in (
        ("raise ValueError('no')\n", ">=3.10", "backend-load-failed", 4),
        ("import os\nos._exit(3)\n", ">=3.10", "model-died", 4),
        ("import never_there\n", ">=3.99", "python-not-found", 3),
    ):
        path = write(tmp_path, backend, EQUAL, python_requires=requires)
        with pytest.raises(PackflowError) as caught:
            replay_fresh(ReplayOptions(path))
        assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
        assert caught.value.hint
        if code == "model-died":  # its last words are on the archive's standard error, which nobody sees here
            assert caught.value.hint == f"Run it by hand: python {path} replay"
    assert os.listdir(temporary) == []


def test_an_archive_that_says_nothing(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho one >&2\necho two >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(PackflowError, match=r"^`replay` of the archive ended without an answer\.$") as caught:
        _answer(Toolbox(tmp_path), "replay", str(python), ["replay", str(tmp_path / "my model.zip")], {})
    assert (caught.value.code, caught.value.exit_code, caught.value.detail) == ("replay-failed", 4, "one\ntwo")
    assert caught.value.hint == f"Run it by hand: python '{tmp_path / 'my model.zip'}' replay"


def test_none_were_shipped(tmp_path: Path) -> None:
    path = tmp_path / "none.zip"
    path.write_bytes(archive_of(runnable_files()))
    with pytest.raises(PackflowError) as caught:
        replay_fresh(ReplayOptions(path))
    assert (caught.value.code, caught.value.exit_code) == ("golden-missing", 3)


def test_it_can_be_stopped(tmp_path: Path, temporary: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        replay_fresh(ReplayOptions(write(tmp_path, PLAIN, EQUAL)), cancel=cancel)
    assert os.listdir(temporary) == []


@pytest.mark.slow
def test_with_requirements_from_a_wheelhouse(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    wheel = write_wheel(tmp_path / "wheels", "needed-here", "1.0")
    path = write(tmp_path, BACKEND, EQUAL, lock_of(wheel))
    steps = []
    options = ReplayOptions(path, wheelhouse=wheel.parent)
    done = replay_fresh(options, report=lambda progress: steps.append(progress.step))
    assert (done.equal, done.locked) == (True, True)
    assert [(one["name"], one["same"]) for one in done.data["libraries"]] == [("needed-here", True)]
    assert set(steps) == {"install", "replay"}
    wheel.unlink()
    with pytest.raises(PackflowError) as caught:
        replay_fresh(options)
    assert (caught.value.code, caught.value.exit_code) == ("requirements-not-installed", 3)
    assert os.listdir(temporary) == []
