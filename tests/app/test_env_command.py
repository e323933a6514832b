"""``packflow env``: what each of its commands shows, its JSON and its exit codes; and pip's indexes, told to uv."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from commands import packflow, told
from packflow_app.environments import pip_configuration
from packflow_app.environments.managed import python_named
from packflow_app.environments.pip_configuration import index_variables
from packflow_app.environments.runtime_wheel import carried_wheel
from packflow_app.environments.tools import Toolbox
from packflow_app.errors import NotFoundError
from packflow_app.runtime import runtime_version
from projects import write_project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands in shell scripts for programs: run elsewhere")


@pytest.fixture(autouse=True)
def _plain_installers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that needs nothing but the runtime."""
    return write_project(tmp_path / "project")


def test_the_whole_way_for_a_program(project: Path) -> None:
    before = told("env", "info", cwd=project)["data"]
    assert set(before) == {
        *("action", "environment", "exists", "made_by_packflow", "unfinished", "in_sync", "python", "candidates"),
        *("source", "lock", "requirements", "unmet", "installed", "runtime"),
    }
    assert (before["exists"], before["in_sync"], before["lock"]) == (False, False, "missing")
    assert before["runtime"] == {"installed": None, "carried": runtime_version, "same": False}
    for candidate in before["candidates"]:
        assert list(candidate) == ["origin", "path", "version", "implementation", "usable", "chosen", "reason"]
    assert [one for one in before["candidates"] if one["chosen"]] == [before["python"]]

    made = told("env", "sync", cwd=project)["data"]
    assert {key: made[key] for key in ("action", "source", "lock", "unchanged", "created", "replaced", "packages")} == {
        "action": "sync",
        "source": "requirements.txt",
        "lock": "missing",
        "unchanged": False,
        "created": True,
        "replaced": False,
        "packages": 1,
    }
    assert made["installer"] == "uv"
    assert made["changes"] == [{"name": "packflow-runtime", "before": None, "after": runtime_version}]
    assert made["python"]["path"] == str(project / ".venv/bin/python")
    assert told("env", "sync", cwd=project)["data"]["unchanged"] is True

    locked = told("env", "lock", cwd=project)["data"]
    path = str(project / "requirements.lock")
    assert locked == {"action": "lock", "path": path, "packages": 0, "python": "3.10", "unchanged": False}
    after = told("env", "info", cwd=project)["data"]
    assert (after["lock"], after["source"], after["made_by_packflow"]) == ("fresh", "requirements.lock", True)
    assert after["runtime"] == {"installed": runtime_version, "carried": runtime_version, "same": True}
    assert after["python"]["origin"] == "the project's .venv"

    removed = told("env", "remove", cwd=project)["data"]
    assert removed == {"action": "remove", "environment": str(project / ".venv")}
    assert told("env", "remove", cwd=project, code=3)["errors"][0]["code"] == "environment-not-found"


def test_the_whole_way_for_a_person(project: Path) -> None:
    (project / "requirements.txt").write_text("absent_thing>=2 # why\n")
    shown = packflow("env", "info", "project", cwd=project.parent).stdout
    assert "✗ 1 requirement of 1 not met, of requirements.txt" in shown
    assert "  requirements.txt:1  absent_thing>=2: not installed\n" in shown
    assert re.search(r"^▸ .+CPython 3\.\d+\.\d+  /", shown, re.MULTILINE)
    assert shown.endswith("Next  packflow env sync\n")
    (project / "requirements.txt").write_text("")
    shown = packflow("env", "sync", "project", cwd=project.parent).stdout
    assert re.match(r"project/\.venv made from requirements\.txt: 1 package, Python 3\.\d+\.\d+, by uv\n", shown)
    assert f"  + packflow-runtime {runtime_version}\n" in shown
    shown = packflow("env", "sync", "project", cwd=project.parent).stdout
    assert re.fullmatch(r"project/\.venv is in sync with requirements\.txt: 1 package, Python 3\.\d+\.\d+\n", shown)
    shown = packflow("env", "lock", "project", cwd=project.parent).stdout
    assert shown == "wrote project/requirements.lock\n  0 packages, for Python 3.10 and later on every system\n"
    assert packflow("env", "remove", "project", cwd=project.parent).stdout == "removed project/.venv\n"


def test_a_model_runs_in_the_environment_that_was_made(project: Path) -> None:
    told("env", "sync", cwd=project)
    ran = packflow("dry-run", "--json", cwd=project)
    assert json.loads(ran.stdout)["data"]["python_path"] == str(project / ".venv/bin/python")


def test_a_stale_lock_and_a_broken_python_are_warnings(project: Path, tmp_path: Path) -> None:
    (project / "requirements.lock").write_text("six\n")
    shim = tmp_path / "tools" / "python3"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    answer = told("env", "sync", cwd=project, PATH=str(shim.parent))
    assert [warning["code"] for warning in answer["warnings"]] == ["python-broken", "lock-stale"]
    title = f"{shim} (python3 on PATH) does not run as a Python: exit code 127."
    assert answer["warnings"][0]["message"] == title
    (project / ".venv" / "bin" / "python").unlink()
    warning = told("env", "info", cwd=project, PATH=str(shim.parent))["warnings"][0]
    assert (warning["code"], "the project's .venv" in warning["message"]) == ("python-broken", True)


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        ("env sync nowhere", 3, "project-not-found"),
        ("env sync project --python no-such", 3, "python-not-found"),
        ("env sync project --python 3.98", 3, "python-not-found"),
        ("env sync project --wheelhouse nowhere", 3, "wheelhouse-not-found"),
        ("env sync project --installer conda", 2, "usage"),
        ("env sync project --download-python", 2, "usage"),
        ("env sync taken", 2, "target-exists"),
        ("env remove taken --force", 2, "not-an-environment"),
        ("env remove foreign", 2, "environment-foreign"),
        ("env lock headless", 3, "requirements-not-found"),
        ("env info bad", 3, "requirement-invalid"),
        ("env wheel -o file/below", 5, "not-writable"),
        ("env wheel -o other", 2, "target-exists"),
    ],
)
def test_errors(project: Path, words: str, code: int, name: str) -> None:
    here = project.parent
    (write_project(here / "taken") / ".venv").mkdir()
    (here / "taken/.venv/mine").write_text("mine")
    (write_project(here / "foreign") / ".venv").mkdir()
    (here / "foreign/.venv/pyvenv.cfg").write_text("")
    (write_project(here / "headless") / "requirements.txt").unlink()
    (write_project(here / "bad") / "requirements.txt").write_text("six\n???\n")
    (here / "file").write_text("mine")
    (here / "other").mkdir()
    (here / "other" / carried_wheel().name).write_text("mine")
    problem = told(*words.split(), cwd=here, code=code)["errors"][0]
    assert problem["code"] == name
    assert problem["hint"]
    assert (here / "taken/.venv/mine").read_text() == (here / "other" / carried_wheel().name).read_text() == "mine"
    assert not (project / ".venv").exists()


def test_the_wheel_is_written_once_and_its_place_never_taken(tmp_path: Path) -> None:
    data = told("env", "wheel", "-o", "deep/down", cwd=tmp_path)["data"]
    written = Path(data["path"])
    assert written.read_bytes() == carried_wheel().read_bytes()
    assert (data["unchanged"], data["size"], written.parent) == (False, written.stat().st_size, tmp_path / "deep/down")
    assert packflow("env", "wheel", "-o", "deep/down", cwd=tmp_path).stdout.startswith("unchanged deep/down/packflow_")
    assert os.listdir(written.parent) == [written.name]


def test_help_names_each_and_that_it_takes_json(tmp_path: Path) -> None:
    text = packflow("env", "--help", cwd=tmp_path).stdout
    assert text.startswith("Usage: packflow env [OPTIONS] COMMAND")
    assert re.findall(r"^  ([a-z]+)  ", text.partition("Commands:")[2], re.MULTILINE) == [
        *("sync", "lock", "wheel", "info", "remove")
    ]
    assert "--json" in text
    alone = packflow("env", cwd=tmp_path)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert alone.stderr.splitlines()[-1] == "  next: packflow env --help shows what it takes."


# Indexes.


def pip_telling(folder: Path, *lines: str) -> Path:
    """A Python whose pip is configured so."""
    path = folder / "python-with-pip"
    path.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Uv is told of no index by anybody else."""
    for name in (*pip_configuration._OWN_VARIABLES, "SSL_CERT_FILE", "UV_INSECURE_HOST", "UV_INDEX_STRATEGY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.usefixtures("no_uv")
def test_pips_options_become_uvs(tmp_path: Path) -> None:
    python = pip_telling(
        tmp_path,
        "global.index-url='https://u:p@one.example/simple'",
        "install.extra-index-url='\\nhttps://two.example/simple\\nhttps://three.example/simple'",
        "global.find-links='/wheels /more'",
        "global.trusted-host='one.example'",
        ":env:.find-links='/mine'",
        ":env:.cert='/etc/ca.pem'",
        "global.timeout='60'",
        "freeze.index-url='https://other.example'",
    )
    assert index_variables([tmp_path / "gone", python], tmp_path) == {
        "UV_DEFAULT_INDEX": "https://u:p@one.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-first-match",
        "UV_INDEX": "https://two.example/simple https://three.example/simple",
        "UV_FIND_LINKS": "/mine",
        "UV_INSECURE_HOST": "one.example",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }
    assert "UV_DEFAULT_INDEX" not in index_variables([python], tmp_path, ["--index-url https://written.example"])
    assert index_variables([pip_telling(tmp_path, "global.no-index='true'")], tmp_path) == {"UV_NO_INDEX": "1"}
    assert index_variables([tmp_path / "gone"], tmp_path) == {}


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize(
    ("file", "text", "own"),
    [
        ("config/uv/uv.toml", 'index-url = "https://x"', True),
        ("config/uv/uv.toml", 'link-mode = "copy"', False),
        ("project/uv.toml", '[[index]]\nurl = "https://x"', True),
        ("pyproject.toml", '[tool.other]\nindex = 1\n[tool.uv]\nx = 1\n[tool.y]\nindex-url = "z"', False),
        ("pyproject.toml", '[tool.uv.pip]\nfind-links = ["x"]', True),
        ("pyproject.toml", '[[tool.uv.index]]\nurl = "x"', True),
    ],
)
def test_what_uv_is_configured_for_wins(tmp_path: Path, file: str, text: str, own: bool) -> None:
    python = pip_telling(tmp_path, "global.index-url='https://one.example/simple'")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "project").mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert (index_variables([python], tmp_path / "project") == {}) is own


@pytest.mark.usefixtures("no_uv")
def test_a_variable_of_uvs_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = pip_telling(tmp_path, "global.index-url='https://one.example/simple'")
    monkeypatch.setenv("UV_INDEX_URL", "https://mine.example")
    assert index_variables([python], tmp_path) == {}


# Pythons that uv keeps.


def test_a_version_is_looked_for_at_uv_and_fetched_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "uv"
    fake.write_text(
        f'#!/bin/sh\necho "$@" "[$UV_PYTHON_DOWNLOADS]" >> {tmp_path}/calls\n'
        f'case "$2" in install) touch {tmp_path}/python3.97;; *) test -e {tmp_path}/python3.97 || exit 2;; esac\n'
        f"echo {tmp_path}/python3.97\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr("packflow_app.environments.managed.find_uv", lambda: str(fake))
    tools = Toolbox(tmp_path)
    with pytest.raises(NotFoundError) as caught:
        python_named("3.97", tools)
    assert "packflow env sync --python 3.97 --download-python" in caught.value.hint
    find = "python find --managed-python --no-project --quiet 3.97 [never]"
    assert (tmp_path / "calls").read_text().splitlines() == [find]
    assert python_named("3.97", tools, download=True) == str(tmp_path / "python3.97")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[1:] == [find, "python install --no-bin 3.97 []", find]
    assert python_named("3.97", tools) == str(tmp_path / "python3.97")
    with pytest.raises(NotFoundError, match="There is no Python at nonsense"):
        python_named("nonsense", tools, download=True)
