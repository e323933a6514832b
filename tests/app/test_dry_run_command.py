"""``packflow dry-run`` as its user meets it: exit codes, the one JSON object, what is printed where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import Done, packflow
from projects import HONEST, backend, write_project

NORMALISES = "mean = sum(e['n'] for e in inputs) / len(inputs)\nreturn [{'score': e['n'] - mean} for e in inputs]"


def dry_run(project: Path, *arguments: str) -> Done:
    done = packflow("-C", project, "dry-run", *arguments)
    assert "Traceback" not in done.stdout
    return done


def answer(project: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = dry_run(project, "--json", *arguments)
    assert done.stderr == ""
    return done.returncode, done.answer


def test_equal_is_ok(tmp_path: Path) -> None:
    code, found = answer(write_project(tmp_path / "model", HONEST))
    assert code == 0
    assert found["ok"] is True
    assert found["schema"] == "packflow.dry-run/1"
    assert found["data"]["parity"]["equal"] is True
    assert found["data"]["parity"]["events"] == 40
    assert found["errors"] == found["warnings"] == []
    single = found["data"]["modes"][0]
    assert (single["name"], single["batch_size"], single["events"], single["failed"]) == ("single", 1, 40, 0)
    assert set(single["latency_ms"]) == {"p50", "p95", "p99"}
    steps = ["preprocess", "transform_inputs", "execute", "transform_outputs", "check_outputs"]
    assert sorted(single["steps_ms"]) == sorted(steps)


def test_a_project_where_events_belong_gets_the_command_that_is_meant(tmp_path: Path) -> None:
    project = write_project(tmp_path / "my model", HONEST)
    done = dry_run(tmp_path, str(project))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: {project} is a project; dry-run takes a file of events there.",
        f"  next: Run `packflow -C '{project}' dry-run`.",
    ]
    assert json.loads(dry_run(tmp_path, str(project), "--json").stdout)["errors"][0]["code"] == "events-are-project"


def test_a_broken_python_that_was_passed_over_is_a_warning(tmp_path: Path) -> None:
    shim = tmp_path / "tools" / "python3"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    project = write_project(tmp_path / "model", HONEST)
    command = [sys.executable, "-m", "packflow_app", "-C", str(project), "dry-run", "--json"]
    path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=True)
    warnings = json.loads(done.stdout)["warnings"]
    assert [warning["code"] for warning in warnings] == ["python-broken"]
    assert f"{shim} (python3 on PATH) does not run as a Python: exit code 127." in warnings[0]["message"]


def test_a_model_that_normalises_over_the_batch_is_reported(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", backend(NORMALISES))
    code, found = answer(project)
    assert code == 1
    assert found["ok"] is False
    parity = found["data"]["parity"]
    assert parity["equal"] is False
    assert parity["first_difference"] == {
        "mode": "batch 8",
        "event": 1,
        "path": "score",
        "kind": "value",
        "left": 0.0,
        "right": -3.5,
        "difference": 3.5,
        "step": "execute",
    }
    assert [error["code"] for error in found["errors"]] == ["parity"]
    assert found["errors"][0]["hint"]
    shown = dry_run(project)
    assert shown.returncode == 1
    assert "✗ 40 of 40 differ" in shown.stdout
    assert "first difference: event 1, field score: 0.0 one by one, -3.5 in batch 8 (|Δ| 3.5)" in shown.stdout
    assert (
        "error: One by one and batch 8 differ, first on event 1, field score. An output depends on the other"
        in shown.stderr
    )


@pytest.mark.parametrize(
    ("execute", "code", "title"),
    [
        ("ctypes.string_at(0)", "model-died", "killed by SIGSEGV (a crash in native code) at event 1"),
        ("os._exit(3)", "model-died", "ended itself with exit code 3 at event 1"),
        ("time.sleep(60)", "model-timeout", "did not answer within 0.5 s at event 1"),
    ],
)
def test_a_death_is_one_clear_error(tmp_path: Path, execute: str, code: str, title: str) -> None:
    project = write_project(tmp_path / "model", backend(execute))
    status, found = answer(project, "--timeout", "0.5")
    assert status == 4
    assert [error["code"] for error in found["errors"]] == [code]
    assert title in found["errors"][0]["message"]
    shown = dry_run(project, "--timeout", "0.5")
    assert shown.returncode == 4
    assert shown.stdout == ""
    assert title in shown.stderr
    assert "  next: " in shown.stderr


def test_megabytes_of_prints_are_no_fault(tmp_path: Path) -> None:
    noisy = backend("print('x' * 2_000_000)\nsys.stderr.write('y' * 2_000_000)\nreturn [{} for e in inputs]")
    code, found = answer(write_project(tmp_path / "model", noisy, events=[{"n": 1}, {"n": 2}]))
    assert code == 0
    assert found["ok"] is True


def test_failed_events_are_shown_with_their_place(tmp_path: Path) -> None:
    project = write_project(tmp_path / "model", backend("return [{'x': 1 / (e['n'] - 5)} for e in inputs]"))
    code, found = answer(project)
    assert code == 4
    assert found["data"]["failed"] == 1
    assert found["errors"][0]["code"] == "events-failed"
    assert (found["errors"][0]["file"], found["errors"][0]["line"]) == ("inference.py", 7)
    shown = dry_run(project)
    assert "event 6: execute at inference.py:7: ZeroDivisionError: " in shown.stdout


def test_terminal_escapes_in_what_the_model_says_are_spelled_out(tmp_path: Path) -> None:
    hostile = backend("raise ValueError('\\x1b]0;owned\\x07\\x1b[31m' + inputs[0]['s'])")
    events = [{"s": "\x1b[2J\u202e"}]
    shown = dry_run(write_project(tmp_path / "model", hostile, events=events))
    assert shown.returncode == 4
    assert not set("\x1b\x07\u202e") & set(shown.stdout + shown.stderr)
    assert "\\x1b[2J\\u202e" in shown.stdout
