"""``packflow doctor``: each fault provoked, named with its code and a fix; nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from packflow_app.actions.doctor import doctor
from packflow_app.health import installation, installers, pythons, storage, terminal
from packflow_app.health.finding import Finding, State
from packflow_app.locations import settings_file
from packflow_app.runtime import ExitCode
from projects import HONEST, write_project

SAME_EVERYWHERE = ("NO_COLOR", "COLORTERM", "SSH_TTY", "SSH_CONNECTION", "LC_ALL", "LC_CTYPE", "VIRTUAL_ENV")


@pytest.fixture
def healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, a home and a cache of its own, and nothing odd in the environment."""
    for name in [name for name in os.environ if name.startswith(("PACKFLOW_", "PYTHON"))]:
        monkeypatch.delenv(name)
    for name in SAME_EVERYWHERE:
        monkeypatch.delenv(name, raising=False)
    for name, folder in (("PACKFLOW_CACHE", "cache"), ("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    base = Path(getattr(sys, "_base_executable", sys.executable))
    monkeypatch.setenv("PATH", os.pathsep.join([str(base.parent), "/usr/bin", "/bin"]))  # shims take their time
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setattr(storage, "free_bytes", lambda _folder: 1 << 40)
    monkeypatch.setattr(pythons, "_others", list)  # those of this machine take a second
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def found() -> dict[str, Finding]:
    """The findings that something is wrong with, by code."""
    diagnosis = doctor()
    wrong = [*diagnosis.of(State.ERROR), *diagnosis.of(State.WARNING)]
    assert all(one.code and one.message.endswith((".", "?", ")")) and one.fix for one in wrong)
    return {one.code: one for one in wrong}


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_where_nothing_is_wrong_it_says_so_and_leaves_nothing(healthy: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    diagnosis = doctor()
    assert diagnosis.of(State.ERROR) == []
    assert diagnosis.exit_code(strict=False) is ExitCode.OK
    assert [one.name for one in diagnosis.subjects] == [
        *("terminal", "installation", "pythons", "installers", "storage", "settings", "project"),
    ]
    assert all(one.findings for one in diagnosis.subjects)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_terminal_that_moves_no_cursor(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "numbered" in found()["terminal-dumb"].message


def test_a_small_terminal() -> None:
    assert [terminal._size(*size).code for size in ((59, 40), (120, 15))] == ["terminal-small"] * 2
    assert terminal._size(60, 16).state is State.NOTE
    assert terminal._size(100, 16).state is State.OK


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"LC_ALL": "xx_XX.UTF-8"}, "locale-missing"),
        ({"LC_ALL": "de_DE.ISO-8859-1"}, "locale-missing"),  # where the system has it: locale-not-utf8
        ({"PYTHONIOENCODING": "latin-1"}, "encoding-not-utf8"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "encoding-not-utf8"),
    ],
)
def test_a_locale_that_is_none_or_not_utf8(healthy: Path, environment: dict[str, str], code: str) -> None:
    answer = told(environment)
    codes = {one["code"] for one in answer["warnings"]}
    assert codes & {code, code.replace("missing", "not-utf8")}


def told(environment: dict[str, str] | None = None, *words: str, cwd: Path | None = None) -> dict[str, Any]:
    """The real command's envelope."""
    ran = subprocess.run(
        [sys.executable, "-m", "packflow_app", "doctor", "--json", *words],
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    answer = json.loads(ran.stdout)
    assert (ran.returncode == 0) is answer["ok"]
    assert ran.returncode in (0, 1)
    return dict(answer)


def test_the_envelope_and_the_exit_code(healthy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = told({"PACKFLOW_CACHE": str(tmp_path / "file" / "cache")})
    assert answer["schema"] == "packflow.doctor/1"
    assert [one["code"] for one in answer["errors"]] == ["cache-not-writable"]
    finding = next(one for one in answer["data"]["findings"] if one["code"] == "cache-not-writable")
    assert (finding["subject"], finding["state"]) == ("storage", "error")
    assert answer["data"]["counts"]["error"] == 1
    warned = told({"TERM": "dumb"})
    assert warned["ok"] is True
    assert not told({"TERM": "dumb"}, "--strict")["ok"]


def test_what_is_shown(healthy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = subprocess.run(
        [sys.executable, "-m", "packflow_app", "doctor"],
        env={**os.environ, "PACKFLOW_CACHE": str(tmp_path / "file" / "cache"), "COLUMNS": "200"},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert (ran.returncode, ran.stderr.strip().splitlines()[1:]) == (1, [])
    assert "✗ error" in ran.stdout
    assert "cannot be written: Not a directory. Every start of an archive extracts it anew." in ran.stdout
    assert ran.stdout.rstrip().endswith("mend cache, then packflow doctor")
    narrow = subprocess.run(
        [sys.executable, "-m", "packflow_app", "doctor"],
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        stdin=subprocess.DEVNULL,
    ).stdout.decode("ascii")
    assert max(map(len, narrow.splitlines())) <= 80
    assert "ok       TERM" in narrow  # a word alone, where the glyph would be an escape


def test_a_cache_that_others_may_write(healthy: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / "archives").mkdir(parents=True)
    (tmp_path / "cache").chmod(0o777)
    assert "others may write" in found()["cache-refused"].message


def test_a_full_disk(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "free_bytes", lambda _folder: 5 << 20)
    assert "5.0 MiB" in found()["disk-full"].message
    monkeypatch.setattr(storage, "free_bytes", lambda _folder: 1 << 30)
    assert found().keys() >= {"disk-low"}
    monkeypatch.setattr(storage, "free_files", lambda _folder: 0)
    assert "inodes" in found()["disk-full"].message


def test_no_place_for_temporary_files(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    assert "temp-not-writable" in found()


def test_no_uv(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installers, "find_uv", lambda: None)
    wrong = found()
    assert "packflow env lock" in wrong["uv-not-found"].message
    assert "installer-missing" not in wrong  # venv and pip are there


def test_a_uv_that_does_not_run_and_no_venv(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = program(tmp_path / "uv", "#!/bin/sh\nexit 7\n")
    monkeypatch.setattr(installers, "find_uv", lambda: str(broken))
    assert found()["installer-broken"].state is State.ERROR
    run = installers._first_line
    monkeypatch.setattr(installers, "_first_line", lambda command: None if "venv" in command[-1] else run(command))
    assert "lacks venv" in found()["installer-missing"].message


def test_no_pip(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from packflow_app.packaging import target_wheels

    target_wheels.python_with_pip.cache_clear()
    monkeypatch.setattr(target_wheels, "which", lambda _name: None)
    monkeypatch.setattr(target_wheels.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(target_wheels.sys, "_base_executable", "/nowhere/python")
    try:
        assert "pip-not-found" in found()
    finally:
        target_wheels.python_with_pip.cache_clear()


def test_no_python_for_projects(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(tmp_path / "bin" / "python3", '#!/bin/sh\necho \'[[3, 8, 1], "CPython", "/x", "/x", ""]\'\n')
    monkeypatch.setenv("PATH", str(old.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    monkeypatch.setattr("packflow_app.environments.interpreters._base_executable", lambda: "/nowhere/python3")
    wrong = found()
    assert wrong["python-not-found"].message == "No Python here can run a project's model."
    assert wrong["python-broken"].value == "/nowhere/python3"
    assert "3.8.1" in wrong["python-does-not-start"].message


def test_no_python_on_path(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert "python3 ARCHIVE" in found()["python-not-on-path"].message


def test_pythons_that_are_not_on_path_are_found(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    answer = '#!/bin/sh\necho \'[[3, {0}, 0], "CPython", "/p{0}", "/p{0}", "/p{0}/bin/python3"]\'\n'
    program(tmp_path / "pyenv" / "versions" / "3.12.0" / "bin" / "python3", answer.format(12))
    program(tmp_path / "uv" / "cpython-3.19.0-linux" / "bin" / "python3", answer.format(19))
    named = {one.name: one for one in pythons.examine(healthy)}
    assert (named["3.12.0"].value, named["3.12.0"].state) == ("/p12/bin/python3", State.OK)
    assert named["3.19.0"].state is State.NOTE
    assert "newer than the runtime is tested on (3.10 to 3.13)" in named["3.19.0"].value


def test_a_broken_environment_is_active(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    assert "$VIRTUAL_ENV" in found()["python-broken"].message


def test_two_packflows_on_path(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [program(tmp_path / name / "packflow", f"#!/bin/sh\necho {name}\n").parent for name in ("one", "two")]
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, places), os.environ["PATH"]]))
    assert f"{places[0] / 'packflow'}" in found()["packflow-twice"].message
    only_python = shutil.which("python3", path=os.environ["PATH"])
    assert only_python is not None
    monkeypatch.setenv("PATH", os.pathsep.join([str(places[0]), str(Path(only_python).parent)]))
    if not Path(only_python).with_name("packflow").exists():
        assert "not the one that runs now" in found()["packflow-elsewhere"].message


def test_a_path_that_starts_what_lies_in_the_current_folder(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{os.pathsep}tools")
    assert "'', 'tools'" in found()["path-relative"].message


def test_a_damaged_installation(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.metadata, "requires", lambda _name: ["no-such-thing>=1", "rich>=999"])
    message = found()["installation-damaged"].message
    assert "no-such-thing is missing" in message
    assert ">=999 is needed" in message


def test_settings_that_are_not_valid_and_misspelt_variables(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text("color: never\nthema: dark\n")
    monkeypatch.setenv("PACKFLOW_CHACHE", "/x")
    monkeypatch.setenv("PACKFLOW_THEME", "pink")
    wrong = found()
    assert (wrong["settings-invalid"].line, wrong["settings-invalid"].file) == (2, str(settings_file()))
    assert wrong["variable-unknown"].fix == "Did you mean PACKFLOW_CACHE?"
    assert "'pink'" in wrong["variable-invalid"].message


def test_a_broken_packflow_yaml_is_told_with_its_line(healthy: Path) -> None:
    write_project(healthy, HONEST, config="colour: red\n")
    problem = found()["config-invalid"]
    assert problem.file is not None
    assert problem.file.endswith("packflow.yaml")
    assert problem.line


def test_a_project_without_its_environment(healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(healthy, HONEST)
    (healthy / "requirements.txt").write_text("no-such-thing==1.0\n")
    (healthy / "below").mkdir()
    monkeypatch.chdir(healthy / "below")
    problem = found()["environment-missing"]
    assert "no-such-thing==1.0" in problem.message
    assert problem.fix == "packflow env sync"
    (healthy / "requirements.lock").write_text("no-such-thing==1.0\n")
    assert "lock-stale" in found()


def test_no_python_for_this_project(healthy: Path) -> None:
    config = write_project(healthy, HONEST) / "packflow.yaml"
    config.write_text(config.read_text().replace("'>=3.10'", "'>=3.99'"))
    problem = found()["python-not-found"]
    assert problem.message.startswith("No Python here fits the project. ")
    assert problem.fix == "Install one, or name one with --python."


def test_an_environment_that_is_half_made(healthy: Path) -> None:
    write_project(healthy, HONEST)
    (healthy / ".venv").mkdir()
    (healthy / ".venv" / "packflow.json").write_text('{"made_here": true, "finished": false}')
    assert "environment-unfinished" in found()


def test_stale_steps_are_notes(healthy: Path) -> None:
    write_project(healthy, HONEST)
    steps = {one.name: one for one in doctor().of(State.NOTE)}
    assert steps["dry-run"].value.startswith("not run")
    assert steps["dry-run"].fix == "packflow dry-run"
    assert steps["export"].value == "not run"


def test_what_breaks_the_looking_itself_is_told_and_the_rest_still_is(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_folder: object) -> bool:
        raise RuntimeError("no such luck")

    monkeypatch.setattr("packflow_app.health.pythons._others", lambda: breaks(None))
    diagnosis = doctor()
    (problem,) = [one for one in diagnosis.of(State.ERROR) if one.code == "not-looked-at"]
    assert problem.message == "Pythons could not be looked at to the end: RuntimeError: no such luck"
    assert next(one for one in diagnosis.subjects if one.name == "storage").findings
