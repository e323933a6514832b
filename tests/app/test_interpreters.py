"""Which Python runs a project: chosen, its own, or the base one, and what is said about one that does not run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from packflow_app.environments import interpreters
from packflow_app.environments.interpreters import find_interpreter, probe_interpreter
from packflow_app.errors import NotFoundError

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="stands in shell scripts for Pythons: run the tests elsewhere to check this"
)
GOOD = '[[3, 12, 1], "CPython", "/prefix"]'


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def answering(path: Path, text: str) -> Path:
    return script(path, f"cat <<'END'\n{text}\nEND")


def environment(project: Path, name: str, body: str) -> Path:
    """A virtual environment whose Python is a shell script."""
    python = script(project / name / "bin" / "python", body)
    (project / name / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return python


def failure(project: Path, chosen: str | None = None) -> NotFoundError:
    with pytest.raises(NotFoundError) as caught:
        find_interpreter(project, chosen)
    assert caught.value.exit_code == 3
    assert caught.value.hint.startswith(("Choose a working Python", "Give --python"))
    assert "\n" not in caught.value.title
    return caught.value


def test_a_real_python_says_who_it_is() -> None:
    found = probe_interpreter(Path(sys.executable), "here")
    assert found.version == sys.version_info[:3]
    assert found.version_text == ".".join(map(str, sys.version_info[:3]))
    assert found.implementation == "CPython"
    assert found.prefix == sys.prefix
    assert (found.path, found.origin) == (Path(sys.executable), "here")


def test_without_anything_the_base_python_is_taken_never_the_apps_own(tmp_path: Path) -> None:
    found = find_interpreter(tmp_path)
    assert found.origin == "the Python that Packflow was installed with"
    assert Path(found.prefix).resolve() == Path(sys.base_prefix).resolve()
    has_packflow = subprocess.run([found.path, "-I", "-c", "import packflow_app"], capture_output=True, check=False)
    assert has_packflow.returncode == 1


def test_the_projects_environment_comes_first(tmp_path: Path) -> None:
    answer = f"echo '{GOOD}'"
    environment(tmp_path, "venv", answer)
    assert find_interpreter(tmp_path).origin == "the project's venv"
    python = environment(tmp_path, ".venv", answer)
    found = find_interpreter(tmp_path)
    assert (found.origin, found.path, found.version) == ("the project's .venv", python, (3, 12, 1))


def test_a_chosen_python_comes_before_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(tmp_path, ".venv", "exit 1")
    path = answering(tmp_path / "tools" / "mypython", GOOD)
    assert find_interpreter(tmp_path, str(path)).path == path
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")
    found = find_interpreter(tmp_path, "mypython")
    assert (found.path, found.origin) == (path, "--python")


def test_the_probe_is_isolated_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert find_interpreter(tmp_path).version >= (3, 10)


@pytest.mark.parametrize("chosen", ["no-such-python", "./no/such/python", "/"])
def test_a_chosen_python_that_is_not_there(tmp_path: Path, chosen: str) -> None:
    error = failure(tmp_path, chosen)
    assert (error.code, error.title) == ("python-not-found", f"There is no Python at {chosen}.")
    assert error.hint == "Give --python a path or a command."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 127", "exit code 127"),
        ("echo oops >&2; exit 1", "exit code 1"),
        ("kill -9 $$", "exit code -9"),
        ("true", "it does not answer as one"),
        ("echo hello", "it does not answer as one"),
        ("printf '\\377\\376'", "it does not answer as one"),
        ("echo 5", "it does not answer as one"),
        ("echo null", "it does not answer as one"),
        ("echo '[]'", "it does not answer as one"),
        ("echo '[1, 2, 3]'", "it does not answer as one"),
        ("""echo '[["a", "b", "c"], "x", "y"]'""", "it does not answer as one"),
        ("""echo '[[3, 12], "x", "y"]'""", "it does not answer as one"),
    ],
)
def test_a_python_that_does_not_run_is_reported_never_skipped(tmp_path: Path, body: str, reason: str) -> None:
    python = environment(tmp_path, ".venv", body)
    environment(tmp_path, "venv", f"echo '{GOOD}'")
    error = failure(tmp_path)
    assert error.code == "python-broken"
    assert error.title == f"{python} (the project's .venv) does not run as a Python: {reason}."


def test_an_environment_whose_python_was_removed_is_reported(tmp_path: Path) -> None:
    python = environment(tmp_path, ".venv", "")
    python.unlink()
    python.symlink_to(tmp_path / "removed" / "python3.11")
    title = f"{python} (the project's .venv) does not run as a Python: No such file or directory."
    assert failure(tmp_path).title == title


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_a_link_to_an_environment_that_is_gone_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / "gone")
    assert failure(tmp_path).code == "python-broken"


def test_a_folder_that_is_no_environment_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    assert find_interpreter(tmp_path).origin == "the Python that Packflow was installed with"


def test_a_file_that_is_no_program_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_bytes(b"\x00\x01")
    path.chmod(0o755)
    error = failure(tmp_path, str(path))
    assert error.title == f"{path} (--python) does not run as a Python: Exec format error."


def test_a_python_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "_PROBE_SECONDS", 0.2)
    path = script(tmp_path / "python", "exec sleep 30")
    assert failure(tmp_path, str(path)).title == f"{path} (--python) does not run as a Python: no answer within 0.2 s."


@pytest.mark.parametrize(
    ("version", "text"), [("[3, 9, 25]", "3.9.25"), ("[2, 7, 18]", "2.7.18"), ("[3, 0, 0]", "3.0.0")]
)
def test_a_python_that_is_too_old_is_named_with_its_version(tmp_path: Path, version: str, text: str) -> None:
    path = answering(tmp_path / "python", f'[{version}, "CPython", "/"]')
    error = failure(tmp_path, str(path))
    assert error.code == "python-too-old"
    assert error.title == f"{path} (--python) is Python {text}; Packflow's runtime needs 3.10 or later."


@pytest.mark.parametrize("version", ["[3, 10, 0]", "[3, 15, 0]", "[4, 0, 0]"])
def test_a_python_that_is_new_enough_is_taken(tmp_path: Path, version: str) -> None:
    path = answering(tmp_path / "python", f'[{version}, "PyPy", "/"]')
    assert find_interpreter(tmp_path, str(path)).implementation == "PyPy"
