"""Which Python runs a project: chosen, its own, or the first found, and what is said about one that does not run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from packflow_app.environments import interpreters
from packflow_app.environments.folders import Mark, write_mark
from packflow_app.environments.interpreters import Candidate, candidates, find_interpreter, probe_interpreter
from packflow_app.errors import NotFoundError

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="stands in shell scripts for Pythons: run the tests elsewhere to check this"
)
GOOD = '[[3, 12, 1], "CPython", "/prefix", "/base", ""]'
BASE = "the Python that Packflow was installed with"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No Python but the base one is to be found."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def answering(path: Path, text: str = GOOD) -> Path:
    return script(path, f"echo '{text}'")


def answer(version: str = "[3, 12, 1]", prefix: str = "/prefix", executable: str = "") -> str:
    return f'[{version}, "CPython", "{prefix}", "/base", "{executable}"]'


def environment(project: Path, name: str, body: str = f"echo '{GOOD}'") -> Path:
    """A virtual environment whose Python is a shell script."""
    python = script(project / name / "bin" / "python", body)
    (project / name / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return python


def failure(project: Path, chosen: str | None = None) -> NotFoundError:
    with pytest.raises(NotFoundError) as caught:
        find_interpreter(project, chosen)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert "\n" not in caught.value.title
    return caught.value


def looked(project: Path, chosen: str | None = None, requires: str | None = None) -> dict[str, Candidate]:
    return {candidate.origin: candidate for candidate in candidates(project, chosen, requires)}


def test_a_real_python_says_who_it_is() -> None:
    found = probe_interpreter(Path(sys.executable), "here")
    assert found.version == sys.version_info[:3]
    assert found.version_text == ".".join(map(str, sys.version_info[:3]))
    assert found.implementation == "CPython"
    assert (found.prefix, found.base_prefix) == (sys.prefix, sys.base_prefix)
    assert (found.path, found.origin) == (Path(sys.executable), "here")


def test_without_anything_the_base_python_is_taken(tmp_path: Path) -> None:
    found = find_interpreter(tmp_path)
    assert found.origin == BASE
    assert Path(found.prefix).resolve() == Path(sys.base_prefix).resolve()


def test_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    project = tmp_path / "project"
    chosen = answering(tools / "chosen")
    environment(project, ".venv")
    environment(project, "venv")
    environment(tmp_path, "active")
    script(tmp_path / "conda" / "bin" / "python", f"echo '{GOOD}'")
    answering(tools / "python3")
    answering(tools / "python")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    monkeypatch.setenv("PATH", str(tools))
    found = looked(project, str(chosen))
    paths = {
        "--python": chosen,
        "the project's .venv": project / ".venv/bin/python",
        "the project's venv": project / "venv/bin/python",
        "$VIRTUAL_ENV": tmp_path / "active/bin/python",
        "$CONDA_PREFIX": tmp_path / "conda/bin/python",
        "python3 on PATH": tools / "python3",
        "python on PATH": tools / "python",
    }
    assert list(found) == [*paths, BASE]
    assert {origin: found[origin].path for origin in paths} == paths
    assert all(not candidate.reason for candidate in found.values())
    assert [candidate.own for candidate in found.values()] == [True] * 3 + [False] * 5
    for origin in list(paths)[1:]:  # without the first, the second is taken
        assert find_interpreter(project).origin == origin
        paths[origin].unlink()
        (paths[origin].parents[1] / "pyvenv.cfg").unlink(missing_ok=True)
        monkeypatch.delenv(origin.removeprefix("$"), raising=False)
    assert find_interpreter(project).origin == BASE


def test_a_shim_is_asked_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".python-version").write_text("3.12.1")
    answering(tmp_path / "python3", answer(executable="/versions/3.12.1/bin/python3"))
    shim = script(tmp_path / "python3", f"test -e .python-version || exit 127\n{(tmp_path / 'python3').read_text()}")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_interpreter(project).path == Path("/versions/3.12.1/bin/python3")
    assert "exit code 127" in looked(tmp_path)["python3 on PATH"].reason
    assert shim.exists()


@pytest.mark.parametrize("body", ["echo 'pyenv: python3: command not found' >&2; echo more >&2; exit 127", "exit 9"])
def test_a_broken_python_found_for_the_user_is_passed_over_and_kept_in_mind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    script(tmp_path / "tools" / "python3", body)
    good = answering(tmp_path / "tools" / "python")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    found = find_interpreter(tmp_path)
    assert (found.path, found.origin) == (good, "python on PATH")
    assert [candidate.origin for candidate in found.passed_over] == ["$VIRTUAL_ENV", "python3 on PATH"]
    missing, broken = found.passed_over
    assert missing.reason.endswith("does not run as a Python: No such file or directory")
    told = "127, pyenv: python3: command not found" if "127" in body else "9"
    assert broken.reason.endswith(f"does not run as a Python: exit code {told}")
    assert broken.error is not None
    assert broken.error.code == "python-broken"


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX", "PATH"])
def test_the_apps_own_environment_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    own = tmp_path / "own"
    python = environment(tmp_path, "own", f"echo '{answer(prefix=str(own))}'")
    (python.parent / "python3").symlink_to("python")
    monkeypatch.setattr(sys, "prefix", str(own))
    monkeypatch.setenv(variable, str(python.parent) if variable == "PATH" else str(own))
    found = find_interpreter(tmp_path)
    assert found.passed_over[0].reason == "it is Packflow's own environment"
    assert found.passed_over[0].error is None
    assert "own" not in found.path.parts


def test_what_is_found_must_fit_the_project_and_what_is_its_own_may_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(tmp_path / "tools" / "python3", answer("[3, 13, 0]"))
    answering(tmp_path / "tools" / "python", answer("[3, 12, 1]"))
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    assert find_interpreter(tmp_path).version == (3, 13, 0)
    found = find_interpreter(tmp_path, requires=">=3.10,<3.13")
    assert found.version == (3, 12, 1)
    assert found.passed_over[0].reason == "it is Python 3.13.0, the project needs >=3.10,<3.13"
    environment(tmp_path, ".venv", f"echo '{answer('[3, 13, 0]')}'")
    assert find_interpreter(tmp_path, requires="<3.13").origin == "the project's .venv"
    assert find_interpreter(tmp_path, requires="<3.13", for_new=True).version == (3, 12, 1)


def test_no_python_that_fits_names_all_that_were_tried(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        find_interpreter(tmp_path, requires=">=4")
    assert (caught.value.code, caught.value.title) == ("python-not-found", "There is no Python >=4 to run the project.")
    assert caught.value.detail.startswith(f"{BASE}: it is Python 3.")


def test_a_chosen_python_comes_before_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(tmp_path, ".venv", "exit 1")
    path = answering(tmp_path / "tools" / "mypython")
    assert find_interpreter(tmp_path, str(path)).path == path
    monkeypatch.setenv("PATH", str(path.parent))
    found = find_interpreter(tmp_path, "mypython")
    assert (found.path, found.origin) == (path, "--python")


def test_a_version_and_an_environments_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = environment(tmp_path, "elsewhere")
    assert find_interpreter(tmp_path, str(tmp_path / "elsewhere")).path == python
    versioned = answering(tmp_path / "tools" / "python3.12")
    monkeypatch.setenv("PATH", str(versioned.parent))
    assert find_interpreter(tmp_path, "3.12").path == versioned


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
        ("echo oops. >&2; exit 1", "exit code 1, oops"),
        ("echo Traceback >&2; echo 'ImportError: no' >&2; exit 1", "exit code 1, ImportError: no"),
        ("kill -9 $$", "exit code -9"),
        ("true", "it does not answer as one"),
        ("echo hello", "it does not answer as one"),
        ("printf '\\377\\376'", "it does not answer as one"),
        ("echo 5", "it does not answer as one"),
        ("echo null", "it does not answer as one"),
        ("echo '[]'", "it does not answer as one"),
        ("echo '[1, 2, 3, 4, 5]'", "it does not answer as one"),
        ("""echo '[["a", "b", "c"], "x", "y", "z", ""]'""", "it does not answer as one"),
        ("""echo '[[3, 12], "x", "y", "z", ""]'""", "it does not answer as one"),
        ("""echo '[[3, 12, 1], "x", "y", "z", 5]'""", "it does not answer as one"),
    ],
)
def test_a_python_of_the_project_that_does_not_run_is_reported_never_skipped(
    tmp_path: Path, body: str, reason: str
) -> None:
    python = environment(tmp_path, ".venv", body)
    environment(tmp_path, "venv")
    error = failure(tmp_path)
    assert error.code == "python-broken"
    assert error.title == f"{python} (the project's .venv) does not run as a Python: {reason}."
    assert looked(tmp_path)["the project's .venv"].error is not None


def test_an_environment_whose_python_was_removed_is_reported(tmp_path: Path) -> None:
    python = environment(tmp_path, ".venv", "")
    python.unlink()
    python.symlink_to(tmp_path / "removed" / "python3.11")
    title = f"{python} (the project's .venv) does not run as a Python: No such file or directory."
    assert failure(tmp_path).title == title
    assert failure(tmp_path).hint.startswith("Make the environment anew with `packflow env sync`")


def test_a_conda_environment_has_no_pyvenv_cfg(tmp_path: Path) -> None:
    python = answering(tmp_path / ".venv" / "bin" / "python")
    (tmp_path / ".venv" / "conda-meta").mkdir()
    assert find_interpreter(tmp_path).path == python


def test_an_environment_that_is_half_made_is_reported(tmp_path: Path) -> None:
    environment(tmp_path, ".venv")
    write_mark(tmp_path / ".venv", Mark(made_here=True, finished=False, digest="x"))
    error = failure(tmp_path)
    assert (error.code, error.title.partition(": ")[0]) == (
        "environment-unfinished",
        f"{tmp_path / '.venv'} is half-made",
    )
    assert "packflow env sync" in error.hint
    write_mark(tmp_path / ".venv", Mark(made_here=True, finished=True))
    assert find_interpreter(tmp_path).origin == "the project's .venv"
    (tmp_path / ".venv" / "packflow.json").write_text("{")
    assert failure(tmp_path).code == "environment-unfinished"


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_a_link_to_an_environment_that_is_gone_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / "gone")
    assert failure(tmp_path).code == "python-broken"


def test_a_folder_that_is_no_environment_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    assert find_interpreter(tmp_path).origin == BASE


def test_a_file_that_is_no_program_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_bytes(b"\x00\x01")
    path.chmod(0o755)
    error = failure(tmp_path, str(path))
    assert error.title == f"{path} (--python) does not run as a Python: Exec format error."


def test_a_python_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "_PROBE_SECONDS", 0.2)
    path = script(tmp_path / "python", "exec /bin/sleep 30")
    assert failure(tmp_path, str(path)).title == f"{path} (--python) does not run as a Python: no answer within 0.2 s."


@pytest.mark.parametrize(
    ("version", "text"), [("[3, 9, 25]", "3.9.25"), ("[2, 7, 18]", "2.7.18"), ("[3, 0, 0]", "3.0.0")]
)
def test_a_python_that_is_too_old_is_named_with_its_version(tmp_path: Path, version: str, text: str) -> None:
    path = answering(tmp_path / "python", answer(version))
    error = failure(tmp_path, str(path))
    assert error.code == "python-too-old"
    assert error.title == f"{path} (--python) is Python {text}; Packflow's runtime needs 3.10 or later."


@pytest.mark.parametrize("version", ["[3, 10, 0]", "[3, 15, 0]", "[4, 0, 0]"])
def test_a_python_that_is_new_enough_is_taken(tmp_path: Path, version: str) -> None:
    path = answering(tmp_path / "python", answer(version).replace("CPython", "PyPy"))
    assert find_interpreter(tmp_path, str(path)).implementation == "PyPy"
